//! A client that nobody here wrote: gql for Python, with its AppSync transports, goes through the whole story as each
//! kind of caller. What it needs is installed below `target/`, as `clients/gql/requirements.txt` pins it.

use std::process::Command;

use crate::support::clients::{client, python_with, tells};

#[tokio::test(flavor = "multi_thread")]
async fn gql_places_subscribes_is_told_and_reads_as_each_kind_of_caller() {
    let python = tokio::task::spawn_blocking(|| python_with("gql")).await.expect("gql is installed");
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
