//! The two shapes in which AppSync tells of a GraphQL error, and what stops a request before GraphQL begins.

use std::fmt;

use apollo_compiler::parser::{LineColumn, SourceMap, SourceSpan};
use axum::http::StatusCode;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use thiserror::Error;

use crate::iam::signature::BadSignature;

/// One step of the way from the root of the response to a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Segment {
    /// The field's alias, or its name.
    Key(String),
    /// The place in a list.
    Index(usize),
}

impl Serialize for Segment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Key(key) => serializer.serialize_str(key),
            Self::Index(index) => serializer.serialize_u64(*index as u64),
        }
    }
}

/// Where in the response a value stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Path(Vec<Segment>);

impl Path {
    pub(super) fn key(&self, key: &str) -> Self {
        let mut path = self.0.clone();
        path.push(Segment::Key(key.to_owned()));
        Self(path)
    }

    pub(super) fn index(&self, index: usize) -> Self {
        let mut path = self.0.clone();
        path.push(Segment::Index(index));
        Self(path)
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// How many bytes it takes to tell it, about.
    pub(super) fn len(&self) -> usize {
        let len = |segment: &Segment| match segment {
            Segment::Key(key) => key.len() + 3,
            Segment::Index(_) => 8,
        };
        self.0.iter().map(len).sum()
    }

    /// How many fields were selected inside each other to get here.
    pub(super) fn depth(&self) -> usize {
        self.0.iter().filter(|segment| matches!(segment, Segment::Key(_))).count()
    }
}

/// `/orders/items[3]/id`, as AppSync's messages have it.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|segment| match segment {
            Segment::Key(key) => write!(f, "/{key}"),
            Segment::Index(index) => write!(f, "[{index}]"),
        })
    }
}

/// A place in the query: where a field (its alias, if it has one), a variable or a value begins. Counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location {
    line: usize,
    column: usize,
}

impl Location {
    pub(super) fn of(span: Option<SourceSpan>, sources: &SourceMap) -> Option<Self> {
        let LineColumn { line, column } = span?.line_column(sources)?;
        Some(Self { line, column })
    }
}

impl Serialize for Location {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("line", &self.line)?;
        map.serialize_entry("column", &self.column)?;
        map.serialize_entry("sourceName", &())?;
        map.end()
    }
}

/// One entry of a response's `errors`.
///
/// What a resolver or authorization says has an `errorType` (and `data` and `errorInfo`, which a Direct Lambda
/// resolver cannot set); what the engine itself says has neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GraphqlError {
    pub(super) path: Option<Path>,
    pub(super) locations: Option<Vec<Location>>,
    pub(super) error_type: Option<String>,
    pub(super) message: String,
}

impl GraphqlError {
    /// The engine refuses the request: the error is about the query, not about a value.
    pub(super) fn about_query(message: impl Into<String>, location: Option<Location>) -> Self {
        Self {
            path: None,
            locations: location.map(|location| vec![location]),
            error_type: None,
            message: message.into(),
        }
    }

    /// The engine cannot make a value into what the schema promises.
    pub(super) fn about_value(message: impl Into<String>, path: Path) -> Self {
        Self { path: Some(path), locations: None, error_type: None, message: message.into() }
    }

    /// A resolver, authorization or a limit refuses a field.
    pub(super) fn about_field(failure: Failure, path: Path, location: Option<Location>) -> Self {
        Self {
            path: Some(path),
            locations: Some(location.into_iter().collect()),
            error_type: Some(failure.error_type),
            message: failure.message,
        }
    }
}

impl Serialize for GraphqlError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("path", &self.path.as_ref().map(Path::segments))?;
        if let Some(error_type) = &self.error_type {
            map.serialize_entry("data", &())?;
            map.serialize_entry("errorType", error_type)?;
            map.serialize_entry("errorInfo", &())?;
        }
        map.serialize_entry("locations", &self.locations)?;
        map.serialize_entry("message", &self.message)?;
        map.end()
    }
}

/// Why a field has no value: what a resolver's Lambda error, authorization or a limit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) error_type: String,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(error_type: impl Into<String>, message: impl Into<String>) -> Self {
        Self { error_type: error_type.into(), message: message.into() }
    }

    /// An authorization directive does not let the caller see this field.
    pub(super) fn unauthorized(field: &str, parent_type: &str) -> Self {
        Self::new("Unauthorized", format!("Not Authorized to access {field} on type {parent_type}"))
    }
}

/// A request that is answered without any `data`: by its status, and by one error.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    #[error("Request body is empty.")]
    EmptyBody,
    /// Neither JSON in the shape of a request, nor GraphQL.
    #[error("Unable to parse GraphQL query.")]
    Malformed,
    #[error("Request body is larger than {limit} bytes.")]
    TooLarge { limit: usize },
    #[error("Request body did not arrive in time.")]
    TooSlow,
    #[error("Subscriptions over MQTT is not supported.")]
    Subscription,
    #[error("{method} is not supported: send POST, or GET with the query as a parameter.")]
    Method { method: String },
    #[error("Valid authorization header not provided.")]
    NoCredentials,
    #[error("You are not authorized to make this call.")]
    NotAuthorized,
    #[error("Permission denied")]
    PermissionDenied,
    #[error("Unable to parse JWT token.")]
    UnreadableToken,
    #[error("Token has expired.")]
    ExpiredToken,
    #[error("The request could not be answered: the server's log says why.")]
    Internal,
    #[error(transparent)]
    Signature(#[from] BadSignature),
}

impl Refusal {
    pub(crate) fn error_type(&self) -> &'static str {
        match self {
            Self::EmptyBody | Self::Malformed => "MalformedHttpRequestException",
            Self::TooLarge { .. } => "RequestEntityTooLargeException",
            Self::TooSlow => "RequestTimeoutException",
            Self::Subscription => "BadRequestException",
            Self::Method { .. } => "MethodNotAllowedException",
            Self::NoCredentials
            | Self::NotAuthorized
            | Self::PermissionDenied
            | Self::UnreadableToken
            | Self::ExpiredToken => "UnauthorizedException",
            Self::Internal => "InternalFailureException",
            Self::Signature(bad) => bad.error_type(),
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::EmptyBody | Self::Malformed | Self::Subscription => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoCredentials
            | Self::NotAuthorized
            | Self::PermissionDenied
            | Self::UnreadableToken
            | Self::ExpiredToken => StatusCode::UNAUTHORIZED,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Signature(_) => StatusCode::FORBIDDEN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_resolver_says_and_what_the_engine_says_differ_in_shape() {
        let path = Path::default().key("orders").key("items").index(3);
        assert_eq!(path.to_string(), "/orders/items[3]");
        assert_eq!(path.depth(), 2);
        let location = Some(Location { line: 2, column: 3 });
        let resolver = GraphqlError::about_field(Failure::unauthorized("items", "Orders"), path.clone(), location);
        assert_eq!(
            serde_json::to_value(&resolver).unwrap(),
            json!({
                "path": ["orders", "items", 3], "data": null, "errorType": "Unauthorized", "errorInfo": null,
                "locations": [{"line": 2, "column": 3, "sourceName": null}],
                "message": "Not Authorized to access items on type Orders",
            })
        );
        assert_eq!(
            serde_json::to_value(GraphqlError::about_value("no", path)).unwrap(),
            json!({"path": ["orders", "items", 3], "locations": null, "message": "no"})
        );
        assert_eq!(
            serde_json::to_value(GraphqlError::about_query("no", location)).unwrap(),
            json!({"path": null, "locations": [{"line": 2, "column": 3, "sourceName": null}], "message": "no"})
        );
    }
}
