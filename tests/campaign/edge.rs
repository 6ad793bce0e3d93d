//! An HTTP server that stands in for another one, and can do to its callers what a network does.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode, request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Longer than anybody waits for an answer.
pub(crate) const FOREVER: Duration = Duration::from_mins(1);

/// A request, read to its end.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    method: axum::http::Method,
}

/// An answer; none: the connection is reset.
pub(crate) type Answer = Option<(StatusCode, HeaderMap, Bytes)>;

/// An answer that is nothing but a status and a text.
#[expect(clippy::unnecessary_wraps, reason = "it stands beside a reset")]
pub(crate) fn answer(status: u16, body: impl Into<Bytes>) -> Answer {
    Some((StatusCode::from_u16(status).expect("a status"), HeaderMap::new(), body.into()))
}

/// Serves on a free port, as one of these tasks. Returns where.
pub(crate) async fn serve<F>(
    tasks: &mut JoinSet<()>,
    answers: impl Fn(Asked) -> F + Clone + Send + Sync + 'static,
) -> SocketAddr
where
    F: Future<Output = Answer> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let Ok((connection, _)) = listener.accept().await else { continue };
            connections.spawn(converse(connection, answers.clone()));
            while connections.try_join_next().is_some() {}
        }
    });
    address
}

async fn converse<F>(connection: TcpStream, answers: impl Fn(Asked) -> F + Clone)
where
    F: Future<Output = Answer>,
{
    // Whoever is hung up on is told so by a reset.
    connection.set_zero_linger().expect("an open connection");
    connection.set_nodelay(true).expect("an open connection");
    let service = service_fn(move |request: Request<Incoming>| {
        let answers = answers.clone();
        async move {
            let (request::Parts { method, uri, headers, .. }, body) = request.into_parts();
            let body = to_bytes(Body::new(body), usize::MAX).await?;
            let asked = Asked { path: uri.path().to_owned(), headers, body, method };
            let (status, mut headers, body) = answers(asked).await.ok_or_else(|| axum::Error::new(Reset))?;
            headers.remove("content-length");
            headers.remove("transfer-encoding");
            let mut response = Response::new(Body::from(body));
            (*response.status_mut(), *response.headers_mut()) = (status, headers);
            Ok::<_, axum::Error>(response)
        }
    });
    // An error is a connection that ended, by our doing or the caller's.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(connection), service).await;
}

#[derive(Debug, thiserror::Error)]
#[error("reset on purpose")]
struct Reset;

/// The server behind an edge.
#[derive(Clone)]
pub(crate) struct Upstream {
    client: Client<HttpConnector, Body>,
    authority: Arc<str>,
}

impl Upstream {
    pub(crate) fn at(address: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, authority: address.to_string().into() }
    }

    /// Hands a request on, as it came: its host is signed.
    pub(crate) async fn ask(&self, asked: Asked) -> Answer {
        let upstream = self.clone();
        // A task of its own: what has been handed on has its effect, even if whoever asked is gone.
        let asking = tokio::spawn(async move {
            let Asked { path, headers, body, method } = asked;
            let mut request = Request::new(Body::from(body));
            *request.method_mut() = method;
            *request.uri_mut() = format!("http://{}{path}", upstream.authority).parse().ok()?;
            *request.headers_mut() = headers;
            // The body may be another by now.
            request.headers_mut().remove("content-length");
            let response = upstream.client.request(request).await.ok()?;
            let (parts, body) = response.into_parts();
            let body = to_bytes(Body::new(body), usize::MAX).await.ok()?;
            Some((parts.status, parts.headers, body))
        });
        asking.await.ok().flatten()
    }
}

/// A request of our own.
pub(crate) fn post(path: &str, headers: HeaderMap, body: String) -> Asked {
    Asked { path: path.to_owned(), headers, body: body.into(), method: axum::http::Method::POST }
}

/// Whether the status says that all went well.
pub(crate) fn is_ok(answer: &Answer) -> bool {
    answer.as_ref().is_some_and(|(status, ..)| status.is_success())
}

/// Never comes back.
pub(crate) async fn silence() -> Result<Infallible, tokio::time::error::Elapsed> {
    tokio::time::timeout(FOREVER, std::future::pending()).await
}
