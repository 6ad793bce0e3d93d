//! Whoever calls the API: guests, backends, and the warehouse with its reports.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use local::machine::REGION;
use serde_json::{Value, json};

use crate::cloud::{API_KEY, BACKEND};
use crate::edge::{Upstream, post};

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
        let mut headers = HeaderMap::new();
        let mut insert = |name: &str, value: &str| {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            headers.insert(name, HeaderValue::from_str(value).expect("a header's value"));
        };
        insert("host", &self.host);
        if !self.is_backend {
            insert("x-api-key", API_KEY);
            return headers;
        }
        let identity = Credentials::new(BACKEND, SECRET, None, None, "campaign").into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name("appsync")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .expect("all parameters of a signature")
            .into();
        let url = format!("http://{}{path}", self.host);
        let signed = given.iter().copied().chain([("host", self.host.as_str())]);
        let request = SignableRequest::new("POST", &url, signed, SignableBody::Bytes(body.as_bytes()));
        let signature = sign(request.expect("a request to sign"), &parameters).expect("a signature");
        let (instructions, _) = signature.into_parts();
        given.iter().copied().chain(instructions.headers()).for_each(|(name, value)| insert(name, value));
        headers
    }
}

/// Whether asking again would change nothing.
fn is_final(kind: &str) -> bool {
    matches!(kind, "InvalidOrder" | "IdempotencyConflict" | "InvalidArgument" | "Unauthorized")
}
