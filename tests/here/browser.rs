//! What somebody sees who opens the server's address: a browser, Debian's Chromium, goes through the page and GraphiQL
//! as each kind of caller. What it saw is kept as screenshots, in `target/clients/browser/screenshots`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Server;
use crate::support::clients::{npm_client, said, with_modules};

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_goes_through_the_page_as_each_kind_of_caller() {
    let tell = || {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory");
        let mut story = Command::new("node");
        story
            .arg(npm_client("browser").join("story.mjs"))
            .env("PROGRAM", env!("CARGO_BIN_EXE_local"))
            .env("CHROMIUM", chromium())
            .env("SCREENSHOTS", target.join("clients/browser/screenshots"));
        said(&mut story)
    };
    let told = tokio::task::spawn_blocking(tell).await.expect("the story ends");
    println!("{told}");
    assert!(told.ends_with("Every story has been told.\n"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_vendored_of_graphiql_is_what_npm_has() {
    let check = || {
        let folder = with_modules(Path::new(env!("CARGO_MANIFEST_DIR")).join("page/graphiql"));
        said(Command::new("node").args(["vendor.mjs", "--check"]).current_dir(folder));
    };
    tokio::task::spawn_blocking(check).await.expect("nothing differs");
}

/// The page as a browser asks for it; the rules for credentials are tested beside their code.
#[tokio::test]
async fn credentials_are_for_the_servers_own_page_alone() {
    let server = Server::start().await;
    let origin = server.addresses.graphql_url.trim_end_matches("/graphql").to_owned();
    let http = server.http();
    let ask = async |origin_header: Option<&str>, host: Option<&str>| {
        let mut request = http.post(format!("{origin}/local/credentials")).header("content-type", "application/json");
        if let Some(origin) = origin_header {
            request = request.header("origin", origin);
        }
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let response = request.body(r#"{"as": "staff", "name": "sam"}"#).send().await.expect("an answer");
        (response.status().as_u16(), response.text().await.expect("a body"))
    };
    let (status, given) = ask(Some(&origin), None).await;
    assert_eq!(status, 200, "{given}");
    let given: serde_json::Value = serde_json::from_str(&given).expect("credentials are JSON");
    let staff = server.stranger().with_authorization(given["token"].as_str().expect("a token"));
    staff
        .run("{ ordersNeedingAttention { items { id } } }", serde_json::json!({}))
        .await
        .value("ordersNeedingAttention");

    for (origin_header, host) in [
        (None, None),
        (Some("https://evil.example"), None),
        (Some("null"), None),
        (Some("http://evil.example"), Some("evil.example")),
        (Some(origin.as_str()), Some("evil.example")),
    ] {
        let (status, told) = ask(origin_header, host).await;
        assert_eq!(status, 403, "{origin_header:?} {host:?}: {told}");
        assert!(!told.contains("da2-") && !told.contains("eyJ"), "{told}");
    }
    let got = http.get(format!("{origin}/local/credentials")).send().await.expect("an answer");
    assert_eq!(got.status().as_u16(), 405);
}

/// Debian's browser, installed if it is not there.
fn chromium() -> PathBuf {
    let found = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).map(|directory| directory.join("chromium")).find(|program| program.is_file())
    };
    found().unwrap_or_else(|| {
        said(Command::new("apt-get").arg("update"));
        said(Command::new("apt-get").args(["install", "--yes", "--no-install-recommends", "chromium"]));
        found().expect("Chromium is installed")
    })
}
