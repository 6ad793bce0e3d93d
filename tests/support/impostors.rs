//! Whoever has credentials that are no good, in every way there is.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use super::{Client, Server, forgeries};

/// A secret that nobody has.
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// Longer than any clock may be off, in seconds.
const TOO_FAR: i64 = 6 * 60;

/// Everybody whom `server` must send away, whatever they want, under what is wrong with them. `other` is another server.
pub(crate) fn impostors(server: &Server, other: &Server) -> Vec<(&'static str, Client)> {
    let (token, id_token) = (server.token(&["alice"]), server.token(&["alice", "--id-token"]));
    let mut all = without_rights(server, other);
    let tokens = forgeries(&token).into_iter().chain([
        ("a token that is over", server.token(&["alice", "--expires-in", "0"])),
        ("the token of another pool", other.token(&["alice"])),
        ("another issuer", resigned(server, &token, "iss", &json!("http://127.0.0.1:1/us-east-1_local"))),
        ("another audience", resigned(server, &token, "client_id", &json!("another"))),
        ("an ID token for another audience", resigned(server, &id_token, "aud", &json!("another"))),
        ("a token for another use", resigned(server, &token, "token_use", &json!("refresh"))),
        ("a token that is not good yet", resigned(server, &token, "nbf", &json!(u64::from(u32::MAX)))),
        ("a token made in times to come", resigned(server, &token, "iat", &json!(u64::from(u32::MAX)))),
        ("a token without an end", resigned(server, &token, "exp", &Value::Null)),
        ("a token for nobody", resigned(server, &token, "sub", &Value::Null)),
        ("a key in the place of a token", server.addresses.api_key.clone()),
        ("nonsense", "Bearer x.y.z".to_owned()),
    ]);
    all.extend(tokens.map(|(what, token)| (what, server.stranger().with_authorization(&token))));
    all.extend(signers(server));
    all
}

fn without_rights(server: &Server, other: &Server) -> Vec<(&'static str, Client)> {
    let key = |key: &str| server.guest().with_api_key(key);
    vec![
        ("nothing", server.stranger()),
        ("another key", key("da2-aaaaaaaaaaaaaaaaaaaaaaaaaa")),
        ("an empty key", key("")),
        ("the key in capitals", key(&server.addresses.api_key.to_uppercase())),
        ("half of the key", key(&server.addresses.api_key[..15])),
        ("the key of another server", key(&other.addresses.api_key)),
        ("a token in the place of a key", key(&server.token(&["alice"]))),
    ]
}

fn signers(server: &Server) -> Vec<(&'static str, Client)> {
    let (backend, visitor) = (server.backend(), server.visitor());
    let token = visitor.signer().credentials.session_token().expect("a session token").to_owned();
    let tampered = format!("{}{}", &token[1..], &token[..1]);
    vec![
        ("a signature that is none", server.stranger().with_authorization("AWS4-HMAC-SHA256 Credential=x")),
        ("another secret", backend.with_secret(SECRET)),
        ("another key id", backend.with_key_id("AKIAIOSFODNN7EXAMPLE")),
        ("another region", backend.with_region("ap-south-2")),
        ("another service", backend.but_signs(|signer| signer.service = "execute-api")),
        ("a clock that is slow", backend.but_signs(|signer| signer.fast = -TOO_FAR)),
        ("a clock that is fast", backend.but_signs(|signer| signer.fast = TOO_FAR)),
        ("yesterday's signature", backend.but_signs(|signer| signer.fast = -24 * 60 * 60)),
        (
            "the signature of another request",
            backend.but_signs(|signer| signer.instead = Some(("/graphql", r#"{"query":"{ __typename }"}"#))),
        ),
        ("a session token that is not theirs", backend.with_session_token(Some(&token))),
        ("no session token", visitor.with_session_token(None)),
        ("another session token", visitor.with_session_token(Some(&tampered))),
        ("another secret beside a session token", visitor.with_secret(SECRET)),
    ]
}

/// The token with another claim, or without it, signed by the server's own key: good but for that.
fn resigned(server: &Server, token: &str, claim: &str, value: &Value) -> String {
    let [header, claims, _] = token.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    let decoded = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
    let mut claims: Value = serde_json::from_slice(&decoded).expect("JSON");
    if value.is_null() {
        claims.as_object_mut().expect("an object").remove(claim);
    } else {
        claims[claim] = value.clone();
    }
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let file = Path::new(server.home.data_dir()).join("user-pool-key.der");
    let key = RsaKeyPair::from_pkcs8(&std::fs::read(file).expect("the pool's key")).expect("a key");
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).expect("a signature");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
