//! What is told of good exports.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Given, ORDERS, rethink, said, text, unzipped, zip};
use crate::support::{corpus, id};

#[test]
fn a_build_that_reads_the_same_says_so() {
    let given = Given::exports();
    let recorded = given.rethink(&["record", "main.gz"]);
    assert_eq!((recorded.code, recorded.stdout.as_str()), (Some(0), ""), "{}", recorded.stderr);
    assert!(recorded.stderr.starts_with(&format!("{ORDERS} orders")), "{}", recorded.stderr);
    assert!(!recorded.stderr.contains("left"), "no bar where nobody watches: {}", recorded.stderr);
    let compared = given.rethink(&["compare", "main.gz"]);
    assert_eq!(compared.code, Some(0), "{}", compared.stderr);
    let same = compared.stdout.lines().next().expect("a line");
    assert_eq!(same.split_whitespace().collect::<Vec<_>>(), ["same", &ORDERS.to_string()]);
    assert!(compared.stdout.contains("woocommerce"), "{}", compared.stdout);
}

#[test]
fn the_directory_above_an_export_will_do() {
    let mut given = Given::exports();
    for path in [&mut given.orders, &mut given.changes] {
        *path = path.parent().and_then(Path::parent).expect("the directory above").to_owned();
    }
    assert_eq!(given.rethink(&["record", "main.gz"]).code, Some(0));
}

#[test]
fn every_kind_of_difference_is_told_with_its_exit_code() {
    let given = Given::exports();
    assert_eq!(given.rethink(&["record", "main.gz"]).code, Some(0));
    let record = given.home.path("main.gz");
    let good = unzipped(&record);
    // As if the build that made the record had read one order in another way.
    let differs = |wanted: &dyn Fn(&Value) -> bool, member: &str, other: Value| {
        let mut lines = good.clone();
        let at = (1..lines.len() - 1).find(|at| wanted(&serde_json::from_str(&lines[*at]).expect("JSON")));
        let at = at.expect("such an order");
        let mut line: Value = serde_json::from_str(&lines[at]).expect("JSON");
        let now = std::mem::replace(&mut line[member], other.clone());
        lines[at] = line.to_string();
        zip(&record, &lines);
        let compared = given.rethink(&["compare", "main.gz", "--json"]);
        let told: Vec<Value> = compared.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let [order, summary] = &told[..] else { panic!("two lines: {}", compared.stdout) };
        assert_eq!(order["id"], line["id"]);
        assert_eq!(order["differences"], json!([{ "field": format!("/{member}"), "before": other, "after": now }]));
        let outcome = order["outcome"].as_str().expect("an outcome").to_owned();
        let numbers = &summary["summary"]["outcomes"];
        assert_eq!((&numbers[&outcome], &numbers["same"]), (&json!(1), &json!(ORDERS - 1)));
        let person = given.rethink(&["compare", "main.gz"]);
        assert_eq!(person.code, compared.code);
        assert!(person.stdout.contains(&format!("    /{member}: {other} -> {now}")), "{}", person.stdout);
        let counts_alone = given.rethink(&["compare", "main.gz", "--first", "0"]).stdout;
        assert!(!counts_alone.contains(&id(&line)), "{counts_alone}");
        (outcome, compared.code)
    };
    let is = |format: Value| move |order: &Value| order["format"] == format && order["status"] != "NEEDS_ATTENTION";
    let unknown = |order: &Value| order["format"].is_null();
    let expected = |outcome: &str, code| (outcome.to_owned(), Some(code));
    assert_eq!(differs(&unknown, "format", json!("telex")), expected("noLongerUnderstood", 2));
    assert_eq!(differs(&is(json!("shopify")), "format", Value::Null), expected("newlyUnderstood", 1));
    assert_eq!(differs(&is(json!("plain")), "status", json!("NEEDS_ATTENTION")), expected("statusChanged", 1));
    assert_eq!(differs(&is(json!("schema.org")), "reference", json!("?")), expected("changed", 1));
}

#[test]
fn what_is_open_is_listed_with_the_reason() {
    let given = Given::exports();
    let listed = given.rethink(&["open"]);
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    let lines: Vec<Value> = listed.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: BTreeMap<_, _> =
        lines.iter().map(|line| (id(line), line["why"].as_str().expect("a reason").to_owned())).collect();
    let mut expected = BTreeMap::new();
    for number in 0..ORDERS {
        let kinds: Vec<_> = corpus::changes(number).iter().map(|change| change["kind"]["S"].clone()).collect();
        if kinds.is_empty() {
            expected.insert(corpus::id(number), "NO_OUTCOME".to_owned());
        } else if kinds == ["REFUSED"] || kinds == ["NOT_UNDERSTOOD"] {
            expected.insert(corpus::id(number), "NEEDS_ATTENTION".to_owned());
        }
    }
    assert_eq!(told, expected);
    assert!(!listed.stdout.contains("example.com"), "nothing personal");
    let to_file = given.rethink(&["open", "--output", "open.jsonl"]);
    assert_eq!((to_file.code, to_file.stdout.as_str()), (Some(0), ""));
    assert_eq!(fs::read_to_string(given.home.path("open.jsonl")).expect("a list"), listed.stdout);
}

#[test]
fn an_order_that_was_erased_is_no_damage_and_not_open() {
    let given = Given::of(1_010);
    let listed = given.rethink(&["open"]);
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    assert!(!listed.stdout.contains(&corpus::id(1_008)));
    assert!(listed.stderr.starts_with("1009 orders, beside them 1 that were erased"), "{}", listed.stderr);
    assert_eq!(given.rethink(&["record", "main.gz"]).code, Some(0));
    let compared = given.rethink(&["compare", "main.gz"]);
    assert_eq!(compared.code, Some(0));
    assert!(compared.stdout.lines().any(|line| line.split_whitespace().eq(["erased", "1"])), "{}", compared.stdout);
}

#[test]
fn the_changes_are_left_out_on_purpose_only() {
    let given = Given::exports();
    let without = |words: &[&str]| {
        let words = [words, &["--orders", text(&given.orders)]].concat();
        said(rethink(&given.home, &words).output().expect("the program"))
    };
    let refused = without(&["record", "main.gz"]);
    assert_eq!(refused.code, Some(3));
    assert!(refused.stderr.contains("--changes") && refused.stderr.contains("--without-changes"), "{}", refused.stderr);
    assert_eq!(without(&["record", "main.gz", "--without-changes"]).code, Some(0));
    assert_eq!(without(&["compare", "main.gz", "--without-changes"]).code, Some(0));
    // With the changes it is not the same any more, and the reader is told what the two were made of.
    let compared = given.rethink(&["compare", "main.gz"]);
    assert_eq!(compared.code, Some(1));
    assert!(compared.stderr.contains("the record was made of nothing"), "{}", compared.stderr);
    let open = without(&["open", "--without-changes"]);
    assert_eq!(open.code, Some(3));
    assert!(open.stderr.contains("--changes"), "{}", open.stderr);
}
