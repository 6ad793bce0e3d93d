//! Lines of an export: `{"Item": {…}}` in DynamoDB's JSON. What counts of an item is checked and taken out; attributes
//! that this build does not know are a later release's, and left aside.
//!
//! Source: Amazon DynamoDB developer guide, "DynamoDB table export output format"; the types of attributes are those of
//! its API reference, "`AttributeValue`".

use std::borrow::Cow;

use resolvers::order::view::{FulfilledLine, OrderChangeKind};
use resolvers::order::{Change, Id, PlacedBy, ReceivedOrder, Timestamp};
use serde::de::value::{CowStrDeserializer, Error as ValueError};
use serde::de::{Deserialize, IntoDeserializer};
use serde_json::Value;

/// An order as it is stored, or what is left of one.
#[derive(Debug, PartialEq)]
pub(super) enum StoredOrder {
    /// It is there.
    Received(ReceivedOrder),
    /// It was erased: nothing but its id counts.
    Erased(Id),
}

#[derive(serde::Deserialize)]
struct OrderLine<'a> {
    #[serde(rename = "Item", borrow)]
    item: OrderItem<'a>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderItem<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    received_at: Option<Text<'a>>,
    #[serde(borrow)]
    placed_by: Option<Text<'a>>,
    #[serde(borrow)]
    customer_id: Option<Text<'a>>,
    #[serde(borrow)]
    document: Option<Text<'a>>,
    #[serde(borrow)]
    erased_at: Option<Text<'a>>,
}

#[derive(serde::Deserialize)]
struct ChangeLine<'a> {
    #[serde(rename = "Item", borrow)]
    item: ChangeItem<'a>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChangeItem<'a> {
    #[serde(borrow)]
    order_id: Text<'a>,
    #[serde(borrow)]
    change_id: Text<'a>,
    #[serde(borrow)]
    at: Option<Text<'a>>,
    #[serde(borrow)]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    reference: Option<Text<'a>>,
    #[serde(borrow)]
    lines: Option<List<'a>>,
    #[serde(borrow)]
    reason: Option<Text<'a>>,
}

/// An attribute that is a string, or null, which counts as absent.
#[derive(serde::Deserialize)]
enum Text<'a> {
    S(#[serde(borrow)] Cow<'a, str>),
    #[serde(rename = "NULL")]
    Null(#[expect(dead_code, reason = "it is always true")] bool),
}

#[derive(serde::Deserialize)]
enum List<'a> {
    L(#[serde(borrow)] Vec<Map<'a>>),
    #[serde(rename = "NULL")]
    Null(#[expect(dead_code, reason = "it is always true")] bool),
}

#[derive(serde::Deserialize)]
enum Map<'a> {
    M(#[serde(borrow)] Fulfilled<'a>),
}

#[derive(serde::Deserialize)]
struct Fulfilled<'a> {
    #[serde(borrow)]
    line: Text<'a>,
    #[serde(borrow)]
    quantity: Number<'a>,
}

#[derive(serde::Deserialize)]
enum Number<'a> {
    N(#[serde(borrow)] Cow<'a, str>),
}

impl<'a> Text<'a> {
    fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::S(text) => Some(text),
            Self::Null(_) => None,
        }
    }
}

/// The order of a line.
///
/// # Errors
/// What is wrong with the line, as the rest of a sentence. It quotes no values.
pub(super) fn order(line: &[u8]) -> Result<StoredOrder, String> {
    let OrderLine { item } = serde_json::from_slice(line).map_err(|error| wrong(line, &error, &ORDERS))?;
    let id = Id(required(Some(item.id), "id")?.into_owned());
    let document = item.document.and_then(Text::text);
    if item.erased_at.and_then(Text::text).is_some() {
        return Ok(StoredOrder::Erased(id));
    }
    let placed_by = required(item.placed_by, "placedBy")?;
    Ok(StoredOrder::Received(ReceivedOrder {
        id,
        received_at: moment(item.received_at, "receivedAt")?,
        placed_by: named::<PlacedBy>(placed_by).ok_or("its attribute placedBy is none that this build knows")?,
        customer_id: item.customer_id.and_then(Text::text).map(|id| Id(id.into_owned())),
        // A reader never sees it.
        idempotency_key: None,
        document: document.ok_or("it has no document, and was not erased either")?.into_owned(),
    }))
}

/// The change of a line.
///
/// # Errors
/// What is wrong with the line, as the rest of a sentence. It quotes no values.
pub(super) fn change(line: &[u8]) -> Result<Change, String> {
    let ChangeLine { item } = serde_json::from_slice(line).map_err(|error| wrong(line, &error, &CHANGES))?;
    let kind = required(item.kind, "kind")?;
    let lines = match item.lines {
        Some(List::L(lines)) => lines,
        Some(List::Null(_)) | None => Vec::new(),
    };
    let fulfilled = |Map::M(Fulfilled { line, quantity: Number::N(quantity) })| {
        let line = Id(required(Some(line), "lines")?.into_owned());
        let quantity = quantity.parse().map_err(|_| "its attribute lines has a quantity that is no whole number")?;
        Ok::<_, String>(FulfilledLine { line, quantity })
    };
    Ok(Change {
        order_id: Id(required(Some(item.order_id), "orderId")?.into_owned()),
        id: Id(required(Some(item.change_id), "changeId")?.into_owned()),
        at: moment(item.at, "at")?,
        kind: named::<OrderChangeKind>(kind).ok_or("its attribute kind is none that this build knows")?,
        reference: item.reference.and_then(Text::text).map(Cow::into_owned),
        lines: lines.into_iter().map(fulfilled).collect::<Result<_, _>>()?,
        reason: item.reason.and_then(Text::text).map(Cow::into_owned),
        // A reader never sees it.
        answer: None,
    })
}

fn required<'a>(attribute: Option<Text<'a>>, name: &str) -> Result<Cow<'a, str>, String> {
    attribute.and_then(Text::text).ok_or_else(|| format!("it has no attribute {name}"))
}

fn moment(attribute: Option<Text<'_>>, name: &str) -> Result<Timestamp, String> {
    required(attribute, name)?.parse().map_err(|error| format!("its attribute {name} is {error}"))
}

/// One of the values of an enumeration, by its name.
fn named<'de, T: Deserialize<'de>>(name: Cow<'de, str>) -> Option<T> {
    let name: CowStrDeserializer<'de, ValueError> = name.into_deserializer();
    T::deserialize(name).ok()
}

/// What a table's items are known by.
struct Table {
    name: &'static str,
    other: &'static str,
    others_keys: [&'static str; 2],
    attributes: &'static [(&'static str, &'static str)],
}

const ORDERS: Table = Table {
    name: "orders",
    other: "changes",
    others_keys: ["orderId", "changeId"],
    attributes: &[
        ("id", "S"),
        ("receivedAt", "S"),
        ("placedBy", "S"),
        ("customerId", "S"),
        ("document", "S"),
        ("erasedAt", "S"),
    ],
};

const CHANGES: Table = Table {
    name: "changes",
    other: "orders",
    others_keys: ["id", "receivedAt"],
    attributes: &[
        ("orderId", "S"),
        ("changeId", "S"),
        ("at", "S"),
        ("kind", "S"),
        ("reference", "S"),
        ("lines", "L"),
        ("reason", "S"),
    ],
};

/// Why a line is no item of a table.
fn wrong(line: &[u8], error: &serde_json::Error, table: &Table) -> String {
    if !error.is_data() {
        return format!("is no JSON ({error})");
    }
    let item = match serde_json::from_slice(line) {
        Ok(Value::Object(mut members)) => members.remove("Item"),
        _ => None,
    };
    let Some(Value::Object(item)) = item else {
        return "has no member Item, as every line of a full export has".to_owned();
    };
    let Table { name, other, others_keys, attributes } = *table;
    if others_keys.iter().all(|key| item.contains_key(*key)) {
        return format!("is an item of the {other} table, not of the {name} table: are the two exports swapped?");
    }
    for (attribute, kind) in attributes {
        match item.get(*attribute) {
            Some(value) if value.get(kind).is_none() && value.get("NULL").is_none() => {
                return format!("its attribute {attribute} is not of the type {kind}");
            }
            _ => {}
        }
    }
    let keys: Vec<_> =
        attributes[..2].iter().filter(|(key, _)| !item.contains_key(*key)).map(|(key, _)| *key).collect();
    if keys.is_empty() {
        "its attribute lines is not a list of lines and quantities".to_owned()
    } else {
        format!("is no item of the {name} table: it has no attribute {}", keys.join(" and no "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(line: &str) -> Result<StoredOrder, String> {
        order(line.as_bytes())
    }

    #[test]
    fn an_order_is_read_with_every_character_of_its_document() {
        let line = r#"{"Item":{"id":{"S":"1"},"receivedAt":{"S":"2026-01-31T12:00:00.000Z"},"placedBy":{"S":"customer"},
            "customerId":{"S":"ada"},"idempotencyKey":{"S":"k"},"later":{"M":{"a":{"SS":["x"]},"b":{"BOOL":true}}},
            "document":{"S":"{\"a\": \"\u00e9\\ud800 \u2603\",\n\"n\": 1.10}"}}}"#;
        let Ok(StoredOrder::Received(order)) = item(line) else { panic!("an order") };
        assert_eq!(order.document, "{\"a\": \"é\\ud800 ☃\",\n\"n\": 1.10}");
        assert_eq!((order.id.as_str(), order.placed_by), ("1", PlacedBy::Customer));
        assert_eq!(order.customer_id, Some(Id::from("ada")));
        assert_eq!(order.received_at.to_string(), "2026-01-31T12:00:00.000Z");
    }

    #[test]
    fn what_was_erased_is_no_damage() {
        let tombstone = r#"{"Item":{"id":{"S":"1"},"erasedAt":{"S":"2026-02-01T00:00:00.000Z"}}}"#;
        assert_eq!(item(tombstone), Ok(StoredOrder::Erased(Id::from("1"))));
    }

    #[test]
    fn every_type_of_attribute_that_a_change_has_is_read() {
        let line = r#"{"Item":{"orderId":{"S":"1"},"changeId":{"S":"warehouse/0"},"at":{"S":"2026-01-31T12:00:01.000Z"},
            "kind":{"S":"FULFILLED"},"reference":{"NULL":true},"answer":{"S":"{}"},"reason":{"S":"why"},
            "lines":{"L":[{"M":{"line":{"S":"/data/0"},"quantity":{"N":"3"}}},
            {"M":{"quantity":{"N":"1"},"line":{"S":"/data/1"}}}]}}}"#;
        let change = change(line.as_bytes()).unwrap();
        assert_eq!((change.kind, change.reference, change.answer), (OrderChangeKind::Fulfilled, None, None));
        assert_eq!(change.reason.as_deref(), Some("why"));
        let lines: Vec<_> = change.lines.iter().map(|line| (line.line.as_str(), line.quantity)).collect();
        assert_eq!(lines, [("/data/0", 3), ("/data/1", 1)]);
    }

    #[test]
    fn what_is_no_order_is_told_without_its_values() {
        for (line, what) in [
            ("", "is no JSON (EOF while parsing a value at line 1 column 0)"),
            (r#"{"Item":{"id":{"S":"secret"#, "is no JSON (EOF while parsing a string at line 1 column 26)"),
            ("[]", "has no member Item, as every line of a full export has"),
            (r#"{"Keys":{"id":{"S":"1"}}}"#, "has no member Item, as every line of a full export has"),
            (r#"{"Item":{"id":"secret"}}"#, "its attribute id is not of the type S"),
            (r#"{"Item":{"id":{"N":"1"}}}"#, "its attribute id is not of the type S"),
            (r#"{"Item":{"id":{"S":"1"},"document":{"M":{}}}}"#, "its attribute document is not of the type S"),
            (r#"{"Item":{"sku":{"S":"secret"}}}"#, "is no item of the orders table: it has no attribute id"),
            (
                r#"{"Item":{"orderId":{"S":"1"},"changeId":{"S":"2"}}}"#,
                "is an item of the changes table, not of the orders table: are the two exports swapped?",
            ),
            (r#"{"Item":{"id":{"S":"1"},"placedBy":{"S":"guest"}}}"#, "it has no attribute receivedAt"),
            (
                r#"{"Item":{"id":{"S":"1"},"receivedAt":{"S":"secret"},"placedBy":{"S":"guest"}}}"#,
                "its attribute receivedAt is not a date and time",
            ),
            (
                r#"{"Item":{"id":{"S":"1"},"receivedAt":{"S":"2026-01-31T12:00:00Z"},"placedBy":{"S":"secret"}}}"#,
                "its attribute placedBy is none that this build knows",
            ),
            (
                r#"{"Item":{"id":{"S":"1"},"receivedAt":{"S":"2026-01-31T12:00:00Z"},"placedBy":{"S":"guest"}}}"#,
                "it has no document, and was not erased either",
            ),
        ] {
            let told = item(line).unwrap_err();
            assert!(told.starts_with(what) && !told.contains("secret"), "{line}: {told}");
        }
    }

    #[test]
    fn what_is_no_change_is_told() {
        let with = |members: &str| {
            let line = format!(
                r#"{{"Item":{{"orderId":{{"S":"1"}},"changeId":{{"S":"2"}},"at":{{"S":"2026-01-31T12:00:00Z"}},{members}}}}}"#
            );
            change(line.as_bytes()).unwrap_err()
        };
        assert_eq!(with(r#""kind":{"S":"LOST"}"#), "its attribute kind is none that this build knows");
        assert_eq!(with(r#""x":{"S":""}"#), "it has no attribute kind");
        assert_eq!(with(r#""lines":{"S":""}"#), "its attribute lines is not of the type L");
        assert_eq!(with(r#""lines":{"L":[{"S":""}]}"#), "its attribute lines is not a list of lines and quantities");
        let lines = r#""kind":{"S":"FULFILLED"},"lines":{"L":[{"M":{"line":{"S":"/0"},"quantity":{"N":"1.5"}}}]}"#;
        assert_eq!(with(lines), "its attribute lines has a quantity that is no whole number");
        let order = r#"{"Item":{"id":{"S":"1"},"receivedAt":{"S":"2026-01-31T12:00:00Z"},"document":{"S":"{}"}}}"#;
        assert_eq!(
            change(order.as_bytes()).unwrap_err(),
            "is an item of the orders table, not of the changes table: are the two exports swapped?"
        );
    }
}
