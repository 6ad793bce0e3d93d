//! What happens to an order after it was received: facts, appended once and never updated. One file per kind.

mod accepted;
mod fulfilled;
mod not_understood;
mod refused;

use serde::{Deserialize, Serialize};

use super::merge::Progress;
use super::view::{FulfilledLine, OrderChange, OrderChangeKind};
use super::{Id, Timestamp};

/// A change as it is stored. Its `id` names its cause, so that a cause told twice is one change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The order it happened to.
    pub order_id: Id,
    /// What caused it: `warehouse/<k>`, `report/<reference>`, `not-understood/<digest of the problems>`.
    #[serde(rename = "changeId")]
    pub id: Id,
    /// When it was appended.
    pub at: Timestamp,
    /// What kind of change.
    pub kind: OrderChangeKind,
    /// The warehouse's own number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reference: Option<String>,
    /// What was fulfilled, resolved when it happened and not on a later reading.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub lines: Vec<FulfilledLine>,
    /// Why it was refused or not understood.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// What the warehouse answered, as it came: its first 64 KB.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answer: Option<String>,
}

impl Change {
    /// The id of what the warehouse answered when it was asked after `refusals` refusals.
    #[must_use]
    pub fn warehouse_id(refusals: u32) -> Id {
        Id(format!("warehouse/{refusals}"))
    }

    /// Whether this is the id of a report, and so holds the reference that the warehouse gave it.
    #[must_use]
    pub fn is_report(id: &str) -> bool {
        id.starts_with("report/")
    }

    /// The id of a later report by the warehouse.
    #[must_use]
    pub fn report_id(reference: &Id) -> Id {
        Id(format!("report/{reference}"))
    }

    /// Which question this answers, if it answers one: the `k` of `warehouse/<k>`.
    #[must_use]
    pub fn answers(&self) -> Option<u32> {
        self.id.as_str().strip_prefix("warehouse/")?.parse().ok()
    }

    /// Lets the change take effect on what is known of the order so far.
    pub fn apply(&self, progress: &mut Progress<'_>) {
        match self.kind {
            OrderChangeKind::Accepted => accepted::apply(progress),
            OrderChangeKind::Fulfilled => fulfilled::apply(self, progress),
            OrderChangeKind::Refused => refused::apply(progress),
            OrderChangeKind::NotUnderstood => not_understood::apply(progress),
        }
    }
}

impl From<&Change> for OrderChange {
    fn from(change: &Change) -> Self {
        let Change { id, at, kind, reference, lines, reason, .. } = change.clone();
        Self { id, at, kind, reference, lines, reason }
    }
}
