//! The Lambda Runtime API of one process, which is known by the port that it calls. A page in a browser is no process.
//!
//! Source: "Using the Lambda runtime API for custom runtimes" in the AWS Lambda developer guide; for what it says of calls
//! that are out of place, AWS's Runtime Interface Emulator.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::StreamExt as _;
use lambda_runtime::Diagnostic;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use super::exchange::{Event, Exchange, Refusal};
use crate::lambda::{PAYLOAD_LIMIT, failure, response_too_large};
use crate::net;

const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

#[derive(Clone)]
struct Api {
    exchange: Arc<Exchange>,
    function_arn: Arc<str>,
}

pub(super) fn router(exchange: Arc<Exchange>, function_arn: &str) -> Router {
    let runtime = Router::new()
        .route("/invocation/next", get(next))
        .route("/invocation/{request_id}/response", post(response))
        .route("/invocation/{request_id}/error", post(error))
        .route("/init/error", post(init_error));
    let runtime = runtime.layer(middleware::from_fn(only_programs));
    Router::new().nest("/2018-06-01/runtime", runtime).with_state(Api { exchange, function_arn: function_arn.into() })
}

/// Who asks gets what a caller has sent, with all that they may keep to themselves.
async fn only_programs(request: Request, next: Next) -> Response {
    if net::is_from_a_program(request.headers()) {
        return next.run(request).await;
    }
    refused(StatusCode::FORBIDDEN, "AccessDenied", "Only the process may call this that was started for it.")
}

async fn next(State(api): State<Api>, body: Body) -> Result<Response, StatusCode> {
    read(body).await?;
    Ok(match api.exchange.next().await {
        Ok(Event { request_id, deadline, payload }) => {
            let headers = [
                ("lambda-runtime-aws-request-id", request_id),
                ("lambda-runtime-deadline-ms", deadline.to_string()),
                ("lambda-runtime-invoked-function-arn", api.function_arn.to_string()),
                ("lambda-runtime-trace-id", trace_id()),
                (header::CONTENT_TYPE.as_str(), "application/json".to_owned()),
            ];
            (headers, payload).into_response()
        }
        Err(refusal) => refusal.into_response(),
    })
}

async fn response(State(api): State<Api>, Path(request_id): Path<String>, body: Body) -> Result<Response, StatusCode> {
    // If the process goes away in the middle, it has said nothing.
    Ok(match read(body).await? {
        Some(answer) => accepted(api.exchange.answer(&request_id, Ok(answer))),
        None => match api.exchange.answer(&request_id, Err(response_too_large())) {
            Ok(()) => {
                let message = format!("Exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes).");
                refused(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
            }
            Err(refusal) => refusal.into_response(),
        },
    })
}

async fn error(
    State(api): State<Api>,
    Path(request_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, StatusCode> {
    let body = read(body).await?;
    Ok(accepted(api.exchange.answer(&request_id, Err(diagnostic(&headers, body)))))
}

async fn init_error(State(api): State<Api>, headers: HeaderMap, body: Body) -> Result<Response, StatusCode> {
    let body = read(body).await?;
    Ok(accepted(api.exchange.fail(diagnostic(&headers, body))))
}

/// A body to its end, so that whoever sends it hears the answer, and may go on with the same connection; `None` if it is
/// larger than a payload may be.
///
/// # Errors
/// What is answered if it breaks off, or takes too long.
async fn read(body: Body) -> Result<Option<Bytes>, StatusCode> {
    let mut chunks = body.into_data_stream();
    let (mut whole, mut fits) = (Vec::new(), true);
    let reading = async {
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
            fits &= whole.len() + chunk.len() <= PAYLOAD_LIMIT;
            if fits {
                whole.extend_from_slice(&chunk);
            }
        }
        Ok(fits.then(|| whole.into()))
    };
    timeout(net::BODY_TIMEOUT, reading).await.unwrap_or(Err(StatusCode::REQUEST_TIMEOUT))
}

/// The error that a runtime reports: in the body, or else just its type in a header.
fn diagnostic(headers: &HeaderMap, body: Option<Bytes>) -> Diagnostic {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Reported {
        error_type: Option<String>,
        error_message: Option<String>,
    }
    let reported: Reported = body.and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
    let in_header = || headers.get(ERROR_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let error_type = reported.error_type.or_else(in_header).unwrap_or_default();
    failure(&error_type, reported.error_message.unwrap_or_default())
}

fn accepted(outcome: Result<(), Refusal>) -> Response {
    match outcome {
        Ok(()) => said(StatusCode::ACCEPTED, &json!({ "status": "OK" })),
        Err(refusal) => refusal.into_response(),
    }
}

fn refused(status: StatusCode, error_type: &str, message: &str) -> Response {
    said(status, &json!({ "errorType": error_type, "errorMessage": message }))
}

fn said(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::InvalidStateTransition => refused(
                StatusCode::FORBIDDEN,
                "InvalidStateTransition",
                "This may not be called now: an event is asked for, and answered once, before the next is asked for.",
            ),
            Self::InvalidRequestId => {
                refused(StatusCode::BAD_REQUEST, "InvalidRequestID", "This process has no such invocation.")
            }
        }
    }
}

/// A trace that is not sampled, in the form of AWS X-Ray's header.
fn trace_id() -> String {
    let started = jiff::Timestamp::now().as_second();
    let random = Uuid::new_v4().simple().to_string();
    format!("Root=1-{started:08x}-{};Parent={};Sampled=0", &random[..24], &random[16..])
}
