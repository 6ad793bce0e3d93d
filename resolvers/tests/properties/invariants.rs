//! What holds for the reading of every text whatever, and of what is made of it. Each function panics where it does not.
//!
//! The fuzz targets use this file too.

use std::collections::HashSet;

use resolvers::order::formats::{FORMATS, Interpretation, Line, MOST_LINES, interpret};
use resolvers::order::json::{Object, Value};
use resolvers::order::view::Money;
use resolvers::order::{Id, PlacedBy, ReceivedOrder, merge, money};

use crate::documents::{Mutation, NAMES, STUMBLING_BLOCKS, Tree, What, fixture_of};

/// An order that was received with this document.
#[must_use]
pub fn received(document: &str) -> ReceivedOrder {
    ReceivedOrder {
        id: Id::from("order-1"),
        received_at: "2026-01-01T00:00:00Z".parse().expect("a moment"),
        placed_by: PlacedBy::Guest,
        customer_id: None,
        idempotency_key: None,
        document: document.to_owned(),
    }
}

/// The names of the formats that claim a document.
#[must_use]
pub fn claimants(document: &str) -> Vec<&'static str> {
    let object = Value::root(document).ok().and_then(|root| root.object());
    let Some(object) = object else { return Vec::new() };
    FORMATS.iter().filter(|format| format.claims(&object)).map(|format| format.name).collect()
}

/// What holds for every text. Gives back what it reads as.
pub fn hold(document: &str) -> Interpretation {
    let interpretation = interpret(document);
    assert_eq!(interpretation, interpret(document), "read twice, it says two things");
    at_most_one_format_claims(document, &interpretation);
    problems_say_what_is_wrong(&interpretation);
    lines_stand_in_the_document(document, &interpretation);
    money_is_exact(document, &interpretation);
    comes_back_as_it_came(document, &interpretation);
    interpretation
}

fn at_most_one_format_claims(document: &str, interpretation: &Interpretation) {
    let claimants = claimants(document);
    assert!(claimants.len() <= 1, "claimed by {claimants:?}");
    assert!(
        interpretation.format.is_none_or(|format| claimants == [format]),
        "read by a format that does not claim it"
    );
}

fn problems_say_what_is_wrong(interpretation: &Interpretation) {
    let Interpretation { reading, problems, incomplete, .. } = interpretation;
    assert!(problems.len() <= 21 && problems.iter().all(|problem| problem.chars().count() <= 1_000), "{problems:?}");
    assert!(reading.lines.len() <= MOST_LINES);
    let ships = reading.lines.iter().any(|line| line.quantity > 0);
    if interpretation.understood() {
        assert!(ships && !incomplete, "understood, and nobody knows what to ship");
        let named = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
        let known = |line: &Line| line.quantity == 0 || named(&line.sku) || named(&line.title);
        assert!(reading.lines.iter().all(known), "understood, and nobody knows which goods");
    } else {
        assert!(!problems.is_empty(), "not understood, and nobody knows why");
    }
}

fn lines_stand_in_the_document(document: &str, interpretation: &Interpretation) {
    let mut seen = HashSet::new();
    for line in &interpretation.reading.lines {
        assert!(seen.insert(&line.id), "{} is there twice", line.id);
        let place = at(document, line.id.as_str());
        let place = place.unwrap_or_else(|| panic!("{} is no place in the document", line.id));
        assert!(line.quantity >= 0);
        let ordered = place.object().and_then(|line| line.get("quantity")).and_then(|quantity| number(&quantity));
        if let Some(ordered) = ordered {
            let quantity = line.quantity;
            assert!(
                ordered >= quantity.into(),
                "{quantity} of {} are to be shipped, and {ordered} are ordered",
                line.id
            );
        }
    }
}

/// What stands at a JSON pointer.
fn at<'a>(document: &'a str, pointer: &str) -> Option<Value<'a>> {
    pointer.split('/').skip(1).try_fold(Value::root(document).ok()?, |value, part| match value.array() {
        Some(items) => items.into_iter().nth(part.parse().ok()?),
        None => value.object()?.get(&part.replace("~1", "/").replace("~0", "~")),
    })
}

fn number(value: &Value<'_>) -> Option<rust_decimal::Decimal> {
    money::decimal(&value.number().map(str::to_owned).or_else(|| value.string())?).ok()
}

fn money_is_exact(document: &str, interpretation: &Interpretation) {
    let reading = &interpretation.reading;
    for Money { amount, currency } in
        reading.lines.iter().filter_map(|line| line.unit_price.as_ref()).chain(&reading.total)
    {
        assert!(money::decimal(amount).is_ok_and(|decimal| decimal.to_string() == *amount), "{amount:?}");
        assert!(currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase()), "{currency:?}");
    }
    let root = Value::root(document).ok().and_then(|root| root.object());
    let said = |root: &Object<'_>, name| root.get(name).and_then(|value| number(&value));
    let total = reading.total.as_ref().map(|total| money::decimal(&total.amount).expect("a total is a decimal"));
    match claimants(document).as_slice() {
        ["shopify"] => assert!(total.is_none() || total == root.and_then(|root| said(&root, "total_price"))),
        ["woocommerce"] => assert!(total.is_none() || total == root.and_then(|root| said(&root, "total"))),
        ["plain" | "storefront"] => {
            let each = |line: &Line| digits(&line.unit_price.as_ref()?.amount)?.checked_mul(line.quantity.into());
            let sum = |lines: &[Line]| lines.iter().map(each).reduce(|a, b| a?.checked_add(b?)).flatten();
            if let Some((total, sum)) = total.and_then(|total| digits(&total.to_string()).zip(sum(&reading.lines))) {
                assert_eq!(total, sum, "{reading:?}");
            }
        }
        _ => {}
    }
}

/// A decimal as a whole number of trillionths; `None` if it has more places, or does not fit.
fn digits(amount: &str) -> Option<i128> {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let fraction = fraction.trim_end_matches('0');
    (fraction.len() <= 12).then(|| format!("{whole}{fraction:0<12}").parse().ok())?
}

fn comes_back_as_it_came(document: &str, interpretation: &Interpretation) {
    let received = received(document);
    let order = merge(&received, interpretation, &[], None).expect("an order is there once it was received");
    // A text that is no JSON never gets past the door.
    if Value::root(document).is_ok() {
        assert_eq!(order.document.expect("a document").0.get(), document.trim_matches([' ', '\t', '\n', '\r']));
    }
    assert_eq!(order.format.as_deref(), interpretation.format);
    assert_eq!(order.problems, interpretation.problems);
}

/// What a fuzz target of one format tries: the data as a document, and as a list of changes of this format's fixture.
pub fn fuzz(format: &str, data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        hold(text);
    }
    let mut tree = Tree::of(fixture_of(format));
    let (mutations, _) = data.as_chunks::<4>();
    for &[high, low, what, value] in mutations.iter().take(16) {
        let name = NAMES[usize::from(value) % NAMES.len()].to_owned();
        let block = Tree::Scalar(STUMBLING_BLOCKS[usize::from(value) % STUMBLING_BLOCKS.len()].to_owned());
        let what = match what % 5 {
            0 => What::Become(block),
            1 => What::Gain(NAMES[usize::from(what) % NAMES.len()].to_owned(), block),
            2 => What::Vanish,
            3 => What::Repeat,
            _ => What::Rename(name),
        };
        tree.mutate(&Mutation { place: usize::from(u16::from_be_bytes([high, low])), what });
    }
    hold(&tree.to_string());
}
