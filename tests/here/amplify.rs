//! A client that nobody here wrote: Amplify, over HTTPS and WSS, goes through the whole story as each kind of caller.

use crate::support::clients::{STORY, npm_client, npm_run, said, tells};

#[tokio::test(flavor = "multi_thread")]
async fn amplify_places_subscribes_is_told_and_reads_as_each_kind_of_caller() {
    let prepare = || {
        let folder = npm_client("amplify");
        said(&mut npm_run(&folder, "tsc", &["--noEmit"]));
        folder
    };
    let folder = tokio::task::spawn_blocking(prepare).await.expect("Amplify is installed");
    tells(npm_run(&folder, "tsx", &["main.ts"]), &STORY).await;
}
