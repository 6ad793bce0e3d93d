//! What sending an order through would do, and what has become of it: from what is stored, as this build reads it.

use resolvers::order::view::{OrderChangeKind, OrderStatus};
use resolvers::order::{Change, ReceivedOrder, StoredOrder, interpret, merge};
use resolvers::tables::{Pointer, Reason};

/// How many characters of a reason are told.
const REASON: usize = 200;

/// Everything that is stored about an order.
pub(super) struct Known {
    pub(super) stored: Option<StoredOrder>,
    pub(super) changes: Vec<Change>,
    pub(super) pointer: Option<Pointer>,
}

/// Whether somebody asked for just this order, or it is in a list that may be older than what has happened to it since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A pointer or a kept batch leads to it, or somebody has named it.
    ForIt,
    /// It is in a list of orders that were open.
    ByList,
}

/// What is to be done with an order, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Send it through, and what is done with it then, in words that follow both "is" and "would be".
    Send {
        /// Why.
        why: String,
        /// What is done.
        then: &'static str,
    },
    /// Leave it.
    LeaveOut(String),
    /// There is no such order.
    Unknown,
}

impl Known {
    /// Whether it is to be sent through.
    pub(super) fn plan(&self, asked: Asked) -> Plan {
        let received = match &self.stored {
            None => return Plan::Unknown,
            Some(StoredOrder::Erased(left)) => return Plan::LeaveOut(format!("it was erased at {}", left.erased_at)),
            Some(StoredOrder::Received(received)) => received,
        };
        let interpretation = interpret(&received.document);
        let refusals = self.refusals().count();
        let nothing_to_ask = |why: &str| match asked {
            Asked::ForIt => send(why, "merely announced"),
            Asked::ByList => Plan::LeaveOut(why.to_owned()),
        };
        if self.status(received) == Some(OrderStatus::Fulfilled) {
            return nothing_to_ask("it is fulfilled");
        }
        if self.answered(refusals) {
            return nothing_to_ask("the warehouse has it, and will report");
        }
        if !interpretation.understood() {
            let problems = harmless(interpretation.problems.join("; ").chars());
            return if self.changes.is_empty() && self.pointer.is_none() {
                send(&format!("it is not understood ({problems})"), "put where somebody looks at it")
            } else {
                Plan::LeaveOut(format!("it is still not understood: {problems}"))
            };
        }
        let retried = self.pointer.as_ref().filter(|pointer| pointer.next.is_some());
        if refusals > 0 {
            send(&format!("refused {}{}", times(refusals), self.why_refused()), "asked for anew")
        } else if self.has(OrderChangeKind::NotUnderstood) {
            let format = interpretation.format.unwrap_or_default();
            send(&format!("it is understood now, as {format}"), "asked for")
        } else if let Some(pointer) = retried {
            send(&format!("is put off ({})", why_put_off(pointer)), "asked for now")
        } else {
            send("it has no outcome", "asked for")
        }
    }

    /// What has become of it, in one word for a script and in some for a person.
    pub(super) fn outcome(&self) -> (&'static str, String) {
        let received = match &self.stored {
            None => return ("UNKNOWN", "there is no such order".to_owned()),
            Some(StoredOrder::Erased(_)) => return ("ERASED", "it was erased".to_owned()),
            Some(StoredOrder::Received(received)) => received,
        };
        let status = self.status(received);
        if status == Some(OrderStatus::Fulfilled) {
            return ("FULFILLED", "is fulfilled".to_owned());
        }
        if let Some(pointer @ Pointer { next: Some(next), .. }) = &self.pointer {
            return ("RETRIED", format!("is tried again at {next}: {}", why_put_off(pointer)));
        }
        match status {
            Some(OrderStatus::NeedsAttention) if self.last() == Some(OrderChangeKind::Refused) => {
                let again = if self.refusals().count() > 1 { " again" } else { "" };
                ("REFUSED", format!("was refused{again}{}", self.why_refused()))
            }
            Some(OrderStatus::NeedsAttention) => ("NOT_UNDERSTOOD", "is not understood".to_owned()),
            _ if self.changes.is_empty() => ("OPEN", "has no outcome yet".to_owned()),
            _ => ("ACCEPTED", "is with the warehouse".to_owned()),
        }
    }

    /// Whether a batch that was kept for its sake is needed no more: something is known to have happened to it, or somebody
    /// will come back to it.
    pub(super) fn is_through(&self) -> bool {
        match self.stored {
            Some(StoredOrder::Received(_)) => !self.changes.is_empty() || self.pointer.is_some(),
            Some(StoredOrder::Erased(_)) => true,
            None => false,
        }
    }

    /// Why somebody is to look at it, since when and how often it was tried, if a pointer says so.
    pub(super) fn pointed(&self) -> Option<String> {
        let Pointer { reason, since, attempts, .. } = self.pointer.as_ref()?;
        let reason = match reason {
            Reason::Retry => "RETRY",
            Reason::Refused => "REFUSED",
            Reason::NotUnderstood => "NOT_UNDERSTOOD",
        };
        let attempts = if *attempts > 0 { format!(", attempts {attempts}") } else { String::new() };
        Some(format!("{reason} since {since}{attempts}"))
    }

    fn status(&self, received: &ReceivedOrder) -> Option<OrderStatus> {
        merge(received, &interpret(&received.document), &self.changes, None).map(|order| order.status)
    }

    /// Whether the question that would be asked now was answered with anything but a refusal.
    fn answered(&self, refusals: usize) -> bool {
        let question = u32::try_from(refusals).ok();
        self.changes.iter().any(|change| change.answers().is_some() && change.answers() == question)
    }

    /// What the warehouse has said last of why it refuses the order, in parentheses, if it has.
    fn why_refused(&self) -> String {
        let last = self.refusals().max_by_key(|change| (change.at, &change.id));
        let reason = last.and_then(|change| change.reason.as_deref()).unwrap_or_default();
        if reason.is_empty() { String::new() } else { format!(" ({})", on_a_line(reason)) }
    }

    fn refusals(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.kind == OrderChangeKind::Refused)
    }

    fn has(&self, kind: OrderChangeKind) -> bool {
        self.changes.iter().any(|change| change.kind == kind)
    }

    fn last(&self) -> Option<OrderChangeKind> {
        let ends = |kind| matches!(kind, OrderChangeKind::Refused | OrderChangeKind::NotUnderstood);
        let last = self.changes.iter().filter(|change| ends(change.kind)).max_by_key(|change| (change.at, &change.id));
        last.map(|change| change.kind)
    }
}

fn send(why: &str, then: &'static str) -> Plan {
    Plan::Send { why: why.to_owned(), then }
}

/// Why an order is tried again, as its pointer has it.
fn why_put_off(pointer: &Pointer) -> String {
    pointer.error.as_deref().map_or_else(|| "it did not finish".to_owned(), on_a_line)
}

/// The beginning of a text of somebody else's, without anything that a terminal would obey.
fn on_a_line(text: &str) -> String {
    let more = if text.chars().nth(REASON).is_some() { "\u{2026}" } else { "" };
    harmless(text.chars().take(REASON)) + more
}

/// A text of somebody else's, without anything that a terminal would obey.
fn harmless(text: impl Iterator<Item = char>) -> String {
    let harmless = |character: char| match character {
        // What turns the direction of writing, or begins a line or a paragraph, is no control character to Unicode.
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            character.escape_default().to_string()
        }
        character if character.is_control() => character.escape_default().to_string(),
        character => character.to_string(),
    };
    text.map(harmless).collect()
}

fn times(number: usize) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resolvers::order::view::FulfilledLine;
    use resolvers::order::{ErasedOrder, Id, PlacedBy, Timestamp};

    const READABLE: &str = r#"{"lines":[{"sku":"A","quantity":1}]}"#;
    const STRANGE: &str = r#"{"bestellung":17}"#;

    fn at() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn order(document: &str, changes: Vec<Change>) -> Known {
        let received = ReceivedOrder {
            id: Id::from("o"),
            received_at: at(),
            placed_by: PlacedBy::Guest,
            customer_id: None,
            idempotency_key: None,
            document: document.to_owned(),
        };
        Known { stored: Some(StoredOrder::Received(received)), changes, pointer: None }
    }

    fn refused(question: u32) -> Change {
        Change::refused(&Id::from("o"), Change::warehouse_id(question), at(), Some("sold out".to_owned()))
    }

    fn fulfilled(question: u32) -> Change {
        let all = vec![FulfilledLine { line: Id::from("/lines/0"), quantity: 1 }];
        Change::fulfilled(&Id::from("o"), Change::warehouse_id(question), at(), None, all)
    }

    fn accepted(question: u32) -> Change {
        Change::accepted(&Id::from("o"), Change::warehouse_id(question), at(), None)
    }

    fn unread() -> Change {
        Change::not_understood(&Id::from("o"), at(), &["what is this".to_owned()])
    }

    fn retried() -> Pointer {
        Pointer {
            order_id: Id::from("o"),
            reason: Reason::Retry,
            since: at(),
            attempts: 7,
            retrying_since: Some(at()),
            version: 7,
            next: Some(at()),
            question: Some(0),
            error: Some("no answer".to_owned()),
        }
    }

    #[test]
    fn each_order_is_sent_through_or_left_out_for_a_reason() {
        for (known, expected) in [
            (order(READABLE, vec![]), "send it has no outcome: asked for"),
            (order(READABLE, vec![refused(0)]), "send refused once (sold out): asked for anew"),
            (order(READABLE, vec![refused(0), refused(1)]), "send refused 2 times (sold out): asked for anew"),
            (order(READABLE, vec![unread()]), "send it is understood now, as storefront: asked for"),
            (order(READABLE, vec![fulfilled(0)]), "send it is fulfilled: merely announced"),
            (
                order(READABLE, vec![refused(0), accepted(1)]),
                "send the warehouse has it, and will report: merely announced",
            ),
            (
                Known { pointer: Some(retried()), ..order(READABLE, vec![]) },
                "send is put off (no answer): asked for now",
            ),
            (
                order(STRANGE, vec![]),
                "send it is not understood (the document has a shape that no format knows: it has \"bestellung\"): \
                 put where somebody looks at it",
            ),
            (
                order(STRANGE, vec![unread()]),
                "leave it is still not understood: the document has a shape that no format knows: it has \"bestellung\"",
            ),
        ] {
            let told = match known.plan(Asked::ForIt) {
                Plan::Send { why, then } => format!("send {why}: {then}"),
                Plan::LeaveOut(why) => format!("leave {why}"),
                Plan::Unknown => "unknown".to_owned(),
            };
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn the_last_reason_of_a_refusal_is_told_on_one_line_and_not_at_any_length() {
        let because = |question, at: &str, reason: Option<&str>| {
            let id = Change::warehouse_id(question);
            Change::refused(&Id::from("o"), id, at.parse().unwrap(), reason.map(str::to_owned))
        };
        let (first, second) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
        let long = "\u{1f4a9}".repeat(REASON + 1);
        for (reason, expected) in [
            (Some("it's \"gone\""), " (it's \"gone\")".to_owned()),
            (Some("a\nb\u{1b}[2J"), " (a\\nb\\u{1b}[2J)".to_owned()),
            (Some("a\u{202e}b"), " (a\\u{202e}b)".to_owned()),
            (Some(&long[4..]), format!(" ({})", &long[4..])),
            (Some(&long), format!(" ({}\u{2026})", &long[4..])),
            (Some(""), String::new()),
            (None, String::new()),
        ] {
            let known = order(READABLE, vec![because(1, second, reason), because(0, first, Some("sold out"))]);
            assert_eq!(known.why_refused(), expected);
            assert_eq!(known.outcome(), ("REFUSED", format!("was refused again{expected}")));
        }
    }

    #[test]
    fn what_the_pointer_and_the_document_say_is_told_on_one_line() {
        let error = Some("no\nanswer\u{1b}[2J".to_owned());
        let known = Known { pointer: Some(Pointer { error, ..retried() }), ..order(READABLE, vec![]) };
        assert_eq!(known.plan(Asked::ForIt), send("is put off (no\\nanswer\\u{1b}[2J)", "asked for now"));
        let told = "is tried again at 2026-01-01T00:00:00.000Z: no\\nanswer\\u{1b}[2J";
        assert_eq!(known.outcome(), ("RETRIED", told.to_owned()));

        // A problem names the place, and this sender chose its name.
        let document = r#"{"@context":{"a\nb":"https://schema.org"},"@type":"a\nb:Order","a\nb:orderStatus":"?"}"#;
        assert!(interpret(document).problems.iter().any(|problem| problem.contains('\n')), "it would break the line");
        let unread = order(document, vec![unread()]);
        let Plan::LeaveOut(why) = unread.plan(Asked::ForIt) else { panic!("it is not understood") };
        assert!(why.starts_with("it is still not understood: /a\\nb:orderStatus") && !why.contains('\n'), "{why}");
    }

    #[test]
    fn only_what_was_refused_before_was_refused_again() {
        let told = |changes| order(READABLE, changes).outcome().1;
        assert_eq!(told(vec![refused(0)]), "was refused (sold out)");
        assert_eq!(told(vec![refused(0), refused(1)]), "was refused again (sold out)");
    }

    #[test]
    fn what_is_done_since_a_list_was_written_is_left_out() {
        for changes in [vec![fulfilled(0)], vec![refused(0), accepted(1)]] {
            assert!(matches!(order(READABLE, changes).plan(Asked::ByList), Plan::LeaveOut(_)));
        }
        assert!(matches!(order(READABLE, vec![refused(0)]).plan(Asked::ByList), Plan::Send { .. }));
    }

    #[test]
    fn what_was_erased_or_never_was_is_not_sent() {
        let left = ErasedOrder { id: Id::from("o"), received_at: at(), erased_at: at() };
        let erased =
            Known { stored: Some(StoredOrder::Erased(left)), changes: vec![refused(0)], pointer: Some(retried()) };
        assert_eq!(erased.plan(Asked::ForIt), Plan::LeaveOut("it was erased at 2026-01-01T00:00:00.000Z".to_owned()));
        assert!(erased.is_through());
        let unknown = Known { stored: None, changes: vec![], pointer: None };
        assert_eq!((unknown.plan(Asked::ForIt), unknown.is_through()), (Plan::Unknown, false));
    }

    #[test]
    fn a_kept_batch_is_needed_until_something_is_known_of_each_of_its_orders() {
        assert!(!order(READABLE, vec![]).is_through());
        assert!(order(READABLE, vec![refused(0)]).is_through());
        assert!(Known { pointer: Some(retried()), ..order(READABLE, vec![]) }.is_through());
    }
}
