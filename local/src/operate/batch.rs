//! One batch of the stream as Lambda keeps it when it gives it up: a JSON object whose `payload` is the event.
//!
//! Source: AWS Lambda developer guide, "Retain discarded records for a DynamoDB event source": with an S3 destination,
//! `payload` holds the whole event as a string. What is not touched stays as it was, byte for byte but for white space
//! and the order of members.

use std::collections::BTreeMap;

use resolvers::order::{ErasedOrder, Id};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

type Members = BTreeMap<String, Box<RawValue>>;

/// A batch.
pub(super) struct Batch {
    around: Members,
    event: Members,
    records: Vec<Record>,
}

struct Record {
    id: Id,
    json: Box<RawValue>,
}

#[derive(Deserialize)]
struct Stream {
    dynamodb: Change,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    keys: Keys,
}

#[derive(Deserialize)]
struct Keys {
    id: Text,
}

#[derive(Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: Id,
}

impl Batch {
    /// Reads a kept batch.
    ///
    /// # Errors
    /// What about it is no such batch.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut around: Members = serde_json::from_slice(bytes).map_err(|error| format!("it is no JSON: {error}"))?;
        let payload = around.remove("payload").ok_or("it has no payload")?;
        let text: String = serde_json::from_str(payload.get()).map_err(|_| "its payload is no string")?;
        let mut event: Members = serde_json::from_str(&text).map_err(|_| "its payload is no event")?;
        let records = event.remove("Records").ok_or("its event has no records")?;
        let records: Vec<Box<RawValue>> = serde_json::from_str(records.get()).map_err(|_| "its records are no list")?;
        let record = |json: Box<RawValue>| {
            let Stream { dynamodb } =
                serde_json::from_str(json.get()).map_err(|_| "a record in it has no order's id")?;
            Ok(Record { id: dynamodb.keys.id.text, json })
        };
        let records = records.into_iter().map(record).collect::<Result<_, &str>>()?;
        Ok(Self { around, event, records })
    }

    /// The orders in it.
    pub(super) fn ids(&self) -> impl Iterator<Item = &Id> {
        self.records.iter().map(|record| &record.id)
    }

    /// Leaves of these orders no more than what is left of them in the table. Whether there was more.
    ///
    /// # Errors
    /// If a record cannot be written as JSON, which none is that was read.
    pub(super) fn erase(&mut self, orders: &BTreeMap<Id, ErasedOrder>) -> Result<bool, serde_json::Error> {
        let mut erased = false;
        for record in &mut self.records {
            let Some(left) = orders.get(&record.id) else { continue };
            let mut members: Members = serde_json::from_str(record.json.get())?;
            let image = to_raw_value(&image(left))?;
            let Some(change) = members.get_mut("dynamodb") else { continue };
            let mut parts: Members = serde_json::from_str(change.get())?;
            let before = parts.insert("NewImage".to_owned(), image.clone());
            let old = parts.remove("OldImage");
            erased |= old.is_some() || before.is_none_or(|before| before.get() != image.get());
            *change = to_raw_value(&parts)?;
            record.json = to_raw_value(&members)?;
        }
        Ok(erased)
    }

    /// The batch as it is to be kept.
    ///
    /// # Errors
    /// If it cannot be written as JSON, which none is that was read.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut event = self.event.clone();
        let records: Vec<_> = self.records.iter().map(|record| &record.json).collect();
        event.insert("Records".to_owned(), to_raw_value(&records)?);
        let mut around = self.around.clone();
        around.insert("payload".to_owned(), to_raw_value(&serde_json::to_string(&event)?)?);
        serde_json::to_vec(&around)
    }
}

/// What is left of an order, as an image in the stream.
pub(super) fn image(left: &ErasedOrder) -> serde_json::Value {
    let ErasedOrder { id, received_at, erased_at } = left;
    json!({
        "id": { "S": id }, "receivedAt": { "S": received_at.to_string() }, "erasedAt": { "S": erased_at.to_string() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> String {
        let record = |id: &str, document: &str| {
            json!({ "eventName": "INSERT", "dynamodb": {
                "Keys": { "id": { "S": id } }, "SequenceNumber": "1",
                "NewImage": { "id": { "S": id }, "document": { "S": document }, "weight": { "N": "1.10" } },
                "OldImage": { "id": { "S": id }, "document": { "S": document } } } })
        };
        let event = json!({ "Records": [record("a", "of ada"), record("b", "of bob")] });
        json!({ "version": "1.0", "requestContext": { "condition": "RetryAttemptsExhausted" },
                "payload": event.to_string() })
        .to_string()
    }

    fn left(id: &str) -> BTreeMap<Id, ErasedOrder> {
        let at = |text: &str| text.parse().unwrap();
        let (received_at, erased_at) = (at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"));
        BTreeMap::from([(Id::from(id), ErasedOrder { id: Id::from(id), received_at, erased_at })])
    }

    #[test]
    fn of_an_erased_order_only_its_times_stay_and_the_others_stay_as_they_are() {
        let mut batch = Batch::parse(kept().as_bytes()).unwrap();
        assert_eq!(batch.ids().map(Id::as_str).collect::<Vec<_>>(), ["a", "b"]);
        assert!(batch.erase(&left("a")).unwrap());
        let text = String::from_utf8(batch.to_bytes().unwrap()).unwrap();
        assert!(!text.contains("ada") && text.contains("of bob") && text.contains("1.10"), "{text}");
        assert!(text.contains("RetryAttemptsExhausted") && text.contains("2026-02-01T00:00:00.000Z"), "{text}");
        let mut again = Batch::parse(text.as_bytes()).unwrap();
        assert_eq!(again.ids().map(Id::as_str).collect::<Vec<_>>(), ["a", "b"]);
        assert!(!again.erase(&left("a")).unwrap(), "there is nothing more to take");
        assert!(!again.erase(&left("c")).unwrap());
    }

    #[test]
    fn what_is_no_batch_is_told_from_one() {
        for (text, why) in [
            ("{", "no JSON"),
            ("{}", "no payload"),
            (r#"{"payload":7}"#, "no string"),
            (r#"{"payload":"7"}"#, "no event"),
            (r#"{"payload":"{}"}"#, "no records"),
            (r#"{"payload":"{\"Records\":[{}]}"}"#, "no order's id"),
        ] {
            let told = Batch::parse(text.as_bytes()).err().unwrap();
            assert!(told.contains(why), "{text}: {told}");
        }
    }
}
