//! What two builds read differently: the one that made a record, and this one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use resolvers::order::view::OrderStatus;
use serde::Serialize;
use serde_json::Value;

use super::Error;
use super::differences::{self, Difference};
use super::readings::Reading;
use super::record::{self, Line, Reader};
use super::spill::hash;

/// What became of an order that both know. Of several that hold, the first one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Outcome {
    /// A format understood it, and none does any more.
    NoLongerUnderstood,
    /// No format understood it, and one does now.
    NewlyUnderstood,
    /// It has another status.
    StatusChanged,
    /// Something else about it is different.
    Changed,
    /// Nothing is.
    Same,
}

impl Outcome {
    /// All of them, the most important ones first.
    pub(super) const ALL: [Self; 5] =
        [Self::NoLongerUnderstood, Self::NewlyUnderstood, Self::StatusChanged, Self::Changed, Self::Same];

    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NoLongerUnderstood => "no longer understood",
            Self::NewlyUnderstood => "newly understood",
            Self::StatusChanged => "status changed",
            Self::Changed => "changed",
            Self::Same => "same",
        }
    }
}

/// An order that both read, and read differently.
#[derive(Debug, Serialize)]
pub(super) struct Changed {
    /// Its id.
    pub(super) id: String,
    /// What became of it.
    pub(super) outcome: Outcome,
    /// Every field that differs.
    pub(super) differences: Vec<Difference>,
}

/// How many orders there are of each kind.
pub(super) type Numbers = BTreeMap<Outcome, u64>;

/// What the comparison comes to.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Orders that both know, by what became of them.
    pub(super) outcomes: Numbers,
    /// The same by format, as `shopify`, or `none -> shopify` if it is another one now.
    pub(super) formats: BTreeMap<String, Numbers>,
    /// Orders that only this build was given: they came in after the record was made.
    pub(super) only_now: u64,
    /// Orders that only the record knows.
    pub(super) only_before: u64,
    /// Orders that were erased by now.
    pub(super) erased: u64,
    /// The first few of each outcome but `Same`.
    pub(super) first: Vec<Changed>,
}

/// A reading, ready to be compared.
pub(super) struct Prepared {
    key: (u64, String),
    /// `None` if it was erased.
    read: Option<(Option<String>, OrderStatus)>,
    line: Vec<u8>,
}

/// What of a comparison can be done by many cores.
pub(super) fn prepared(reading: &Reading) -> Result<Prepared, serde_json::Error> {
    let id = reading.id().as_str();
    let read = match reading {
        Reading::Order(order) => Some((order.format.clone(), order.status)),
        Reading::Erased(_) => None,
    };
    Ok(Prepared { key: (hash(id), id.to_owned()), read, line: record::line(reading)? })
}

/// Compares readings in order with a record.
pub(super) struct Comparing {
    record: Reader,
    first: usize,
    comparison: Comparison,
}

impl Comparing {
    /// With this record, showing that many orders of each kind.
    pub(super) fn with(record: Reader, first: usize) -> Self {
        Self { record, first, comparison: Comparison::default() }
    }

    /// Compares the reading that is next.
    pub(super) fn next(&mut self, reading: &Prepared) -> Result<(), Error> {
        if self.record.next() == reading.line {
            match &reading.read {
                Some((format, _)) => self.count(Outcome::Same, format.as_deref(), format.as_deref()),
                None => self.comparison.erased += 1,
            }
            return self.record.advance();
        }
        let key = (reading.key.0, reading.key.1.as_str());
        let before = loop {
            match self.record.peek()? {
                Some(line) if line.key() < key => {
                    self.comparison.only_before += 1;
                    self.record.advance()?;
                }
                Some(line) if line.key() == key => break Some(line),
                _ => break None,
            }
        };
        match (before, &reading.read) {
            (_, None) => self.comparison.erased += 1,
            // What was read here is older than the record if the order was erased there already.
            (None | Some(Line { erased: true, .. }), Some(_)) => self.comparison.only_now += 1,
            (Some(Line { format, status, .. }), Some((format_now, status_now))) => {
                let format = format.map(Cow::into_owned);
                let parsed =
                    |line| serde_json::from_slice::<Value>(line).map_err(|_| self.record.damaged("is no order"));
                let differences = differences::between(parsed(self.record.next())?, parsed(&reading.line)?);
                let outcome = match (&format, format_now) {
                    _ if differences.is_empty() => Outcome::Same,
                    (Some(_), None) => Outcome::NoLongerUnderstood,
                    (None, Some(_)) => Outcome::NewlyUnderstood,
                    _ if status != Some(*status_now) => Outcome::StatusChanged,
                    _ => Outcome::Changed,
                };
                self.count(outcome, format.as_deref(), format_now.as_deref());
                let shown = self.comparison.first.iter().filter(|changed| changed.outcome == outcome).count();
                if outcome != Outcome::Same && shown < self.first {
                    self.comparison.first.push(Changed { id: reading.key.1.clone(), outcome, differences });
                }
            }
        }
        // The record has a line for it, or none.
        if matches!(self.record.peek()?, Some(line) if line.key() == key) {
            self.record.advance()?;
        }
        Ok(())
    }

    /// Counts what is left in the record, to its end.
    pub(super) fn finish(mut self) -> Result<Comparison, Error> {
        while !self.record.next().is_empty() {
            self.comparison.only_before += 1;
            self.record.advance()?;
        }
        self.comparison.first.sort_by_key(|changed| changed.outcome);
        Ok(self.comparison)
    }

    fn count(&mut self, outcome: Outcome, before: Option<&str>, after: Option<&str>) {
        let name = |format: Option<&str>| format.unwrap_or("none").to_owned();
        let format = if before == after { name(before) } else { format!("{} -> {}", name(before), name(after)) };
        *self.comparison.outcomes.entry(outcome).or_default() += 1;
        *self.comparison.formats.entry(format).or_default().entry(outcome).or_default() += 1;
    }
}
