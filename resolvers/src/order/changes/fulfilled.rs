//! `FULFILLED`: some or all lines were fulfilled. Several of these add up.

use super::Change;
use crate::order::merge::Progress;
use crate::order::view::{FulfilledLine, OrderChangeKind};
use crate::order::{Id, Timestamp};

impl Change {
    /// These lines were fulfilled.
    #[must_use]
    pub fn fulfilled(
        order_id: &Id,
        id: Id,
        at: Timestamp,
        reference: Option<String>,
        lines: Vec<FulfilledLine>,
    ) -> Self {
        Self { kind: OrderChangeKind::Fulfilled, lines, ..Self::accepted(order_id, id, at, reference) }
    }
}

pub(super) fn apply(change: &Change, progress: &mut Progress<'_>) {
    progress.needs_attention = false;
    for FulfilledLine { line, quantity } in &change.lines {
        progress.fulfil(&change.id, line, *quantity);
    }
    progress.note_when_all_is_fulfilled(change.at);
}
