//! A client that nobody here wrote: gql for Python, with its AppSync transports, goes through the whole story as each
//! kind of caller. What it needs is installed below `target/`, as `clients/gql/requirements.txt` pins it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::clients::{client, said, tells};

#[tokio::test(flavor = "multi_thread")]
async fn gql_places_subscribes_is_told_and_reads_as_each_kind_of_caller() {
    let python = tokio::task::spawn_blocking(python_with_gql).await.expect("gql is installed");
    let mut story = Command::new(python);
    story.arg("-B").arg(client("gql/story.py"));
    let told = [
        "guest:",
        "customer:",
        "staff:",
        "backend:",
        "50 subscriptions:",
        "a lost connection:",
        "the guide:",
        "refused:",
    ];
    tells(story, &told).await;
}

/// A Python with gql, made if it is not there: `target/clients/gql`.
fn python_with_gql() -> PathBuf {
    let requirements = client("gql/requirements.txt");
    let wanted = fs::read_to_string(&requirements).expect("the requirements");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory");
    let environment = target.join("clients/gql");
    let (python, installed) = (environment.join("bin/python"), environment.join("installed.txt"));
    let is_there = || Command::new(&python).args(["-c", "import gql"]).status().is_ok_and(|status| status.success());
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) && is_there() {
        return python;
    }
    said(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment));
    said(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--require-hashes", "--requirement"])
            .arg(&requirements),
    );
    fs::write(installed, wanted).expect("a note of what is installed");
    python
}
