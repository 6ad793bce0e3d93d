//! Lambda's Invoke API over HTTP, for commands and tools that call a function by its name:
//! `POST /2015-03-31/functions/<name>/invocations`. Only invocations that are waited for.
//!
//! Source: AWS Lambda API reference, `Invoke` and "Common Error Types". A caller's policies must allow
//! `lambda:InvokeFunction`, and whoever has none is an administrator.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use lambda_runtime::Diagnostic;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Functions, PAYLOAD_LIMIT};
use crate::iam::Credentials;
use crate::iam::signature::{self, Scope};
use crate::machine::{self, REGION};

const SERVICE: &str = "lambda";
const LATEST: &str = "$LATEST";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const FUNCTION_ERROR: HeaderName = HeaderName::from_static("x-amz-function-error");
const EXECUTED_VERSION: HeaderName = HeaderName::from_static("x-amz-executed-version");

/// The functions, and who may invoke them. Cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    functions: Functions,
    callers: Vec<Credentials>,
}

/// Why a function is not invoked.
struct Refused {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

impl Api {
    /// These functions, for whoever signs with one of these credentials.
    #[must_use]
    pub fn new(functions: Functions, callers: Vec<Credentials>) -> Self {
        Self(Arc::new(Inner { functions, callers }))
    }

    /// Serves the path of the API.
    pub fn router(&self) -> Router {
        Router::new().route("/2015-03-31/functions/{name}/invocations", post(serve)).with_state(self.clone())
    }

    async fn answer(&self, name: &str, request: Request) -> Result<Result<Vec<u8>, Diagnostic>, Refused> {
        let (head, body) = request.into_parts();
        let Ok(body) = to_bytes(body, PAYLOAD_LIMIT).await else {
            let message =
                format!("Request must be smaller than {PAYLOAD_LIMIT} bytes for the InvokeFunction operation");
            return Err(refused(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", message));
        };
        let caller = self.caller(&head, &body)?;
        let function = name_of(name);
        let arn = machine::arn("lambda", &format!("function:{function}"));
        let denied =
            |denied: crate::iam::Denied| refused(StatusCode::FORBIDDEN, "AccessDeniedException", denied.to_string());
        caller.principal.may("lambda:InvokeFunction", &arn).map_err(denied)?;
        wanted_as_it_is(&head)?;
        let payload = if body.is_empty() { b"{}".to_vec() } else { body.to_vec() };
        if let Err(error) = serde_json::from_slice::<&RawValue>(&payload) {
            let message = format!("Could not parse request body into json: {error}");
            return Err(refused(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message));
        }
        match self.0.functions.invoke(function, payload).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) => match not_reached(&error, &arn) {
                Some(refused) => Err(refused),
                None => Ok(Err(error)),
            },
        }
    }

    fn caller(&self, head: &Parts, body: &[u8]) -> Result<&Credentials, Refused> {
        if !head.headers.contains_key(header::AUTHORIZATION) {
            let message = "Missing Authentication Token".to_owned();
            return Err(refused(StatusCode::FORBIDDEN, "MissingAuthenticationTokenException", message));
        }
        let request = signature::Request {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            headers: &head.headers,
            body,
        };
        signature::verify(&request, &self.0.callers, Scope { region: REGION, service: SERVICE }, SystemTime::now())
            .map_err(|refusal| refused(StatusCode::FORBIDDEN, refusal.error_type(), refusal.to_string()))
    }
}

/// The function's name, of which an ARN may be given in its place.
fn name_of(given: &str) -> &str {
    let name = given.rsplit_once(":function:").map_or(given, |(_, name)| name);
    name.split_once(':').filter(|(_, qualifier)| *qualifier == LATEST).map_or(name, |(name, _)| name)
}

/// Refuses what cannot be asked for here.
fn wanted_as_it_is(head: &Parts) -> Result<(), Refused> {
    let kind = head.headers.get("x-amz-invocation-type");
    if kind.is_some_and(|kind| kind != "RequestResponse") {
        let message = "Only the InvocationType RequestResponse is there on this machine.".to_owned();
        return Err(refused(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message));
    }
    Ok(())
}

/// What the API says if it was no fault of the function that it did not answer.
fn not_reached(error: &Diagnostic, arn: &str) -> Option<Refused> {
    let (status, kind) = match error.error_type.strip_prefix("Lambda:")? {
        "ResourceNotFoundException" => {
            let message = format!("Function not found: {arn}");
            return Some(refused(StatusCode::NOT_FOUND, "ResourceNotFoundException", message));
        }
        "RequestTooLargeException" => (StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException"),
        "TooManyRequestsException" => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "ServiceException"),
    };
    Some(refused(status, kind, error.error_message.clone()))
}

fn refused(status: StatusCode, kind: &'static str, message: String) -> Refused {
    Refused { status, kind, message }
}

async fn serve(State(api): State<Api>, Path(name): Path<String>, request: Request) -> Response {
    let mut response = match api.answer(&name, request).await {
        Ok(answered) => {
            let failed = answered.is_err();
            let body = answered.unwrap_or_else(|error| function_error(&error).to_string().into_bytes());
            let mut response = Response::new(Body::from(body));
            let headers = response.headers_mut();
            headers.insert(EXECUTED_VERSION, HeaderValue::from_static(LATEST));
            if failed {
                headers.insert(FUNCTION_ERROR, HeaderValue::from_static("Unhandled"));
            }
            response
        }
        Err(Refused { status, kind, message }) => {
            tracing::debug!(kind, "no function is invoked: {message}");
            let mut response = Response::new(Body::from(json!({ "Type": "User", "message": message }).to_string()));
            *response.status_mut() = status;
            response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(kind));
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

fn function_error(error: &Diagnostic) -> Value {
    json!({ "errorType": error.error_type, "errorMessage": error.error_message })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lambda_runtime::LambdaEvent;
    use resolvers::aws::Aws;
    use resolvers::environment::Environment;
    use tower::ServiceExt as _;

    use super::super::Function;
    use super::*;
    use crate::iam::{Policy, Principal};

    fn caller(access_key_id: &str, policy: Option<Policy>) -> Credentials {
        Credentials {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: None,
            principal: Principal { arn: "arn:aws:iam::000000000000:user/u".to_owned(), policy: policy.map(Arc::new) },
            username: "u".to_owned(),
            identity_pool: None,
        }
    }

    fn api() -> Router {
        let second = Duration::from_secs(1);
        let echo = |event: LambdaEvent<Value>| async move { Ok::<_, Diagnostic>(event.payload) };
        let refuse = |_: LambdaEvent<Value>| async {
            Err::<Value, _>(Diagnostic { error_type: "Refused".to_owned(), error_message: "no".to_owned() })
        };
        let functions = Functions::new([Function::new("echo", second, echo), Function::new("refuse", second, refuse)]);
        let callers = vec![caller("AKIAADMIN", None), caller("AKIANOBODY", Some(Policy::default()))];
        Api::new(functions, callers).router()
    }

    struct Answered {
        status: u16,
        error_type: Option<String>,
        function_error: Option<String>,
        body: Value,
    }

    async fn asked(key: &str, service: &str, name: &str, kind: &'static str, body: &str) -> Answered {
        let variables = [("AWS_REGION", REGION), ("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", "secret")];
        let aws = Aws::new(&variables.into_iter().collect::<Environment>()).unwrap();
        let url = format!("http://127.0.0.1:4000/2015-03-31/functions/{name}/invocations");
        let headers = [("x-amz-invocation-type", kind)];
        let (mut parts, body) = aws.signed_post(service, &url, &headers, body.to_owned()).unwrap().into_parts();
        parts.headers.insert("host", HeaderValue::from_static("127.0.0.1:4000"));
        let response = api().oneshot(Request::from_parts(parts, Body::from(body))).await.unwrap();
        let text = |name: HeaderName| response.headers().get(name).map(|text| text.to_str().unwrap().to_owned());
        let (status, error_type) = (response.status().as_u16(), text(ERROR_TYPE));
        let function_error = text(FUNCTION_ERROR);
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Answered { status, error_type, function_error, body: serde_json::from_slice(&body).unwrap() }
    }

    #[tokio::test]
    async fn a_function_is_invoked_by_its_name_or_arn_and_its_own_error_is_told_from_the_apis() {
        for name in ["echo", "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aecho"] {
            let answer = asked("AKIAADMIN", SERVICE, name, "RequestResponse", r#"{"a":1}"#).await;
            assert_eq!((answer.status, answer.function_error, answer.body), (200, None, json!({ "a": 1 })), "{name}");
        }
        let answer = asked("AKIAADMIN", SERVICE, "refuse", "RequestResponse", "").await;
        assert_eq!((answer.status, answer.function_error.as_deref()), (200, Some("Unhandled")));
        assert_eq!(answer.body, json!({ "errorType": "Refused", "errorMessage": "no" }));
    }

    #[tokio::test]
    async fn whoever_may_not_and_whatever_is_not_there_is_refused_as_aws_refuses_it() {
        for (key, service, name, kind, body, status, error_type) in [
            ("AKIASTRANGER", SERVICE, "echo", "RequestResponse", "{}", 403, "UnrecognizedClientException"),
            ("AKIAADMIN", "appsync", "echo", "RequestResponse", "{}", 403, "InvalidSignatureException"),
            ("AKIANOBODY", SERVICE, "echo", "RequestResponse", "{}", 403, "AccessDeniedException"),
            ("AKIAADMIN", SERVICE, "nobody", "RequestResponse", "{}", 404, "ResourceNotFoundException"),
            ("AKIAADMIN", SERVICE, "echo", "Event", "{}", 400, "InvalidParameterValueException"),
            ("AKIAADMIN", SERVICE, "echo", "RequestResponse", "{", 400, "InvalidRequestContentException"),
        ] {
            let answer = asked(key, service, name, kind, body).await;
            assert_eq!((answer.status, answer.error_type.as_deref()), (status, Some(error_type)), "{}", answer.body);
        }
    }
}
