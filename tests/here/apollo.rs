//! A client that nobody here wrote: Apollo with AppSync's links goes through the whole story as each kind of caller,
//! over HTTP and over HTTPS, with types that graphql-codegen makes of `schema.graphql`.

use crate::support::clients::{STORY, npm_client, npm_run, said, tells};

#[tokio::test(flavor = "multi_thread")]
async fn apollo_places_subscribes_is_told_and_reads_as_each_kind_of_caller() {
    let prepare = || {
        let folder = npm_client("apollo");
        said(&mut npm_run(&folder, "graphql-codegen", &[]));
        said(&mut npm_run(&folder, "tsc", &["--noEmit"]));
        folder
    };
    let folder = tokio::task::spawn_blocking(prepare).await.expect("Apollo is installed and its types are made");
    tells(npm_run(&folder, "tsx", &["main.ts"]), &[&STORY[..], &["http:\n", "https:\n"]].concat()).await;
}
