//! An order as a reader sees it: the document as understood today, and everything that happened since, up to a moment.
//!
//! Merging does not depend on the order in which changes arrive, nor on how often one is told.

use std::collections::{BTreeMap, HashSet};

use super::changes::Change;
use super::formats::Interpretation;
use super::view::{Order, OrderLine, OrderStatus};
use super::{Id, Json, ReceivedOrder, Timestamp};

/// The order as it stands now, or stood at `as_of`; `None` before it was received.
///
/// A change belongs to the moment at which it was appended. Two changes with one id are one; the first one counts.
#[must_use]
pub fn merge(
    received: &ReceivedOrder,
    interpretation: &Interpretation,
    changes: &[Change],
    as_of: Option<Timestamp>,
) -> Option<Order> {
    if as_of.is_some_and(|moment| moment < received.received_at) {
        return None;
    }
    let changes = in_order(changes, as_of);
    let mut progress = Progress::new(interpretation);
    for change in &changes {
        change.apply(&mut progress);
    }
    let status = progress.status(interpretation.understood());
    let Progress { lines, problems, fulfilled_at, .. } = progress;
    let reading = &interpretation.reading;
    Some(Order {
        id: received.id.clone(),
        customer_id: received.customer_id.clone(),
        reference: reading.reference.clone(),
        format: interpretation.format.map(str::to_owned),
        status,
        received_at: received.received_at,
        fulfilled_at,
        customer: reading.customer.clone(),
        shipping_address: reading.shipping_address.clone(),
        lines: Some(lines),
        total: reading.total.clone(),
        changes: Some(changes.into_iter().map(Into::into).collect()),
        problems: interpretation.problems.iter().cloned().chain(problems).collect(),
        document: Json::from_text(received.document.clone()).ok(),
    })
}

fn in_order(changes: &[Change], as_of: Option<Timestamp>) -> Vec<&Change> {
    let mut changes: Vec<_> = changes.iter().filter(|change| as_of.is_none_or(|moment| change.at <= moment)).collect();
    changes.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    let mut seen = HashSet::new();
    changes.retain(|change| seen.insert(&change.id));
    changes
}

/// What is known of an order while its changes take effect, one after the other.
pub struct Progress<'a> {
    /// Whether the latest refusal or failed reading has not been made good since.
    pub needs_attention: bool,
    lines: Vec<OrderLine>,
    line_at: BTreeMap<&'a Id, usize>,
    /// How many lines are not fulfilled, counted along: there may be as many changes as lines.
    open: usize,
    /// Whether there is anything to ship, and all of it could be read.
    shippable: bool,
    fulfilled_at: Option<Timestamp>,
    problems: Vec<String>,
}

impl<'a> Progress<'a> {
    fn new(interpretation: &'a Interpretation) -> Self {
        let read = &interpretation.reading.lines;
        let lines = read.iter().map(|line| OrderLine {
            id: line.id.clone(),
            sku: line.sku.clone(),
            title: line.title.clone(),
            quantity: line.quantity,
            fulfilled_quantity: 0,
            unit_price: line.unit_price.clone(),
        });
        Self {
            needs_attention: false,
            open: read.iter().filter(|line| line.quantity != 0).count(),
            shippable: !interpretation.incomplete && read.iter().any(|line| line.quantity > 0),
            lines: lines.collect(),
            line_at: read.iter().enumerate().map(|(index, line)| (&line.id, index)).collect(),
            fulfilled_at: None,
            problems: Vec::new(),
        }
    }

    /// That many more pieces of a line are fulfilled. What does not fit the order as it is read today is a problem,
    /// never a wrong quantity.
    pub fn fulfil(&mut self, change: &Id, line: &Id, quantity: i32) {
        let Some(line) = self.line_at.get(line).and_then(|index| self.lines.get_mut(*index)) else {
            self.problem(format!(
                "{change} fulfilled {quantity} of {line}, which is no line of the order as it is read today"
            ));
            return;
        };
        let sum = i64::from(line.fulfilled_quantity) + i64::from(quantity);
        let kept = sum.clamp(0, i64::from(line.quantity));
        let id = line.id.clone();
        let was_open = line.fulfilled_quantity != line.quantity;
        line.fulfilled_quantity = i32::try_from(kept).unwrap_or(line.quantity);
        match (was_open, line.fulfilled_quantity != line.quantity) {
            (true, false) => self.open -= 1,
            (false, true) => self.open += 1,
            _ => {}
        }
        if sum != kept {
            let ordered = line.quantity;
            self.problem(format!("{change} brings {id} to {sum} fulfilled, but {ordered} are ordered"));
        }
    }

    /// If nothing is open any more, remembers the first moment at which that was so.
    pub fn note_when_all_is_fulfilled(&mut self, at: Timestamp) {
        if self.all_fulfilled() {
            self.fulfilled_at.get_or_insert(at);
        }
    }

    fn all_fulfilled(&self) -> bool {
        self.shippable && self.open == 0
    }

    fn status(&self, understood: bool) -> OrderStatus {
        if self.all_fulfilled() {
            OrderStatus::Fulfilled
        } else if self.needs_attention || !understood {
            OrderStatus::NeedsAttention
        } else if self.lines.iter().any(|line| line.fulfilled_quantity > 0) {
            OrderStatus::PartiallyFulfilled
        } else {
            OrderStatus::Received
        }
    }

    fn problem(&mut self, problem: String) {
        const LIMIT: usize = 20;
        if self.problems.len() < LIMIT {
            self.problems.push(problem);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::formats::interpret;
    use crate::order::received::PlacedBy;
    use crate::order::view::FulfilledLine;

    fn at(second: u32) -> Timestamp {
        format!("2026-01-01T00:00:{second:02}Z").parse().unwrap()
    }

    fn received(document: &str) -> ReceivedOrder {
        ReceivedOrder {
            id: Id::from("order-1"),
            received_at: at(0),
            placed_by: PlacedBy::Guest,
            customer_id: None,
            idempotency_key: None,
            document: document.to_owned(),
        }
    }

    fn two_lines() -> ReceivedOrder {
        received(r#"{"lines":[{"sku":"A","quantity":2},{"sku":"B","quantity":1}]}"#)
    }

    fn fulfilled(id: &str, second: u32, lines: &[(&str, i32)]) -> Change {
        let lines = lines.iter().map(|&(line, quantity)| FulfilledLine { line: Id::from(line), quantity }).collect();
        Change::fulfilled(&Id::from("order-1"), Id::from(id), at(second), None, lines)
    }

    fn refused(second: u32) -> Change {
        Change::refused(&Id::from("order-1"), Change::warehouse_id(0), at(second), Some("sold out".to_owned()))
    }

    fn order(received: &ReceivedOrder, changes: &[Change]) -> Order {
        merge(received, &interpret(&received.document), changes, None).unwrap()
    }

    #[test]
    fn partial_fulfilments_add_up() {
        let first = fulfilled("warehouse/0", 1, &[("/lines/0", 1)]);
        let second = fulfilled("report/7", 2, &[("/lines/0", 1), ("/lines/1", 1)]);
        assert_eq!(order(&two_lines(), &[]).status, OrderStatus::Received);
        let partial = order(&two_lines(), std::slice::from_ref(&first));
        assert_eq!((partial.status, partial.fulfilled_at), (OrderStatus::PartiallyFulfilled, None));
        let whole = order(&two_lines(), &[second.clone(), first.clone()]);
        assert_eq!((whole.status, whole.fulfilled_at), (OrderStatus::Fulfilled, Some(at(2))));
        assert_eq!(whole, order(&two_lines(), &[first.clone(), second.clone(), first, second]));
    }

    #[test]
    fn what_was_at_a_moment_is_what_had_been_appended_by_then() {
        let changes = [fulfilled("warehouse/0", 1, &[("/lines/0", 2)]), fulfilled("report/7", 3, &[("/lines/1", 1)])];
        let received = two_lines();
        let status = |second| {
            merge(&received, &interpret(&received.document), &changes, Some(at(second))).map(|order| order.status)
        };
        assert_eq!(status(0), Some(OrderStatus::Received));
        assert_eq!(status(2), Some(OrderStatus::PartiallyFulfilled));
        assert_eq!(status(3), Some(OrderStatus::Fulfilled));
        let before = "2025-12-31T23:59:59.999Z".parse().unwrap();
        assert_eq!(merge(&received, &interpret(&received.document), &changes, Some(before)), None);
    }

    #[test]
    fn a_refusal_needs_attention_until_the_order_is_taken_on() {
        let refused = refused(1);
        assert_eq!(order(&two_lines(), std::slice::from_ref(&refused)).status, OrderStatus::NeedsAttention);
        let accepted = Change::accepted(&Id::from("order-1"), Change::warehouse_id(1), at(2), None);
        assert_eq!(order(&two_lines(), &[refused.clone(), accepted]).status, OrderStatus::Received);
        let some = fulfilled("warehouse/1", 2, &[("/lines/1", 1)]);
        assert_eq!(order(&two_lines(), &[refused.clone(), some]).status, OrderStatus::PartiallyFulfilled);
        let earlier = fulfilled("report/1", 0, &[("/lines/1", 1)]);
        assert_eq!(order(&two_lines(), &[refused, earlier]).status, OrderStatus::NeedsAttention);
    }

    #[test]
    fn an_order_that_becomes_readable_waits_to_be_sent_through_again() {
        let missed = Change::not_understood(&Id::from("order-1"), at(1), &["unreadable".to_owned()]);
        let now_readable = order(&two_lines(), std::slice::from_ref(&missed));
        assert_eq!(now_readable.status, OrderStatus::NeedsAttention);
        let all = fulfilled("warehouse/0", 2, &[("/lines/0", 2), ("/lines/1", 1)]);
        assert_eq!(order(&two_lines(), &[missed, all]).status, OrderStatus::Fulfilled);
    }

    #[test]
    fn not_understood_is_told_once_per_reason() {
        let id = |reason: &str| Change::not_understood(&Id::from("o"), at(1), &[reason.to_owned()]).id;
        assert_eq!(id("a"), id("a"));
        assert_ne!(id("a"), id("b"));
    }

    #[test]
    fn a_fulfilled_order_stays_fulfilled_when_its_document_is_not_understood_any_more() {
        let received = received(r#"{"lines":[{"quantity":1}]}"#);
        assert_eq!(order(&received, &[]).status, OrderStatus::NeedsAttention);
        let all = fulfilled("warehouse/0", 1, &[("/lines/0", 1)]);
        assert_eq!(order(&received, &[all]).status, OrderStatus::Fulfilled);
    }

    #[test]
    fn an_order_with_a_line_that_nobody_can_read_is_never_fulfilled_by_the_others() {
        let received = received(r#"{"lines":[{"sku":"A","quantity":1},{"sku":"B","quantity":"some"}]}"#);
        let rest = fulfilled("report/1", 1, &[("/lines/0", 1)]);
        let order = order(&received, &[rest]);
        assert_eq!((order.status, order.fulfilled_at), (OrderStatus::NeedsAttention, None));
    }

    #[test]
    fn an_order_without_lines_is_not_fulfilled_but_not_understood() {
        assert_eq!(order(&received(r#"{"lines":[]}"#), &[]).status, OrderStatus::NeedsAttention);
        assert_eq!(order(&received(r#"{"hello":"world"}"#), &[]).status, OrderStatus::NeedsAttention);
    }

    #[test]
    fn more_than_was_ordered_is_a_problem_and_never_a_quantity() {
        let order = order(
            &two_lines(),
            &[
                fulfilled("report/1", 1, &[("/lines/0", i32::MAX), ("/lines/9", 1)]),
                fulfilled("report/2", 2, &[("/lines/1", -1)]),
            ],
        );
        let quantities: Vec<_> = order.lines.unwrap().iter().map(|line| line.fulfilled_quantity).collect();
        assert_eq!(quantities, [2, 0]);
        assert_eq!(
            order.problems,
            [
                "report/1 brings /lines/0 to 2147483647 fulfilled, but 2 are ordered",
                "report/1 fulfilled 1 of /lines/9, which is no line of the order as it is read today",
                "report/2 brings /lines/1 to -1 fulfilled, but 1 are ordered",
            ]
        );
    }

    #[test]
    fn the_document_comes_back_exactly() {
        let text =
            r#"{ "lines" : [ {"sku":"A","quantity":1.0} ], "z": 1.10, "a": 12345678901234567890.123, "e": "\ud800" }"#;
        assert_eq!(order(&received(text), &[]).document.unwrap().0.get(), text);
    }

    #[test]
    fn an_event_is_trimmed_until_it_fits() {
        let name = |length: usize| {
            format!(r#"{{"customer":{{"name":"{}"}},"lines":[{{"sku":"A","quantity":1}}]}}"#, "x".repeat(length))
        };
        let small = order(&received(&name(10)), &[]).for_broadcast();
        assert!(small.document.is_none() && small.lines.is_some() && small.changes.is_some());
        let lines = vec![r#"{"sku":"A","quantity":1}"#; 5_000].join(",");
        let many = order(&received(&format!(r#"{{"reference":"R","lines":[{lines}]}}"#)), &[]).for_broadcast();
        assert!(many.lines.is_none() && many.changes.is_none() && many.reference.as_deref() == Some("R"));
        let mut owned = received(&name(300_000));
        owned.customer_id = Some(Id::from("ada"));
        let huge = order(&owned, &[]).for_broadcast();
        assert!(huge.customer.is_none() && huge.format.is_none() && huge.customer_id == Some(Id::from("ada")));
        assert!(serde_json::to_vec(&huge).unwrap().len() < super::super::view::BROADCAST_LIMIT);
    }
}
