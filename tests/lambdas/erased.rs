//! Orders that were erased: whatever leads to one, nothing ships and nothing comes back.

use resolvers::appsync::ResolverEvent;
use resolvers::handlers::fulfil_orders::FulfilOrders;
use resolvers::handlers::order::ReadOrders;
use resolvers::handlers::place_order::PlaceOrder;
use resolvers::handlers::record_fulfilment::RecordFulfilment;
use resolvers::order::{Change, ErasedOrder, Id};
use resolvers::tables::{Changes, Orders};
use resolvers::{aws::Aws, environment::Environment, error::Error};
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::cloud::{Cloud, Heard, event};

const ID: &str = "5d0c1f1e-8f9e-4b3a-9d43-0f6a1f0c7a11";
const READABLE: &str = r#"{"lines":[{"sku":"A","quantity":1}],"note":"for Ada"}"#;
const LONG_AGO: u64 = 1_700_000_000;

fn order() -> Value {
    json!({ "id": { "S": ID }, "receivedAt": { "S": "2026-01-01T00:00:00.000Z" }, "placedBy": { "S": "customer" },
            "customerId": { "S": "ada" }, "idempotencyKey": { "S": "k-1" }, "document": { "S": READABLE } })
}

fn tables(environment: &Environment) -> (Orders, Changes) {
    let client = Aws::new(environment).unwrap().dynamodb();
    (Orders::new(client.clone(), environment).unwrap(), Changes::new(client, environment).unwrap())
}

/// A cloud with a warehouse that ships, and one order that was erased.
async fn with_erased() -> Cloud {
    let cloud = Cloud::start(Some(json!({ "status": 200, "body": {} }))).await;
    cloud.put("ORDERS_TABLE", &order().to_string());
    erase(&cloud).await;
    cloud
}

async fn erase(cloud: &Cloud) {
    let at = |text: &str| text.parse().unwrap();
    let (received_at, erased_at) = (at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"));
    let (orders, _) = tables(&cloud.environment());
    orders.erase(&ErasedOrder { id: Id::from(ID), received_at, erased_at }).await.unwrap();
}

/// The order as the stream hands it over, so many seconds after 1970.
fn from_stream(created: u64, image: &Value) -> String {
    json!({ "Records": [{
        "eventID": "1", "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1", "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/o/stream/s",
        "dynamodb": { "ApproximateCreationDateTime": created, "Keys": { "id": { "S": ID } }, "NewImage": image,
                      "SequenceNumber": "1", "SizeBytes": 1, "StreamViewType": "NEW_IMAGE" } }] })
    .to_string()
}

/// Somebody left a pointer to it, such as a function that was still at work.
fn point(cloud: &Cloud) {
    // The shard is that of the order's id.
    let shard = format!("{:02}", sha2::Sha256::digest(ID)[0] % 16);
    let pointer = json!({ "shard": { "S": shard }, "orderId": { "S": ID }, "reason": { "S": "RETRY" },
        "since": { "S": "2026-01-01T00:00:00.000Z" }, "retryingSince": { "S": "2026-01-01T00:00:00.000Z" },
        "next": { "S": "2026-01-01T00:00:00.000Z" }, "attempts": { "N": "1" }, "version": { "N": "1" },
        "question": { "N": "0" }, "error": { "S": "no answer" } });
    cloud.put("ATTENTION_TABLE", &pointer.to_string());
    assert_ne!(cloud.pointer(ID), Value::Null);
}

fn ask(parent: &str, field: &str, identity: &Value, arguments: &Value) -> String {
    json!({ "arguments": arguments, "identity": identity, "source": null, "request": { "headers": {} }, "prev": null,
            "info": { "fieldName": field, "parentTypeName": parent, "selectionSetList": ["id"],
                      "selectionSetGraphQL": "{ id }", "variables": {} }, "stash": {} })
    .to_string()
}

fn backend() -> Value {
    json!({ "userArn": "arn:aws:iam::123456789012:user/shop", "cognitoIdentityId": null })
}

fn nothing_has_happened(cloud: &Cloud) {
    assert!(cloud.heard(Heard::Warehouse).is_empty() && cloud.heard(Heard::AppSync).is_empty());
    assert!(cloud.changes(ID).is_empty());
    assert_eq!(cloud.pointer(ID), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_an_order_are_its_times() {
    let cloud = with_erased().await;
    let left = json!({ "id": { "S": ID }, "receivedAt": { "S": "2026-01-01T00:00:00.000Z" },
                       "erasedAt": { "S": "2026-02-01T00:00:00.000Z" } });
    assert_eq!(cloud.item("ORDERS_TABLE", &json!({ "id": { "S": ID } })), left);
    // Twice is once: the time stays.
    let (orders, _) = tables(&cloud.environment());
    let (received_at, erased_at) = ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-03-01T00:00:00Z".parse().unwrap());
    orders.erase(&ErasedOrder { id: Id::from(ID), received_at, erased_at }).await.unwrap();
    assert_eq!(cloud.item("ORDERS_TABLE", &json!({ "id": { "S": ID } })), left);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_never_was_cannot_be_erased_into_being() {
    let cloud = Cloud::start(None).await;
    erase(&cloud).await;
    assert_eq!(cloud.item("ORDERS_TABLE", &json!({ "id": { "S": ID } })), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_its_changes_only_what_happened_when_stays() {
    let cloud = with_erased().await;
    let change = json!({ "orderId": { "S": ID }, "changeId": { "S": "warehouse/0" }, "kind": { "S": "REFUSED" },
        "at": { "S": "2026-01-01T00:00:01.000Z" }, "reference": { "S": "W-1" }, "reason": { "S": "Ada moved" },
        "answer": { "S": "Ada moved" }, "lines": { "L": [] }, "ofALaterRelease": { "S": "Ada" } });
    cloud.put("CHANGES_TABLE", &change.to_string());
    let (_, changes) = tables(&cloud.environment());
    assert_eq!(changes.erase(&Id::from(ID)).await, Ok(1));
    let left = json!({ "orderId": { "S": ID }, "changeId": { "S": "warehouse/0" }, "kind": { "S": "REFUSED" },
        "at": { "S": "2026-01-01T00:00:01.000Z" } });
    assert_eq!(cloud.changes(ID), std::slice::from_ref(&left));
    assert_eq!(changes.erase(&Id::from(ID)).await, Ok(0));
    // Its cause told once more brings nothing back.
    let now = "2026-03-01T00:00:00Z".parse().unwrap();
    let again = Change::refused(&Id::from(ID), Change::warehouse_id(0), now, Some("Ada moved".to_owned()));
    assert_eq!(changes.append(again).await.unwrap().reason, None);
    assert_eq!(cloud.changes(ID), [left]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_ships_nothing_that_was_erased_while_it_waited() {
    let cloud = with_erased().await;
    point(&cloud);
    let function = FulfilOrders::new(&cloud.environment()).unwrap();
    let response = function.handle(event(&from_stream(LONG_AGO, &order()))).await.unwrap();
    assert!(response.batch_item_failures.is_empty());
    nothing_has_happened(&cloud);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_batch_that_was_erased_as_well_ships_nothing_either() {
    let cloud = with_erased().await;
    let function = FulfilOrders::new(&cloud.environment()).unwrap();
    let left = cloud.item("ORDERS_TABLE", &json!({ "id": { "S": ID } }));
    let response = function.handle(event(&from_stream(LONG_AGO, &left))).await.unwrap();
    assert!(response.batch_item_failures.is_empty());
    nothing_has_happened(&cloud);
}

#[tokio::test(flavor = "multi_thread")]
async fn sent_through_by_hand_or_by_the_schedule_it_ships_nothing_and_is_pointed_to_no_more() {
    let cloud = with_erased().await;
    let function = FulfilOrders::new(&cloud.environment()).unwrap();
    for work in [json!({ "orderIds": [ID] }), json!({ "detail-type": "Scheduled Event", "source": "aws.events" })] {
        point(&cloud);
        function.handle(event(&work.to_string())).await.unwrap();
        nothing_has_happened(&cloud);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_reads_as_not_found_for_everybody() {
    let cloud = with_erased().await;
    let function = ReadOrders::new(&cloud.environment()).unwrap();
    let read = |parent: &str, field: &str, identity: &Value, arguments: &Value| {
        let event = event::<ResolverEvent>(&ask(parent, field, identity, arguments));
        let function = function.clone();
        async move { function.handle(event).await.map(|answer| serde_json::to_value(answer).unwrap()) }
    };
    let ada = json!({ "sub": "ada", "groups": ["staff"], "claims": {} });
    let id = json!({ "id": ID });
    for identity in [&Value::Null, &ada, &backend()] {
        assert_eq!(read("Query", "order", identity, &id).await, Ok(Value::Null));
    }
    let none = json!({ "items": [], "nextToken": null });
    assert_eq!(read("Query", "orders", &ada, &json!({})).await, Ok(none.clone()));
    point(&cloud);
    assert_eq!(read("Query", "ordersNeedingAttention", &ada, &json!({})).await, Ok(none));
    assert_eq!(read("Mutation", "publishOrderChanged", &backend(), &id).await, Ok(Value::Null));
    let refused = read("Subscription", "orderChanged", &backend(), &id).await;
    assert!(matches!(refused, Err(Error::Unauthorized(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_about_it_is_one_about_no_order() {
    let cloud = with_erased().await;
    let function = RecordFulfilment::new(&cloud.environment()).unwrap();
    let report = json!({ "input": { "orderId": ID, "reference": "W-9" } });
    let told = function.handle(event(&ask("Mutation", "recordFulfilment", &backend(), &report))).await.unwrap_err();
    assert_eq!(told, Error::InvalidArgument("There is no order with this orderId.".to_owned()));
    nothing_has_happened(&cloud);
}

#[tokio::test(flavor = "multi_thread")]
async fn sent_again_under_its_key_it_does_not_come_back() {
    let cloud = Cloud::start(None).await;
    let function = PlaceOrder::new(&cloud.environment()).unwrap();
    let ada = json!({ "sub": "ada", "groups": null, "claims": {} });
    let input = json!({ "input": { "document": { "lines": [] }, "idempotencyKey": "k-1" } });
    let place = async || function.handle(event(&ask("Mutation", "placeOrder", &ada, &input))).await;
    let placed = place().await.unwrap();
    let (orders, _) = tables(&cloud.environment());
    let erased_at = "2026-02-01T00:00:00Z".parse().unwrap();
    let left = ErasedOrder { id: placed.id.clone(), received_at: placed.received_at, erased_at };
    orders.erase(&left).await.unwrap();
    let told = place().await.unwrap_err();
    assert_eq!(told, Error::Erased);
    let told = lambda_runtime::Diagnostic::from(told);
    assert_eq!(told.error_type, "IdempotencyConflict");
    assert!(told.error_message.contains("was erased") && told.error_message.contains("new key"));
    assert!(orders.is_erased(&placed.id).await.unwrap());
}
