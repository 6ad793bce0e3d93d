//! Somebody asks what this build makes of everything that was ever received: of exports, and of what a server keeps.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::{Home, PATIENCE, Server, apples_and_a_pear, corpus, gibberish, id};

const ORDERS: u64 = 240;

/// Two exports, and a directory for whatever else there is.
struct Given {
    home: Arc<Home>,
    orders: PathBuf,
    changes: PathBuf,
}

/// What the program said and how it ended.
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn said(output: Output) -> Said {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let said = Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
    said
}

fn rethink(home: &Home, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.arg("rethink").args(words).current_dir(home.path("")).stdin(Stdio::null());
    command
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

impl Given {
    fn exports() -> Self {
        Self::of(ORDERS)
    }

    fn of(orders: u64) -> Self {
        let home = Home::new();
        let [orders, changes] = corpus::write(&home.path(""), orders, 2);
        Self { home, orders, changes }
    }

    /// What `rethink` says with these exports.
    fn rethink(&self, words: &[&str]) -> Said {
        let exports = ["--orders", text(&self.orders), "--changes", text(&self.changes)];
        said(rethink(&self.home, &[words, &exports].concat()).output().expect("the program"))
    }

    /// It gives no answer, with a code that no finding has, and says why in one sentence that has these words.
    fn refuses(&self, words: &[&str]) {
        let record = self.home.path("refused.gz");
        for command in [&["record", "refused.gz"][..], &["open"]] {
            let Said { code, stdout, stderr } = self.rethink(command);
            assert_eq!((code, stdout.as_str()), (Some(3), ""), "{stderr}");
            let [error] = stderr.lines().collect::<Vec<_>>()[..] else { panic!("one line: {stderr}") };
            assert!(error.starts_with("error: "), "{error}");
            assert!(words.iter().all(|word| error.contains(word)), "{words:?} in: {error}");
            assert!(!record.exists(), "nothing looks like a record");
        }
    }

    /// A data file of an export, the first one that its manifest names.
    fn data_file(export: &Path) -> PathBuf {
        let files = fs::read_to_string(export.join("manifest-files.json")).expect("a manifest");
        let first: Value = serde_json::from_str(files.lines().next().expect("a line")).expect("JSON");
        let key = first["dataFileS3Key"].as_str().expect("a key");
        export.join("data").join(key.rsplit('/').next().expect("a name"))
    }
}

fn unzipped(path: &Path) -> Vec<String> {
    let mut text = String::new();
    MultiGzDecoder::new(File::open(path).expect("a file")).read_to_string(&mut text).expect("text");
    text.lines().map(str::to_owned).collect()
}

fn zip(path: &Path, lines: &[String]) {
    let mut gzip = GzEncoder::new(File::create(path).expect("a file"), Compression::fast());
    for line in lines {
        writeln!(gzip, "{line}").expect("a line");
    }
    gzip.finish().expect("a file");
}

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
    let told: std::collections::BTreeMap<_, _> =
        lines.iter().map(|line| (id(line), line["why"].as_str().expect("a reason").to_owned())).collect();
    let mut expected = std::collections::BTreeMap::new();
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
fn a_reader_who_stops_reading_does_no_harm() {
    let given = Given::of(9_000);
    let exports = ["open", "--orders", text(&given.orders), "--changes", text(&given.changes)];
    let mut child =
        rethink(&given.home, &exports).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    let mut first = String::new();
    BufReader::with_capacity(64, child.stdout.take().expect("its output")).read_line(&mut first).expect("a line");
    assert!(first.contains("\"why\""), "{first}");
    let said = said(child.wait_with_output().expect("its end"));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
}

#[test]
fn somebody_who_watches_sees_how_far_it_is() {
    let given = Given::of(3_000);
    let script = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)";
    let exports = ["--orders", text(&given.orders), "--changes", text(&given.changes)];
    let output = Command::new("python3")
        .args(["-c", script, env!("CARGO_BIN_EXE_local"), "rethink", "record", "main.gz"])
        .args(exports)
        .env("TERM", "xterm")
        .current_dir(given.home.path(""))
        .stdin(Stdio::null())
        .output()
        .expect("python3");
    let said = said(output);
    assert_eq!(said.code, Some(0), "{}", said.stdout);
    for word in ["reading", "thinking", "% ", "/s, ", " left"] {
        assert!(said.stdout.contains(word), "{word} in {}", said.stdout);
    }
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

#[test]
fn what_makes_no_sense_has_a_code_that_no_finding_has() {
    let home = Home::new();
    for (words, told) in [
        (&["compare"][..], "FILE"),
        (&["compare", "main.gz", "--first", "few"], "--first"),
        (&["record", "main.gz", "--changes", "x"], "--orders"),
        (&["frobnicate"], "frobnicate"),
        (&["compare", "no-such-record.gz"], "no-such-record.gz"),
        (&["record", "no/such/directory/main.gz", "--data-dir", "nothing"], "nothing"),
        (&["open"], "no server has ever run"),
    ] {
        let said = said(rethink(&home, words).output().expect("the program"));
        assert_eq!(said.code, Some(3), "{words:?}: {}", said.stderr);
        assert!(said.stderr.contains(told), "{told} in {}", said.stderr);
    }
    let help = said(rethink(&home, &["--help"]).output().expect("the program"));
    assert_eq!(help.code, Some(0));
    assert!(
        ["record", "compare", "open", "Exit code"].iter().all(|word| help.stdout.contains(word)),
        "{}",
        help.stdout
    );
}

#[tokio::test]
async fn a_data_directory_is_read_beside_its_server_and_after_it() {
    let home = Home::new();
    let mut server = Server::at(&home, &[]).await;
    let fulfilled = server.guest().place_for_id(apples_and_a_pear()).await;
    server.until_fulfilled(&fulfilled).await;
    let unknown = server.guest().place_for_id(gibberish()).await;
    let directory = ["--data-dir", home.data_dir()];
    let run = |words: &[&str]| said(rethink(&home, &[words, &directory].concat()).output().expect("the program"));
    let attention = async || {
        let listed = run(&["open"]);
        assert_eq!(listed.code, Some(0), "{}", listed.stderr);
        let lines: Vec<Value> = listed.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let [line] = &lines[..] else { panic!("one order is open: {}", listed.stdout) };
        assert_eq!(id(line), unknown);
        (line["why"] == "NEEDS_ATTENTION").then_some(())
    };
    server.until("the order that nobody understands has been looked at", attention).await;
    let recorded = run(&["record", "main.gz"]);
    assert_eq!(recorded.code, Some(0), "{}", recorded.stderr);
    assert!(recorded.stderr.starts_with("2 orders"), "{}", recorded.stderr);
    // The server has not been disturbed.
    let later = server.guest().place_for_id(apples_and_a_pear()).await;
    server.until_fulfilled(&later).await;
    server.interrupt();
    server.ended_within(PATIENCE).await;
    let compared = run(&["compare", "main.gz"]);
    assert_eq!(compared.code, Some(0), "{}", compared.stderr);
    let told = |name: &str| compared.stdout.lines().find(|line| line.starts_with(name)).map(str::to_owned);
    assert!(told("same").is_some_and(|line| line.ends_with(" 2")), "{}", compared.stdout);
    assert!(told("only now").is_some_and(|line| line.ends_with(" 1")), "{}", compared.stdout);
}
