//! Stands in for DynamoDB and AppSync: over TLS, at `https://localhost`, with answers that are always the same.

use std::fs;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use local::tls::{Options, Tls};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::events::ITEM;

/// Where Linux keeps the authorities that it trusts: Debian, and Amazon Linux.
const SYSTEM_ROOTS: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// A running stand-in.
pub(crate) struct Edge {
    port: u16,
    authority: PathBuf,
    authorities: PathBuf,
    _directory: TempDir,
}

impl Edge {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory for temporary files");
        let options = Options { tls: true, tls_port: None, tls_cert: None, tls_key: None };
        let tls = Tls::of(&options, directory.path()).expect("a certificate").expect("which was asked for");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let listener = tls.on(listener);
        let router = Router::new().route("/", get(async || "healthy").post(dynamodb)).route("/graphql", post(appsync));
        tokio::spawn(async move { axum::serve(listener, router).await });

        let authority = tls.addresses(port).ca_file.expect("an authority of its own");
        let authorities = directory.path().join("with-those-of-the-system.pem");
        let system = SYSTEM_ROOTS.iter().find(|path| Path::new(path).exists());
        let system = system.expect("the authorities that Linux trusts: install ca-certificates");
        let pem = [fs::read(system), fs::read(&authority)].map(|read| read.expect("a file in PEM")).concat();
        fs::write(&authorities, pem).expect("a file in PEM");
        Self { port, authority, authorities, _directory: directory }
    }

    /// What a function must be told of it. Programs that would load the authorities of the system find them, and the
    /// stand-in's, where the system's would be.
    pub(crate) fn environment(&self) -> [(&'static str, String); 5] {
        let path = |path: &Path| path.to_str().expect("a path that is text").to_owned();
        [
            ("AWS_ENDPOINT_URL_DYNAMODB", format!("https://localhost:{}", self.port)),
            ("APPSYNC_URL", format!("https://localhost:{}/graphql", self.port)),
            ("AWS_CA_BUNDLE", path(&self.authority)),
            ("NODE_EXTRA_CA_CERTS", path(&self.authority)),
            ("SSL_CERT_FILE", path(&self.authorities)),
        ]
    }
}

async fn dynamodb(headers: HeaderMap, body: String) -> impl IntoResponse {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let answer = match target.rsplit('.').next().unwrap_or_default() {
        "GetItem" if body.contains("\"orders\"") => format!(r#"{{"Item":{ITEM}}}"#),
        "Query" => json!({ "Items": [], "Count": 0, "ScannedCount": 0 }).to_string(),
        "UpdateItem" => json!({ "Attributes": pointer(&body) }).to_string(),
        _ => "{}".to_owned(),
    };
    ([(header::CONTENT_TYPE, "application/x-amz-json-1.0")], answer)
}

/// The pointer to an order that is put off, as it is then.
fn pointer(request: &str) -> Value {
    let request: Value = serde_json::from_str(request).expect("JSON");
    json!({
        "shard": request["Key"]["shard"], "orderId": request["Key"]["orderId"], "reason": { "S": "RETRY" },
        "since": { "S": "2026-01-31T12:00:01.000Z" }, "attempts": { "N": "1" }, "version": { "N": "1" },
        "retryingSince": { "S": "2026-01-31T12:00:01.000Z" }, "next": { "S": "2026-01-31T12:01:01.000Z" },
        "question": { "N": "0" }, "error": { "S": "a report is not announced yet" },
    })
}

async fn appsync() -> impl IntoResponse {
    let order = json!({ "status": "FULFILLED" });
    axum::Json(json!({ "data": { "publishOrderFulfilled": order, "publishOrderChanged": order } }))
}
