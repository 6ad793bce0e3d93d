//! Whoever calls the API: guests, backends, and the warehouse with its reports.

#[path = "../support/sigv4.rs"]
mod sigv4;

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use axum::http::{HeaderMap, HeaderValue};
use local::machine::REGION;
use serde_json::{Value, json};

use crate::cloud::{API_KEY, BACKEND};
use crate::edge::{Upstream, post};
use sigv4::Signing;

/// The secret half of every key of this campaign.
pub(crate) const SECRET: &str = "campaign";

/// How long somebody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long somebody waits before asking again.
pub(crate) const PAUSE: Duration = Duration::from_millis(50);

/// How often somebody asks again before giving up.
pub(crate) const MOST: usize = 100;

/// Somebody who calls.
#[derive(Clone)]
pub(crate) struct Caller {
    api: Upstream,
    host: String,
    is_backend: bool,
}

/// What GraphQL answered: the value of the field, or the type of the error and what it says.
pub(crate) type Answered = Result<Value, (String, String)>;

impl Caller {
    pub(crate) fn guest(api: SocketAddr) -> Self {
        Self { api: Upstream::at(api), host: api.to_string(), is_backend: false }
    }

    pub(crate) fn backend(api: SocketAddr) -> Self {
        Self { is_backend: true, ..Self::guest(api) }
    }

    /// Runs an operation once; nothing: there was no answer that can be read.
    pub(crate) async fn run(&self, field: &str, query: &str, variables: &Value) -> Option<Answered> {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let mut headers = self.proof("/graphql", &body, &[]);
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let asked = self.api.ask(post("/graphql", headers, body));
        let (_, _, body) = tokio::time::timeout(PATIENCE, asked).await.ok().flatten()?;
        let answer: Value = serde_json::from_slice(&body).ok()?;
        match answer["errors"].get(0) {
            Some(error) => {
                let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
                Some(Err((text("errorType"), text("message"))))
            }
            None => Some(Ok(answer.get("data")?.get(field)?.clone())),
        }
    }

    /// Runs an operation until there is an answer that stands: `InvalidArgument` and its like do, `Unavailable` and
    /// what AppSync or the line made of it do not.
    ///
    /// # Errors
    /// What it was refused with.
    pub(crate) async fn insist(&self, field: &str, query: &str, variables: &Value) -> Result<Value, String> {
        for _ in 0..MOST {
            match self.run(field, query, variables).await {
                Some(Ok(value)) => return Ok(value),
                Some(Err((kind, message))) if is_final(&kind) => return Err(format!("{kind}: {message}")),
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
        Err(format!("{field} was asked for {MOST} times in vain"))
    }

    /// The headers that say who calls. Over a WebSocket they are signed as AppSync's clients do.
    pub(crate) fn proof(&self, path: &str, body: &str, given: &[(&'static str, &str)]) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_str(text).expect("a header's value");
        let mut headers = HeaderMap::new();
        if self.is_backend {
            headers = Signing {
                method: "POST",
                url: &format!("http://{}{path}", self.host),
                given,
                body: body.as_bytes(),
                region: REGION,
                service: "appsync",
                at: SystemTime::now(),
                credentials: Credentials::new(BACKEND, SECRET, None, None, "campaign"),
            }
            .headers();
        } else {
            headers.insert("x-api-key", value(API_KEY));
        }
        headers.insert("host", value(&self.host));
        headers
    }
}

/// Whether asking again would change nothing.
fn is_final(kind: &str) -> bool {
    matches!(kind, "InvalidOrder" | "IdempotencyConflict" | "InvalidArgument" | "Unauthorized")
}
