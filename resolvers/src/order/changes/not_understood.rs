//! `NOT_UNDERSTOOD`: nothing could make sense of the document when it was to be fulfilled. Somebody must send the
//! order through again once today's code can.

use sha2::{Digest, Sha256};

use super::Change;
use crate::order::merge::Progress;
use crate::order::view::OrderChangeKind;
use crate::order::{Id, Timestamp};

impl Change {
    /// Nothing understood the order, for these reasons. The id is new only if the reasons are.
    #[must_use]
    pub fn not_understood(order_id: &Id, at: Timestamp, problems: &[String]) -> Self {
        let reason = problems.join("; ");
        let digest = Sha256::digest(&reason);
        let mut start = [0; 8];
        start.copy_from_slice(&digest[..8]);
        let short = u64::from_be_bytes(start);
        Self {
            kind: OrderChangeKind::NotUnderstood,
            reason: Some(reason),
            ..Self::accepted(order_id, Id(format!("not-understood/{short:016x}")), at, None)
        }
    }
}

pub(super) fn apply(progress: &mut Progress<'_>) {
    progress.needs_attention = true;
}
