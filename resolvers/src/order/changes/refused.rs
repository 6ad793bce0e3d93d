//! `REFUSED`: the warehouse will not fulfil the order. Somebody must look at it, until it is taken on after all.

use super::Change;
use crate::order::merge::Progress;
use crate::order::view::OrderChangeKind;
use crate::order::{Id, Timestamp};

impl Change {
    /// The warehouse refused.
    #[must_use]
    pub fn refused(order_id: &Id, id: Id, at: Timestamp, reason: Option<String>) -> Self {
        Self { kind: OrderChangeKind::Refused, reason, ..Self::accepted(order_id, id, at, None) }
    }
}

pub(super) fn apply(progress: &mut Progress<'_>) {
    progress.needs_attention = true;
}
