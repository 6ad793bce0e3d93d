//! Tokens of the user pool: what the command prints, what the server believes, and what anybody can check.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::{Value, json};

use crate::support::{Home, Server, forgeries, http_client, list, text, token_command};

const QUERY: &str = r#"{"query":"{ orders { nextToken } }"}"#;

fn decode(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).expect("base64url")
}

fn json_of(part: &str) -> Value {
    serde_json::from_slice(&decode(part)).expect("JSON")
}

fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().expect("three parts")
}

async fn get(url: &str) -> Value {
    let answer = http_client().get(url).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), &answer.headers()["access-control-allow-origin"] == "*"), (200, true));
    serde_json::from_slice(&answer.bytes().await.expect("an answer")).expect("JSON")
}

#[tokio::test]
async fn the_command_prints_a_token_and_nothing_else() {
    let server = Server::start().await;
    let output = token_command(&server.home, &["alice", "--data-dir", server.home.data_dir()]);
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    let printed = String::from_utf8(output.stdout).expect("text");
    assert_eq!(printed.lines().count(), 1, "{printed}");
    let [_, claims, _] = parts(printed.trim_end());
    let ready: Value = serde_json::from_slice(&std::fs::read(server.home.path("ready.json")).unwrap()).unwrap();
    let claims = json_of(claims);
    assert_eq!((&claims["iss"], &claims["client_id"]), (&ready["issuer"], &ready["userPoolClientId"]));
    assert_eq!((&claims["username"], &claims["token_use"]), (&json!("alice"), &json!("access")));
    assert!(server.stranger().with_authorization(printed.trim_end()).page(Value::Null, Value::Null).await.0.is_empty());
}

#[tokio::test]
async fn who_somebody_is_stays_the_same() {
    let home = Home::new();
    let sub_and_key = |server: &Server, words: &[&str]| {
        let token = server.token(words);
        let [header, claims, _] = parts(&token);
        (text(&json_of(claims)["sub"]), text(&json_of(header)["kid"]))
    };
    let server = Server::at(&home, &[]).await;
    let alice = sub_and_key(&server, &["alice"]);
    assert_eq!(sub_and_key(&server, &["alice", "--id-token", "--group", "staff"]), alice);
    assert_ne!(sub_and_key(&server, &["bob"]).0, alice.0);
    server.kill();
    assert_eq!(sub_and_key(&Server::at(&home, &[]).await, &["alice"]), alice);
}

#[tokio::test]
async fn anybody_can_check_a_token_with_the_public_key() {
    let server = Server::start().await;
    let key_file = Path::new(server.home.data_dir()).join("user-pool-key.der");
    assert!(!key_file.exists(), "nobody has asked for a key yet");
    let configuration = get(&format!("{}/.well-known/openid-configuration", server.addresses.issuer())).await;
    assert_eq!(configuration["issuer"], server.addresses.issuer());
    // Whoever asks first, the server or the command: the key is the same.
    let keys = get(&text(&configuration["jwks_uri"])).await;
    assert!(key_file.exists());
    for words in [&["alice"][..], &["bob", "--group", "staff", "--id-token"]] {
        let token = server.token(words);
        let [header, _, signature] = parts(&token);
        let header = json_of(header);
        let key = list(&keys["keys"]).iter().find(|key| key["kid"] == header["kid"]).expect("the key of the token");
        assert_eq!((&header["alg"], &key["alg"]), (&json!("RS256"), &json!("RS256")));
        let public = RsaPublicKeyComponents { n: decode(&text(&key["n"])), e: decode(&text(&key["e"])) };
        let (signed, _) = token.rsplit_once('.').expect("a signature");
        let verified = public.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &decode(signature));
        assert!(verified.is_ok(), "{words:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_good_opens_nothing() {
    let (server, other) = (Server::start().await, Server::start().await);
    let token = server.token(&["alice"]);
    let [_, _, signature] = parts(&token);
    let (refused, unclear) = ("You are not authorized to make this call.", "Unable to parse JWT token.");
    let mut bad: Vec<_> = forgeries(&token)
        .into_iter()
        .map(|(what, forged)| (what, forged, if what == "half of one" { unclear } else { refused }))
        .collect();
    bad.push(("it is over", server.token(&["alice", "--expires-in", "0"]), "Token has expired."));
    bad.push(("another pool", other.token(&["alice"]), refused));
    bad.push(("garbage", "x.y.z".to_owned(), unclear));
    for (what, token, message) in bad {
        let answer = server.stranger().with_authorization(&token).post(QUERY).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.body);
        assert_eq!(answer.error(), ("UnauthorizedException".to_owned(), message.to_owned()), "{what}");
        assert!(answer.body.get("data").is_none(), "{what}");
        assert_eq!(answer.headers["access-control-allow-origin"], "*", "{what}");
    }
    assert!(!server.home.log().contains(signature), "no token is in the log");
}

#[tokio::test]
async fn the_ready_file_leads_to_a_server_that_keeps_nothing() {
    let home = Home::new();
    let mut command = crate::support::command(&home, &["--port", "0", "--memory"]);
    let server = Server::run(&home, &mut command).await;
    let output = token_command(&home, &["alice", "--ready-file", "ready.json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let token = String::from_utf8(output.stdout).expect("text");
    let answer = server.stranger().with_authorization(token.trim_end()).post(QUERY).await;
    assert_eq!(answer.body, json!({ "data": { "orders": { "nextToken": null } } }));
}

#[tokio::test]
async fn whoever_asks_wrongly_is_told_what_to_do() {
    let home = Home::new();
    for (words, told) in [
        (&["alice"][..], "no server has ever run on .local: start one with `cargo run`"),
        (&["alice", "--data-dir", "elsewhere"], "no server has ever run on elsewhere"),
        (&["alice", "--ready-file", "no.json"], "no.json"),
        (&[], "<NAME>"),
        (&[""], "1 to 128 characters"),
        (&["alice in chains"], "1 to 128 characters"),
        (&["alice", "--group", ""], "1 to 128 characters"),
        (&["alice", "bob"], "bob"),
        (&["alice", "--admin"], "--admin"),
        (&["alice", "--expires-in", "86401"], "86401"),
        (&["alice", "--expires-in", "-1"], "-1"),
        (&["alice", "--expires-in", "soon"], "soon"),
    ] {
        let output = token_command(&home, words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty(), "{words:?}");
        assert!(said.starts_with("error: ") && said.contains(told), "{words:?}: {said}");
    }
    assert!(!home.path(".local").exists(), "nothing is left behind");
}
