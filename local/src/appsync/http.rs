//! The HTTP endpoint: what is a request, which status answers it, and which headers every answer carries.
//!
//! Sources: what the AppSync team told the GraphQL-over-HTTP working group about AppSync's behaviour, answers of the
//! service that its clients recorded, and AppSync's quotas.

use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use apollo_compiler::ast::OperationType;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::routing::any;
use futures::StreamExt as _;
use serde::Serialize;
use serde_json::{Value, json};

use super::authentication::{self, authenticate};
use super::caller::Caller;
use super::completion;
use super::errors::Refusal;
use super::execution::{Engine, Prepared, Unprepared};
use super::request::GraphqlRequest;
use super::resolver::RequestContext;
use super::{Api, realtime};
use crate::net::BODY_TIMEOUT;

/// The largest body that is looked at. AppSync tells no limit of its own; 1 MiB carries any order that fits into a
/// DynamoDB item (400 KB) twice escaped, and stays well below what a Lambda event may hold (6 MB).
const BODY_LIMIT: usize = 1024 * 1024;

/// How much of a body that is too large is still read, so that its sender gets to see the answer.
const DRAIN_LIMIT: usize = 16 * BODY_LIMIT;

/// From how many bytes on a query is looked at beside the threads that serve everybody: it may take seconds.
const LARGE_QUERY: usize = 8 * 1024;

const CONTENT_TYPE: &str = "application/json;charset=UTF-8";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

pub(super) fn router(api: Api) -> Router {
    Router::new()
        .route("/graphql", any(serve))
        .route(
            "/graphql/realtime",
            any(async |State(api): State<Api>, request: Request| realtime::answer(api, request)),
        )
        .with_state(api)
}

/// Every answer, a refusal too, may be read by a page of any origin: otherwise a browser shows a network error.
async fn serve(State(api): State<Api>, request: Request) -> Response {
    if realtime::is_wanted(&request) {
        return realtime::answer(api, request);
    }
    let mut response = if request.method() == Method::OPTIONS {
        preflight(request.headers())
    } else {
        match answer(&api, request).await {
            Ok(response) => respond(StatusCode::OK, &response),
            Err(refusal) => {
                tracing::debug!(status = refusal.status().as_u16(), "refused a request: {refusal}");
                refuse(&refusal)
            }
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers
        .insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-amzn-RequestId,x-amzn-ErrorType"));
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// A browser asks without credentials whether it may send them.
fn preflight(headers: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    let allowed = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let answer = response.headers_mut();
    answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, GET, OPTIONS"));
    if let Some(allowed) = allowed {
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
    response
}

fn respond(status: StatusCode, body: &impl Serialize) -> Response {
    let (status, body) = match serde_json::to_vec(body) {
        Ok(body) => (status, body),
        Err(error) => {
            tracing::error!("a response could not be written as JSON: {error}");
            (StatusCode::INTERNAL_SERVER_ERROR, b"{}".to_vec())
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}

fn refuse(refusal: &Refusal) -> Response {
    let error_type = refusal.error_type();
    let body = json!({"errors": [{"errorType": error_type, "message": refusal.to_string()}]});
    let mut response = respond(refusal.status(), &body);
    response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(error_type));
    response
}

async fn answer(api: &Api, request: Request) -> Result<completion::Response, Refusal> {
    let started = Instant::now();
    let (head, body) = request.into_parts();
    if head.method != Method::POST && head.method != Method::GET {
        return Err(Refusal::Method { method: head.method.to_string() });
    }
    let body = tokio::time::timeout(BODY_TIMEOUT, read(body)).await.map_err(|_| Refusal::TooSlow)??;
    let query = head.uri.query().unwrap_or_default();
    let credentials = authentication::Request {
        method: head.method.as_str(),
        path: head.uri.path(),
        query,
        headers: &head.headers,
        body: &body,
    };
    let caller = authenticate(&api.settings, &credentials, SystemTime::now())?;
    let request = if head.method == Method::GET {
        GraphqlRequest::from_url_query(query)?
    } else {
        GraphqlRequest::from_body(&body)?
    };
    let prepared = match prepare(api, request).await {
        Ok(prepared) => prepared,
        Err(Unprepared::Refused(refusal)) => return Err(refusal),
        Err(Unprepared::Invalid(errors)) => {
            tracing::debug!(
                caller = ?caller.mode(),
                errors = errors.len(),
                milliseconds = started.elapsed().as_millis(),
                "answered an invalid request"
            );
            return Ok(completion::Response::refused(errors));
        }
    };
    if prepared.operation_type() == OperationType::Subscription {
        return Err(Refusal::Subscription);
    }
    let peer = head.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
    // A task of its own: a client that does not wait for the answer keeps nobody from being told of the mutation.
    let running = tokio::spawn(run(api.clone(), caller, head.headers, peer, prepared, started));
    running.await.unwrap_or_else(|error| {
        tracing::error!("a request could not be answered: {error}");
        Err(Refusal::Internal)
    })
}

async fn prepare(api: &Api, request: GraphqlRequest) -> Result<Prepared, Unprepared> {
    if request.query.len() < LARGE_QUERY {
        return Prepared::new(api, request);
    }
    let api = api.clone();
    let prepared = tokio::task::spawn_blocking(move || Prepared::new(&api, request)).await;
    prepared.unwrap_or_else(|error| {
        tracing::error!("a query could not be looked at: {error}");
        Err(Unprepared::Refused(Refusal::Internal))
    })
}

/// The body, if it is not too large. What is too large is read on for a while, so that its sender gets to see the
/// answer, but not kept.
async fn read(body: Body) -> Result<Vec<u8>, Refusal> {
    let mut chunks = body.into_data_stream();
    let (mut body, mut length) = (Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Refusal::Malformed)?;
        length += chunk.len();
        if length <= BODY_LIMIT {
            body.extend_from_slice(&chunk);
        } else {
            body = Vec::new();
        }
        if length > DRAIN_LIMIT {
            break;
        }
    }
    if length > BODY_LIMIT { Err(Refusal::TooLarge { limit: BODY_LIMIT }) } else { Ok(body) }
}

async fn run(
    api: Api,
    caller: Caller,
    headers: HeaderMap,
    peer: Option<SocketAddr>,
    prepared: Prepared,
    started: Instant,
) -> Result<completion::Response, Refusal> {
    let identity: Value = caller.identity(&source_ips(&headers, peer));
    let request = RequestContext::new(&headers);
    let engine = Engine::new(&api, &caller, &identity, &request);
    if engine.may_do_nothing(&prepared) {
        return Err(Refusal::PermissionDenied);
    }
    let response = engine.run(&prepared).await;
    if prepared.operation_type() == OperationType::Mutation {
        api.realtime.publish(&api.schema, &prepared, &response).await;
    }
    tracing::debug!(
        operation = prepared.operation_name().unwrap_or("(anonymous)"),
        caller = ?caller.mode(),
        errors = response.errors.len(),
        milliseconds = started.elapsed().as_millis(),
        "answered a request"
    );
    Ok(response)
}

/// Where the request came from: what proxies say, then whoever is connected.
/// Source: AppSync developer guide, "Resolver mapping template context reference", `sourceIp`.
pub(super) fn source_ips(headers: &HeaderMap, peer: Option<SocketAddr>) -> Vec<String> {
    let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let forwarded = forwarded.flat_map(|value| value.split(',')).map(|ip| ip.trim().to_owned());
    forwarded.chain(peer.map(|peer| peer.ip().to_string())).collect()
}
