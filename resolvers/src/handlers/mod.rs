//! The Lambdas' handlers: ordinary async functions from an event to an answer. Each `main` in `src/bin` sets one up
//! and runs it; the local stack and the tests call the same functions.

mod backlog;
pub mod fulfil_orders;
pub mod order;
pub mod place_order;
pub mod record_fulfilment;

use std::time::SystemTime;

use crate::order::Change;
use crate::order::formats::Interpretation;
use crate::order::{Order, ReceivedOrder, Timestamp, interpret, merge};

fn now() -> Timestamp {
    SystemTime::now().into()
}

/// The order as today's code reads it, after everything that is known to have happened.
fn current(received: &ReceivedOrder, changes: &[Change]) -> Order {
    as_read(received, &interpret(&received.document), changes)
}

/// The same, for whoever has interpreted the document already.
fn as_read(received: &ReceivedOrder, interpretation: &Interpretation, changes: &[Change]) -> Order {
    merge(received, interpretation, changes, None)
        .unwrap_or_else(|| unreachable!("without a moment, there is an order"))
}

fn as_of(received: &ReceivedOrder, changes: &[Change], moment: Option<Timestamp>) -> Option<Order> {
    merge(received, &interpret(&received.document), changes, moment)
}
