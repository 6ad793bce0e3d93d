//! Two builds and one corpus, without the program around it. A build that reads differently is an interpreter that does.

#[path = "../../../tests/support/corpus.rs"]
mod corpus;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use resolvers::order::formats::Interpretation;
use resolvers::order::interpret;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Error;
use super::arguments;
use super::commands::{compared, recorded};
use super::compare::{Comparison, Outcome};
use super::readings::{Corpus, Counts, Interpreter, PART};
use super::record::{Reader, Writer};
use super::source::Source;

const ORDERS: u64 = 2_100;

/// A directory with a corpus, read.
struct Given {
    directory: TempDir,
    corpus: Corpus,
}

impl Given {
    fn orders(orders: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let exports = corpus::write(directory.path(), orders, 3);
        let corpus = read(exports).unwrap();
        Self { directory, corpus }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn record(&self, name: &str, interpret: Interpreter, part: u64) -> Counts {
        let writer = Writer::new(&self.path(name), [None, None]).unwrap();
        recorded(&self.corpus, interpret, part, writer).unwrap().0
    }

    fn compare(&self, name: &str, interpret: Interpreter, first: usize) -> Comparison {
        let record = Reader::open(&self.path(name)).unwrap();
        compared(&self.corpus, interpret, PART, record, first).unwrap().1
    }
}

fn read([orders, changes]: [PathBuf; 2]) -> Result<Corpus, Error> {
    let (orders, changes) = (Some(orders), Some(changes));
    Source::find(&arguments::Source { orders, changes, without_changes: false, data_dir: PathBuf::new() })?.read(false)
}

/// How many orders that are there have this format.
fn of_format(format: &str) -> u64 {
    let there = |number: &u64| !corpus::erased(*number) && !corpus::unknown(*number);
    (0..ORDERS).filter(there).filter(|number| corpus::format(*number) == format).count() as u64
}

/// What a comparison found, and of which format; what is the same aside.
fn found(comparison: &Comparison) -> BTreeMap<(String, Outcome), u64> {
    let mut found = BTreeMap::new();
    for (format, outcomes) in &comparison.formats {
        for (outcome, number) in outcomes.iter().filter(|(outcome, _)| **outcome != Outcome::Same) {
            found.insert((format.clone(), *outcome), *number);
        }
    }
    found
}

/// A build that does not know WooCommerce yet.
fn without_woocommerce(document: &str) -> Interpretation {
    let interpretation = interpret(document);
    if interpretation.format == Some("woocommerce") { interpret("{}") } else { interpretation }
}

/// A build that takes Shopify's total for one in dollars.
fn shopify_in_dollars(document: &str) -> Interpretation {
    let mut interpretation = interpret(document);
    if interpretation.format == Some("shopify")
        && let Some(total) = &mut interpretation.reading.total
    {
        "USD".clone_into(&mut total.currency);
    }
    interpretation
}

/// A build that reads one piece more in each line of a plain order.
fn plain_with_one_more(document: &str) -> Interpretation {
    let mut interpretation = interpret(document);
    if interpretation.format == Some("plain") {
        interpretation.reading.lines.iter_mut().for_each(|line| line.quantity += 1);
    }
    interpretation
}

#[test]
fn the_corpus_is_what_its_senders_would_send() {
    let mut understood: BTreeMap<&str, u64> = BTreeMap::new();
    for number in 0..ORDERS {
        let item = corpus::order(number);
        let Some(document) = item["document"]["S"].as_str() else { continue };
        let interpretation = interpret(document);
        assert_eq!(interpretation.format, (!corpus::unknown(number)).then(|| corpus::format(number)), "{document}");
        assert!(corpus::unknown(number) || interpretation.problems.is_empty(), "{:?}", interpretation.problems);
        *understood.entry(interpretation.format.unwrap_or("none")).or_default() += 1;
    }
    assert_eq!(understood.len(), 6, "{understood:?}");
}

#[test]
fn the_same_build_reads_the_same() {
    let given = Given::orders(ORDERS);
    let counts = given.record("record", interpret, PART);
    let comparison = given.compare("record", interpret, 3);
    let erased = (0..ORDERS).filter(|number| corpus::erased(*number)).count() as u64;
    assert_eq!((counts.erased, counts.orders, counts.strays), (erased, ORDERS - erased, 0));
    assert_eq!(comparison.outcomes, BTreeMap::from([(Outcome::Same, counts.orders)]));
    assert_eq!((comparison.erased, comparison.only_now, comparison.only_before), (erased, 0, 0));
}

#[test]
fn a_build_that_knows_a_format_more_differs_in_that_format_alone() {
    let given = Given::orders(ORDERS);
    given.record("old", without_woocommerce, PART);
    let number = of_format("woocommerce");
    let comparison = given.compare("old", interpret, 2);
    let newly = ("none -> woocommerce".to_owned(), Outcome::NewlyUnderstood);
    assert_eq!(found(&comparison), BTreeMap::from([(newly, number)]));
    assert_eq!(comparison.first.len(), 2);
    assert!(comparison.first[0].differences.iter().any(|it| it.field == "/format" && it.after == json!("woocommerce")));

    given.record("new", interpret, PART);
    let comparison = given.compare("new", without_woocommerce, 0);
    let no_longer = ("woocommerce -> none".to_owned(), Outcome::NoLongerUnderstood);
    assert_eq!(found(&comparison), BTreeMap::from([(no_longer, number)]));
    assert!(comparison.first.is_empty());
}

#[test]
fn a_build_that_reads_a_field_differently_differs_in_that_field_alone() {
    let given = Given::orders(ORDERS);
    given.record("record", interpret, PART);
    let comparison = given.compare("record", shopify_in_dollars, usize::MAX);
    let number = of_format("shopify");
    assert_eq!(found(&comparison), BTreeMap::from([(("shopify".to_owned(), Outcome::Changed), number)]));
    assert_eq!(comparison.first.len() as u64, number);
    for changed in &comparison.first {
        let [difference] = &changed.differences[..] else { panic!("{changed:?}") };
        assert_eq!(difference.field, "/total/currency");
        assert_eq!((&difference.before, &difference.after), (&json!("EUR"), &json!("USD")));
    }
}

#[test]
fn an_order_that_stands_elsewhere_now_is_told_apart() {
    let given = Given::orders(ORDERS);
    given.record("record", interpret, PART);
    let found = found(&given.compare("record", plain_with_one_more, 0));
    let fulfilled = |number: &u64| {
        let last = corpus::changes(*number).pop();
        corpus::format(*number) == "plain"
            && !corpus::unknown(*number)
            && last.is_some_and(|it| it["kind"]["S"] == "FULFILLED")
    };
    let fulfilled = (0..ORDERS).filter(fulfilled).count() as u64;
    let plain = |outcome| found.get(&("plain".to_owned(), outcome)).copied().unwrap_or_default();
    assert_eq!(plain(Outcome::StatusChanged), fulfilled, "what was fulfilled is so in part now");
    assert_eq!(plain(Outcome::Changed), of_format("plain") - fulfilled);
    assert_eq!(found.len(), 2);
}

/// The lines of a record, its header and trailer among them.
fn lines(path: &Path) -> Vec<String> {
    let mut text = String::new();
    MultiGzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn write_lines(path: &Path, lines: &[String]) {
    let mut gzip = GzEncoder::new(File::create(path).unwrap(), Compression::fast());
    for line in lines {
        writeln!(gzip, "{line}").unwrap();
    }
    gzip.finish().unwrap();
}

#[test]
fn how_much_memory_there_is_does_not_show_in_a_record() {
    let given = Given::orders(ORDERS);
    given.record("record", interpret, PART);
    // So little that parts are cut again and again.
    given.record("small", interpret, 3_000);
    let record = lines(&given.path("record"));
    assert_eq!(record.len() as u64, ORDERS + 2);
    assert!(record == lines(&given.path("small")));
    assert!(record.iter().all(|line| !line.contains("line_items\\\"")), "no document is in it");
}

#[test]
fn orders_that_only_one_side_knows_are_counted_apart() {
    let given = Given::orders(ORDERS);
    given.record("record", interpret, PART);
    let mut record = lines(&given.path("record"));
    // Without two of its orders, and with one that is not in the corpus.
    let hash_of = |line: &String| {
        let line: Value = serde_json::from_str(line).unwrap();
        super::spill::hash(line["id"].as_str().unwrap())
    };
    let stray = json!({ "id": "stray", "status": "RECEIVED", "format": null }).to_string();
    let orders = &record[1..record.len() - 1];
    record.insert(1 + orders.partition_point(|line| hash_of(line) < hash_of(&stray)), stray);
    for at in [700, 100] {
        assert!(!record.remove(at).contains("erased"));
    }
    *record.last_mut().unwrap() = json!({ "end": record.len() - 2 }).to_string();
    write_lines(&given.path("record"), &record);
    let comparison = given.compare("record", interpret, 3);
    assert_eq!((comparison.only_now, comparison.only_before), (2, 1));
    assert_eq!(comparison.outcomes.keys().collect::<Vec<_>>(), [&Outcome::Same]);
}

#[test]
fn a_record_that_is_damaged_or_of_another_version_is_refused() {
    let given = Given::orders(50);
    given.record("record", interpret, PART);
    let whole = fs::read(given.path("record")).unwrap();
    let good = lines(&given.path("record"));
    let compare = || {
        let record = Reader::open(&given.path("record"))?;
        compared(&given.corpus, interpret, PART, record, 0).map(|_| ())
    };
    compare().unwrap();
    let refused = |what: &str| {
        let error = compare().unwrap_err().to_string();
        assert!(error.contains(what) && error.contains("record"), "{what} in: {error}");
    };
    for length in [whole.len() - 1, whole.len() / 2, 40] {
        fs::write(given.path("record"), &whole[..length]).unwrap();
        refused("the record is cut off: make it again");
    }
    fs::write(given.path("record"), b"hello, this is no record").unwrap();
    refused("is no record");
    let with = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = good.clone();
        change(&mut lines);
        write_lines(&given.path("record"), &lines);
    };
    with(&|lines| lines.truncate(30));
    refused("line 31: the record is cut off: make it again");
    with(&|lines| drop(lines.remove(7)));
    refused("line 51: the record tells of 50 orders, but has 49");
    with(&|lines| lines.swap(4, 5));
    refused("line 6: is not sorted: make the record again");
    with(&|lines| "{\"id\":".clone_into(&mut lines[9]));
    refused("line 10: is no order");
    with(&|lines| lines.push("{}".to_owned()));
    refused("something follows the end of the record");
    with(&|lines| lines[0] = lines[0].replace("\"record\":1", "\"record\":2"));
    refused("is a record of version 2, and this build reads version 1");
    with(&|lines| drop(lines.remove(0)));
    refused("is no record: make one with `rethink record`");
}

#[test]
fn an_order_that_is_there_twice_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let orders = corpus::export(directory.path(), corpus::ORDERS, 2, [1, 2, 1].into_iter().map(corpus::order));
    let changes = corpus::export(directory.path(), corpus::CHANGES, 1, corpus::changes(1).into_iter());
    let corpus = read([orders, changes]).unwrap();
    let writer = Writer::new(&directory.path().join("record"), [None, None]).unwrap();
    let error = recorded(&corpus, interpret, PART, writer).unwrap_err().to_string();
    assert!(error.contains(&corpus::id(1)) && error.contains("twice"), "{error}");
    assert!(!directory.path().join("record").exists());
}
