//! Merging: the same facts are the same order, in whatever order and however often they are told.

use proptest::prelude::*;
use proptest::sample::select;
use resolvers::order::formats::interpret;
use resolvers::order::view::{FulfilledLine, OrderStatus};
use resolvers::order::{Change, Id, Order, Timestamp, merge};

use crate::config;
use crate::documents::{Fixture, fixtures};
use crate::invariants::received;

fn at(second: u32) -> Timestamp {
    format!("2026-01-01T00:00:{second:02}Z").parse().unwrap()
}

/// Something that happens to an order of these lines, under an id of its own.
fn change(number: usize, lines: Vec<Id>) -> impl Strategy<Value = Change> {
    let order = Id::from("order-1");
    let id = Id::from(format!("report/{number}"));
    let quantity = prop_oneof![8 => 1..4, 1 => -2..=0, 1 => Just(i32::MAX)];
    let line = (select(lines), quantity).prop_map(|(line, quantity)| FulfilledLine { line, quantity });
    (0..12_u32, 0..9_u8, prop::collection::vec(line, 0..4)).prop_map(move |(second, kind, lines)| match kind {
        0 => Change::accepted(&order, id.clone(), at(second), None),
        1 => Change::refused(&order, id.clone(), at(second), Some("sold out".to_owned())),
        2 => Change::not_understood(&order, at(second), &[format!("reason {number}")]),
        _ => Change::fulfilled(&order, id.clone(), at(second), None, lines),
    })
}

/// An order of the fixtures and what happens to it, each once.
fn order_and_changes() -> impl Strategy<Value = (Fixture, Vec<Change>)> {
    select(fixtures()).prop_flat_map(|fixture| {
        let read = interpret(&fixture.text).reading.lines.into_iter().map(|line| line.id);
        let lines: Vec<_> = read.chain([Id::from("/elsewhere")]).collect();
        let changes: Vec<_> = (0..8).map(|number| change(number, lines.clone())).collect();
        (Just(fixture), changes, 0..=8_usize).prop_map(|(fixture, mut changes, length)| {
            changes.truncate(length);
            (fixture, changes)
        })
    })
}

/// The same changes, some of them told twice or, later, once more under the same id, and all of them shuffled.
fn told_again(changes: Vec<Change>) -> impl Strategy<Value = Vec<Change>> {
    let again = prop::sample::subsequence(changes.clone(), 0..=changes.len());
    let later = prop::sample::subsequence(changes.clone(), 0..=changes.len());
    (again, later)
        .prop_map(move |(again, later)| {
            let later = later.into_iter().map(|change| Change { at: at(59), lines: Vec::new(), ..change });
            changes.iter().cloned().chain(again).chain(later).collect::<Vec<_>>()
        })
        .prop_shuffle()
}

fn merged(fixture: &Fixture, changes: &[Change], as_of: Option<Timestamp>) -> Option<Order> {
    merge(&received(&fixture.text), &interpret(&fixture.text), changes, as_of)
}

/// How much of each line is fulfilled.
fn fulfilled(order: &Order) -> Vec<i32> {
    order.lines.iter().flatten().map(|line| line.fulfilled_quantity).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_order_of_delivery_and_repetition_do_not_matter(
        ((fixture, changes), told) in order_and_changes()
            .prop_flat_map(|(fixture, changes)| (Just((fixture, changes.clone())), told_again(changes)))
    ) {
        prop_assert_eq!(merged(&fixture, &changes, None), merged(&fixture, &told, None));
    }

    #[test]
    fn a_later_moment_shows_all_that_an_earlier_one_does((fixture, changes) in order_and_changes()) {
        let before = "2025-12-31T23:59:59.999Z".parse().unwrap();
        prop_assert_eq!(merged(&fixture, &changes, Some(before)), None);
        let moments: Vec<_> = (0..13).map(|second| merged(&fixture, &changes, Some(at(second))).unwrap()).collect();
        for pair in moments.windows(2) {
            let [earlier, later] = pair else { unreachable!("windows of two") };
            let known = earlier.changes.as_ref().unwrap();
            prop_assert_eq!(known, &later.changes.as_ref().unwrap()[..known.len()]);
            prop_assert!(earlier.fulfilled_at.is_none() || earlier.fulfilled_at == later.fulfilled_at);
            let taken_back = changes.iter().flat_map(|change| &change.lines).any(|line| line.quantity < 0);
            prop_assert!(taken_back || fulfilled(earlier).iter().zip(fulfilled(later)).all(|(earlier, later)| *earlier <= later));
        }
        let now = merged(&fixture, &changes, None);
        prop_assert_eq!(moments.last(), now.as_ref());
    }

    #[test]
    fn more_than_was_ordered_is_never_fulfilled_and_never_passed_over((fixture, changes) in order_and_changes()) {
        let order = merged(&fixture, &changes, None).unwrap();
        let read = interpret(&fixture.text).problems.len();
        for line in order.lines.iter().flatten() {
            prop_assert!((0..=line.quantity).contains(&line.fulfilled_quantity));
            let reports = changes.iter().flat_map(|change| &change.lines).filter(|report| report.line == line.id);
            let reported: i64 = reports.map(|report| i64::from(report.quantity)).sum();
            prop_assert!(reported <= line.quantity.into() || order.problems.len() > read);
        }
        let known = |id: &Id| order.lines.iter().flatten().any(|line| line.id == *id);
        let strays = changes.iter().flat_map(|change| &change.lines).filter(|report| !known(&report.line)).count();
        prop_assert!(strays == 0 || order.problems.len() > read);
    }

    #[test]
    fn the_status_is_what_the_lines_and_the_latest_change_say((fixture, changes) in order_and_changes()) {
        let order = merged(&fixture, &changes, None).unwrap();
        let interpretation = interpret(&fixture.text);
        let lines = order.lines.clone().unwrap();
        let whole = lines.iter().any(|line| line.quantity > 0)
            && lines.iter().all(|line| line.fulfilled_quantity == line.quantity);
        let bad = |kind: &str| ["REFUSED", "NOT_UNDERSTOOD"].contains(&kind);
        let latest = order.changes.iter().flatten().next_back();
        let latest = latest.map(|change| serde_json::to_value(change.kind).unwrap().as_str().unwrap().to_owned());
        let expected = if whole && !interpretation.incomplete {
            OrderStatus::Fulfilled
        } else if !interpretation.understood() || latest.is_some_and(|kind| bad(&kind)) {
            OrderStatus::NeedsAttention
        } else if lines.iter().any(|line| line.fulfilled_quantity > 0) {
            OrderStatus::PartiallyFulfilled
        } else {
            OrderStatus::Received
        };
        prop_assert_eq!(order.status, expected);
        prop_assert!(order.fulfilled_at.is_some() || order.status != OrderStatus::Fulfilled);
    }

    #[test]
    fn the_document_comes_back_as_it_came((fixture, changes) in order_and_changes()) {
        let order = merged(&fixture, &changes, None).unwrap();
        let document = order.document.unwrap();
        prop_assert_eq!(document.0.get(), fixture.text.trim());
        prop_assert_eq!(order.received_at, at(0));
    }
}
