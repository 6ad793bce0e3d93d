//! Somebody in between: hands requests on to the real server and remembers them, holds them up, or cuts the line.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use tokio::sync::watch;

use super::gate::{Gate, Gated};
use super::{Killer, Moment, Server, http_client};

/// A proxy in front of the server's API or of its tables.
pub(crate) struct Proxy {
    /// Where it answers.
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    http: reqwest::Client,
    gate: Gate,
    /// The real server; none while requests are held up.
    upstream: watch::Sender<Option<String>>,
    /// What is answered in its place.
    instead: Mutex<Option<(StatusCode, String)>>,
    /// The operation of DynamoDB, or the field of the API, whose answers get lost.
    lost: Mutex<Option<&'static str>>,
    killer: Mutex<Option<Arc<Killer>>>,
    arrived: Mutex<Vec<Publish>>,
    published: Mutex<Vec<Publish>>,
}

/// A call to `publishOrderFulfilled` or `publishOrderChanged`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Publish {
    pub(crate) mutation: String,
    pub(crate) id: String,
}

impl Proxy {
    /// Holds up every request until it knows where to hand it on to.
    pub(crate) async fn start() -> Self {
        let gate = Gate::default();
        let (listener, address) = Gated::bind(gate.clone()).await;
        let http = http_client();
        let shared = Arc::new(Shared {
            http,
            gate,
            upstream: watch::Sender::new(None),
            instead: Mutex::default(),
            lost: Mutex::default(),
            killer: Mutex::default(),
            arrived: Mutex::default(),
            published: Mutex::default(),
        });
        let router = Router::new().fallback(pass_on).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url: format!("http://{address}"), shared }
    }

    /// The option that puts it in front of AppSync, as the Lambdas reach it.
    pub(crate) fn instead_of_appsync(&self) -> String {
        format!("APPSYNC_URL={}/graphql", self.url)
    }

    /// The option that puts it in front of DynamoDB, as the Lambdas reach it.
    pub(crate) fn instead_of_dynamodb(&self) -> String {
        format!("AWS_ENDPOINT_URL_DYNAMODB={}", self.url)
    }

    /// Hands requests on to the server's API.
    pub(crate) fn lead_to_appsync_of(&self, server: &Server) {
        let url = &server.addresses.graphql_url;
        self.shared.upstream.send_replace(url.strip_suffix("/graphql").map(str::to_owned));
    }

    /// Hands requests on to the server's tables.
    pub(crate) fn lead_to_dynamodb_of(&self, server: &Server) {
        let url = server.addresses.dynamodb_url();
        self.shared.upstream.send_replace(Some(url.trim_end_matches('/').to_owned()));
    }

    /// Hands requests on to this address.
    pub(crate) fn lead_to(&self, url: &str) {
        self.shared.upstream.send_replace(Some(url.to_owned()));
    }

    /// Lets somebody see every request.
    pub(crate) fn is_watched_by(&self, killer: &Arc<Killer>) {
        *self.shared.killer.lock().expect("no panic") = Some(Arc::clone(killer));
    }

    /// Holds up every request from now on.
    pub(crate) fn hold(&self) {
        self.shared.upstream.send_replace(None);
    }

    /// Answers every request with this from now on, without handing it on.
    pub(crate) fn says(&self, status: u16, body: &str) {
        let status = StatusCode::from_u16(status).expect("a status");
        *self.shared.instead.lock().expect("no panic") = Some((status, body.to_owned()));
    }

    /// Hands requests on again.
    pub(crate) fn says_nothing_of_its_own(&self) {
        *self.shared.instead.lock().expect("no panic") = None;
    }

    /// From now on what this operation of DynamoDB or this field of the API asks for is done, and the answer gets lost;
    /// `None`: no more.
    pub(crate) fn loses_the_answers_of(&self, operation: Option<&'static str>) {
        *self.shared.lost.lock().expect("no panic") = operation;
    }

    /// Nobody gets through any more.
    pub(crate) fn cut(&self) {
        self.shared.gate.close();
    }

    /// The line is up again.
    pub(crate) fn mend(&self) {
        self.shared.gate.open();
    }

    /// What was to be published, handed on or not.
    pub(crate) fn arrived(&self) -> Vec<Publish> {
        self.shared.arrived.lock().expect("no panic").clone()
    }

    /// What was published, which is what the server answered without an error.
    pub(crate) fn published(&self) -> Vec<Publish> {
        self.shared.published.lock().expect("no panic").clone()
    }

    /// How often that order was published by that mutation.
    pub(crate) fn times(&self, mutation: &str, id: &str) -> usize {
        let wanted = Publish { mutation: mutation.to_owned(), id: id.to_owned() };
        self.published().iter().filter(|published| **published == wanted).count()
    }
}

async fn pass_on(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else { return StatusCode::BAD_REQUEST.into_response() };
    let publish = Publish::read(&body);
    shared.arrived.lock().expect("no panic").extend(publish.clone());
    let upstream = shared.upstream.subscribe().wait_for(Option::is_some).await.ok().and_then(|url| url.clone());
    let (Some(upstream), false) = (upstream, shared.gate.is_closed()) else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::CONNECTION, "close")]).into_response();
    };
    if let Some(instead) = shared.instead.lock().expect("no panic").clone() {
        return instead.into_response();
    }
    let killer = shared.killer.lock().expect("no panic").clone();
    let request_number = killer.as_ref().and_then(|killer| killer.count(&body));
    let strike = |moment| killer.as_ref().is_some_and(|killer| killer.strike(request_number, moment));
    if strike(Moment::Sent) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).map(str::to_owned);
    let lost = shared.lost.lock().expect("no panic").is_some_and(|lost| match target {
        Some(target) => target.ends_with(lost),
        None => String::from_utf8_lossy(&body).contains(lost),
    });
    // The caller has signed the `host` that it was given, so that has to arrive as it is.
    let mut headers = parts.headers;
    headers.remove(header::CONTENT_LENGTH);
    let request = shared.http.request(parts.method, format!("{upstream}{}", parts.uri)).headers(headers).body(body);
    let Ok(answer) = request.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    let Ok(body) = answer.bytes().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let told = serde_json::from_slice::<Value>(&body).is_ok_and(|body| body.get("errors").is_none());
    if status == StatusCode::OK && told {
        shared.published.lock().expect("no panic").extend(publish);
    }
    if strike(Moment::Done) || lost {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::CONNECTION, "close")]).into_response();
    }
    tokio::spawn(async move {
        // By then the answer is on its way.
        tokio::time::sleep(Duration::from_millis(1)).await;
        killer.is_some_and(|killer| killer.strike(request_number, Moment::Answered))
    });
    headers.remove(header::TRANSFER_ENCODING);
    (status, headers, Body::from(body)).into_response()
}

impl Publish {
    fn read(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let query = body.get("query")?.as_str()?;
        let mutation =
            ["publishOrderFulfilled", "publishOrderChanged"].into_iter().find(|name| query.contains(name))?;
        Some(Self { mutation: mutation.to_owned(), id: body["variables"]["id"].as_str()?.to_owned() })
    }
}
