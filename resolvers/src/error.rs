//! What a caller is told when something is not done: the `errorType` and the message of a GraphQL error.

use std::fmt;

use lambda_runtime::Diagnostic;

/// Every error that leaves a Lambda. AppSync hands type and message on to the client as they are.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The order cannot be stored as it is.
    #[error("{0}")]
    InvalidOrder(String),
    /// The key belongs to another order of this caller.
    #[error(
        "This idempotencyKey was used before for a different order. \
         Send the same order again, or choose a new key for this one."
    )]
    IdempotencyConflict,
    /// The key belongs to an order of this caller that was erased: it must not come back by being sent again.
    #[error(
        "The order that was placed with this idempotencyKey was erased, and is not placed again. \
         If this is to be another order, choose a new key for it."
    )]
    Erased,
    /// An argument makes no sense.
    #[error("{0}")]
    InvalidArgument(String),
    /// The caller may not do this.
    #[error("{0}")]
    Unauthorized(String),
    /// Something that is needed did not answer. What exactly is in the log.
    #[error(
        "The order service cannot answer right now. Send the same request again; \
         with an idempotencyKey, no order is ever placed twice."
    )]
    Unavailable,
}

impl Error {
    /// A refusal in AppSync's own words.
    #[must_use]
    pub fn not_authorized(field: &str, parent_type: &str) -> Self {
        Self::Unauthorized(format!("Not Authorized to access {field} on type {parent_type}"))
    }

    fn error_type(&self) -> &'static str {
        match self {
            Self::InvalidOrder(_) => "InvalidOrder",
            Self::IdempotencyConflict | Self::Erased => "IdempotencyConflict",
            Self::InvalidArgument(_) => "InvalidArgument",
            Self::Unauthorized(_) => "Unauthorized",
            Self::Unavailable => "Unavailable",
        }
    }
}

/// The Lambda runtime logs errors in this form. So it says what kind of error it is and no more: messages may quote what a
/// caller has sent, and are for that caller alone.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.error_type())
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self { error_type: error.error_type().to_owned(), error_message: error.to_string() }
    }
}

/// An error and what caused it, for the log: never for a caller.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
