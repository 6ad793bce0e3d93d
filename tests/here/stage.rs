//! The tests that run anywhere, against a server that plays the deployed stage, in a run of their own.

use std::env;
use std::process::{Command, Output};

use aws_credential_types::Credentials;
use serde_json::{Value, json};

use crate::support::{Addresses, STAGE_FILE, Server};

/// What such a run said, and whether all was well.
struct Run {
    succeeded: bool,
    said: String,
}

/// Runs these tests, by their full names, against the stage of this file.
async fn run(stage_file: &str, tests: &[&str]) -> Run {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(tests).arg("--exact").env(STAGE_FILE, stage_file).env_remove("RUST_BACKTRACE");
    let Output { status, stdout, stderr } = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("a run of some tests")
        .expect("a run of some tests");
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    Run { succeeded: status.success(), said }
}

#[tokio::test]
async fn tests_share_a_stage_with_each_other_and_with_those_before() {
    let server = Server::start().await;
    let tests = [
        "anywhere::attention::an_order_that_nobody_understands_is_shown_with_the_reason",
        "anywhere::customers::a_customer_places_an_order_and_finds_it_again",
        "anywhere::idempotency::the_same_order_for_another_customer_is_a_conflict",
        "anywhere::place::a_document_that_was_encoded_twice_is_kept_byte_for_byte",
        "anywhere::staff::staff_go_through_what_somebody_must_look_at",
        "anywhere::subscriptions::staff_and_backends_are_told_of_every_order",
        "anywhere::subscriptions::each_is_told_of_the_order_they_asked_about",
    ];
    let file = server.home.path("ready.json");
    let before = server.backend().attention().await.len();
    for round in 1..=2 {
        let Run { succeeded, said } = run(file.to_str().expect("a path that is text"), &tests).await;
        assert!(succeeded && said.contains(&format!("{} passed; 0 failed", tests.len())), "round {round}: {said}");
    }
    assert!(server.backend().attention().await.len() > before, "it was this stage that they used");
}

#[tokio::test]
async fn a_stage_that_cannot_be_reached_fails_every_test() {
    let server = Server::start().await;
    let mut stage: Value = serde_json::from_slice(&std::fs::read(server.home.path("ready.json")).unwrap()).unwrap();
    stage["graphqlUrl"] = json!("http://127.0.0.1:1/graphql");
    std::fs::write(server.home.path("stage.json"), stage.to_string()).expect("a stage file");
    for file in ["stage.json", "no.json"] {
        let file = server.home.path(file);
        let test = "anywhere::read::an_order_that_does_not_exist_reads_as_null_without_an_error";
        let Run { succeeded, said } = run(file.to_str().expect("a path that is text"), &[test]).await;
        assert!(!succeeded && said.contains("0 passed; 1 failed"), "{said}");
    }
}

#[tokio::test]
async fn what_needs_a_server_of_its_own_says_so_instead_of_running() {
    let server = Server::start().await;
    let file = server.home.path("ready.json");
    let tests = ["here::staff::another_group_is_not_staff", "here::command_line::help_tells_of_every_option"];
    let Run { succeeded, said } = run(file.to_str().expect("a path that is text"), &tests).await;
    assert!(!succeeded && said.contains("0 passed; 2 failed"), "{said}");
    assert_eq!(said.matches("cannot run against a deployed stage: run it without").count(), 2, "{said}");
}

#[tokio::test]
async fn temporary_credentials_are_used_with_their_session_token() {
    let server = Server::start().await;
    let Addresses { access_key_id, secret_access_key, region, .. } = &server.addresses;
    let credentials = Credentials::new(access_key_id, secret_access_key, Some("a/session+token=".into()), None, "test");
    let backend = server.stranger().with_credentials(credentials, region);
    for (path, body) in [("/graphql/connect", "{}"), ("/graphql", "{}")] {
        let proof = backend.proof(path, body);
        assert_eq!(proof["x-amz-security-token"], "a/session+token=");
        let signed = proof["authorization"].to_str().expect("a text");
        assert!(signed.contains("x-amz-date;x-amz-security-token,"), "the token is signed as well: {signed}");
    }
    let refused = backend.post(r#"{"query":"{ __typename }"}"#).await;
    assert_eq!((refused.status, refused.error().0.as_str()), (403, "UnrecognizedClientException"), "it was made up");
}
