//! What `fulfil-orders` tells CloudWatch at each run of its schedule, as it stands in the log.

use std::time::{Duration, SystemTime};

use lambda_runtime::LambdaEvent;
use resolvers::error::Error;
use resolvers::handlers::fulfil_orders::{Event, FulfilOrders};
use resolvers::order::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tracing::instrument::WithSubscriber as _;
use tracing_subscriber::filter::LevelFilter;

use crate::cloud::{Cloud, Log, event};

const TICK: &str = r#"{"detail-type":"Scheduled Event","source":"aws.events"}"#;
const NAMESPACE: &str = "Orders/test";

/// A run of the schedule: how it ended, the metrics in its log, and the rest of its log.
async fn tick(cloud: &Cloud, namespace: &str) -> (Result<(), Error>, Vec<Value>, Vec<Value>) {
    run(cloud, namespace, event(TICK)).await
}

async fn run(cloud: &Cloud, namespace: &str, tick: LambdaEvent<Event>) -> (Result<(), Error>, Vec<Value>, Vec<Value>) {
    let variables = [("METRICS_NAMESPACE", namespace), ("RETRY_MINUTE_MS", "60000")];
    let function = FulfilOrders::new(&cloud.environment_with(&variables)).unwrap();
    let log = Log::default();
    let ended = function.handle(tick).with_subscriber(log.subscriber(LevelFilter::INFO)).await;
    let lines = log.text();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let (metrics, rest) = lines.partition(|line| line.get("_aws").is_some());
    (ended.map(|_| ()), metrics, rest)
}

/// The values of a document in the embedded metric format, each with its unit, if the document keeps to the
/// specification: what is not said in `_aws` is not extracted, and what is said wrongly is dropped without a word.
fn extracted(document: &Value) -> Vec<(String, String, u64)> {
    let timestamp = document["_aws"]["Timestamp"].as_u64().expect("milliseconds");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    assert!((now - 60_000..=now).contains(&u128::from(timestamp)), "{timestamp} is not about {now}");
    let [directive] = &document["_aws"]["CloudWatchMetrics"].as_array().unwrap()[..] else { panic!("{document}") };
    assert_eq!(directive["Namespace"], NAMESPACE);
    assert_eq!(directive["Dimensions"], json!([[]]), "one set without dimensions");
    let metrics = directive["Metrics"].as_array().unwrap();
    let values = metrics.iter().map(|metric| {
        let (name, unit) = (metric["Name"].as_str().unwrap(), metric["Unit"].as_str().unwrap());
        (name.to_owned(), unit.to_owned(), document[name].as_u64().expect("a number on the root"))
    });
    values.collect()
}

fn expected(retried: u64, oldest: u64, needing_attention: u64) -> Vec<(String, String, u64)> {
    let metric = |name: &str, unit: &str, value| (name.to_owned(), unit.to_owned(), value);
    vec![
        metric("RetriedOrders", "Count", retried),
        metric("OldestRetry", "Seconds", oldest),
        metric("OrdersNeedingAttention", "Count", needing_attention),
    ]
}

fn moment(ago: Duration) -> String {
    Timestamp::from(SystemTime::now() - ago).to_string()
}

/// Puts a pointer into a shard: since how long its order is retried, and how long ago it was due, if it was.
fn point(cloud: &Cloud, shard: u8, order_id: &str, reason: &str, retried_for: Option<Duration>, due: Option<Duration>) {
    let since = moment(retried_for.unwrap_or_default());
    let mut item = json!({
        "shard": { "S": format!("{shard:02}") }, "orderId": { "S": order_id }, "reason": { "S": reason },
        "since": { "S": since }, "version": { "N": "1" }, "attempts": { "N": "1" },
    });
    if retried_for.is_some() {
        let in_an_hour = || Timestamp::from(SystemTime::now() + Duration::from_hours(1)).to_string();
        let next = due.map_or_else(in_an_hour, moment);
        item["retryingSince"] = json!({ "S": since });
        item["next"] = json!({ "S": next });
        item["error"] = json!({ "S": "the warehouse answered 503" });
    }
    cloud.put("ATTENTION_TABLE", &item.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_run_reports_how_much_there_is() {
    let cloud = Cloud::start(None).await;
    let (ended, metrics, _) = tick(&cloud, NAMESPACE).await;
    assert_eq!((ended, extracted(&metrics[0]), metrics.len()), (Ok(()), expected(0, 0, 0), 1));

    let minutes = Duration::from_mins;
    point(&cloud, 0, "refused", "REFUSED", None, None);
    point(&cloud, 7, "not-understood", "NOT_UNDERSTOOD", None, None);
    point(&cloud, 15, "retried", "RETRY", Some(minutes(59)), None);
    point(&cloud, 3, "for-long", "RETRY", Some(minutes(61)), None);
    point(&cloud, 3, "asked-anew", "REFUSED", Some(minutes(1)), None);
    let (ended, metrics, _) = tick(&cloud, NAMESPACE).await;
    assert_eq!((ended, metrics.len()), (Ok(()), 1));
    let mut values = extracted(&metrics[0]);
    assert!((3_660..3_720).contains(&values[1].2), "{values:?}");
    values[1].2 = 0;
    assert_eq!(values, expected(3, 0, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_namespace_orders_are_tried_again_all_the_same() {
    let cloud = Cloud::start(None).await;
    point(&cloud, 5, "gone", "RETRY", Some(Duration::from_mins(2)), Some(Duration::from_mins(1)));
    let (ended, metrics, _) = tick(&cloud, "").await;
    assert_eq!((ended, metrics), (Ok(()), vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_page_of_pointers_is_counted_to_the_end() {
    let cloud = Cloud::start(None).await;
    // A page ends after 1 MB, of which the message that is not asked for makes up most.
    let long = "x".repeat(2_000);
    for order in 0..1_500 {
        let item = json!({
            "shard": { "S": "04" }, "orderId": { "S": format!("order-{order}") }, "reason": { "S": "REFUSED" },
            "since": { "S": moment(Duration::ZERO) }, "error": { "S": long },
        });
        cloud.put("ATTENTION_TABLE", &item.to_string());
    }
    let (ended, metrics, _) = tick(&cloud, NAMESPACE).await;
    assert_eq!((ended, extracted(&metrics[0])), (Ok(()), expected(0, 0, 1_500)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_no_time_to_read_is_not_counted() {
    let cloud = Cloud::start(None).await;
    let mut tick = event(TICK);
    tick.context.deadline = 1;
    let (ended, metrics, rest) = run(&cloud, NAMESPACE, tick).await;
    assert_eq!((ended, metrics), (Ok(()), vec![]));
    assert!(rest[0]["fields"]["message"].as_str().unwrap().contains("none are counted"), "{rest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_said_and_holds_up_no_order_but_the_count() {
    let cloud = Cloud::start(None).await;
    let document = r#"{"lines":[{"sku":"A","quantity":1}]}"#;
    let id = "5d0c1f1e-8f9e-4b3a-9d43-0f6a1f0c7a11";
    let order = json!({ "id": { "S": id }, "receivedAt": { "S": "2026-01-31T12:00:00.000Z" },
                        "placedBy": { "S": "guest" }, "document": { "S": document } });
    cloud.put("ORDERS_TABLE", &order.to_string());
    // The same shard holds, in front of the order's pointer, what no release has written yet.
    let shard = Sha256::digest(id)[0] % 16;
    point(&cloud, shard, id, "RETRY", Some(Duration::from_mins(2)), Some(Duration::from_mins(1)));
    point(&cloud, shard, "0", "SOME_LATER_REASON", None, None);
    let (ended, metrics, rest) = tick(&cloud, NAMESPACE).await;
    assert_eq!((ended, metrics), (Err(Error::Unavailable), vec![]));
    let said = |word: &str| rest.iter().any(|line| line["fields"]["message"].as_str().unwrap().contains(word));
    assert!(said("none are counted"), "{rest:?}");
    assert_eq!(cloud.changes(id).len(), 1, "the order next to it is fulfilled");
    assert_eq!(cloud.pointer(id), Value::Null);
}
