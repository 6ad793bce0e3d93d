//! What it takes to read an order: interpreting documents by format and size, merging changes, decoding the stream's
//! events, encoding answers and events. Everything here must grow no faster than what it reads.
//!
//! `cargo bench --package resolvers --bench reading` measures it as Lambdas are compiled, leaves plots in `target/criterion`,
//! and prints what each piece costs for each KB or change; a name after `--` picks some.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{AxisScale, BenchmarkId, Criterion, PlotConfiguration, Throughput};
use resolvers::handlers::fulfil_orders::Event;
use resolvers::order::view::FulfilledLine;
use resolvers::order::{Change, Id, Order, PlacedBy, ReceivedOrder, Timestamp, interpret, merge};
use serde_json::{Value, json};

const KB: usize = 1024;
/// Of documents. The largest is what just fits in an item of DynamoDB.
const SIZES: [usize; 4] = [KB, 10 * KB, 100 * KB, 390 * KB];
/// Of changes, and of records in an event.
const COUNTS: [usize; 4] = [1, 10, 100, 1_000];

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
        .configure_from_args();
    interpreting(&mut criterion);
    merging(&mut criterion);
    decoding(&mut criterion);
    encoding(&mut criterion);
    criterion.final_summary();
    summary();
}

fn interpreting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("interpret");
    group.plot_config(PlotConfiguration::default().summary_scale(AxisScale::Logarithmic));
    for (format, document) in documents() {
        for size in SIZES {
            let text = grown(format, &document, size);
            assert_eq!(interpret(&text).format, Some(format), "{:?}", interpret(&text).problems);
            group.throughput(Throughput::Bytes(text.len() as u64));
            let id = BenchmarkId::new(format, text.len());
            group.bench_with_input(id, &text, |bencher, text| bencher.iter(|| interpret(black_box(text))));
        }
    }
}

fn merging(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("merge");
    group.plot_config(PlotConfiguration::default().summary_scale(AxisScale::Logarithmic));
    for count in COUNTS {
        // As many lines as changes, each of which fulfils one.
        let received = received(&lines(count));
        let interpretation = interpret(&received.document);
        let changes: Vec<_> = (0..count).map(change).collect();
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("changes", count), |bencher| {
            bencher.iter(|| merge(black_box(&received), &interpretation, black_box(&changes), None));
        });
    }
}

fn decoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    group.plot_config(PlotConfiguration::default().summary_scale(AxisScale::Logarithmic));
    let decode = |event: &str| serde_json::from_str::<Event>(event).expect("an event of the stream");
    for (format, document) in documents() {
        for size in SIZES {
            let event = event(1, &grown(format, &document, size));
            group.throughput(Throughput::Bytes(event.len() as u64));
            let id = BenchmarkId::new(format, event.len());
            group.bench_with_input(id, &event, |bencher, event| bencher.iter(|| decode(black_box(event))));
        }
    }
    for count in COUNTS {
        let event = event(count, &lines(2));
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("records", count), |bencher| bencher.iter(|| decode(black_box(&event))));
    }
}

fn encoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    group.plot_config(PlotConfiguration::default().summary_scale(AxisScale::Logarithmic));
    for (format, document) in documents() {
        for size in SIZES {
            let text = grown(format, &document, size);
            group.throughput(Throughput::Bytes(text.len() as u64));
            let order = order(&text);
            group.bench_function(BenchmarkId::new(format, text.len()), |bencher| {
                bencher.iter(|| serde_json::to_vec(black_box(&order)).expect("an order is JSON"));
            });
        }
    }
    for size in SIZES {
        let order = order(&grown("storefront", &documents()["storefront"], size));
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("event", size), |bencher| {
            bencher.iter(|| {
                let event = black_box(order.clone()).for_broadcast();
                serde_json::to_vec(&event).expect("an order is JSON")
            });
        });
    }
}

/// The document of each format's fixture.
fn documents() -> BTreeMap<&'static str, Value> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let document = |format: &'static str| {
        let request = std::fs::read(fixtures.join(format).join("1-request.json")).expect("a fixture");
        let request: Value = serde_json::from_slice(&request).expect("JSON");
        let input = &request["variables"]["input"];
        let document = match input["document"].as_str() {
            Some(text) => serde_json::from_str(text).expect("JSON"),
            None => input["order"].clone(),
        };
        (format, document)
    };
    ["plain", "schema.org", "shopify", "storefront", "woocommerce"].map(document).into()
}

/// A document of about that many bytes: its last line again and again.
fn grown(format: &str, document: &Value, size: usize) -> String {
    let mut document = document.clone();
    let place = match format {
        "plain" => "/data",
        "schema.org" => "/@graph/1/acceptedOffer",
        "storefront" => "/lines",
        _ => "/line_items",
    };
    let lines = document.pointer_mut(place).and_then(Value::as_array_mut).expect("lines");
    let mut line = lines[if format == "schema.org" { 0 } else { lines.len() - 1 }].clone();
    // An order may have 5,000 lines, which is fewer than would fit of these.
    if let Some(member) = match format {
        "plain" => Some("note"),
        "storefront" => Some("title"),
        _ => None,
    } {
        line[member] = json!("as soon as it can be had, and not before Monday the 2nd");
    }
    let length = line.to_string().len();
    let mut text = document.to_string();
    for number in 0.. {
        if text.len() + length > size {
            break;
        }
        // One by one would take as long as what is measured, squared.
        let missing = (size - text.len()) / (2 * length) + 1;
        for more in 0..missing {
            append(format, &mut document, place, &line, &format!("{number}-{more}"));
        }
        text = document.to_string();
    }
    text
}

/// Appends a line; in schema.org one that refers to a product of its own.
fn append(format: &str, document: &mut Value, place: &str, line: &Value, id: &str) {
    let mut line = line.clone();
    if format == "schema.org" {
        let id = format!("https://shop.example/#{id}");
        line["itemOffered"] = json!({ "@id": id });
        let graph = document["@graph"].as_array_mut().expect("a graph");
        graph.push(json!({ "@type": "Product", "@id": id, "sku": "OOLONG-50", "name": "Oolong, 50 g" }));
    }
    document.pointer_mut(place).and_then(Value::as_array_mut).expect("lines").push(line);
}

/// A document with that many lines.
fn lines(count: usize) -> String {
    json!({ "reference": "A-1", "lines": vec![json!({ "sku": "TEA", "quantity": 2 }); count] }).to_string()
}

fn received(document: &str) -> ReceivedOrder {
    ReceivedOrder {
        id: Id::from("8bf032df-aabd-86a7-bdb1-61ae7da5e91d"),
        received_at: moment(),
        placed_by: PlacedBy::Guest,
        customer_id: None,
        idempotency_key: None,
        document: document.to_owned(),
    }
}

fn moment() -> Timestamp {
    "2026-01-31T12:00:00.000Z".parse().expect("a moment")
}

/// A report that one line is fulfilled.
fn change(index: usize) -> Change {
    let at = moment().after(Duration::from_secs(index as u64));
    let lines = vec![FulfilledLine { line: Id(format!("/lines/{index}")), quantity: 2 }];
    Change::fulfilled(&received("").id, Id(format!("report/{index}")), at, Some("W-1".to_owned()), lines)
}

fn order(document: &str) -> Order {
    let received = received(document);
    merge(&received, &interpret(document), &[], None).expect("an order that is there")
}

/// The stream's event of that many orders with this document.
fn event(count: usize, document: &str) -> String {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/plain/4-stream.event.json");
    let mut event: Value = serde_json::from_slice(&std::fs::read(fixture).expect("a fixture")).expect("JSON");
    let records = event["Records"].as_array_mut().expect("records");
    records[0]["dynamodb"]["NewImage"]["document"]["S"] = json!(document);
    *records = vec![records[0].clone(); count];
    event.to_string()
}

/// What criterion has measured, now or before, as tables: the cost of one more byte or change must not grow.
fn summary() {
    let measured = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/criterion");
    for (group, unit) in [("interpret", "KB"), ("merge", "change"), ("decode", "KB"), ("encode", "KB")] {
        println!(
            "\n| {group} | of | median µs | 95 % confidence | ns for each {unit} |\n| --- | --- | --- | --- | --- |"
        );
        for series in below(&measured.join(group)) {
            let mut sizes: Vec<(usize, PathBuf)> = below(&series)
                .into_iter()
                .filter_map(|path| Some((path.file_name()?.to_str()?.parse().ok()?, path)))
                .collect();
            sizes.sort();
            for (size, path) in sizes {
                let Ok(estimates) = std::fs::read(path.join("new/estimates.json")) else { continue };
                let estimates: Value = serde_json::from_slice(&estimates).expect("estimates");
                let median = &estimates["median"];
                let nanoseconds = |value: &Value| value.as_f64().expect("nanoseconds");
                let interval = &median["confidence_interval"];
                let (lower, upper) = (nanoseconds(&interval["lower_bound"]), nanoseconds(&interval["upper_bound"]));
                let name = series.file_name().unwrap_or_default().to_string_lossy();
                let counted = matches!(&*name, "changes" | "records");
                #[allow(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
                let units = if counted { size as f64 } else { size as f64 / KB as f64 };
                let value = nanoseconds(&median["point_estimate"]);
                let (each, value) = (value / units, value / 1e3);
                println!("| {name} | {size} | {value:.1} | {:.1}–{:.1} | {each:.0} |", lower / 1e3, upper / 1e3);
            }
        }
    }
}

fn below(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
