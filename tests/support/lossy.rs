//! A line on which orders are placed, and on which the answers get lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode, request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use super::{PATIENCE, Server, http_client};

/// What a client gets in the place of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The connection is reset.
    Reset,
    /// A 500, as AppSync words it.
    Failure,
    /// A 503 of somebody in between, who speaks no GraphQL.
    Unavailable,
    /// A 429, as AppSync throttles.
    Throttled,
    /// Nothing, for longer than anybody waits.
    Late,
}

/// Which answers get lost to the orders of a reference.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Losing {
    pub(crate) loss: Loss,
    /// All of them, and not just the first.
    pub(crate) all: bool,
}

/// Hands every `placeOrder` on, and loses answers once the order is placed. Orders are told apart by their `reference`.
pub(crate) struct Lossy {
    /// Where it answers.
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    http: reqwest::Client,
    upstream: String,
    losing: HashMap<String, Losing>,
    attempts: Mutex<HashMap<String, Attempts>>,
}

/// How often an order reached the server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attempts {
    pub(crate) arrived: usize,
    /// The ids of the orders that the server answered with, one for each attempt that is over.
    pub(crate) ids: Vec<String>,
}

impl Lossy {
    pub(crate) async fn to(server: &Server, losing: HashMap<String, Losing>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/graphql", listener.local_addr().expect("its address"));
        let upstream = server.addresses.graphql_url.clone();
        let shared = Arc::new(Shared { http: http_client(), upstream, losing, attempts: Mutex::default() });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(converse(connection, Arc::clone(&serving)));
            }
        });
        Self { url, shared }
    }

    /// What reached the server of the orders with this reference.
    pub(crate) fn attempts(&self, reference: &str) -> Attempts {
        self.shared.attempts.lock().expect("no panic").get(reference).cloned().unwrap_or_default()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("reset on purpose")]
struct Reset;

async fn converse(connection: TcpStream, shared: Arc<Shared>) {
    // Whoever is hung up on is told so by a reset.
    connection.set_zero_linger().expect("an open connection");
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move {
            let (request::Parts { headers, .. }, body) = request.into_parts();
            let body = to_bytes(Body::new(body), usize::MAX).await?;
            // Whoever hangs up while it is placed takes nothing back.
            let (answer, losing) = tokio::spawn(place(shared, headers, body)).await.map_err(axum::Error::new)?;
            match losing {
                None => Ok(answer),
                Some(Loss::Reset) => Err(axum::Error::new(Reset)),
                Some(Loss::Failure) => Ok(refusal(500, "InternalFailure")),
                Some(Loss::Throttled) => Ok(refusal(429, "ThrottlingException")),
                Some(Loss::Unavailable) => Ok(said(503, "text/html", "<h1>503 Service Unavailable</h1>".into())),
                Some(Loss::Late) => {
                    tokio::time::sleep(PATIENCE).await;
                    Ok(answer)
                }
            }
        }
    });
    // An error is a connection that ended, by our doing or the caller's.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(connection), service).await;
}

/// The server's answer, and what comes in its place.
async fn place(shared: Arc<Shared>, mut headers: HeaderMap, body: Bytes) -> (Response<Body>, Option<Loss>) {
    let asked: Value = serde_json::from_slice(&body).expect("a request of GraphQL");
    let reference = asked["variables"]["input"]["order"]["reference"].as_str().expect("an order with a reference");
    let attempt = {
        let mut attempts = shared.attempts.lock().expect("no panic");
        let attempts = attempts.entry(reference.to_owned()).or_default();
        attempts.arrived += 1;
        attempts.arrived
    };
    for of_this_connection in ["host", "content-length", "connection", "accept-encoding"] {
        headers.remove(of_this_connection);
    }
    let answer = shared.http.post(&shared.upstream).headers(headers).body(body).send().await.expect("an answer");
    let text = answer.text().await.expect("all of it");
    let told: Value = serde_json::from_str(&text).expect("an answer of GraphQL");
    let id = told["data"]["placeOrder"]["id"].as_str().unwrap_or_else(|| panic!("{reference} was not placed: {text}"));
    shared.attempts.lock().expect("no panic").entry(reference.to_owned()).or_default().ids.push(id.to_owned());
    let losing = shared.losing.get(reference).filter(|losing| losing.all || attempt == 1);
    (said(200, "application/json", text), losing.map(|losing| losing.loss))
}

fn refusal(status: u16, error_type: &str) -> Response<Body> {
    let errors = serde_json::json!({ "errors": [{ "errorType": error_type, "message": "Lost on purpose" }] });
    said(status, "application/json", errors.to_string())
}

fn said(status: u16, content_type: &str, body: String) -> Response<Body> {
    let status = StatusCode::from_u16(status).expect("a status");
    let answer = Response::builder().status(status).header("content-type", content_type);
    answer.body(Body::from(body)).expect("an answer")
}
