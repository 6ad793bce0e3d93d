//! A client that nobody here wrote: gql for Python, with its AppSync transports, goes through the whole story as each
//! kind of caller. What it needs is installed below `target/`, as `clients/gql/requirements.txt` pins it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::support::{Reply, Server, Warehouse};

#[tokio::test(flavor = "multi_thread")]
async fn gql_places_subscribes_is_told_and_reads_as_each_kind_of_caller() {
    let python = tokio::task::spawn_blocking(python_with_gql).await.expect("gql is installed");
    let warehouse = Warehouse::that_says(Reply::json(200, &json!({ "lines": [] }))).await;
    let server = Server::with(&["--warehouse-url", &warehouse.url]).await;
    let ready_file = server.home.path("ready.json");
    let token = |user: &str, options: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
        command.args(["token", user, "--ready-file"]).arg(&ready_file).args(options);
        said(&mut command).trim().to_owned()
    };
    let mut story = Command::new(python);
    story
        .arg(clients().join("gql/story.py"))
        .env("READY_FILE", &ready_file)
        .env("ALICE_TOKEN", token("alice", &[]))
        .env("BOB_TOKEN", token("bob", &["--id-token"]))
        .env("STAFF_TOKEN", token("sam", &["--group", "staff"]))
        .env("EXPIRED_TOKEN", token("alice", &["--expires-in", "0"]));
    let told = tokio::task::spawn_blocking(move || said(&mut story)).await.expect("the story ends");
    for caller in ["guest:", "customer:", "staff:", "backend:", "refused:"] {
        assert!(told.contains(caller), "{caller} is not in what gql told:\n{told}");
    }
}

/// A Python with gql, made if it is not there: `target/clients/gql`.
fn python_with_gql() -> PathBuf {
    let requirements = clients().join("gql/requirements.txt");
    let wanted = fs::read_to_string(&requirements).expect("the requirements");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory");
    let environment = target.join("clients/gql");
    let (python, installed) = (environment.join("bin/python"), environment.join("installed.txt"));
    let is_there = || Command::new(&python).args(["-c", "import gql"]).status().is_ok_and(|status| status.success());
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) && is_there() {
        return python;
    }
    said(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment));
    said(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&requirements));
    fs::write(installed, wanted).expect("a note of what is installed");
    python
}

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients")
}

/// What a command prints; fails with all that it said if it does.
fn said(command: &mut Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    let [printed, complained] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{program} ended with {}:\n{printed}\n{complained}", output.status);
    printed
}
