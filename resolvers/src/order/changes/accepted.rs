//! `ACCEPTED`: the warehouse took the order on and will report.

use super::Change;
use crate::order::merge::Progress;
use crate::order::view::OrderChangeKind;
use crate::order::{Id, Timestamp};

impl Change {
    /// The warehouse took the order on.
    #[must_use]
    pub fn accepted(order_id: &Id, id: Id, at: Timestamp, reference: Option<String>) -> Self {
        Self {
            order_id: order_id.clone(),
            id,
            at,
            kind: OrderChangeKind::Accepted,
            reference,
            lines: Vec::new(),
            reason: None,
            answer: None,
        }
    }
}

pub(super) fn apply(progress: &mut Progress<'_>) {
    progress.needs_attention = false;
}
