//! The connector itself: hyper for HTTP/1.1, rustls on ring for TLS, and one pool of connections.
//!
//! `aws-smithy-http-client` has such a connector too. It takes roots only as PEM, or those of the system, which are read
//! and parsed at each start; and it brings HTTP/2, which DynamoDB does not speak.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use http::Uri;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::{CaptureConnection, HttpConnector as TcpConnector, capture_connection};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use tower::Service;

/// How long a TCP and TLS handshake may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Sends what an AWS SDK client, or [`HttpClient`](super::HttpClient), has to send.
pub(super) struct Connector {
    client: Client<InTime, SdkBody>,
}

impl Connector {
    /// A connector with a pool of its own, which trusts what that configuration trusts.
    pub(super) fn new(tls: ClientConfig) -> Self {
        let mut tcp = TcpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let mut client = Client::builder(TokioExecutor::new());
        // Without a timer, connections that were idle for long would be used again.
        client.pool_timer(TokioTimer::new());
        Self { client: client.build(InTime(HttpsConnector::from((tcp, tls)))) }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let connection = capture_connection(&mut request);
        if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
            capture.set_connection_retriever(move || metadata(&connection));
        }
        let response = self.client.request(request);
        HttpConnectorFuture::new(async move {
            let response = response.await.map_err(connector_error)?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// What the SDK knows of a connection: how to have it used no more after an error that may be its fault.
fn metadata(connection: &CaptureConnection) -> Option<ConnectionMetadata> {
    connection.connection_metadata().as_ref()?;
    let connection = connection.clone();
    let poison = move || {
        if let Some(connected) = connection.connection_metadata().as_ref() {
            connected.poison();
        }
    };
    Some(ConnectionMetadata::builder().proxied(false).poison_fn(poison).build())
}

/// What went wrong, in the terms by which the SDK decides whether to try again.
fn connector_error(error: ClientError) -> ConnectorError {
    let kind = {
        let io = has::<std::io::Error>(&error);
        match source::<hyper::Error>(&error) {
            _ if has::<ConnectTimedOut>(&error) => ConnectorError::timeout,
            Some(hyper) if hyper.is_timeout() => ConnectorError::timeout,
            Some(hyper) if hyper.is_user() => ConnectorError::user,
            Some(hyper) if io || hyper.is_closed() || hyper.is_canceled() => ConnectorError::io,
            // The other side went away in the middle of its answer.
            Some(hyper) if hyper.is_incomplete_message() => {
                |error| ConnectorError::other(error, Some(ErrorKind::TransientError))
            }
            None if io || error.is_connect() => ConnectorError::io,
            _ => |error: BoxError| ConnectorError::other(error, None),
        }
    };
    kind(error.into())
}

fn has<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    source::<E>(error).is_some()
}

/// The first error of that type among this error and its causes.
fn source<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Connections that are there in time, or not at all.
#[derive(Clone)]
struct InTime(HttpsConnector<TcpConnector>);

#[derive(Debug, thiserror::Error)]
#[error("no connection within {CONNECT_TIMEOUT:?}")]
struct ConnectTimedOut;

impl Service<Uri> for InTime {
    type Response = <HttpsConnector<TcpConnector> as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async {
            tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or(Err(ConnectTimedOut.into()))
        })
    }
}
