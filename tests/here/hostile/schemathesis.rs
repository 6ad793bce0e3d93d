//! A client that nobody here wrote and that means no good: schemathesis asks for every field of the schema with
//! arguments that it makes up, right ones and wrong ones. What it needs is installed below `target/`, as
//! `clients/schemathesis/requirements.txt` pins it.
//!
//! `HOSTILE_CASES` says how many requests each field gets of each kind of caller; a thousand take some minutes.

use std::process::Command;

use super::{goes_on, number};
use crate::support::clients::{client, python_with, said};
use crate::support::{Reply, Server, Warehouse};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_request_that_is_the_servers_fault() {
    let python = tokio::task::spawn_blocking(|| python_with("schemathesis")).await.expect("schemathesis is installed");
    let warehouse = Warehouse::that(|question| match question.before {
        0 => Reply::json(200, &json!({ "lines": [] })),
        _ => Reply::everything(),
    });
    let warehouse = warehouse.await;
    let server = Server::with(&["--warehouse-url", &warehouse.url]).await;
    let mut fuzz = Command::new(python);
    fuzz.arg("-B")
        .arg(client("schemathesis/fuzz.py"))
        .env("READY_FILE", server.home.path("ready.json"))
        .env("ALICE_TOKEN", server.token(&["alice"]))
        .env("STAFF_TOKEN", server.token(&["sam", "--group", "staff"]))
        .env("SEED", number("HOSTILE_SEED", 1).to_string())
        .env("EXAMPLES", number("HOSTILE_CASES", 25).to_string());
    let told = tokio::task::spawn_blocking(move || said(&mut fuzz)).await.expect("it comes to an end");
    println!("{told}");
    for caller in ["guest: 7 fields", "customer: 7 fields", "staff: 7 fields", "backend: 7 fields"] {
        assert!(told.contains(caller), "{caller} is not in what was told:\n{told}");
    }
    warehouse.changes_its_mind(|_| Reply::everything());
    goes_on(&server).await;
}
