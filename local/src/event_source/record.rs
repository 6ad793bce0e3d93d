//! The event record that a function is handed, made of a stored stream record.

use std::collections::HashMap;
use std::time::Instant;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::dynamodb::stream::{Stream, StreamRecord, sequence_number};

const EVENT_START: &str = r#"{"Records":["#;
const EVENT_END: &str = "]}";

/// How many bytes an event is without its records.
pub(super) const EVENT_SIZE: usize = EVENT_START.len() + EVENT_END.len();

/// One record of an event, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) sequence: i64,
    /// In whole seconds since 1970.
    pub(super) created_at: i64,
    /// The item's partition key, as JSON.
    pub(super) key: String,
    pub(super) json: String,
    /// When it was read, from where on it waits for its batch to fill.
    pub(super) read_at: Instant,
}

impl Record {
    /// A stored record as AWS shows it to a function: under the mapping's names, not the embedded database's.
    pub(super) fn new(
        stored: &StreamRecord,
        stream: &Stream,
        region: &str,
        source_arn: &str,
    ) -> Result<Self, serde_json::Error> {
        let number = sequence_number(stored.sequence);
        let keys: HashMap<String, &RawValue> = serde_json::from_str(&stored.keys)?;
        let key = keys.get(&stream.partition_key).map_or_else(String::new, |key| key.get().to_owned());
        let image = |image: &'_ Option<String>| image.clone().map(RawValue::from_string).transpose();
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit for millions of years")]
        let approximate_creation_date_time = stored.created_at as f64;
        let json = serde_json::to_string(&EventRecord {
            event_id: stored.event_id.as_deref().unwrap_or(&number),
            event_name: &stored.event_name,
            event_version: "1.1",
            event_source: "aws:dynamodb",
            aws_region: region,
            dynamodb: Change {
                approximate_creation_date_time,
                keys: &RawValue::from_string(stored.keys.clone())?,
                new_image: image(&stored.new_image)?.as_deref(),
                old_image: image(&stored.old_image)?.as_deref(),
                sequence_number: &number,
                size_bytes: stored.size(),
                stream_view_type: stream.view_type.name(),
            },
            user_identity: image(&stored.user_identity)?.as_deref(),
            event_source_arn: source_arn,
        })?;
        Ok(Self { sequence: stored.sequence, created_at: stored.created_at, key, json, read_at: Instant::now() })
    }

    pub(super) fn sequence_number(&self) -> String {
        sequence_number(self.sequence)
    }

    #[cfg(test)]
    pub(super) fn numbered(sequence: i64) -> Self {
        Self { sequence, created_at: 0, key: String::new(), json: "{}".to_owned(), read_at: Instant::now() }
    }
}

/// The event of a batch.
pub(super) fn event(batch: &[Record]) -> String {
    let records: Vec<_> = batch.iter().map(|record| record.json.as_str()).collect();
    format!("{EVENT_START}{}{EVENT_END}", records.join(","))
}

#[derive(Serialize)]
struct EventRecord<'a> {
    #[serde(rename = "eventID")]
    event_id: &'a str,
    #[serde(rename = "eventName")]
    event_name: &'a str,
    #[serde(rename = "eventVersion")]
    event_version: &'a str,
    #[serde(rename = "eventSource")]
    event_source: &'a str,
    #[serde(rename = "awsRegion")]
    aws_region: &'a str,
    dynamodb: Change<'a>,
    /// Who deleted the item, if that was DynamoDB itself.
    #[serde(rename = "userIdentity", skip_serializing_if = "Option::is_none")]
    user_identity: Option<&'a RawValue>,
    #[serde(rename = "eventSourceARN")]
    event_source_arn: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Change<'a> {
    approximate_creation_date_time: f64,
    keys: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_image: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_image: Option<&'a RawValue>,
    sequence_number: &'a str,
    size_bytes: usize,
    stream_view_type: &'a str,
}
