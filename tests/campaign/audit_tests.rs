//! The audit, given evidence that is right, and then that with one thing wrong.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::{Change, Entry, Evidence, Lines, Report, Sent, Stored, Told, Waiting, Wrong, audit};

const ID: &str = "an-order";

fn lines(lines: &[(&str, i64)]) -> Lines {
    lines.iter().map(|(line, pieces)| ((*line).to_owned(), *pieces)).collect()
}

fn change(id: &str, kind: &str, of: &[(&str, i64)]) -> Change {
    Change { id: id.to_owned(), at: "1".to_owned(), kind: kind.to_owned(), reference: None, lines: lines(of) }
}

fn entry(kind: &str, of: &[(&str, i64)]) -> Entry {
    let (order, key) = (ID.to_owned(), format!("{ID}/0"));
    Entry { order, key, kind: kind.to_owned(), reference: None, lines: lines(of), keeps_its_word: true }
}

/// An order of two pears and an apple: a pear was shipped at once, the rest was reported, and all was told.
fn fulfilled() -> Evidence {
    let reported = Report {
        order: ID.to_owned(),
        reference: "R".to_owned(),
        lines: lines(&[("pear", 1), ("apple", 1)]),
        acknowledged: true,
        refused: None,
    };
    let changes = vec![
        change("warehouse/0", "FULFILLED", &[("pear", 1)]),
        change("report/R", "FULFILLED", &[("pear", 1), ("apple", 1)]),
    ];
    Evidence {
        sent: vec![Sent {
            key: "key".to_owned(),
            document: "{}".to_owned(),
            lines: lines(&[("pear", 2), ("apple", 1)]),
            acknowledged: vec![ID.to_owned()],
            refused: None,
        }],
        stored: BTreeMap::from([(ID.to_owned(), Stored { key: "key".to_owned(), document: "{}".to_owned() })]),
        told: vec![Told { order: ID.to_owned(), changes: changes.clone() }],
        changes: BTreeMap::from([(ID.to_owned(), changes)]),
        books: vec![entry("FULFILLED", &[("pear", 1)])],
        reports: vec![reported],
        waiting: vec![Waiting { order: ID.to_owned(), knows: true }],
        read: BTreeMap::from([(ID.to_owned(), "FULFILLED".to_owned())]),
        ..Evidence::default()
    }
}

/// The same order, refused and shown to whoever looks after such orders.
fn refused() -> Evidence {
    let changes = vec![change("warehouse/0", "REFUSED", &[])];
    Evidence {
        told: vec![Told { order: ID.to_owned(), changes: changes.clone() }],
        changes: BTreeMap::from([(ID.to_owned(), changes)]),
        books: vec![entry("REFUSED", &[])],
        reports: Vec::new(),
        waiting: vec![Waiting { order: ID.to_owned(), knows: false }],
        read: BTreeMap::from([(ID.to_owned(), "NEEDS_ATTENTION".to_owned())]),
        attention: BTreeSet::from([ID.to_owned()]),
        pointers: BTreeMap::from([(ID.to_owned(), "REFUSED".to_owned())]),
        ..fulfilled()
    }
}

/// What is found once this is done to the evidence.
fn found(mut evidence: Evidence, harm: impl FnOnce(&mut Evidence)) -> Vec<Wrong> {
    harm(&mut evidence);
    audit(&evidence).into_iter().map(|finding| finding.what).collect()
}

fn changes(evidence: &mut Evidence) -> &mut Vec<Change> {
    evidence.changes.get_mut(ID).unwrap()
}

#[test]
fn nothing_is_found_where_all_is_well() {
    assert_eq!(audit(&fulfilled()), []);
    assert_eq!(audit(&refused()), []);
    assert_eq!(audit(&Evidence::default()), []);
}

#[test]
fn an_acknowledged_order_must_be_stored_as_it_was_sent_and_once() {
    let lost = found(fulfilled(), |it| it.sent[0].acknowledged.push("another".to_owned()));
    assert_eq!(lost, [Wrong::Lost, Wrong::TwoIds]);
    let altered = found(fulfilled(), |it| it.stored.get_mut(ID).unwrap().document.push(' '));
    assert_eq!(altered, [Wrong::Altered]);
    let twice = found(fulfilled(), |it| drop(it.stored.insert("another".to_owned(), it.stored[ID].clone())));
    assert!(twice.contains(&Wrong::TwoIds), "{twice:?}");
    let invented = found(fulfilled(), |it| it.sent.clear());
    assert_eq!(invented, [Wrong::Invented]);
    let refused = found(fulfilled(), |it| it.sent[0].refused = Some("IdempotencyConflict".to_owned()));
    assert_eq!(refused, [Wrong::CallerRefused]);
}

#[test]
fn a_change_must_have_a_cause() {
    let unasked = found(fulfilled(), |it| it.books.clear());
    assert_eq!(unasked, [Wrong::ChangeWithoutCause]);
    let other_lines = found(fulfilled(), |it| it.books[0].lines = lines(&[("apple", 1)]));
    assert!(other_lines.contains(&Wrong::ChangeWithoutCause), "{other_lines:?}");
    let unreported = found(fulfilled(), |it| it.reports.clear());
    assert_eq!(unreported, [Wrong::ChangeWithoutCause]);
    let understood = found(fulfilled(), |it| {
        let change = change("not-understood/1", "NOT_UNDERSTOOD", &[]);
        changes(it).push(change.clone());
        it.told[0].changes.push(change);
    });
    assert_eq!(understood, [Wrong::ChangeWithoutCause]);
    let of_no_order = found(Evidence::default(), |it| drop(it.changes.insert(ID.to_owned(), Vec::new())));
    assert_eq!(of_no_order, [Wrong::ChangeWithoutCause]);
}

#[test]
fn a_change_must_be_told_as_it_is() {
    let never = found(fulfilled(), |it| drop(it.told[0].changes.pop()));
    assert_eq!(never, [Wrong::NeverTold]);
    let rewritten = found(fulfilled(), |it| changes(it)[0].at = "2".to_owned());
    assert_eq!(rewritten, [Wrong::ChangeRewritten]);
    let gone = found(fulfilled(), |it| drop(changes(it).remove(0)));
    assert_eq!(gone, [Wrong::ToldWhatIsNot, Wrong::FulfilledOtherwise]);
    let in_vain = found(fulfilled(), |it| it.waiting[0].knows = false);
    assert_eq!(in_vain, [Wrong::WaitsInVain]);
}

#[test]
fn what_is_ordered_must_be_shipped_and_recorded_once() {
    let twice = found(fulfilled(), |it| {
        it.books.push(Entry { key: format!("{ID}/1"), ..entry("FULFILLED", &[("pear", 2)]) });
    });
    assert_eq!(twice, [Wrong::ShippedTwice]);
    let again = found(fulfilled(), |it| it.books.push(entry("FULFILLED", &[("pear", 1)])));
    assert_eq!(again, [], "asked again under the same key, nothing more is shipped");
    let unrecorded = found(fulfilled(), |it| {
        changes(it).pop();
        it.told[0].changes.pop();
    });
    assert_eq!(unrecorded, [Wrong::FulfilledOtherwise, Wrong::ReportLost]);
    let refused = found(fulfilled(), |it| it.reports[0].refused = Some("InvalidArgument".to_owned()));
    assert_eq!(refused, [Wrong::CallerRefused]);
}

#[test]
fn what_is_not_finished_must_be_shown() {
    let unfinished = found(fulfilled(), |it| drop(it.read.insert(ID.to_owned(), "RECEIVED".to_owned())));
    assert_eq!(unfinished, [Wrong::Unfinished]);
    let unread = found(fulfilled(), |it| it.read.clear());
    assert_eq!(unread, [Wrong::Unfinished]);
    assert_eq!(found(refused(), |it| it.attention.clear()), [Wrong::Invisible]);
    assert_eq!(found(fulfilled(), |it| assert!(it.attention.insert(ID.to_owned()))), [Wrong::ShownInVain]);
    let left = found(fulfilled(), |it| drop(it.pointers.insert(ID.to_owned(), "RETRY".to_owned())));
    assert_eq!(left, [Wrong::PointerLeft]);
}

#[test]
fn the_bucket_must_hold_what_was_given_up_and_nothing_else() {
    assert_eq!(found(fulfilled(), |it| assert!(it.given_up.insert(ID.to_owned()))), [Wrong::BucketIsOff]);
    assert_eq!(found(fulfilled(), |it| assert!(it.undelivered.insert(ID.to_owned()))), [Wrong::BucketIsOff]);
    let both = found(fulfilled(), |it| {
        it.given_up.insert(ID.to_owned());
        it.undelivered.insert(ID.to_owned());
    });
    assert_eq!(both, []);
}
