//! Numbers for CloudWatch: a line of the log from which it extracts metrics by itself. That costs no request, and needs
//! no permission.
//!
//! A report is an event on a target of its own. [`telemetry`](crate::telemetry) writes it as the line that CloudWatch
//! looks for; whoever else listens to what is traced sees it as one more event, at the level of details.
//!
//! Source: Amazon CloudWatch user guide, "Specification: Embedded metric format".

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::environment::Environment;
use crate::order::Timestamp;

/// The target of the events that carry metrics. Their only field is the line itself.
pub const TARGET: &str = "resolvers::metrics";

/// Where a function's metrics go.
#[derive(Clone, Debug)]
pub struct Metrics {
    namespace: Option<String>,
}

/// One number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// What is measured, such as `RetriedOrders`.
    pub name: &'static str,
    /// In which unit.
    pub unit: Unit,
    /// How much it is.
    pub value: u64,
}

/// Units, by the names that CloudWatch knows them by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "each says what it is")]
pub enum Unit {
    Count,
    Seconds,
}

impl Metrics {
    /// Metrics in the namespace that `METRICS_NAMESPACE` names; none are reported without it.
    #[must_use]
    pub fn new(environment: &Environment) -> Self {
        Self { namespace: environment.get("METRICS_NAMESPACE").map(str::to_owned) }
    }

    /// Reports what was measured at a moment, without dimensions.
    pub fn report(&self, at: Timestamp, metrics: &[Metric]) {
        let Some(namespace) = &self.namespace else { return };
        match serde_json::to_string(&Document { namespace, at, metrics }) {
            Ok(line) => tracing::debug!(target: TARGET, emf = %line),
            Err(error) => tracing::error!(%error, "metrics cannot be written as JSON"),
        }
    }
}

/// A document in the embedded metric format: what its members mean stands in `_aws`, the numbers beside it.
struct Document<'a> {
    namespace: &'a str,
    at: Timestamp,
    metrics: &'a [Metric],
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let definitions = self.metrics.iter().map(|Metric { name, unit, .. }| Definition { name, unit: *unit });
        let directive = Directive { namespace: self.namespace, dimensions: [[]], metrics: definitions.collect() };
        let metadata = Metadata { timestamp: self.at.as_millisecond(), cloud_watch_metrics: [directive] };
        let mut members = serializer.serialize_map(Some(1 + self.metrics.len()))?;
        members.serialize_entry("_aws", &metadata)?;
        for Metric { name, value, .. } in self.metrics {
            members.serialize_entry(name, value)?;
        }
        members.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'a> {
    /// Milliseconds since 1970.
    timestamp: i64,
    cloud_watch_metrics: [Directive<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'a str,
    /// One set of dimensions, with none in it: without a set, nothing would be extracted.
    dimensions: [[&'a str; 0]; 1],
    metrics: Vec<Definition<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition<'a> {
    name: &'a str,
    unit: Unit,
}
