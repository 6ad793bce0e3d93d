//! From an HTTP request to a WebSocket: what is checked, what is answered, and who takes over.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::super::Api;
use super::super::http::source_ips;
use super::connection;
use super::credentials::{ConnectCredentials, PROTOCOL, protocols};
use super::message::ConnectionError;
use super::session::Session;

/// Whether a request asks for a WebSocket.
pub(in super::super) fn is_wanted(request: &Request) -> bool {
    let upgrade = request.headers().get(header::UPGRADE).and_then(|upgrade| upgrade.to_str().ok());
    request.method() == Method::GET && upgrade.is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"))
}

/// Answers a handshake. It succeeds whether or not the client is let in: a browser's page learns nothing of an HTTP
/// status, but reads the `connection_error` that follows.
pub(in super::super) fn answer(api: Api, request: Request) -> Response {
    let (mut head, _) = request.into_parts();
    let Some(upgrade) = head.extensions.remove::<OnUpgrade>() else {
        return bad_request("This connection cannot become a WebSocket.");
    };
    let peer = head.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
    let request = Request::from_parts(head, ());
    let mut response = match create_response(&request) {
        Ok(response) => response.map(|()| Body::empty()),
        Err(error) => {
            tracing::debug!("a handshake is refused: {error}");
            return bad_request("This is the real-time endpoint: it takes WebSockets of version 13.");
        }
    };
    let offered = protocols(request.headers()).any(|name| name == PROTOCOL);
    if offered {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    }
    let admitted = if offered { admit(&api, &request) } else { Err(ConnectionError::NoProtocol) };
    let session = admitted.map(|()| Arc::new(Session::new(api, source_ips(request.headers(), peer))));
    tokio::spawn(async move {
        let stream = match upgrade.await {
            Ok(upgraded) => TokioIo::new(upgraded),
            Err(error) => {
                tracing::debug!("a client left during the handshake: {error}");
                return;
            }
        };
        let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(connection::config())).await;
        match session {
            Ok(session) => connection::serve(socket, session).await,
            Err(why) => connection::refuse(socket, why).await,
        }
    });
    response
}

fn admit(api: &Api, request: &Request<()>) -> Result<(), ConnectionError> {
    let query = request.uri().query().unwrap_or_default();
    let credentials = ConnectCredentials::of(query, request.headers()).map_err(|_| {
        tracing::debug!("a connection is refused: its credentials cannot be read");
        ConnectionError::Malformed
    })?;
    let caller = credentials.caller(&api.settings, SystemTime::now()).map_err(|refusal| {
        tracing::debug!("a connection is refused: {refusal}");
        ConnectionError::Unauthorized
    })?;
    tracing::debug!(caller = ?caller.mode(), "a connection begins");
    Ok(())
}

fn bad_request(message: &str) -> Response {
    let body = serde_json::json!({"errors": [{"errorType": "BadRequestException", "message": message}]});
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    response
}
