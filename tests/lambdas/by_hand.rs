//! Orders that somebody sends through `fulfil-orders` again by hand: by nothing but their ids.

use local::machine::REGION;
use resolvers::error::Error;
use resolvers::handlers::fulfil_orders::FulfilOrders;
use serde_json::{Value, json};

use crate::cloud::{Cloud, Heard, event};

const ID: &str = "5d0c1f1e-8f9e-4b3a-9d43-0f6a1f0c7a11";

fn refuses() -> Value {
    json!({ "status": 422, "body": { "refused": true, "reason": "sold out" } })
}

fn ships() -> Value {
    json!({ "status": 200, "body": {} })
}

/// A cloud with one order in it, and the Lambda.
async fn with_order(document: &str, warehouse: Value) -> (Cloud, FulfilOrders) {
    let cloud = Cloud::start(Some(warehouse)).await;
    cloud.put("ORDERS_TABLE", &order(document).to_string());
    let function = FulfilOrders::new(&cloud.environment()).unwrap();
    (cloud, function)
}

fn order(document: &str) -> Value {
    json!({ "id": { "S": ID }, "receivedAt": { "S": "2026-01-31T12:00:00.000Z" }, "placedBy": { "S": "guest" },
            "document": { "S": document } })
}

fn by_hand(ids: &[&str]) -> String {
    json!({ "orderIds": ids }).to_string()
}

/// The order as the stream hands it over.
fn from_stream(document: &str) -> String {
    json!({ "Records": [{
        "eventID": "1", "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
        "awsRegion": REGION, "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/o/stream/s",
        "dynamodb": { "ApproximateCreationDateTime": 1, "Keys": { "id": { "S": ID } }, "NewImage": order(document),
                      "SequenceNumber": "1", "SizeBytes": 1, "StreamViewType": "NEW_IMAGE" } }] })
    .to_string()
}

fn kinds(cloud: &Cloud) -> Vec<(String, String)> {
    let text = |value: &Value| value["S"].as_str().unwrap().to_owned();
    cloud.changes(ID).iter().map(|change| (text(&change["changeId"]), text(&change["kind"]))).collect()
}

fn asked(cloud: &Cloud) -> Vec<String> {
    let key = |question: &String| {
        let question: Value = serde_json::from_str(question).unwrap();
        question["headers"]["idempotency-key"].as_str().unwrap().trim_start_matches(ID).to_owned()
    };
    cloud.heard(Heard::Warehouse).iter().map(key).collect()
}

fn published(cloud: &Cloud) -> Vec<&'static str> {
    let name = |body: &String| if body.contains("publishOrderFulfilled") { "fulfilled" } else { "changed" };
    cloud.heard(Heard::AppSync).iter().map(name).collect()
}

const READABLE: &str = r#"{"lines":[{"sku":"A","quantity":1}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_order_is_asked_for_once_more_under_a_key_of_its_own() {
    let (cloud, function) = with_order(READABLE, refuses()).await;
    function.handle(event(&from_stream(READABLE))).await.unwrap();
    assert_eq!(kinds(&cloud), [("warehouse/0".to_owned(), "REFUSED".to_owned())]);
    assert_eq!(cloud.pointer(ID)["reason"]["S"], "REFUSED");

    cloud.warehouse_answers(ships());
    function.handle(event(&by_hand(&[ID]))).await.unwrap();
    assert_eq!(asked(&cloud), ["/0", "/1"]);
    assert_eq!(kinds(&cloud)[1], ("warehouse/1".to_owned(), "FULFILLED".to_owned()));
    assert_eq!(published(&cloud), ["changed", "fulfilled"]);
    assert_eq!(cloud.pointer(ID), Value::Null);

    // Twice is once: what is fulfilled is merely announced.
    function.handle(event(&by_hand(&[ID]))).await.unwrap();
    assert_eq!((asked(&cloud).len(), kinds(&cloud).len()), (2, 2));
    assert_eq!(published(&cloud), ["changed", "fulfilled", "fulfilled"]);
    assert_eq!(cloud.pointer(ID), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivered_record_does_not_ask_for_a_refused_order_anew() {
    let (cloud, function) = with_order(READABLE, refuses()).await;
    for _ in 0..2 {
        function.handle(event(&from_stream(READABLE))).await.unwrap();
    }
    assert_eq!(asked(&cloud), ["/0", "/0"]);
    assert_eq!(kinds(&cloud), [("warehouse/0".to_owned(), "REFUSED".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_still_not_understood_stays_one_fact_and_waits_for_a_person() {
    let document = r#"{"bestellung":17}"#;
    let (cloud, function) = with_order(document, ships()).await;
    function.handle(event(&from_stream(document))).await.unwrap();
    function.handle(event(&by_hand(&[ID]))).await.unwrap();
    let kinds = kinds(&cloud);
    assert_eq!(kinds.len(), 1, "{kinds:?}");
    assert_eq!(kinds[0].1, "NOT_UNDERSTOOD");
    let pointer = cloud.pointer(ID);
    assert_eq!(pointer["reason"]["S"], "NOT_UNDERSTOOD");
    assert_eq!(pointer["next"], Value::Null, "it is not tried again by itself");
    assert!(asked(&cloud).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_became_readable_is_fulfilled() {
    let (cloud, function) = with_order(READABLE, ships()).await;
    // As it was read by a release that did not know its format.
    function.handle(event(&from_stream(r#"{"unknown":1}"#))).await.unwrap();
    assert_eq!(cloud.pointer(ID)["reason"]["S"], "NOT_UNDERSTOOD");
    function.handle(event(&by_hand(&[ID]))).await.unwrap();
    assert_eq!(asked(&cloud), ["/0"]);
    assert_eq!(published(&cloud), ["changed", "fulfilled"]);
    assert_eq!(cloud.pointer(ID), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_by_hand_is_tried_again_by_the_schedule_with_the_same_question() {
    let (cloud, function) = with_order(READABLE, refuses()).await;
    function.handle(event(&from_stream(READABLE))).await.unwrap();
    cloud.warehouse_answers(json!({ "status": 503, "body": {} }));
    function.handle(event(&by_hand(&[ID]))).await.unwrap();
    let pointer = cloud.pointer(ID);
    assert_eq!((&pointer["reason"]["S"], &pointer["question"]["N"]), (&json!("REFUSED"), &json!("1")));

    cloud.warehouse_answers(ships());
    let tick = json!({ "detail-type": "Scheduled Event", "source": "aws.events" }).to_string();
    tokio::time::timeout(std::time::Duration::from_secs(20), async {
        while cloud.pointer(ID) != Value::Null {
            function.handle(event(&tick)).await.unwrap();
        }
    })
    .await
    .expect("the schedule finishes it");
    assert_eq!(asked(&cloud).last().map(String::as_str), Some("/1"));
    assert_eq!(kinds(&cloud)[1], ("warehouse/1".to_owned(), "FULFILLED".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_does_not_exist_is_an_error_and_the_others_are_worked_on() {
    let (cloud, function) = with_order(READABLE, ships()).await;
    for unknown in ["nobody", ""] {
        let told = function.handle(event(&by_hand(&[unknown, ID]))).await.unwrap_err();
        assert!(matches!(told, Error::InvalidArgument(_)), "{told}");
    }
    assert_eq!(kinds(&cloud), [("warehouse/0".to_owned(), "FULFILLED".to_owned())]);
    assert_eq!(cloud.pointer("nobody"), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_holds_no_order_is_put_off_and_holds_up_nothing() {
    let (cloud, function) = with_order(READABLE, ships()).await;
    let unreadable = from_stream(READABLE).replace("\"guest\"", "\"somebody of a later release\"");
    let response = function.handle(event(&unreadable)).await.unwrap();
    assert!(response.batch_item_failures.is_empty());
    assert_eq!(cloud.pointer(ID)["reason"]["S"], "RETRY");
    // Without even a key there is nothing to point to: the record is reported as failed.
    let nameless = unreadable.replace(&format!(r#""Keys":{{"id":{{"S":"{ID}"}}}}"#), r#""Keys":{}"#);
    let response = function.handle(event(&nameless)).await.unwrap();
    assert_eq!(response.batch_item_failures[0].item_identifier.as_deref(), Some("1"));
}
