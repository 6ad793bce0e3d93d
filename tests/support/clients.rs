//! Clients that nobody here wrote, each in a folder below `tests/clients` with a story that it goes through. What npm
//! installs for one stands in its folder, beside the `package-lock.json` that pins it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::{Reply, Server, Warehouse};

/// Several tests use one client: whoever is first installs it, and the others wait.
static INSTALLING: Mutex<()> = Mutex::new(());

/// The folder of a client.
pub(crate) fn client(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients").join(name)
}

/// What a command prints; fails with all that it said if it does.
pub(crate) fn said(command: &mut Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().unwrap_or_else(|error| panic!("{program} does not start, install it: {error}"));
    let [printed, complained] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{program} ended with {}:\n{printed}\n{complained}", output.status);
    printed
}

/// A Python with the packages that a client's `requirements.txt` pins, made if it is not there: below `target/clients`.
pub(crate) fn python_with(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory");
    let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut command = Command::new(root.join("infra/python"));
    command.arg(target.join("clients").join(name)).arg(client(name).join("requirements.txt"));
    said(&mut command).trim_end().into()
}

/// The folder of a client that npm installs.
pub(crate) fn npm_client(name: &str) -> PathBuf {
    with_modules(client(name))
}

/// A folder, with the packages that its `package-lock.json` pins installed in its `node_modules`.
pub(crate) fn with_modules(folder: PathBuf) -> PathBuf {
    let wanted = fs::read_to_string(folder.join("package-lock.json")).expect("a package-lock.json");
    let installed = folder.join("node_modules/installed.json");
    let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return folder;
    }
    said(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder));
    fs::write(installed, wanted).expect("a note of what is installed");
    folder
}

/// Runs a program of a client's packages.
pub(crate) fn npm_run(folder: &Path, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(folder.join("node_modules/.bin").join(program));
    command.args(arguments).current_dir(folder);
    command
}

/// Runs a story against a server of its own, which serves TLS too and whose warehouse accepts every order and reports
/// later. Each of these words is in what it prints.
pub(crate) async fn tells(mut story: Command, words: &[&str]) {
    let warehouse = Warehouse::that_says(Reply::json(200, &json!({ "lines": [] }))).await;
    let server = Server::with(&["--tls", "--warehouse-url", &warehouse.url]).await;
    story
        .env("READY_FILE", server.home.path("ready.json"))
        .env("NODE_EXTRA_CA_CERTS", Path::new(server.home.data_dir()).join("authority.pem"))
        .env("ALICE_TOKEN", server.token(&["alice"]))
        .env("BOB_TOKEN", server.token(&["bob", "--id-token"]))
        .env("STAFF_TOKEN", server.token(&["sam", "--group", "staff"]))
        .env("EXPIRED_TOKEN", server.token(&["alice", "--expires-in", "0"]));
    let told = tokio::task::spawn_blocking(move || said(&mut story)).await.expect("the story ends");
    for word in words {
        assert!(told.contains(word), "{word} is not in what was told:\n{told}");
    }
}

/// What the story that Amplify and Apollo share tells.
pub(crate) const STORY: [&str; 12] = [
    "guest:",
    "customer:",
    "staff:",
    "backend:",
    "arguments:",
    "unsubscribing:",
    "50 subscriptions:",
    "a lost connection:",
    "refused:",
    "beside a refused subscription:",
    "wrong credentials:",
    "the guide:",
];
