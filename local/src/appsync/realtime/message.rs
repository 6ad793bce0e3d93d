//! The messages of the real-time protocol, one JSON object in each text frame.
//!
//! Source: AppSync developer guide, "Building a real-time WebSocket client", and what its clients recorded. No type of
//! message is sent but those: some clients end the connection at one that they do not know.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What a client calls one of its subscriptions: JSON text, which is echoed as it came.
pub(super) type Id = Arc<str>;

/// How long a client may wait for the next message, `ka` or another, before it should take the connection for dead.
pub(super) const CONNECTION_TIMEOUT_SECONDS: u64 = 300;

pub(super) const CONNECTION_ACK: &str = r#"{"type":"connection_ack","payload":{"connectionTimeoutMs":300000}}"#;
pub(super) const KEEP_ALIVE: &str = r#"{"type":"ka"}"#;

/// Longest id that is taken. Clients send UUIDs or small numbers; AppSync tells no limit.
const ID_LIMIT: usize = 1024;

/// What a client says.
pub(super) enum ClientMessage {
    Init,
    Start {
        id: Id,
        payload: Start,
    },
    Stop {
        id: Id,
    },
    Terminate,
    /// Ignored: Apollo's Kotlin client, for one, answers `ka` with a `pong` of its own.
    Unknown,
}

/// The payload of a `start`, not looked at any closer yet.
#[derive(Default, Deserialize)]
pub(super) struct Start {
    /// A GraphQL request as JSON text.
    #[serde(default)]
    pub(super) data: Option<Box<RawValue>>,
    #[serde(default)]
    extensions: Option<Extensions>,
}

#[derive(Default, Deserialize)]
struct Extensions {
    #[serde(default)]
    authorization: Option<Box<RawValue>>,
}

impl Start {
    /// The headers that prove who subscribes, as a JSON object.
    pub(super) fn authorization(&self) -> Option<&RawValue> {
        self.extensions.as_ref()?.authorization.as_deref()
    }
}

/// A message that cannot be acted upon, and what its sender is told.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) id: Option<Id>,
    pub(super) error: ErrorEntry,
}

/// One entry of the `errors` of an `error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error_type: Option<String>,
    pub(super) message: String,
}

impl ErrorEntry {
    pub(super) fn new(error_type: &str, message: impl Into<String>) -> Self {
        Self { error_type: Some(error_type.to_owned()), message: message.into() }
    }

    pub(super) fn unsupported(what: &str) -> Self {
        Self::new("UnsupportedOperation", format!("{what} not supported through the realtime channel"))
    }

    pub(super) fn bad_request(message: &str) -> Self {
        Self::new("BadRequestException", message)
    }

    pub(super) fn unauthorized() -> Self {
        Self::new("UnauthorizedException", "You are not authorized to make this call.")
    }
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

impl ClientMessage {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let fault = |id, error| Fault { id, error };
        if !text.trim_ascii_start().starts_with('{') {
            return Err(fault(None, ErrorEntry::bad_request("A message must be a JSON object.")));
        }
        let Frame { id, kind, payload } = serde_json::from_str(text)
            .map_err(|_| fault(None, ErrorEntry::bad_request("A message must be a JSON object.")))?;
        let id = id.filter(|id| id.get() != "null").map(RawValue::get);
        let id = match id {
            // What cannot be read as a text, half of a character, is not for any other reader either.
            Some(id)
                if id.len() > ID_LIMIT
                    || id.starts_with(['{', '[', 't', 'f'])
                    || (id.starts_with('"') && serde_json::from_str::<String>(id).is_err()) =>
            {
                let message = "The id of a message must be a string or a number, and short.";
                return Err(fault(None, ErrorEntry::bad_request(message)));
            }
            id => id.map(Id::from),
        };
        let kind = kind.and_then(|kind| serde_json::from_str::<String>(kind.get()).ok());
        let Some(kind) = kind else { return Err(fault(id, ErrorEntry::unsupported("unknown"))) };
        let needs_id = |id: Option<Id>| {
            id.ok_or_else(|| fault(None, ErrorEntry::bad_request("A message of this type needs an id.")))
        };
        Ok(match kind.as_str() {
            "connection_init" => Self::Init,
            "start" => {
                let id = needs_id(id)?;
                let payload = payload.map(|payload| serde_json::from_str(payload.get())).transpose();
                let payload = payload.map_err(|_| fault(Some(Arc::clone(&id)), ErrorEntry::unsupported("unknown")))?;
                Self::Start { id, payload: payload.unwrap_or_default() }
            }
            "stop" => Self::Stop { id: needs_id(id)? },
            "connection_terminate" => Self::Terminate,
            _ => Self::Unknown,
        })
    }
}

pub(super) fn start_ack(id: &Id) -> String {
    format!(r#"{{"type":"start_ack","id":{id}}}"#)
}

pub(super) fn complete(id: &Id) -> String {
    format!(r#"{{"type":"complete","id":{id}}}"#)
}

/// The two parts of a `data` that stand around its payload.
pub(super) fn around_data(id: &Id) -> (String, &'static str) {
    (format!(r#"{{"type":"data","id":{id},"payload":"#), "}")
}

/// `errors` is always a list; without an id there is no `id` either.
pub(super) fn error(id: Option<&Id>, errors: &[ErrorEntry]) -> String {
    let id = id.map(|id| format!(r#","id":{id}"#)).unwrap_or_default();
    let errors = serde_json::to_string(errors).unwrap_or_else(|_| "[]".to_owned());
    format!(r#"{{"type":"error"{id},"payload":{{"errors":{errors}}}}}"#)
}

/// Why a connection is refused, told after the handshake has succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionError {
    /// No credentials, or none that are good.
    Unauthorized,
    /// The credentials cannot be read.
    Malformed,
    /// The client did not offer `graphql-ws`.
    NoProtocol,
}

impl ConnectionError {
    pub(super) fn message(self) -> String {
        let (error_type, message, code) = match self {
            Self::Unauthorized => ("UnauthorizedException", "You are not authorized to make this call.", 401),
            Self::Malformed => (
                "BadRequestException",
                "The header parameter must be the base64 of a JSON object whose values are strings.",
                400,
            ),
            Self::NoProtocol => ("NoProtocolError", "The sub-protocol graphql-ws must be offered.", 400),
        };
        let errors = serde_json::json!([{"errorType": error_type, "message": message, "errorCode": code}]);
        format!(r#"{{"payload":{{"errors":{errors}}},"type":"connection_error"}}"#)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        match ClientMessage::parse(text) {
            Ok(ClientMessage::Init) => "init".to_owned(),
            Ok(ClientMessage::Start { id, payload }) => {
                format!("start {id} {}", payload.data.map_or_else(|| "-".to_owned(), |data| data.get().to_owned()))
            }
            Ok(ClientMessage::Stop { id }) => format!("stop {id}"),
            Ok(ClientMessage::Terminate) => "terminate".to_owned(),
            Ok(ClientMessage::Unknown) => "unknown".to_owned(),
            Err(Fault { id, error }) => {
                format!("{} {}", error.error_type.unwrap(), id.as_deref().unwrap_or("-"))
            }
        }
    }

    #[test]
    fn every_frame_is_a_message_or_a_fault() {
        for (text, expected) in [
            (r#"{"type":"connection_init"}"#, "init"),
            (r#" {"type":"connection_init","payload":{}}"#, "init"),
            (r#"{"type":"start","id":"1","payload":{"data":"x","extensions":{}}}"#, r#"start "1" "x""#),
            (r#"{"type":"start","id":1,"payload":null}"#, "start 1 -"),
            (r#"{"type":"start","id":"\u0061"}"#, r#"start "\u0061" -"#),
            (r#"{"type":"start","id":"1","payload":7}"#, r#"UnsupportedOperation "1""#),
            (r#"{"type":"start","payload":{}}"#, "BadRequestException -"),
            (r#"{"type":"start","id":{},"payload":{}}"#, "BadRequestException -"),
            (r#"{"type":"stop","id":"1"}"#, r#"stop "1""#),
            (r#"{"type":"stop","id":null}"#, "BadRequestException -"),
            (r#"{"type":"stop","id":"\ud800"}"#, "BadRequestException -"),
            (r#"{"type":"connection_terminate"}"#, "terminate"),
            (r#"{"type":"pong"}"#, "unknown"),
            (r#"{"type":"subscribe","id":"1"}"#, "unknown"),
            (r#"{"id":"1"}"#, r#"UnsupportedOperation "1""#),
            (r#"{"type":7}"#, "UnsupportedOperation -"),
            ("{}", "UnsupportedOperation -"),
            ("{", "BadRequestException -"),
            ("", "BadRequestException -"),
            ("[]", "BadRequestException -"),
            (r#"["1","start"]"#, "BadRequestException -"),
            ("null", "BadRequestException -"),
        ] {
            assert_eq!(parsed(text), expected, "{text}");
        }
        let long = format!(r#"{{"type":"stop","id":"{}"}}"#, "x".repeat(ID_LIMIT));
        assert_eq!(parsed(&long), "BadRequestException -");
    }

    #[test]
    fn the_timeout_is_the_one_that_is_announced() {
        assert!(CONNECTION_ACK.contains(&format!(r#""connectionTimeoutMs":{}}}"#, CONNECTION_TIMEOUT_SECONDS * 1000)));
    }
}
