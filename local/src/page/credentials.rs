//! Credentials for the pages of this server: `POST /local/credentials`.
//!
//! There are no passwords on this machine, so all that protects an answer is who may ask: a page that this server has
//! served, on this machine. A page of another origin, or of a name that somebody has pointed at this machine (DNS
//! rebinding), gets nothing. What runs on this machine outside of a browser can pretend to be a page; it gets a token
//! that is good for minutes, and never the keys of backends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Page;
use crate::issuer::{NotAName, Unusable, Use, User};
use crate::net::{FETCH_SITE, is_loopback};

/// Largest body that is read; a name has 128 characters at most.
const BODY_LIMIT: usize = 4096;

/// The group whose members may see every order.
const STAFF: &str = "staff";

/// Who the page wants to be.
#[derive(Debug, Deserialize)]
#[serde(tag = "as", rename_all = "camelCase")]
enum Wish {
    Guest,
    Customer { name: String },
    Staff { name: String },
}

/// Why there are no credentials. The message is for whoever writes a page.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("Credentials are given to this machine only.")]
    Elsewhere,
    #[error("Credentials are given under the names of this machine only, such as 127.0.0.1 and localhost.")]
    Host,
    #[error("Credentials are given to pages of this server only.")]
    Origin,
    #[error("The body must be JSON, with content-type application/json.")]
    ContentType,
    #[error("The body must be {{\"as\": \"guest\"}}, or {{\"as\": \"customer\" or \"staff\", \"name\": …}}.")]
    Body,
    #[error("This cannot be a name: {0}.")]
    Name(#[from] NotAName),
    #[error("No token can be made: see the server's log.")]
    Key(#[from] Unusable),
    #[error("No token could be made: see the server's log.")]
    Internal(#[from] tokio::task::JoinError),
}

pub(super) fn router(page: Page) -> Router {
    Router::new().route("/local/credentials", post(serve)).with_state(Arc::new(page))
}

async fn serve(State(page): State<Arc<Page>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    match answer(page, &head, body).await {
        Ok(credentials) => respond(StatusCode::OK, &credentials),
        Err(refusal) => {
            let status = refusal.status();
            if status.is_server_error() {
                tracing::error!("a page got no credentials: {refusal:?}");
            }
            respond(status, &json!({ "message": refusal.to_string() }))
        }
    }
}

async fn answer(page: Arc<Page>, head: &Parts, body: Body) -> Result<Value, Refusal> {
    let peer = head.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
    may_ask(peer, &head.headers)?;
    let body = axum::body::to_bytes(body, BODY_LIMIT).await.map_err(|_| Refusal::Body)?;
    let wish = serde_json::from_slice(&body).map_err(|_| Refusal::Body)?;
    // Signing takes a while, and making the key even longer.
    tokio::task::spawn_blocking(move || credentials(&page, wish, SystemTime::now())).await?
}

/// Whether the sender is a page of this server in a browser on this machine. A browser lets no page choose these
/// headers, nor send this content type to another origin without asking that server first.
fn may_ask(peer: Option<SocketAddr>, headers: &HeaderMap) -> Result<(), Refusal> {
    if !peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback()) {
        return Err(Refusal::Elsewhere);
    }
    let host = only(headers, &header::HOST).filter(|host| is_loopback(host)).ok_or(Refusal::Host)?;
    let origin = only(headers, &header::ORIGIN).ok_or(Refusal::Origin)?;
    let is_own = ["http://", "https://"].iter().any(|scheme| origin.strip_prefix(scheme) == Some(host));
    // Browsers that do not send this one yet send the origin all the same.
    let is_same_site = headers.get_all(FETCH_SITE).iter().all(|site| site == "same-origin");
    if !is_own || !is_same_site {
        return Err(Refusal::Origin);
    }
    let content_type = only(headers, &header::CONTENT_TYPE).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(Refusal::ContentType) }
}

/// A header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())?.to_str().ok()
}

/// The API key for everybody; for customers and staff also a token, whose it is, and until when it is good, in
/// milliseconds since 1970.
fn credentials(page: &Page, wish: Wish, now: SystemTime) -> Result<Value, Refusal> {
    let Page { api_key, region, issuer, token_lifetime } = page;
    let (name, groups) = match wish {
        Wish::Guest => return Ok(json!({ "apiKey": api_key, "region": region })),
        Wish::Customer { name } => (name, Vec::new()),
        Wish::Staff { name } => (name, vec![STAFF.parse()?]),
    };
    let user = User { name: name.parse()?, groups };
    let seconds = token_lifetime.as_secs();
    let token = issuer.issue(&user, Use::Access, seconds, now)?;
    // A token counts whole seconds.
    let issued = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Ok(json!({
        "apiKey": api_key,
        "region": region,
        "token": token,
        "customerId": user.sub().to_string(),
        "expiresAt": (issued + seconds) * 1000,
    }))
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Elsewhere | Self::Host | Self::Origin => StatusCode::FORBIDDEN,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Body | Self::Name(_) => StatusCode::BAD_REQUEST,
            Self::Key(_) | Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Kept by nobody, and without the header that would let a page of another origin read it.
fn respond(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use axum::http::Method;
    use tempfile::TempDir;
    use tower::ServiceExt as _;

    use super::*;
    use crate::appsync::VerifyToken as _;
    use crate::issuer::{Issuer, Pool};

    const PEER: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 50_000);
    const GUEST: &str = r#"{"as": "guest", "name": null}"#;

    /// What a browser sends for a page of this server.
    const OWN: [(&str, &str); 4] = [
        ("host", "127.0.0.1:4000"),
        ("origin", "http://127.0.0.1:4000"),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/json"),
    ];

    struct Test {
        page: Page,
        _directory: TempDir,
    }

    impl Test {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let issuer = Issuer::new(Pool::at("http://127.0.0.1:4000/pool"), directory.path());
            let page = Page {
                api_key: "da2-key".to_owned(),
                region: "us-east-1".to_owned(),
                issuer,
                token_lifetime: Duration::from_mins(5),
            };
            Self { page, _directory: directory }
        }

        async fn send(
            &self,
            method: Method,
            peer: impl Into<SocketAddr>,
            headers: &[(&'static str, &str)],
            body: &str,
        ) -> (StatusCode, HeaderMap, Value) {
            let mut request = Request::builder().method(method).uri("/local/credentials");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let mut request = request.body(Body::from(body.to_owned())).unwrap();
            request.extensions_mut().insert(ConnectInfo(peer.into()));
            let response = router(self.page.clone()).oneshot(request).await.unwrap();
            let (head, body) = response.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            (head.status, head.headers, serde_json::from_slice(&body).unwrap_or_default())
        }

        /// Sends what the server's own page would, with this header in place of its own; none if there is no value.
        async fn with(&self, name: &'static str, value: Option<&str>) -> StatusCode {
            let others = OWN.into_iter().filter(|(other, _)| *other != name);
            let headers: Vec<_> = others.chain(value.map(|value| (name, value))).collect();
            let (status, headers, answer) = self.send(Method::POST, PEER, &headers, GUEST).await;
            assert_eq!(answer.get("apiKey").is_some(), status == StatusCode::OK, "{answer}");
            assert!(headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).is_none());
            status
        }
    }

    #[tokio::test]
    async fn a_page_of_this_server_gets_them() {
        let test = Test::new();
        let (status, headers, answer) = test.send(Method::POST, PEER, &OWN, GUEST).await;
        assert_eq!((status, &headers[header::CACHE_CONTROL]), (StatusCode::OK, &HeaderValue::from_static("no-store")));
        assert_eq!(answer, json!({ "apiKey": "da2-key", "region": "us-east-1" }));
        assert_eq!(test.with("sec-fetch-site", None).await, StatusCode::OK, "an older browser");
        for host in ["localhost:4000", "LOCALHOST", "[::1]:4000", "127.1.2.3:4000"] {
            for scheme in ["http", "https"] {
                let origin = format!("{scheme}://{host}");
                let headers = [("host", host), ("origin", &origin), OWN[2], OWN[3]];
                assert_eq!(test.send(Method::POST, PEER, &headers, GUEST).await.0, StatusCode::OK, "{origin}");
            }
        }
    }

    #[tokio::test]
    async fn nobody_else_does() {
        let test = Test::new();
        let origins = [
            "null",
            "http://evil.example",
            "http://127.0.0.1:4001",
            "http://localhost:4000",
            "http://127.0.0.1:4000.evil.example",
            "ftp://127.0.0.1:4000",
            "127.0.0.1:4000",
            "",
        ];
        for origin in origins.map(Some).into_iter().chain([None]) {
            assert_eq!(test.with("origin", origin).await, StatusCode::FORBIDDEN, "{origin:?}");
        }
        for site in ["cross-site", "same-site", "none", ""] {
            assert_eq!(test.with("sec-fetch-site", Some(site)).await, StatusCode::FORBIDDEN, "{site}");
        }
        assert_eq!(test.with("host", None).await, StatusCode::FORBIDDEN);
        let twice = [OWN[0], OWN[0], OWN[1], OWN[2], OWN[3]];
        assert_eq!(test.send(Method::POST, PEER, &twice, GUEST).await.0, StatusCode::FORBIDDEN);
        for content_type in [Some("text/plain"), Some("application/x-www-form-urlencoded"), None] {
            assert_eq!(test.with("content-type", content_type).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        let elsewhere: SocketAddr = "192.0.2.1:50000".parse().unwrap();
        assert_eq!(test.send(Method::POST, elsewhere, &OWN, GUEST).await.0, StatusCode::FORBIDDEN);
        for method in [Method::GET, Method::PUT, Method::OPTIONS, Method::HEAD] {
            let (status, headers, _) = test.send(method.clone(), PEER, &OWN, GUEST).await;
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
            assert!(headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).is_none());
        }
    }

    #[tokio::test]
    async fn a_name_that_is_pointed_at_this_machine_is_none_of_its_own() {
        let test = Test::new();
        for host in [
            "evil.example:4000",
            "localhost.evil.example",
            "evil@127.0.0.1.example",
            "127.0.0.1.nip.example",
            "10.0.0.1",
        ] {
            let origin = format!("http://{host}");
            let headers = [("host", host), ("origin", &origin), OWN[2], OWN[3]];
            assert_eq!(test.send(Method::POST, PEER, &headers, GUEST).await.0, StatusCode::FORBIDDEN, "{host}");
        }
    }

    #[tokio::test]
    async fn a_token_is_good_for_minutes_and_says_who_somebody_is() {
        let test = Test::new();
        for (wish, groups) in [("customer", &[][..]), ("staff", &["staff"])] {
            let body = json!({ "as": wish, "name": "alice" }).to_string();
            let (status, _, answer) = test.send(Method::POST, PEER, &OWN, &body).await;
            assert_eq!(status, StatusCode::OK, "{answer}");
            let token = answer["token"].as_str().unwrap();
            let now = SystemTime::now();
            let user = test.page.issuer.verify(token, now).unwrap();
            assert_eq!((user.username.as_str(), user.groups().collect::<Vec<_>>()), ("alice", groups.to_vec()));
            assert_eq!(answer["customerId"], user.sub);
            assert_eq!(answer["expiresAt"].as_u64().unwrap(), user.claims["exp"].as_u64().unwrap() * 1000);
            assert!(test.page.issuer.verify(token, now + Duration::from_secs(290)).is_ok());
            assert!(test.page.issuer.verify(token, now + Duration::from_secs(301)).is_err());
            let mut names: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, ["apiKey", "customerId", "expiresAt", "region", "token"], "and no key of a backend");
        }
    }

    #[tokio::test]
    async fn what_it_does_not_understand_it_refuses() {
        let test = Test::new();
        let long = json!({ "as": "staff", "name": "x".repeat(BODY_LIMIT) }).to_string();
        let bodies =
            ["", "{}", "[]", r#"{"as": "backend"}"#, r#"{"as": "staff"}"#, r#"{"as": "staff", "name": "a b"}"#, &long];
        for body in bodies {
            let (status, _, answer) = test.send(Method::POST, PEER, &OWN, body).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {answer}");
            assert!(answer["message"].is_string() && answer.get("token").is_none());
        }
    }
}
