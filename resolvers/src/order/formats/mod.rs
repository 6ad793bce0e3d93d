//! What today's code makes of a document. A format is one file here and one line in [`FORMATS`].
//!
//! Formats are told apart by the shape of the document alone. A format says precisely what it cannot make sense of,
//! and still gives what it can. What decides what would be shipped (lines, their goods, their quantities) must be
//! clear, or the order is not understood; anything else is a remark.

mod fields;
mod plain;
mod schema_org;
mod shopify;
pub mod storefront;
mod woocommerce;

use std::fmt::Write as _;

use super::Id;
use super::json::{Object, Value};
use super::view::{Address, Customer, Money};

/// Every format, in no particular order: no document is claimed by two.
pub const FORMATS: &[&Format] =
    &[&plain::FORMAT, &schema_org::FORMAT, &shopify::FORMAT, &storefront::FORMAT, &woocommerce::FORMAT];

/// How many lines an order may have: what is fulfilled of all of them must fit in one item of the changes table.
pub const MOST_LINES: usize = 5_000;

/// One way to read documents.
pub struct Format {
    /// Its name in GraphQL.
    pub name: &'static str,
    /// Where its shape is documented: an address, or a file of this repository and the place in it.
    pub source: &'static str,
    /// Members of the root by which its documents are told from those of other formats: no other format claims a
    /// document that has one of them, unless it is its own as well. The member that holds the lines is a good one; a
    /// member that others might send along for their own purposes is not.
    pub telltales: &'static [&'static str],
    /// Whether a document has its shape.
    pub fits: fn(&Object<'_>) -> bool,
    /// Reads a document that it claims.
    pub read: fn(&Object<'_>, &mut Problems) -> Reading,
}

impl Format {
    /// Whether a document is this format's to read: it has its shape, and nothing by which another's are known.
    #[must_use]
    pub fn claims(&self, document: &Object<'_>) -> bool {
        let telltales = FORMATS.iter().flat_map(|format| format.telltales);
        let foreign = |name: &&str| !self.telltales.contains(name) && document.has(name);
        (self.fits)(document) && !telltales.copied().any(|name| foreign(&name))
    }
}

/// What a format reads in a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The sender's own order number.
    pub reference: Option<String>,
    /// Who ordered.
    pub customer: Option<Customer>,
    /// Where it goes.
    pub shipping_address: Option<Address>,
    /// What is ordered, in the order of the document.
    pub lines: Vec<Line>,
    /// What the sender asks for all of it.
    pub total: Option<Money>,
}

/// One line of a reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Where it stands in the document, as a JSON pointer.
    pub id: Id,
    /// Stock keeping unit.
    pub sku: Option<String>,
    /// What it is called.
    pub title: Option<String>,
    /// Pieces to be shipped, 0 or more. A line of which nothing is to be shipped (any more) stays, with 0.
    pub quantity: i32,
    /// Price of one piece.
    pub unit_price: Option<Money>,
}

/// A document as today's code understands it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interpretation {
    /// The format that understood it; `None` if none does.
    pub format: Option<&'static str>,
    /// What could be read, even if it was not enough.
    pub reading: Reading,
    /// Whether lines were left out because they could not be read.
    pub incomplete: bool,
    /// What could not be read.
    pub problems: Vec<String>,
}

impl Interpretation {
    /// Whether today's code knows what to ship.
    #[must_use]
    pub fn understood(&self) -> bool {
        self.format.is_some()
    }
}

/// Reads a document by the format that claims its shape.
#[must_use]
pub fn interpret(document: &str) -> Interpretation {
    let mut problems = Problems::default();
    let object = match Value::root(document) {
        Ok(root) => root.object(),
        Err(_) => None,
    };
    let Some(object) = object else {
        problems.fatal("", "is not a JSON object");
        return Interpretation { problems: problems.said, ..Interpretation::default() };
    };
    let Some(format) = FORMATS.iter().find(|format| format.claims(&object)) else {
        problems.fatal("", &format!("has a shape that no format knows{}", names(&object)));
        return Interpretation { problems: problems.said, ..Interpretation::default() };
    };
    let mut reading = (format.read)(&object, &mut problems);
    if reading.lines.len() > MOST_LINES {
        problems.left_out("", &format!("has {} lines, and an order may have {MOST_LINES}", reading.lines.len()));
        reading.lines.truncate(MOST_LINES);
    }
    if !problems.fatal && reading.lines.iter().all(|line| line.quantity == 0) {
        problems.fatal("", &format!("reads as {}, but has no line with anything to ship", format.name));
    }
    Interpretation {
        format: (!problems.fatal).then_some(format.name),
        reading,
        incomplete: problems.left_out,
        problems: problems.said,
    }
}

/// The first few member names, to tell shapes apart by.
fn names(object: &Object<'_>) -> String {
    const SHOWN: usize = 8;
    let mut text = String::new();
    for name in object.names().take(SHOWN) {
        let short: String = name.chars().take(32).collect();
        let _ = write!(text, "{}{short:?}", if text.is_empty() { ": it has " } else { ", " });
    }
    if object.names().nth(SHOWN).is_some() {
        text.push_str(" and more");
    }
    text
}

/// What a format could not make sense of. Bounded, since it is stored, broadcast and shown.
#[derive(Debug, Default)]
pub struct Problems {
    said: Vec<String>,
    fatal: bool,
    left_out: bool,
}

impl Problems {
    const LIMIT: usize = 20;

    /// Something beside the goods is unclear: the order is fulfilled all the same.
    pub fn remark(&mut self, pointer: &str, what: &str) {
        let place = if pointer.is_empty() { "the document" } else { pointer };
        match self.said.len() {
            length if length < Self::LIMIT => {
                let short: String = place.chars().take(200).collect();
                self.said.push(format!("{short} {what}"));
            }
            Self::LIMIT => self.said.push("there are more problems than are listed here".to_owned()),
            _ => {}
        }
    }

    /// A line cannot be read at all: the order is not understood, and never fulfilled by its other lines alone.
    pub fn left_out(&mut self, pointer: &str, what: &str) {
        self.left_out = true;
        self.fatal(pointer, what);
    }

    /// What is to be shipped is unclear: the order is not understood.
    pub fn fatal(&mut self, pointer: &str, what: &str) {
        self.fatal = true;
        self.remark(pointer, what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_format_knows_is_not_understood_and_says_why() {
        for (document, problem) in [
            ("[1]", "the document is not a JSON object"),
            ("{", "the document is not a JSON object"),
            ("{}", "the document has a shape that no format knows"),
            (r#"{"foo":1,"lines":2}"#, r#"the document has a shape that no format knows: it has "foo", "lines""#),
        ] {
            let interpretation = interpret(document);
            assert_eq!((interpretation.understood(), interpretation.problems), (false, vec![problem.to_owned()]));
        }
    }

    #[test]
    fn problems_are_bounded() {
        let lines = vec![r#"{"sku":"A","quantity":"?"}"#; 1_000].join(",");
        let interpretation = interpret(&format!(r#"{{"lines":[{lines}]}}"#));
        assert_eq!(interpretation.problems.len(), Problems::LIMIT + 1);
        assert!(!interpretation.understood());
    }

    #[test]
    fn an_order_of_too_many_lines_is_not_understood() {
        let order = |lines: usize| interpret(&format!(r#"{{"id":1,"data":[{}]}}"#, vec!["7"; lines].join(",")));
        assert!(order(MOST_LINES).understood());
        let more = order(MOST_LINES + 1);
        assert_eq!(more.problems, ["the document has 5001 lines, and an order may have 5000"]);
        assert_eq!((more.understood(), more.reading.lines.len()), (false, MOST_LINES));
    }
}
