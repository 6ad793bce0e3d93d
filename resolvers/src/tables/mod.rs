//! The three tables in DynamoDB. Every read follows its pages to the end, every write has a condition or may be
//! repeated, and nothing is read by Scan.

mod attention;
mod changes;
mod orders;

pub use attention::{Attention, Place, Pointer, Reason};
pub use changes::Changes;
pub use orders::{Orders, Placed, Position};

use aws_sdk_dynamodb::error::SdkError;

use crate::error::{Error, with_causes};

/// DynamoDB's limit on an item: names and values together, in bytes.
/// Source: Amazon DynamoDB developer guide, "Service, account, and table quotas".
pub const ITEM_LIMIT: usize = 400 * 1024;

/// Logs what DynamoDB said and tells the caller that it may try again. What is said carries no item.
fn unavailable<E: std::error::Error + 'static, R: std::fmt::Debug>(
    operation: &str,
) -> impl Fn(SdkError<E, R>) -> Error {
    move |error| {
        tracing::error!(operation, error = with_causes(&error), "DynamoDB did not do it");
        Error::Unavailable
    }
}

/// Logs that an item is not what this code writes, which only somebody else's write can cause.
fn unreadable(error: &serde_dynamo::Error) -> Error {
    tracing::error!(%error, "an item cannot be read");
    Error::Unavailable
}
