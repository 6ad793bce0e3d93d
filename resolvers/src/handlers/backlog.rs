//! What the attention table adds up to: what is due, and how much there is of everything.

use crate::metrics::{Metric, Unit};
use crate::order::Timestamp;
use crate::tables::Pointer;

/// How many due pointers are kept for one run. It has no time for more: that would be 500 orders a second. They take
/// some 20 MB.
const KEPT: usize = 50_000;

/// Pointers, as they were seen one after the other. Counts all of them, and keeps no more than what one run can work on.
///
/// Counted are pointers, not orders: a pointer may outlive what it was put for until somebody comes back to it. Reading
/// every order for the sake of a number would cost more than the number is worth.
pub(super) struct Backlog {
    now: Timestamp,
    patience: std::time::Duration,
    kept: usize,
    due: Vec<Pointer>,
    retried: u64,
    retried_since: Option<Timestamp>,
    needing_attention: u64,
}

impl Backlog {
    /// Nothing seen yet. Whoever is retried for longer than `patience` needs attention.
    pub(super) fn new(now: Timestamp, patience: std::time::Duration) -> Self {
        let (due, retried_since) = (Vec::new(), None);
        Self { now, patience, kept: KEPT, due, retried: 0, retried_since, needing_attention: 0 }
    }

    pub(super) fn add(&mut self, pointer: Pointer) {
        self.retried += u64::from(pointer.retrying_since.is_some());
        self.retried_since = [self.retried_since, pointer.retrying_since].into_iter().flatten().min();
        self.needing_attention += u64::from(pointer.needs_attention(self.now, self.patience));
        if pointer.next.is_some_and(|next| next <= self.now) {
            self.due.push(pointer);
            // Now and then instead of each time: that is as good as free.
            if self.due.len() >= 2 * self.kept {
                self.keep_what_waits_longest();
            }
        }
    }

    /// What is measured at each run of the schedule.
    pub(super) fn metrics(&self) -> [Metric; 3] {
        let oldest = self.retried_since.map_or(0, |since| self.now.since(since).as_secs());
        [
            Metric { name: "RetriedOrders", unit: Unit::Count, value: self.retried },
            Metric { name: "OldestRetry", unit: Unit::Seconds, value: oldest },
            Metric { name: "OrdersNeedingAttention", unit: Unit::Count, value: self.needing_attention },
        ]
    }

    /// What is due, what has waited longest first.
    pub(super) fn into_due(mut self) -> Vec<Pointer> {
        self.keep_what_waits_longest();
        self.due.sort_by_key(|pointer| pointer.next);
        self.due
    }

    fn keep_what_waits_longest(&mut self) {
        if self.due.len() > self.kept {
            self.due.select_nth_unstable_by_key(self.kept, |pointer| pointer.next);
            self.due.truncate(self.kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::order::Id;
    use crate::tables::Reason;

    const HOUR: Duration = Duration::from_hours(1);

    fn start() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn seconds(seconds: u64) -> Timestamp {
        start().after(Duration::from_secs(seconds))
    }

    /// A pointer to an order that is retried since one second and again at another.
    fn pointer(reason: Reason, retrying_since: Option<u64>, next: Option<u64>) -> Pointer {
        Pointer {
            order_id: Id::from("o"),
            reason,
            since: start(),
            attempts: 1,
            retrying_since: retrying_since.map(seconds),
            version: 1,
            next: next.map(seconds),
            question: None,
            error: None,
        }
    }

    fn values(backlog: &Backlog) -> [u64; 3] {
        backlog.metrics().map(|metric| metric.value)
    }

    #[test]
    fn what_is_retried_and_what_needs_attention_is_counted() {
        let mut backlog = Backlog::new(seconds(10_000), HOUR);
        assert_eq!(values(&backlog), [0, 0, 0]);
        backlog.add(pointer(Reason::NotUnderstood, None, None));
        assert_eq!(values(&backlog), [0, 0, 1]);
        backlog.add(pointer(Reason::Retry, Some(6_400), Some(10_001)));
        assert_eq!(values(&backlog), [1, 3_600, 1], "an hour is not more than an hour");
        backlog.add(pointer(Reason::Retry, Some(6_399), Some(10_001)));
        assert_eq!(values(&backlog), [2, 3_601, 2]);
        backlog.add(pointer(Reason::Refused, Some(9_000), Some(10_000)));
        assert_eq!(values(&backlog), [3, 3_601, 3], "asked for once more, and still refused");
        assert_eq!(backlog.into_due().len(), 1);
    }

    #[test]
    fn of_what_is_due_only_that_is_kept_which_waits_longest() {
        let mut backlog = Backlog { kept: 10, ..Backlog::new(seconds(1_000), HOUR) };
        // 7 leads to each of 0 to 999 once, in an order that is neither up nor down.
        for step in 0..1_000 {
            backlog.add(pointer(Reason::Retry, Some(0), Some(step * 7 % 1_000)));
            assert!(backlog.due.len() < 20);
        }
        assert_eq!(values(&backlog)[0], 1_000);
        let due = backlog.into_due().into_iter().map(|pointer| pointer.next);
        assert_eq!(due.collect::<Vec<_>>(), (0..10).map(|at| Some(seconds(at))).collect::<Vec<_>>());
    }
}
