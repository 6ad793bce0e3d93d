//! What a run must have led to, whatever went wrong meanwhile. Pure: takes what was seen from outside, says what is wrong.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

/// Pieces by line.
pub(crate) type Lines = BTreeMap<String, i64>;

/// Everything that was seen of a run.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// What callers sent.
    pub(crate) sent: Vec<Sent>,
    /// The orders table, by id.
    pub(crate) stored: BTreeMap<String, Stored>,
    /// The changes table, by order.
    pub(crate) changes: BTreeMap<String, Vec<Change>>,
    /// The warehouse's books: each question, with its answer.
    pub(crate) books: Vec<Entry>,
    /// What the warehouse reported later.
    pub(crate) reports: Vec<Report>,
    /// What a subscriber to every order was told.
    pub(crate) told: Vec<Told>,
    /// Those who waited for one order, as the documentation says.
    pub(crate) waiting: Vec<Waiting>,
    /// The status in which the orders are read in the end.
    pub(crate) read: BTreeMap<String, String>,
    /// What `ordersNeedingAttention` lists in the end.
    pub(crate) attention: BTreeSet<String>,
    /// The pointers of the attention table in the end: the order, and why.
    pub(crate) pointers: BTreeMap<String, String>,
    /// The orders in the failure bucket.
    pub(crate) given_up: BTreeSet<String>,
    /// The orders of which the stream's Lambda never said that they are done.
    pub(crate) undelivered: BTreeSet<String>,
}

/// An order as it was sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) key: String,
    pub(crate) document: String,
    /// What is ordered; empty if nothing can understand it.
    pub(crate) lines: Lines,
    /// The ids that the caller was told, however often it asked.
    pub(crate) acknowledged: Vec<String>,
    /// What the caller was told that it should not have been.
    pub(crate) refused: Option<String>,
}

/// An order as it is stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stored {
    pub(crate) key: String,
    pub(crate) document: String,
}

/// A change, as it is stored or told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) id: String,
    pub(crate) at: String,
    pub(crate) kind: String,
    pub(crate) reference: Option<String>,
    pub(crate) lines: Lines,
}

/// What the warehouse was asked, and what it did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) order: String,
    /// The key of idempotency.
    pub(crate) key: String,
    pub(crate) kind: String,
    pub(crate) reference: Option<String>,
    /// What it ships for this answer.
    pub(crate) lines: Lines,
    /// Whether it gives the same answer to the same key.
    pub(crate) keeps_its_word: bool,
}

/// A later report.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) order: String,
    pub(crate) reference: String,
    pub(crate) lines: Lines,
    /// Whether the answer was that it is recorded.
    pub(crate) acknowledged: bool,
    pub(crate) refused: Option<String>,
}

/// An event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) order: String,
    pub(crate) changes: Vec<Change>,
}

/// Somebody who waited for one order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) order: String,
    /// It read the order as fulfilled, or was told so.
    pub(crate) knows: bool,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Wrong {
    Lost,
    Invented,
    Altered,
    TwoIds,
    CallerRefused,
    ChangeWithoutCause,
    ChangeRewritten,
    NeverTold,
    ToldWhatIsNot,
    ShippedTwice,
    FulfilledOtherwise,
    Unfinished,
    ReportLost,
    Invisible,
    ShownInVain,
    PointerLeft,
    BucketIsOff,
    WaitsInVain,
}

impl Wrong {
    const fn sentence(self) -> &'static str {
        match self {
            Self::Lost => "an acknowledged order is not stored",
            Self::Invented => "an order is stored that nobody sent",
            Self::Altered => "an order is not stored as it was sent",
            Self::TwoIds => "one key led to more than one order",
            Self::CallerRefused => "a caller was refused what is right",
            Self::ChangeWithoutCause => "a change has no cause",
            Self::ChangeRewritten => "a change was told that is now another",
            Self::NeverTold => "a change was never told",
            Self::ToldWhatIsNot => "a change was told that is not stored",
            Self::ShippedTwice => "the warehouse was made to ship more than is ordered",
            Self::FulfilledOtherwise => "what is recorded as fulfilled is not what is ordered",
            Self::Unfinished => "an order is neither fulfilled nor shown to anybody",
            Self::ReportLost => "an acknowledged report is not recorded",
            Self::Invisible => "an order needs attention and is not listed",
            Self::ShownInVain => "an order is listed that needs no attention",
            Self::PointerLeft => "a pointer is left to an order that is finished",
            Self::BucketIsOff => "the failure bucket and what was given up are not the same",
            Self::WaitsInVain => "somebody waits for an order that is long fulfilled",
        }
    }
}

/// Something that is wrong, with an order if it is about one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) what: Wrong,
    pub(crate) order: String,
    pub(crate) more: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.order, self.what.sentence(), self.more)
    }
}

/// Everything that is wrong.
pub(crate) fn audit(evidence: &Evidence) -> Vec<Finding> {
    let mut findings = Findings::default();
    let by_order = ByOrder::of(evidence);
    let by_key: HashMap<_, _> = evidence.sent.iter().map(|sent| (sent.key.as_str(), sent)).collect();
    placing(evidence, &by_key, &mut findings);
    bucket(evidence, &mut findings);
    for (id, stored) in &evidence.stored {
        if let Some(sent) = by_key.get(stored.key.as_str()) {
            Case::of(evidence, &by_order, id, sent).examine(&mut findings);
        }
    }
    for id in evidence.changes.keys().filter(|id| !evidence.stored.contains_key(*id)) {
        findings.add(Wrong::ChangeWithoutCause, id, "(there is no such order)");
    }
    for waiting in evidence.waiting.iter().filter(|waiting| !waiting.knows) {
        if evidence.read.get(&waiting.order).is_some_and(|status| status == "FULFILLED") {
            findings.add(Wrong::WaitsInVain, &waiting.order, "");
        }
    }
    findings.0.sort();
    findings.0
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, what: Wrong, order: &str, more: impl Into<String>) {
        self.0.push(Finding { what, order: order.to_owned(), more: more.into() });
    }
}

/// Every acknowledged order is stored exactly as it was sent, once, and none is that nobody sent.
fn placing(evidence: &Evidence, by_key: &HashMap<&str, &Sent>, findings: &mut Findings) {
    let stored_as = stored_under_each_key(evidence);
    for sent in &evidence.sent {
        let ids: BTreeSet<_> = sent.acknowledged.iter().collect();
        for id in &ids {
            if evidence.stored.get(*id).is_none_or(|stored| stored.key != sent.key) {
                findings.add(Wrong::Lost, id, "");
            }
        }
        if ids.len() > 1 || stored_as.get(sent.key.as_str()).is_some_and(|count| *count > 1) {
            findings.add(Wrong::TwoIds, &sent.key, format!("{ids:?}"));
        }
        if let Some(refused) = &sent.refused {
            findings.add(Wrong::CallerRefused, &sent.key, refused);
        }
    }
    for (id, stored) in &evidence.stored {
        match by_key.get(stored.key.as_str()) {
            None => findings.add(Wrong::Invented, id, ""),
            Some(sent) if sent.document != stored.document => {
                findings.add(Wrong::Altered, id, format!("{} became {}", sent.document, stored.document));
            }
            Some(_) => {}
        }
    }
}

fn stored_under_each_key(evidence: &Evidence) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for stored in evidence.stored.values() {
        *counts.entry(stored.key.as_str()).or_default() += 1;
    }
    counts
}

/// The failure bucket holds exactly what was given up.
fn bucket(evidence: &Evidence, findings: &mut Findings) {
    for id in evidence.given_up.symmetric_difference(&evidence.undelivered) {
        let how = if evidence.given_up.contains(id) { "(it is in, and was done)" } else { "(it is missing)" };
        findings.add(Wrong::BucketIsOff, id, how);
    }
}

/// What there is of each order, so that a thousand orders take no more than a thousand times as long as one.
#[derive(Default)]
struct ByOrder<'a> {
    books: HashMap<&'a str, Vec<&'a Entry>>,
    reports: HashMap<&'a str, Vec<&'a Report>>,
    told: HashMap<&'a str, Vec<&'a Change>>,
}

impl<'a> ByOrder<'a> {
    fn of(evidence: &'a Evidence) -> Self {
        let mut all = Self::default();
        for entry in &evidence.books {
            all.books.entry(&entry.order).or_default().push(entry);
        }
        for report in &evidence.reports {
            all.reports.entry(&report.order).or_default().push(report);
        }
        for told in &evidence.told {
            all.told.entry(&told.order).or_default().extend(&told.changes);
        }
        all
    }
}

/// One order, and all that belongs to it.
struct Case<'a> {
    id: &'a str,
    evidence: &'a Evidence,
    lines: &'a Lines,
    changes: &'a [Change],
    books: Vec<&'a Entry>,
    reports: Vec<&'a Report>,
    told: Vec<&'a Change>,
}

impl<'a> Case<'a> {
    fn of(evidence: &'a Evidence, by_order: &ByOrder<'a>, id: &'a str, sent: &'a Sent) -> Self {
        Self {
            id,
            evidence,
            lines: &sent.lines,
            changes: evidence.changes.get(id).map_or(&[], Vec::as_slice),
            books: by_order.books.get(id).cloned().unwrap_or_default(),
            reports: by_order.reports.get(id).cloned().unwrap_or_default(),
            told: by_order.told.get(id).cloned().unwrap_or_default(),
        }
    }

    fn examine(&self, findings: &mut Findings) {
        for change in self.changes {
            if !self.has_a_cause(change) {
                findings.add(Wrong::ChangeWithoutCause, self.id, format!("{change:?}"));
            }
            if !self.told.iter().any(|told| told.id == change.id) {
                findings.add(Wrong::NeverTold, self.id, &change.id);
            }
        }
        self.what_was_told(findings);
        self.reported(findings);
        self.shipped(findings);
        self.finished(findings);
    }

    fn what_was_told(&self, findings: &mut Findings) {
        let mut seen = HashSet::new();
        for told in self.told.iter().filter(|told| seen.insert((&told.id, &told.at, &told.reference))) {
            match self.changes.iter().find(|change| change.id == told.id) {
                None => findings.add(Wrong::ToldWhatIsNot, self.id, format!("{told:?}")),
                Some(change) if change == *told => {}
                Some(change) => findings.add(Wrong::ChangeRewritten, self.id, format!("{told:?} is {change:?}")),
            }
        }
    }

    /// Whether the warehouse gave that answer to that question, or sent that report, or nothing understands the order.
    fn has_a_cause(&self, change: &Change) -> bool {
        if let Some(question) = change.id.strip_prefix("warehouse/") {
            let key = format!("{}/{question}", self.id);
            return self.books.iter().any(|entry| {
                entry.key == key
                    && entry.kind == change.kind
                    && entry.reference == change.reference
                    && entry.lines == change.lines
            });
        }
        if let Some(reference) = change.id.strip_prefix("report/") {
            return self.reports.iter().any(|report| {
                report.reference == reference && report.lines == change.lines && change.kind == "FULFILLED"
            });
        }
        change.id.starts_with("not-understood/") && change.kind == "NOT_UNDERSTOOD" && self.lines.is_empty()
    }

    fn reported(&self, findings: &mut Findings) {
        for report in &self.reports {
            let id = format!("report/{}", report.reference);
            if report.acknowledged && !self.changes.iter().any(|change| change.id == id) {
                findings.add(Wrong::ReportLost, self.id, &report.reference);
            }
            if let Some(refused) = &report.refused {
                findings.add(Wrong::CallerRefused, self.id, refused);
            }
        }
    }

    /// Nothing is shipped twice by a warehouse that knows a question again by its key.
    fn shipped(&self, findings: &mut Findings) {
        if self.books.iter().any(|entry| !entry.keeps_its_word) {
            return;
        }
        let mut questions = HashSet::new();
        let first = self.books.iter().filter(|entry| questions.insert(&entry.key)).map(|entry| &entry.lines);
        let total = sum(first.chain(self.reports.iter().map(|report| &report.lines)));
        if total.iter().any(|(line, pieces)| self.lines.get(line).is_none_or(|ordered| pieces > ordered)) {
            findings.add(Wrong::ShippedTwice, self.id, format!("{total:?} of {:?}", self.lines));
        }
    }

    /// In the end an order is fulfilled, by just what was ordered, or somebody is shown that it is not.
    fn finished(&self, findings: &mut Findings) {
        let status = self.evidence.read.get(self.id).map_or("not found", String::as_str);
        let listed = self.evidence.attention.contains(self.id);
        let total = sum(self.changes.iter().map(|change| &change.lines));
        let complete = !self.lines.is_empty() && total == *self.lines;
        let last_word =
            self.changes.iter().max_by_key(|change| (&change.at, &change.id)).map(|change| change.kind.as_str());
        match status {
            "FULFILLED" if !complete => {
                findings.add(Wrong::FulfilledOtherwise, self.id, format!("{total:?} of {:?}", self.lines));
            }
            "FULFILLED" => {
                if listed {
                    findings.add(Wrong::ShownInVain, self.id, "");
                }
                if let Some(why) = self.evidence.pointers.get(self.id) {
                    findings.add(Wrong::PointerLeft, self.id, why);
                }
            }
            "NEEDS_ATTENTION" if matches!(last_word, Some("REFUSED" | "NOT_UNDERSTOOD")) => {
                if !listed {
                    findings.add(Wrong::Invisible, self.id, "");
                }
            }
            _ => findings.add(Wrong::Unfinished, self.id, format!("({status}, {total:?} of {:?})", self.lines)),
        }
    }
}

fn sum<'a>(all: impl Iterator<Item = &'a Lines>) -> Lines {
    let mut total = Lines::new();
    for (line, pieces) in all.flatten() {
        *total.entry(line.clone()).or_default() += pieces;
    }
    total
}
