//! Exports that are damaged, or are none: no answer is given, and it is told which file and line is to blame.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Given, ORDERS, text, unzipped, zip};
use crate::support::corpus;

/// Makes a manifest say something else, with the checksum that belongs to it.
fn edit(export: &Path, name: &str, from: &str, to: &str) {
    let before = fs::read_to_string(export.join(format!("{name}.json"))).expect("a manifest");
    assert!(before.contains(from), "{from} in {before}");
    corpus::manifest(export, name, &before.replace(from, to));
}

/// Changes the lines of a data file, and tells the manifest of its checksum, as if it had been exported so.
fn edit_data(export: &Path, change: impl Fn(&mut Vec<String>)) -> PathBuf {
    use base64::Engine as _;
    use md5::Digest as _;
    let sum = |path: &Path| {
        let md5 = md5::Md5::digest(fs::read(path).expect("a file"));
        base64::engine::general_purpose::STANDARD.encode(md5)
    };
    let file = Given::data_file(export);
    let before = sum(&file);
    let mut lines = unzipped(&file);
    change(&mut lines);
    zip(&file, &lines);
    edit(export, "manifest-files", &before, &sum(&file));
    file
}

#[test]
fn damage_is_named_with_its_file_and_line() {
    type Damage = fn(&Given) -> PathBuf;
    let damages: [(Damage, &[&str]); 8] = [
        (
            |given| {
                let file = Given::data_file(&given.orders);
                let whole = fs::read(&file).expect("a file");
                fs::write(&file, &whole[..whole.len() / 2]).expect("a file");
                file
            },
            &[", line ", "ends in the middle"],
        ),
        (
            |given| {
                let file = Given::data_file(&given.changes);
                fs::write(&file, "hello, this is no gzip file").expect("a file");
                file
            },
            &["the gzip file cannot be read"],
        ),
        (
            |given| edit_data(&given.orders, |lines| lines[16].truncate(50)),
            &[", line 17: is no JSON (EOF while parsing a string at line 1 column 50)"],
        ),
        (
            |given| edit_data(&given.changes, |lines| lines[2] = lines[2].replace("\"at\"", "\"when\"")),
            &[", line 3: it has no attribute at"],
        ),
        (
            |given| edit_data(&given.orders, |lines| drop(lines.pop())),
            &["has 119 items, but the manifest tells of 120"],
        ),
        (
            |given| {
                let file = Given::data_file(&given.orders);
                let lines = unzipped(&file);
                zip(&file, &lines);
                file
            },
            &["does not agree with its checksum in the manifest"],
        ),
        (
            |given| {
                let file = Given::data_file(&given.changes);
                fs::remove_file(&file).expect("a file");
                file
            },
            &["is missing, but the manifest tells of it"],
        ),
        (
            |given| {
                fs::write(given.orders.join("manifest-files.md5"), "A".repeat(24)).expect("a file");
                given.orders.join("manifest-files.json")
            },
            &["does not agree with manifest-files.md5"],
        ),
    ];
    for (damage, words) in damages {
        let given = Given::of(ORDERS);
        let file = damage(&given);
        given.refuses(&[&[text(&file)], words].concat());
    }
}

#[test]
fn what_is_no_full_export_of_the_right_table_is_refused() {
    let refused = |change: fn(&mut Given), words: &[&str]| {
        let mut given = Given::exports();
        change(&mut given);
        given.refuses(words);
    };
    let swapped = |given: &mut Given| std::mem::swap(&mut given.orders, &mut given.changes);
    refused(swapped, &[", line 1: is an item of the ", "are the two exports swapped?"]);
    refused(|given| given.changes.clone_from(&given.orders), &["orders-prod-Orders", "name that of the changes"]);
    refused(
        |given| {
            let items = (0..9).map(|number| json!({ "shard": { "S": "0" }, "orderId": { "S": corpus::id(number) } }));
            given.changes = corpus::export(&given.home.path(""), "arn:x:table/orders-prod-Attention", 1, items);
        },
        &[", line 1: is no item of the changes table: it has no attribute changeId"],
    );
    refused(
        |given| edit(&given.orders, "manifest-summary", "FULL_EXPORT", "INCREMENTAL_EXPORT"),
        &["manifest-summary.json", "INCREMENTAL_EXPORT", "take a full export"],
    );
    refused(
        |given| edit(&given.orders, "manifest-summary", "DYNAMODB_JSON", "ION"),
        &["manifest-summary.json", "the format ION"],
    );
    refused(
        |given| edit(&given.orders, "manifest-summary", "\"itemCount\":240", "\"itemCount\":241"),
        &["manifest-summary.json", "tells of 241 items, but manifest-files.json of 240"],
    );
    refused(
        |given| fs::remove_file(given.orders.join("manifest-summary.json")).expect("a manifest"),
        &["this export has not finished"],
    );
    refused(|given| given.orders = given.home.path("nothing"), &["nothing", "No such file"]);
}
