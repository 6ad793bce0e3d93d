//! The three tables in DynamoDB. Every read goes on until it has all that was asked for, every write has a condition or
//! may be repeated, and nothing is read by Scan.

mod attention;
mod changes;
mod orders;

pub use attention::{Attention, Place, Pointer, Question, Reason};
pub use changes::Changes;
pub(crate) use orders::stored_order;
pub use orders::{Orders, Placed, Position};

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use serde::de::DeserializeOwned;

use crate::error::{Error, with_causes};
use crate::order::Id;

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

/// Every item of a query, page after page.
async fn all<T: DeserializeOwned>(query: QueryFluentBuilder) -> Result<Vec<T>, Error> {
    let mut pages = query.into_paginator().items().send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(serde_dynamo::from_item(item.map_err(unavailable("Query"))?).map_err(unreadable)?);
    }
    Ok(items)
}

/// Logs that an item is not what this code writes, which somebody else's write can cause, or a later release's. What
/// exactly is wrong may quote the item, so that it is not said.
fn unreadable(_: serde_dynamo::Error) -> Error {
    tracing::error!("an item cannot be read");
    Error::Unavailable
}

/// Whether DynamoDB takes this as the key of a table or an index: 1 to 2,048 bytes. There is no item under any other.
/// Source: Amazon DynamoDB developer guide, "Constraints in Amazon DynamoDB".
fn is_key(id: &Id) -> bool {
    (1..=2048).contains(&id.as_str().len())
}
