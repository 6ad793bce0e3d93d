//! One connection, from the end of its handshake to its own: reads, writes and keeps time.
//!
//! How connections end, besides the client's leaving:
//!
//! | when | how |
//! | --- | --- |
//! | it has lasted 24 hours | closed with 1000, as AppSync does |
//! | `connection_terminate` | closed with 1000 |
//! | credentials are bad, or `graphql-ws` is not offered | `connection_error`, then closed with 1000 |
//! | a message is too large | closed with 1009 |
//! | a frame is against the protocol | closed with 1002 |
//! | nothing was asked for within 5 minutes | closed with 1000 |
//! | the peer has not answered a ping for 5 minutes: half-open | dropped |
//! | the client does not take a message for 30 seconds, or 4 MiB or 4,096 messages wait for it | dropped |
//!
//! Of these AppSync documents the lifetime and `connection_error`. Expiry of the credentials ends nothing: they are
//! looked at when connecting and at each `start`, as with AppSync.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::message::{self, CONNECTION_TIMEOUT_SECONDS, ClientMessage, ErrorEntry, Fault};
use super::outbox::Outgoing;
use super::session::Session;
use super::start::start;

/// How long a connection may last. Source: AppSync developer guide, "Building a real-time WebSocket client".
const LIFETIME: Duration = Duration::from_hours(24);

/// How often `ka` is sent: clients grow impatient after 65 seconds.
const KEEP_ALIVE: Duration = Duration::from_mins(1);

/// How long a peer may be silent, pings included, and a client may ask for nothing.
const SILENCE: Duration = Duration::from_secs(CONNECTION_TIMEOUT_SECONDS);

/// How long one message may take to be taken by the client's side of the connection.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the peer may take to answer a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a client that is refused may take to ask, before it is told all the same.
const ASK_TIMEOUT: Duration = Duration::from_millis(500);

/// Largest message of a client. A token of a user pool has a few KB, a subscription's document too.
const MESSAGE_LIMIT: usize = 128 * 1024;

/// Longest frame that is sent: a longer message is sent in several. What a connection has once written it keeps
/// memory for, and a large event may go to thousands.
const FRAME_LIMIT: usize = 16 * 1024;

/// How a connection is set up: with little memory, because most are idle.
pub(super) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_message_size(Some(MESSAGE_LIMIT))
        .max_frame_size(Some(MESSAGE_LIMIT))
}

/// Why a connection is over.
enum End {
    /// The peer is gone, or there is no use in telling it anything.
    Dropped(&'static str),
    /// It is told.
    Close(CloseCode, &'static str),
}

impl End {
    fn reason(&self) -> &'static str {
        let (Self::Dropped(reason) | Self::Close(_, reason)) = self;
        reason
    }
}

/// Tells why the connection is refused, and closes it.
pub(super) async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: WebSocketStream<S>,
    why: message::ConnectionError,
) {
    // A client that begins to listen only once the socket is open would miss what comes along with the handshake, and
    // connect again and again: aws-appsync-subscription-link, now and then. So it is told when it asks.
    let asked = timeout(ASK_TIMEOUT, socket.next()).await.is_ok();
    let told = timeout(WRITE_TIMEOUT, socket.send(Message::text(why.message()))).await;
    if matches!(told, Ok(Ok(()))) {
        // Whoever asks late, before reading anything, would see no more than a closed connection.
        if !asked && timeout(CLOSE_TIMEOUT, socket.next()).await.is_err() {
            tracing::debug!("a refused client says nothing");
        }
        close(socket, CloseCode::Normal, "").await;
    }
}

/// Serves the connection until it is over.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>, session: Arc<Session>) {
    // Also when this task is dropped in the middle, as it is when the server ends.
    let guard = EndOnDrop(&session);
    let end = converse(&mut socket, &session).await;
    tracing::debug!(subscriptions = session.count(), reason = end.reason(), "a connection ends");
    if let End::Close(..) = end {
        // What was said before the end should arrive.
        while let Some(message) = session.next() {
            if write(&mut socket, &session, message).await.is_err() {
                break;
            }
        }
    }
    drop(guard);
    if let End::Close(code, reason) = end {
        close(socket, code, reason).await;
    }
}

struct EndOnDrop<'a>(&'a Session);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

async fn close<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>, code: CloseCode, reason: &str) {
    let closing = async {
        if socket.close(Some(CloseFrame { code, reason: reason.into() })).await.is_ok() {
            // Until the peer has closed too: otherwise what was just sent may be lost.
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    if timeout(CLOSE_TIMEOUT, closing).await.is_err() {
        tracing::debug!("a client does not answer a close");
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>, session: &Arc<Session>) -> End {
    let lifetime = sleep(LIFETIME);
    tokio::pin!(lifetime);
    let mut keep_alive = interval(KEEP_ALIVE);
    keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    keep_alive.reset();
    let connected = Instant::now();
    let mut heard = connected;
    let mut asked = false;
    loop {
        tokio::select! {
            () = &mut lifetime => return End::Close(CloseCode::Normal, "the connection has lasted 24 hours"),
            () = session.overflow() => return End::Dropped("the client reads too slowly"),
            () = session.ready() => {
                if let Some(message) = session.next() && let Err(end) = write(socket, session, message).await {
                    return end;
                }
            }
            _ = keep_alive.tick() => {
                if heard.elapsed() >= SILENCE {
                    return End::Dropped("the client does not answer pings");
                }
                if asked {
                    session.send(message::KEEP_ALIVE);
                } else if connected.elapsed() >= SILENCE {
                    return End::Close(CloseCode::Normal, "nothing was asked for");
                }
                if let Err(end) = ping(socket, session).await {
                    return end;
                }
            }
            frame = socket.next() => {
                heard = Instant::now();
                let text = match frame {
                    None => return End::Dropped("the client is gone"),
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Binary(_))) => {
                        let error = ErrorEntry::bad_request("A message must be sent as text.");
                        session.send(message::error(None, &[error]));
                        continue;
                    }
                    Some(Ok(Message::Close(_))) => return End::Close(CloseCode::Normal, "the client closes it"),
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                    Some(Err(error)) => return broken(&error),
                };
                match ClientMessage::parse(&text) {
                    Ok(ClientMessage::Init) => {
                        session.send(message::CONNECTION_ACK);
                        session.send(message::KEEP_ALIVE);
                        keep_alive.reset();
                        asked = true;
                    }
                    Ok(ClientMessage::Start { id, payload }) => {
                        start(session, &id, payload);
                        asked = true;
                    }
                    Ok(ClientMessage::Stop { id }) => session.stop(&id),
                    Ok(ClientMessage::Terminate) => return End::Close(CloseCode::Normal, "as asked for"),
                    Ok(ClientMessage::Unknown) => tracing::debug!("a message of an unknown type is ignored"),
                    Err(Fault { id, error }) => session.send(message::error(id.as_ref(), &[error])),
                }
            }
        }
    }
}

fn broken(error: &Error) -> End {
    tracing::debug!("a connection breaks: {error}");
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            End::Close(CloseCode::Size, "a message is larger than 128 KiB")
        }
        Error::Protocol(_) => End::Close(CloseCode::Protocol, "a frame is against the protocol"),
        Error::Utf8(_) => End::Close(CloseCode::Invalid, "a text is not UTF-8"),
        _ => End::Dropped("the client is gone"),
    }
}

/// Whether the peer is still there: whoever speaks WebSocket answers a ping, without its application knowing.
async fn ping<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    session: &Session,
) -> Result<(), End> {
    let sent = socket.send(Message::Ping(Bytes::new()));
    within_time(session, sent).await
}

async fn write<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    session: &Session,
    message: Outgoing,
) -> Result<(), End> {
    let sent = async {
        match message {
            Outgoing::Message(text) => socket.send(Message::Text(text)).await,
            Outgoing::Data { id, payload } => {
                let (before, after) = message::around_data(&id);
                if payload.len() <= FRAME_LIMIT {
                    let whole = [before.as_str(), payload.as_str(), after].concat();
                    return socket.send(Message::text(whole)).await;
                }
                let mut payload = Bytes::from(payload);
                let frame = |data: Bytes, kind, last| Message::Frame(Frame::message(data, OpCode::Data(kind), last));
                socket.send(frame(before.into(), Data::Text, false)).await?;
                while !payload.is_empty() {
                    let part = payload.split_to(payload.len().min(FRAME_LIMIT));
                    socket.send(frame(part, Data::Continue, false)).await?;
                }
                socket.send(frame(Bytes::from_static(after.as_bytes()), Data::Continue, true)).await
            }
        }
    };
    within_time(session, sent).await
}

async fn within_time(session: &Session, sent: impl Future<Output = Result<(), Error>>) -> Result<(), End> {
    tokio::select! {
        sent = timeout(WRITE_TIMEOUT, sent) => match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(broken(&error)),
            Err(_) => Err(End::Dropped("the client does not read")),
        },
        () = session.overflow() => Err(End::Dropped("the client reads too slowly")),
    }
}
