//! A warehouse that keeps its books: what it was asked under which key, and what it did.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::audit::{Entry, Lines, Report};
use crate::dice::Dice;

/// What a warehouse does with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nature {
    /// Ships everything, and says nothing.
    Ships,
    /// Ships everything, and gives its number.
    ShipsByNumber,
    /// Ships a part, and reports the rest.
    ShipsInParts,
    /// Takes it on, and reports.
    Accepts,
    /// Refuses, and ships if it is asked anew.
    Refuses,
    /// Refuses or ships, whatever it said before. Each time it is asked it forgets that it was.
    ChangesItsMind,
}

/// The warehouse.
pub(crate) struct Warehouse {
    dice: Dice,
    books: Mutex<Vec<Entry>>,
    reports: mpsc::UnboundedSender<Report>,
}

impl Warehouse {
    /// A warehouse, and what it will report.
    pub(crate) fn new(dice: Dice) -> (Self, mpsc::UnboundedReceiver<Report>) {
        let (reports, reported) = mpsc::unbounded_channel();
        (Self { dice, books: Mutex::default(), reports }, reported)
    }

    /// The books.
    pub(crate) fn books(&self) -> Vec<Entry> {
        self.entries().clone()
    }

    /// Asked for something: the status and the body of its answer.
    pub(crate) fn answer(&self, key: &str, question: &Value) -> (u16, String) {
        let order = question["orderId"].as_str().unwrap_or_default().to_owned();
        let asked: Lines = question["lines"].as_array().into_iter().flatten().filter_map(line).collect();
        let nature = self.nature(&order);
        let mut books = self.entries();
        let before: Vec<_> = books.iter().filter(|entry| entry.key == key).collect();
        let keeps_its_word = nature != Nature::ChangesItsMind;
        let entry = match before.first() {
            Some(first) if keeps_its_word => (*first).clone(),
            _ => self.decide(nature, order, key, &asked, before.len()),
        };
        let body = match (entry.kind.as_str(), &entry.reference) {
            ("REFUSED", _) => json!({ "refused": true, "reason": "sold out" }).to_string(),
            ("FULFILLED", None) => String::new(),
            (_, reference) => {
                let lines: Vec<_> =
                    entry.lines.iter().map(|(id, pieces)| json!({ "id": id, "quantity": pieces })).collect();
                json!({ "reference": reference, "lines": lines }).to_string()
            }
        };
        let status = if entry.kind == "REFUSED" { 422 } else { 200 };
        books.push(entry);
        (status, body)
    }

    fn decide(&self, nature: Nature, order: String, key: &str, asked: &Lines, before: usize) -> Entry {
        let (fulfilled, refused) = (|| "FULFILLED".to_owned(), || "REFUSED".to_owned());
        let (kind, reference, lines) = match nature {
            Nature::ShipsByNumber => (fulfilled(), Some(format!("W-{key}")), asked.clone()),
            Nature::Refuses if key.ends_with("/0") => (refused(), None, Lines::new()),
            Nature::Ships | Nature::Refuses => (fulfilled(), None, asked.clone()),
            Nature::ChangesItsMind if self.dice.percent(50, &["mind", key, &before.to_string()]) => {
                (refused(), None, Lines::new())
            }
            Nature::ChangesItsMind => (fulfilled(), Some(format!("W-{key}-{before}")), asked.clone()),
            Nature::ShipsInParts => {
                let shipped: Lines = asked.iter().take(1).map(|(line, _)| (line.clone(), 1)).collect();
                let rest = asked.iter().map(|(line, pieces)| (line.clone(), pieces - shipped.get(line).unwrap_or(&0)));
                self.will_report(&order, 1, rest.filter(|(_, pieces)| *pieces > 0).collect());
                (fulfilled(), Some(format!("W-{key}")), shipped)
            }
            Nature::Accepts => {
                for (number, (line, pieces)) in asked.iter().enumerate() {
                    self.will_report(&order, number, Lines::from([(line.clone(), *pieces)]));
                }
                ("ACCEPTED".to_owned(), Some(format!("W-{key}")), Lines::new())
            }
        };
        let keeps_its_word = nature != Nature::ChangesItsMind;
        Entry { order, key: key.to_owned(), kind, reference, lines, keeps_its_word }
    }

    fn will_report(&self, order: &str, number: usize, lines: Lines) {
        if !lines.is_empty() {
            let reference = format!("R-{number}");
            let report = Report { order: order.to_owned(), reference, lines, ..Report::default() };
            // Nobody is interested any more once a run is over.
            let _ = self.reports.send(report);
        }
    }

    fn nature(&self, order: &str) -> Nature {
        match self.dice.below(10, &["nature", order]) {
            0..=1 => Nature::Ships,
            2..=3 => Nature::ShipsByNumber,
            4..=5 => Nature::ShipsInParts,
            6..=7 => Nature::Accepts,
            8 => Nature::Refuses,
            _ => Nature::ChangesItsMind,
        }
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(line: &Value) -> Option<(String, i64)> {
    Some((line["id"].as_str()?.to_owned(), line["quantity"].as_i64()?))
}
