//! Size: what takes long and what nests deeply is read in a time that grows as the document does.
//!
//! The limit is many times what these take in a build without optimisation; what grows with the square of a document's
//! size takes longer by far.

use std::time::{Duration, Instant};

use resolvers::order::formats::{FORMATS, interpret};

use crate::documents::{Tree, fixture_of};
use crate::invariants::claimants;

/// As long as a document may be.
const LONGEST: usize = 400_000;
const LIMIT: Duration = Duration::from_secs(10);

fn in_time(what: &str, document: &str) {
    assert!(document.len() >= LONGEST / 2, "{what} has only {} bytes", document.len());
    let start = Instant::now();
    let interpretation = interpret(document);
    let time = start.elapsed();
    assert!(time < LIMIT, "{what} took {time:?}");
    assert!(interpretation.understood() || !interpretation.problems.is_empty());
}

/// This text as often as it fits, with commas between.
fn many(item: &str) -> String {
    vec![item; LONGEST / (item.len() + 1)].join(",")
}

/// Members with this value, each with a name of its own.
fn members(value: &str) -> String {
    members_up_to(LONGEST, value)
}

fn members_up_to(length: usize, value: &str) -> String {
    let each = value.len() + 12;
    (0..length / each).map(|number| format!("\"m{number:06}\":{value}")).collect::<Vec<_>>().join(",")
}

/// The fixture of a format with another text in one place.
fn with(format: &str, pointer: &str, text: &str) -> String {
    let mut tree = Tree::of(fixture_of(format));
    *tree.at(pointer).unwrap_or_else(|| panic!("{format} has no {pointer}")) = Tree::Scalar(text.to_owned());
    tree.to_string()
}

/// Where the first line of a format's fixture stands, and the list in which it does.
fn line_and_list(format: &str) -> (String, String) {
    let line = interpret(fixture_of(format)).reading.lines[0].id.to_string();
    let list = line.rsplit_once('/').unwrap().0.to_owned();
    (line, list)
}

#[test]
fn long_documents_of_every_format_are_read_in_time() {
    for format in FORMATS {
        let name = format.name;
        let (line, list) = line_and_list(name);
        let text = Tree::of(fixture_of(name)).at(&line).unwrap().to_string();
        for (what, item) in [("lines as they are", text.as_str()), ("empty lines", "{}"), ("broken lines", "0")] {
            in_time(&format!("{name}: {what}"), &with(name, &list, &format!("[{}]", many(item))));
        }
        for value in ["0", "{}", r#""x""#] {
            let long = format!("{{{}}}", members(value));
            in_time(&format!("{name}: one line of many members"), &with(name, &list, &format!("[{long}]")));
            in_time(
                &format!("{name}: many members"),
                &fixture_of(name).replacen('{', &format!("{{{},", members(value)), 1),
            );
        }
        let text = format!("\"{}\"", "x".repeat(LONGEST));
        in_time(&format!("{name}: one long text"), &with(name, &line, &text));
    }
}

#[test]
fn depth_is_a_problem_and_no_end() {
    let deep = |open: &str, close: &str| format!("{}0{}", open.repeat(LONGEST / 2), close.repeat(LONGEST / 2));
    let shallow = |open: &str, close: &str| format!("{}0{}", open.repeat(127), close.repeat(127));
    let object = |depth: usize| format!("{}0{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    for nested in [deep("[", "]"), shallow("[", "]"), object(LONGEST / 6), object(127)] {
        for format in FORMATS {
            let (line, list) = line_and_list(format.name);
            for place in [line.clone(), list] {
                let interpretation = interpret(&with(format.name, &place, &nested));
                assert!(!interpretation.understood() && !interpretation.problems.is_empty(), "{} {place}", format.name);
            }
            for member in ["sku", "quantity", "eligibleQuantity", "itemOffered", "price", "requires_shipping"] {
                let mut tree = Tree::of(fixture_of(format.name));
                if let Some(value) = tree.at(&line).and_then(|line| line.member(member)) {
                    *value = Tree::Scalar(nested.clone());
                    assert!(!interpret(&tree.to_string()).problems.is_empty(), "{} {member}", format.name);
                }
            }
        }
        assert!(!interpret(&nested).understood() && claimants(&nested).is_empty());
    }
}

#[test]
fn refunds_of_many_lines_are_read_in_time() {
    let line = |id: usize| format!(r#"{{"id":{id},"sku":"A","quantity":2}}"#);
    let refund = |id: usize| format!(r#"{{"line_item_id":{id},"quantity":1}}"#);
    let lines: Vec<_> = (0..5_000).map(line).collect();
    let refunds: Vec<_> = (0..5_000).map(refund).collect();
    let document = format!(
        r#"{{"financial_status":"paid","order_number":1,"line_items":[{}],"refunds":[{{"refund_line_items":[{}]}}]}}"#,
        lines.join(","),
        refunds.join(",")
    );
    in_time("refunds", &document);
    assert!(interpret(&document).reading.lines.iter().all(|line| line.quantity == 1));
}

#[test]
fn a_graph_of_many_references_is_read_in_time() {
    let order = |context: &str, items: &str, more: &str| {
        format!(r#"{{"@context":{context},"@graph":[{{"@type":"Order","orderedItem":[{items}]}},{more}]}}"#)
    };
    let half = |item: &str| vec![item; LONGEST / 2 / (item.len() + 1)].join(",");
    let reference = half(r#"{"@id":"p"}"#);
    let long = "x".repeat(LONGEST / 2);
    let schema_org = r#""https://schema.org""#;
    for (what, document) in [
        ("long name", order(schema_org, &reference, &format!(r#"{{"@id":"p","name":"{long}"}}"#))),
        (
            "many members",
            order(schema_org, &reference, &format!(r#"{{"@id":"p","name":"A",{}}}"#, members_up_to(LONGEST / 2, "0"))),
        ),
        ("itself", order(schema_org, &reference, r#"{"@id":"p","name":"A","orderedItem":{"@id":"p"}}"#)),
        ("many orders", format!(r#"{{"@context":{schema_org},"@graph":[{}]}}"#, many(r#"{"@type":"Order"}"#))),
        ("many contexts", order(&format!("[{}]", half(schema_org)), &half(r#"{"name":"A"}"#), "0")),
        (
            "many prefixes",
            order(
                &format!("[{schema_org},{{{}}}]", members_up_to(LONGEST / 2, schema_org)),
                &half(r#"{"name":"A"}"#),
                "0",
            ),
        ),
    ] {
        in_time(&format!("schema.org: {what}"), &document);
        assert_eq!(claimants(&document), ["schema.org"], "{what}");
    }
}
