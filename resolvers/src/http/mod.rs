//! The one HTTP connector of a Lambda: DynamoDB, AppSync, Secrets Manager and the warehouse share its
//! connections and its TLS.
//!
//! TLS is rustls on ring. The SDK's default, aws-lc, collects jitter entropy at its first random number, which costs
//! tens of milliseconds of CPU in a cold Lambda and hundreds of milliseconds of wall time at a small memory size.

mod connector;
mod trust;

use std::time::Duration;

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use crate::environment::{Environment, EnvironmentError};
use crate::error::with_causes;
use connector::Connector;

/// How long a function's start may wait for a connection.
const OPEN_TIMEOUT: Duration = Duration::from_secs(1);

/// An HTTP client. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct HttpClient {
    connector: SharedHttpConnector,
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// The body, at most as long as was asked for.
    pub body: Vec<u8>,
    /// Whether the body was longer.
    pub truncated: bool,
}

/// No answer came.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The request could not be made from these parts.
    #[error("the request cannot be made: {0}")]
    Request(String),
    /// No connection, or it broke.
    #[error("no answer: {0}")]
    Transport(String),
    /// It took too long.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
}

impl HttpClient {
    /// A client with a pool of connections of its own. It trusts the authorities that browsers trust, or those in the
    /// file that `AWS_CA_BUNDLE` names.
    ///
    /// # Errors
    /// If that file cannot be used.
    pub fn new(environment: &Environment) -> Result<Self, EnvironmentError> {
        let connector = Connector::new(trust::tls(environment)?);
        Ok(Self { connector: SharedHttpConnector::new(connector) })
    }

    /// Opens a connection by a request whose answer does not matter. That none can be opened is no error yet: whoever
    /// needs one tries again.
    pub async fn open(&self, request: http::Request<String>) {
        let opened = tokio::time::timeout(OPEN_TIMEOUT, self.attempt(&request, 0)).await;
        match opened {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "not connected in advance"),
            Err(_) => tracing::debug!("not connected in advance within {OPEN_TIMEOUT:?}"),
        }
    }

    /// The same connections for an AWS SDK client, which brings its own retries and timeouts.
    #[must_use]
    pub fn for_sdk(&self) -> SharedHttpClient {
        let connector = self.connector.clone();
        http_client_fn(move |_, _| connector.clone())
    }

    /// Sends a request, and once more if the first attempt had no answer at all: a pooled connection may have died
    /// while the Lambda was frozen. So only for requests that may arrive twice.
    ///
    /// `timeout` is for all of it; at most `limit` bytes of the body are kept, and the rest is dropped.
    ///
    /// # Errors
    /// If there was no answer. An answer with any status is an answer.
    pub async fn send(
        &self,
        request: &http::Request<String>,
        timeout: Duration,
        limit: usize,
    ) -> Result<Answer, HttpError> {
        let attempts = async {
            match self.attempt(request, limit).await {
                Err(HttpError::Transport(_)) => self.attempt(request, limit).await,
                other => other,
            }
        };
        tokio::time::timeout(timeout, attempts).await.unwrap_or(Err(HttpError::Timeout(timeout)))
    }

    async fn attempt(&self, request: &http::Request<String>, limit: usize) -> Result<Answer, HttpError> {
        let request = HttpRequest::try_from(request.clone().map(SdkBody::from))
            .map_err(|error| HttpError::Request(error.to_string()))?;
        let transport = |error: &dyn std::error::Error| HttpError::Transport(with_causes(error));
        let response = self.connector.call(request).await.map_err(|error| transport(&error))?;
        let status = response.status().as_u16();
        let mut chunks = ByteStream::new(response.into_body());
        let (mut body, mut truncated) = (Vec::new(), false);
        // Read to the end even past the limit, or the connection could not be used again.
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| transport(&error))?;
            let kept = chunk.len().min(limit - body.len());
            truncated |= kept < chunk.len();
            body.extend_from_slice(&chunk[..kept]);
        }
        Ok(Answer { status, body, truncated })
    }
}
