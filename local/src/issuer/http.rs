//! Where clients find the public key, as Cognito serves it: no credentials, from any page.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use super::Issuer;
use super::jwt::ALGORITHM;
use super::key::Key;
use crate::machine::USER_POOL;

const KEYS: &str = "/.well-known/jwks.json";
const CONFIGURATION: &str = "/.well-known/openid-configuration";

pub(super) fn router(issuer: Issuer) -> Router {
    Router::new()
        .route(&format!("/{USER_POOL}{KEYS}"), get(keys))
        .route(&format!("/{USER_POOL}{CONFIGURATION}"), get(configuration))
        .with_state(issuer)
}

/// Source: RFC 7517, "JWK Set Format". Whoever asks first may have to wait until the key is made.
async fn keys(State(issuer): State<Issuer>) -> Response {
    let key = tokio::task::spawn_blocking(move || issuer.keys.get_or_make().map(Key::jwk));
    match key.await {
        Ok(Ok(key)) => respond(StatusCode::OK, &json!({ "keys": [key] })),
        Ok(Err(unusable)) => {
            tracing::error!("{unusable}");
            unavailable()
        }
        Err(error) => {
            tracing::error!("the user pool's key was not made: {error}");
            unavailable()
        }
    }
}

/// What there is of `OpenID` Connect Discovery: this pool has no page to sign in on and no endpoint for tokens.
async fn configuration(State(issuer): State<Issuer>) -> Response {
    let Issuer { pool, .. } = issuer;
    let configuration = json!({
        "issuer": pool.issuer,
        "jwks_uri": format!("{}{KEYS}", pool.issuer),
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "subject_types_supported": ["public"],
    });
    respond(StatusCode::OK, &configuration)
}

fn unavailable() -> Response {
    respond(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "message": "The key cannot be read: see the server's log." }))
}

fn respond(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, Method, Request};
    use tempfile::TempDir;
    use tower::ServiceExt as _;

    use super::super::Pool;
    use super::super::key::FILE;
    use super::*;

    struct Test {
        issuer: Issuer,
        directory: TempDir,
    }

    impl Test {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let pool = Pool::at(&format!("http://127.0.0.1:4000/{USER_POOL}"));
            Self { issuer: Issuer::new(pool, directory.path()), directory }
        }

        async fn send(&self, method: Method, path: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
            let uri = format!("/{USER_POOL}{path}");
            let request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
            let (head, body) = self.issuer.router().oneshot(request).await.unwrap().into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            (head.status, head.headers, body.to_vec())
        }
    }

    #[tokio::test]
    async fn the_configuration_leads_to_the_keys() {
        let test = Test::new();
        let (status, headers, body) = test.send(Method::GET, CONFIGURATION).await;
        assert_eq!((status, &headers["access-control-allow-origin"]), (StatusCode::OK, &HeaderValue::from_static("*")));
        let configuration: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(configuration["issuer"], test.issuer.pool.issuer);
        assert_eq!(configuration["jwks_uri"], format!("{}{KEYS}", test.issuer.pool.issuer));
        assert!(test.issuer.keys.get().unwrap().is_none(), "that takes no key");

        let (status, headers, body) = test.send(Method::GET, KEYS).await;
        assert_eq!((status, &headers["access-control-allow-origin"]), (StatusCode::OK, &HeaderValue::from_static("*")));
        let keys: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(keys, json!({ "keys": [test.issuer.keys.get().unwrap().unwrap().jwk()] }));
    }

    #[tokio::test]
    async fn they_can_only_be_read() {
        let test = Test::new();
        for path in [KEYS, CONFIGURATION] {
            let (status, _, body) = test.send(Method::HEAD, path).await;
            assert_eq!((status, body), (StatusCode::OK, Vec::new()));
            for method in [Method::POST, Method::PUT, Method::DELETE] {
                assert_eq!(test.send(method, path).await.0, StatusCode::METHOD_NOT_ALLOWED);
            }
        }
        assert_eq!(test.send(Method::GET, "/.well-known").await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn a_damaged_key_is_an_error() {
        let test = Test::new();
        std::fs::write(test.directory.path().join(FILE), "damaged").unwrap();
        let (status, headers, _) = test.send(Method::GET, KEYS).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(headers["access-control-allow-origin"], "*");
    }
}
