//! Customers and staff: whoever has a token of the user pool.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::cognito::Cognito;
use super::{Answer, Client, Home, Server, Stage, list};

/// Which orders each of [`Stage::one_of_each_kind`] sees, by who placed them; `for alice` was placed by the backend.
pub(crate) const SEES: [(&str, &[&str]); 5] = [
    ("guest", &["guest"]),
    ("alice", &["alice", "for alice"]),
    ("bob", &["bob"]),
    ("staff", &["guest", "alice", "bob", "staff", "backend", "for alice"]),
    ("backend", &["guest", "alice", "bob", "staff", "backend", "for alice"]),
];

/// Which of somebody's tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Token {
    Access,
    Id,
}

/// Who can be a user of a stage.
pub(crate) enum People {
    /// Whoever has a name: the program prints tokens for the server whose ready file this is.
    Anybody { ready_file: PathBuf },
    /// Whom an administrator has made one.
    OfPool(Box<Cognito>),
}

impl Stage {
    /// Everybody whom the contract's table tells apart, and a second customer.
    pub(crate) async fn one_of_each_kind(&self) -> Vec<(&'static str, Client)> {
        vec![
            ("guest", self.guest()),
            ("alice", self.customer("alice").await),
            ("bob", self.customer("bob").await),
            ("staff", self.staff("carol").await),
            ("backend", self.backend()),
        ]
    }

    /// A token of a user whom only this test knows under this name.
    pub(crate) async fn token_of(&self, name: &str, is_staff: bool, token: Token) -> String {
        let name = self.own(name);
        match &self.people {
            People::OfPool(pool) => pool.token(&name, is_staff, token).await,
            People::Anybody { ready_file } => {
                let staff: &[&str] = if is_staff { &["--group", "staff"] } else { &[] };
                let kind: &[&str] = if matches!(token, Token::Id) { &["--id-token"] } else { &[] };
                printed_token(ready_file, &[&[name.as_str()], staff, kind].concat())
            }
        }
    }

    /// Somebody who is signed in.
    pub(crate) async fn customer(&self, name: &str) -> Client {
        self.stranger().with_authorization(&self.token_of(name, false, Token::Access).await)
    }

    /// Somebody of the group `staff`.
    pub(crate) async fn staff(&self, name: &str) -> Client {
        self.stranger().with_authorization(&self.token_of(name, true, Token::Access).await)
    }
}

impl Server {
    /// What `token` prints for these words, which begin with a name.
    pub(crate) fn token(&self, words: &[&str]) -> String {
        printed_token(&self.home.path("ready.json"), words)
    }
}

fn printed_token(ready_file: &Path, words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.arg("token").args(words).arg("--ready-file").arg(ready_file).stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("a token is text").trim_end().to_owned()
}

/// What somebody makes of a token who would like to be more than they are, each under what is wrong with it. Any one is
/// refused.
pub(crate) fn forgeries(token: &str) -> Vec<(&'static str, String)> {
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    let read = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
    };
    let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let mut promoted = read(claims);
    promoted["cognito:groups"] = json!(["staff"]);
    let unsigned = encode(&json!({ "alg": "none", "kid": read(header)["kid"] }));
    let swapped = if signature.starts_with('A') { 'B' } else { 'A' };
    vec![
        ("other claims", format!("{header}.{}.{signature}", encode(&promoted))),
        ("another signature", format!("{header}.{claims}.{swapped}{}", &signature[1..])),
        ("no signature", format!("{header}.{claims}.")),
        ("nothing to verify", format!("{unsigned}.{claims}.")),
        ("half of one", format!("{header}.{claims}")),
    ]
}

/// Runs the command `token` to its end.
pub(crate) fn token_command(home: &Home, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.arg("token").args(words).current_dir(home.path("")).stdin(Stdio::null());
    command.output().expect("the program starts")
}

impl Client {
    /// Tries to read a page of the caller's own orders.
    pub(crate) async fn try_to_list(&self, limit: Value, next_token: Value) -> Answer {
        let query = "query Own($limit: Int, $nextToken: String) { orders(limit: $limit, nextToken: $nextToken) { \
                     items { id customerId receivedAt status } nextToken } }";
        self.run(query, json!({ "limit": limit, "nextToken": next_token })).await
    }

    /// A page of the caller's own orders: their ids, and where the next page starts.
    pub(crate) async fn page(&self, limit: Value, next_token: Value) -> (Vec<String>, Value) {
        let page = self.try_to_list(limit, next_token).await.value("orders");
        (list(&page["items"]).iter().map(super::id).collect(), page["nextToken"].clone())
    }

    /// The ids of all of the caller's own orders, page by page.
    pub(crate) async fn pages(&self, limit: Value) -> Vec<Vec<String>> {
        let (mut pages, mut next) = (Vec::new(), Value::Null);
        loop {
            let (ids, more) = self.page(limit.clone(), next).await;
            pages.push(ids);
            next = more;
            if next.is_null() {
                return pages;
            }
        }
    }
}
