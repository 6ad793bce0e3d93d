//! The orders that somebody must come back to: anything that ever fell through, found without a Scan.

use resolvers::order::view::{Order, OrderStatus};
use resolvers::order::{Id, Timestamp};
use serde::Serialize;

use super::readings::Reading;

/// Why somebody must come back to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Why {
    /// There is no change of it at all: it was received, and nothing was done about it.
    NoOutcome,
    /// Its status is `NEEDS_ATTENTION`: it was refused, was not understood, or is not understood by this build.
    NeedsAttention,
}

/// What is told of an order: enough to send it through again, and nothing of its document but what problems quote.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    id: &'a Id,
    why: Why,
    status: OrderStatus,
    received_at: Timestamp,
    format: Option<&'a str>,
    problems: &'a [String],
}

/// Why somebody must come back to this order, if so.
pub(super) fn why(order: &Order) -> Option<Why> {
    let untouched = order.changes.as_ref().is_none_or(Vec::is_empty);
    match order.status {
        // Without a change nothing is fulfilled, so that this is every order that nothing was done about.
        _ if untouched => Some(Why::NoOutcome),
        OrderStatus::NeedsAttention => Some(Why::NeedsAttention),
        OrderStatus::Received | OrderStatus::PartiallyFulfilled | OrderStatus::Fulfilled => None,
    }
}

/// The line of an order that somebody must come back to, with its end.
pub(super) fn line(reading: &Reading) -> Option<Result<Vec<u8>, serde_json::Error>> {
    let Reading::Order(order) = reading else { return None };
    let Order { id, status, received_at, format, problems, .. } = &**order;
    let told =
        Told { id, why: why(order)?, status: *status, received_at: *received_at, format: format.as_deref(), problems };
    Some(serde_json::to_vec(&told).map(|mut line| {
        line.push(b'\n');
        line
    }))
}
