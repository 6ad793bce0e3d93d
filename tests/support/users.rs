//! Customers and staff: whoever has a token of the user pool, which a command prints.

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::{Answer, Client, Home, Server, list};

/// Which orders each of [`Server::one_of_each_kind`] sees, by who placed them; `for alice` was placed by the backend.
pub(crate) const SEES: [(&str, &[&str]); 5] = [
    ("guest", &["guest"]),
    ("alice", &["alice", "for alice"]),
    ("bob", &["bob"]),
    ("staff", &["guest", "alice", "bob", "staff", "backend", "for alice"]),
    ("backend", &["guest", "alice", "bob", "staff", "backend", "for alice"]),
];

impl Server {
    /// Everybody whom the contract's table tells apart, and a second customer.
    pub(crate) fn one_of_each_kind(&self) -> Vec<(&'static str, Client)> {
        vec![
            ("guest", self.guest()),
            ("alice", self.customer("alice")),
            ("bob", self.customer("bob")),
            ("staff", self.staff("carol")),
            ("backend", self.backend()),
        ]
    }

    /// What `token` prints for these words, which begin with a name.
    pub(crate) fn token(&self, words: &[&str]) -> String {
        let Output { status, stdout, stderr } =
            token_command(&self.home, &[words, &["--data-dir", self.home.data_dir()]].concat());
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).expect("a token is text").trim_end().to_owned()
    }

    /// Somebody who is signed in.
    pub(crate) fn customer(&self, name: &str) -> Client {
        self.stranger().with_authorization(&self.token(&[name]))
    }

    /// Somebody of the group `staff`.
    pub(crate) fn staff(&self, name: &str) -> Client {
        self.stranger().with_authorization(&self.token(&[name, "--group", "staff"]))
    }
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
