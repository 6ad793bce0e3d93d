//! What a client sees of the API, through HTTP; and the settings and callers that unit tests share.

mod authorization;
mod execution;
mod http;
mod limits;
mod nasty;
mod real_schema;
#[path = "../../../../tests/support/sigv4.rs"]
mod sigv4;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::http::header::HOST;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

use super::{Api, ApiKey, Mode, Resolver, Settings, TokenError, UserPoolIdentity, VerifyToken};
use crate::iam::{Credentials, Principal};
use crate::lambda::{Function, Functions};

pub(super) const API_KEY: &str = "da2-abcdefghijklmnopqrstuvwxyz";

/// An API like the real one: the user pool is the default, keys and IAM are additional modes.
pub(super) fn settings() -> Settings {
    Settings {
        region: "eu-central-1".to_owned(),
        account_id: "123456789012".to_owned(),
        arn: "arn:aws:appsync:eu-central-1:123456789012:apis/test".to_owned(),
        default_mode: Mode::UserPools,
        additional_modes: vec![Mode::ApiKey, Mode::Iam],
        api_keys: vec![ApiKey { key: API_KEY.to_owned(), expires: SystemTime::now() + Duration::from_hours(7 * 24) }],
        iam_credentials: vec![credentials(), temporary_credentials()],
        tokens: Some(Arc::new(FakePool)),
        resolvers: std::collections::BTreeMap::new(),
        introspection: true,
        query_depth_limit: 0,
        resolver_count_limit: 10_000,
    }
}

pub(crate) fn credentials() -> Credentials {
    Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token: None,
        principal: Principal { arn: "arn:aws:iam::123456789012:user/backend".to_owned(), policy: None },
        username: "AIDAEXAMPLE".to_owned(),
        identity_pool: None,
    }
}

pub(crate) fn temporary_credentials() -> Credentials {
    Credentials {
        access_key_id: "ASIAEXAMPLE".to_owned(),
        session_token: Some("session-token".to_owned()),
        ..credentials()
    }
}

/// A user pool whose tokens are `token:<user>` or `token:<user>:<group>`.
struct FakePool;

impl VerifyToken for FakePool {
    fn verify(&self, token: &str, _: SystemTime) -> Result<UserPoolIdentity, TokenError> {
        let mut parts = token.strip_prefix("token:").ok_or(TokenError::Unreadable)?.split(':');
        let username = match parts.next().unwrap_or_default() {
            "expired" => return Err(TokenError::Expired),
            "forged" => return Err(TokenError::Untrusted),
            username => username.to_owned(),
        };
        let mut claims = Map::new();
        claims.insert("sub".to_owned(), json!(username));
        if let Some(group) = parts.next() {
            claims.insert("cognito:groups".to_owned(), json!([group]));
        }
        Ok(UserPoolIdentity { sub: username.clone(), issuer: "https://pool".to_owned(), username, claims })
    }
}

/// A request to sign.
pub(crate) struct Signing<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    pub(crate) at: SystemTime,
    pub(crate) credentials: Credentials,
}

impl Signing<'_> {
    pub(crate) fn headers(&self) -> HeaderMap {
        let Credentials { access_key_id, secret_access_key, session_token, .. } = self.credentials.clone();
        let credentials =
            aws_credential_types::Credentials::new(access_key_id, secret_access_key, session_token, None, "test");
        let given = [("content-type", "application/json;  charset=UTF-8")];
        let Self { method, url, body, region, service, at, .. } = *self;
        let signing = sigv4::Signing { method, url, given: &given, body, region, service, at, credentials };
        let mut headers = signing.headers();
        headers.insert(HOST, HeaderValue::from_static("localhost:4000"));
        headers
    }
}

pub(super) type Calls = Arc<Mutex<Vec<(String, String)>>>;

/// An API whose functions answer what the test says.
pub(super) struct TestApi {
    schema: String,
    pub(super) settings: Settings,
    functions: Vec<Function>,
    calls: Calls,
}

/// The answer of the API to one request.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {:.200}", self.text))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The messages of the errors.
    fn messages(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["message"].as_str().unwrap().to_owned()).collect()
    }
}

impl TestApi {
    pub(super) fn new(schema: &str) -> Self {
        Self { schema: schema.to_owned(), settings: settings(), functions: Vec::new(), calls: Calls::default() }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Open to the API key without any directives.
    pub(super) fn open(schema: &str) -> Self {
        Self::new(schema).with(|settings| settings.default_mode = Mode::ApiKey)
    }

    /// A function answers `field`, such as `Query.order`, with this JSON, after a while.
    pub(super) fn answers_after(mut self, field: &str, pause: Duration, json: &str) -> Self {
        let answer = RawValue::from_string(json.to_owned()).unwrap();
        let (name, calls) = (field.to_owned(), Arc::clone(&self.calls));
        let handler = move |event: LambdaEvent<Box<RawValue>>| {
            calls.lock().unwrap().push((name.clone(), event.payload.get().to_owned()));
            let (answer, name, calls) = (answer.clone(), name.clone(), Arc::clone(&calls));
            async move {
                tokio::time::sleep(pause).await;
                calls.lock().unwrap().push((format!("{name} done"), String::new()));
                Ok::<_, Diagnostic>(answer)
            }
        };
        self.functions.push(Function::new(field, Duration::from_mins(1), handler));
        self.attach(field)
    }

    pub(super) fn answers(self, field: &str, json: &str) -> Self {
        self.answers_after(field, Duration::ZERO, json)
    }

    /// A function answers `field` with a function error.
    pub(super) fn fails(mut self, field: &str, error_type: &str, error_message: &str) -> Self {
        let error = (error_type.to_owned(), error_message.to_owned());
        let handler = move |_: LambdaEvent<Box<RawValue>>| {
            let (error_type, error_message) = error.clone();
            async move { Err::<Value, _>(Diagnostic { error_type, error_message }) }
        };
        self.functions.push(Function::new(field, Duration::from_mins(1), handler));
        self.attach(field)
    }

    fn attach(mut self, field: &str) -> Self {
        let (type_name, name) = field.split_once('.').unwrap();
        self.settings.resolvers.insert((type_name.to_owned(), name.to_owned()), Resolver::of(field));
        self
    }

    /// A function answers `field` with what it makes of its event.
    pub(super) fn computes(mut self, field: &str, answer: fn(&Value) -> Value) -> Self {
        let handler = move |event: LambdaEvent<Value>| async move { Ok::<_, Diagnostic>(answer(&event.payload)) };
        self.functions.push(Function::new(field, Duration::from_mins(1), handler));
        self.attach(field)
    }

    pub(super) fn api(&self) -> Api {
        let functions = Functions::new(self.functions.iter().cloned());
        Api::load(&self.schema, self.settings.clone(), functions).unwrap()
    }

    fn router(&self) -> Router {
        self.api().router()
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: head.status, headers: head.headers, text: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// POSTs these bytes with the API key.
    async fn post_bytes(&self, body: impl Into<Vec<u8>>) -> Answer {
        let request = Request::post("/graphql").header("x-api-key", API_KEY);
        self.send(request.body(Body::from(body.into())).unwrap()).await
    }

    /// POSTs a query with the API key.
    async fn post(&self, query: &str) -> Answer {
        self.post_bytes(json!({"query": query}).to_string()).await
    }

    async fn post_with(&self, query: &str, variables: &Value) -> Answer {
        self.post_bytes(json!({"query": query, "variables": variables}).to_string()).await
    }

    /// The names of the functions that were called, and when they were done.
    pub(super) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().iter().map(|(name, _)| name.clone()).collect()
    }

    /// The text of the first event that a function got.
    fn event_text(&self) -> String {
        self.calls.lock().unwrap().first().expect("no function was called").1.clone()
    }

    pub(super) fn event(&self) -> Value {
        serde_json::from_str(&self.event_text()).unwrap()
    }
}
