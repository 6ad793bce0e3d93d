//! The files of the pages, which are part of the program: it runs from any directory, and asks nobody on the network.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use sha2::{Digest as _, Sha256};

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLES: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

/// What the page may load, and from where: from this server alone, and nothing that stands in the page itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// GraphiQL's editor writes styles and icons into the page.
const GRAPHIQL_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                               font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                               frame-ancestors 'none'";

macro_rules! page {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/page/", $name))
    };
}

macro_rules! vendored {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/page/graphiql/vendored/", $name))
    };
}

macro_rules! fixture {
    ($name:literal) => {
        ($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/", $name, "/1-request.json")))
    };
}

/// What a client sends to place orders of the fixtures, the first one being the first to be shown.
const SAMPLES: [(&str, &str); 9] = [
    fixture!("storefront"),
    fixture!("plain"),
    fixture!("shopify"),
    fixture!("woocommerce"),
    fixture!("schema.org"),
    fixture!("not-understood"),
    fixture!("exact"),
    fixture!("partial"),
    fixture!("refused"),
];

/// A file as it is served.
#[derive(Clone)]
struct File {
    content: Bytes,
    content_type: &'static str,
    /// Whether `content` is packed. It is served so to everybody: there is no browser that cannot unpack it.
    gzip: bool,
    policy: Option<&'static str>,
}

impl File {
    fn new(content_type: &'static str, content: &'static [u8]) -> Self {
        Self { content: Bytes::from_static(content), content_type, gzip: false, policy: None }
    }

    fn gzip(content_type: &'static str, content: &'static [u8]) -> Self {
        Self { gzip: true, ..Self::new(content_type, content) }
    }

    fn html(policy: &'static str, content: &'static [u8]) -> Self {
        Self { policy: Some(policy), ..Self::new(HTML, content) }
    }
}

pub(super) fn router() -> Router {
    let icon = File::new(SVG, page!("icon.svg"));
    let files = [
        ("/", File::html(POLICY, page!("index.html"))),
        ("/graphiql", File::html(GRAPHIQL_POLICY, page!("graphiql.html"))),
        // Browsers ask for this one unasked. That it is no ICO does not matter to them.
        ("/favicon.ico", icon.clone()),
        ("/page/icon.svg", icon),
        ("/page/style.css", File::new(STYLES, page!("style.css"))),
        ("/page/api.js", File::new(SCRIPT, page!("api.js"))),
        ("/page/caller.js", File::new(SCRIPT, page!("caller.js"))),
        ("/page/graphiql.js", File::new(SCRIPT, page!("graphiql.js"))),
        ("/page/html.js", File::new(SCRIPT, page!("html.js"))),
        ("/page/list.js", File::new(SCRIPT, page!("list.js"))),
        ("/page/order.js", File::new(SCRIPT, page!("order.js"))),
        ("/page/orders.js", File::new(SCRIPT, page!("orders.js"))),
        ("/page/page.js", File::new(SCRIPT, page!("page.js"))),
        ("/page/place.js", File::new(SCRIPT, page!("place.js"))),
        ("/page/realtime.js", File::new(SCRIPT, page!("realtime.js"))),
        ("/page/samples.json", samples()),
        ("/graphiql/vendored/graphiql.css", File::gzip(STYLES, vendored!("graphiql.css.gz"))),
        ("/graphiql/vendored/graphiql.js", File::gzip(SCRIPT, vendored!("graphiql.js.gz"))),
        ("/graphiql/vendored/react.js", File::gzip(SCRIPT, vendored!("react.js.gz"))),
        ("/graphiql/vendored/react-dom.js", File::gzip(SCRIPT, vendored!("react-dom.js.gz"))),
        ("/graphiql/vendored/LICENSES.txt", File::new(TEXT, vendored!("LICENSES.txt"))),
    ];
    files.into_iter().fold(Router::new(), |router, (path, file)| {
        let tag = tag(&file.content);
        router.route(path, get(async move |headers: HeaderMap| respond(&file, &tag, &headers)))
    })
}

/// The samples as one JSON array of `{ "name", "request" }`.
fn samples() -> File {
    let samples = SAMPLES.map(|(name, request)| format!(r#"{{"name":"{name}","request":{request}}}"#));
    File {
        content: format!("[{}]", samples.join(",")).into(),
        content_type: "application/json",
        gzip: false,
        policy: None,
    }
}

/// Names the content: as long as the tag is the same, so is the file.
fn tag(content: &[u8]) -> String {
    let mut half = [0; 16];
    half.copy_from_slice(&Sha256::digest(content)[..16]);
    format!("\"{:032x}\"", u128::from_be_bytes(half))
}

/// A browser keeps the file but asks each time whether it is still the same: another build is another page.
fn respond(file: &File, tag: &str, request: &HeaderMap) -> Response {
    let known = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    let is_known = known.flat_map(|tags| tags.split(',')).any(|known| known.trim().trim_start_matches("W/") == tag);
    let mut response = Response::new(Body::empty());
    let mut set = |name: HeaderName, value: &'static str| {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    };
    set(header::CACHE_CONTROL, "no-cache");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if let Some(policy) = file.policy {
        set(header::CONTENT_SECURITY_POLICY, policy);
        set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    }
    if !is_known {
        set(header::CONTENT_TYPE, file.content_type);
        if file.gzip {
            set(header::CONTENT_ENCODING, "gzip");
        }
    }
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        *response.body_mut() = Body::from(file.content.clone());
    }
    response
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use axum::http::Request;
    use serde_json::Value;
    use tower::ServiceExt as _;

    use super::*;

    async fn get(path: &str, known: Option<&HeaderValue>) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::builder().uri(path);
        if let Some(known) = known {
            request = request.header(header::IF_NONE_MATCH, known);
        }
        let response = router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        (head.status, head.headers, axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec())
    }

    #[tokio::test]
    async fn a_file_that_a_browser_knows_is_not_sent_again() {
        for path in ["/", "/graphiql", "/page/page.js", "/graphiql/vendored/graphiql.js", "/favicon.ico"] {
            let (status, headers, body) = get(path, None).await;
            assert_eq!((status, body.is_empty()), (StatusCode::OK, false), "{path}");
            assert_eq!(headers[header::CACHE_CONTROL], "no-cache");
            let tag = &headers[header::ETAG];
            let (status, headers, body) = get(path, Some(tag)).await;
            assert_eq!((status, body.is_empty(), &headers[header::ETAG]), (StatusCode::NOT_MODIFIED, true, tag));
            let weak = HeaderValue::from_str(&format!("\"other\", W/{}", tag.to_str().unwrap())).unwrap();
            assert_eq!(get(path, Some(&weak)).await.0, StatusCode::NOT_MODIFIED);
            assert_eq!(get(path, Some(&HeaderValue::from_static("\"other\""))).await.0, StatusCode::OK);
        }
    }

    #[tokio::test]
    async fn whatever_the_pages_name_is_there() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
        let mut named = Vec::new();
        for page in ["/", "/graphiql"] {
            let html = String::from_utf8(get(page, None).await.2).unwrap();
            let quoted = html.split('"').filter(|text| text.starts_with('/')).map(str::to_owned);
            named.extend(quoted.collect::<Vec<_>>());
        }
        for file in std::fs::read_dir(directory).unwrap().flatten() {
            if file.path().is_file() && file.path().extension().is_some_and(|extension| extension != "html") {
                named.push(format!("/page/{}", file.file_name().into_string().unwrap()));
            }
        }
        assert!(named.len() > 15, "{named:?}");
        for path in named {
            let (status, headers, _) = get(&path, None).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        }
        assert_eq!(get("/page/other.js", None).await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn a_page_loads_nothing_from_elsewhere_and_runs_nothing_that_stands_in_it() {
        for path in ["/", "/graphiql"] {
            let (_, headers, body) = get(path, None).await;
            let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.contains("default-src 'none'; script-src 'self';"), "{policy}");
            assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("http"), "{policy}");
            let html = String::from_utf8(body).unwrap();
            assert!(!html.contains("://") && !html.contains(" style=") && !html.contains(" onclick"), "{path}");
        }
    }

    #[tokio::test]
    async fn the_samples_are_orders_of_the_fixtures() {
        let (_, headers, body) = get("/page/samples.json", None).await;
        assert_eq!(headers[header::CONTENT_TYPE], "application/json");
        let samples: Vec<Value> = serde_json::from_slice(&body).unwrap();
        assert_eq!(samples.len(), SAMPLES.len());
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
        for sample in samples {
            let name = sample["name"].as_str().unwrap();
            let fixture = std::fs::read_to_string(fixtures.join(name).join("1-request.json")).unwrap();
            assert_eq!(sample["request"], serde_json::from_str::<Value>(&fixture).unwrap(), "{name}");
            assert!(sample["request"]["variables"]["input"].is_object(), "{name}");
        }
    }
}
