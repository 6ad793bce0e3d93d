//! What each operation costs: requests to DynamoDB with their capacity units, and requests to AppSync. None reads what it
//! has already, and none writes what nobody needs.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use resolvers::handlers::fulfil_orders::FulfilOrders;
use resolvers::handlers::order::ReadOrders;
use resolvers::handlers::place_order::PlaceOrder;
use resolvers::handlers::record_fulfilment::RecordFulfilment;
use serde_json::{Value, json};

use crate::cloud::{Cloud, event};
use crate::meter::Meter;

const ID: &str = "5d0c1f1e-8f9e-4b3a-9d43-0f6a1f0c7a11";
const DOCUMENT: &str = r#"{"lines":[{"sku":"A","quantity":1}]}"#;

/// How many orders of a batch are worked on at a time.
const AT_A_TIME: usize = 32;

/// A cloud whose requests are counted.
struct Counted {
    cloud: Cloud,
    dynamodb: Meter,
    appsync: Meter,
}

impl Counted {
    async fn start() -> Self {
        let cloud = Cloud::start(None).await;
        let environment = cloud.environment();
        let appsync = environment.get("APPSYNC_URL").unwrap().trim_end_matches("/graphql");
        let dynamodb = Meter::before(environment.get("AWS_ENDPOINT_URL_DYNAMODB").unwrap()).await;
        let appsync = Meter::before(appsync).await;
        Self { cloud, dynamodb, appsync }
    }

    fn environment(&self) -> resolvers::environment::Environment {
        let graphql = format!("{}/graphql", self.appsync.url);
        self.cloud.environment_with(&[("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamodb.url), ("APPSYNC_URL", &graphql)])
    }

    /// Orders of a customer, as they are stored.
    fn with_orders(&self, ids: impl Iterator<Item = String>) {
        for id in ids {
            self.cloud.put("ORDERS_TABLE", &item(&id).to_string());
        }
    }

    async fn reads(&self, parent_type: &str, field: &str, arguments: &Value, identity: &Value) {
        let function = ReadOrders::new(&self.environment()).unwrap();
        function.handle(event(&call(parent_type, field, arguments, identity))).await.unwrap();
    }

    /// What was asked of DynamoDB, and how much of AppSync.
    fn cost(&self) -> (Vec<String>, usize) {
        (self.dynamodb.requests(), self.appsync.requests().len())
    }
}

fn item(id: &str) -> Value {
    json!({ "id": { "S": id }, "receivedAt": { "S": "2026-01-31T12:00:00.000Z" }, "placedBy": { "S": "customer" },
            "customerId": { "S": "ada" }, "document": { "S": DOCUMENT } })
}

fn ada() -> Value {
    json!({ "sub": "ada", "groups": ["staff"] })
}

fn backend() -> Value {
    json!({ "userArn": "arn:aws:iam::123456789012:user/shop" })
}

fn call(parent_type: &str, field: &str, arguments: &Value, identity: &Value) -> String {
    let info = json!({ "fieldName": field, "parentTypeName": parent_type });
    json!({ "arguments": arguments, "identity": identity, "info": info }).to_string()
}

fn batch(ids: impl Iterator<Item = String>) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let records: Vec<_> = ids
        .map(|id| {
            json!({ "eventID": id, "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
                    "awsRegion": "us-east-1", "eventSourceARN": "arn:aws:dynamodb:us-east-1:0:table/o/stream/s",
                    "dynamodb": { "ApproximateCreationDateTime": now, "Keys": { "id": { "S": id } },
                                  "NewImage": item(&id), "SequenceNumber": "1", "SizeBytes": 1,
                                  "StreamViewType": "NEW_IMAGE" } })
        })
        .collect();
    json!({ "Records": records }).to_string()
}

fn numbered(orders: usize) -> impl Iterator<Item = String> {
    (0..orders).map(|order| format!("order-{order}"))
}

/// The same request, again and again.
fn times(request: &str, times: usize) -> Vec<String> {
    vec![request.to_owned(); times]
}

#[tokio::test(flavor = "multi_thread")]
async fn placing_an_order_is_one_write_and_its_entry_in_the_customers_list() {
    let counted = Counted::start().await;
    let function = PlaceOrder::new(&counted.environment()).unwrap();
    let input = json!({ "input": { "order": { "lines": [{ "sku": "A", "quantity": 1 }] } } });
    let place = |identity: &Value| call("Mutation", "placeOrder", &input, identity);
    function.handle(event(&place(&ada()))).await.unwrap();
    assert_eq!(counted.cost(), (times("PutItem orders 1.0 + byCustomer 1.0", 1), 0));
    function.handle(event(&place(&Value::Null))).await.unwrap();
    assert_eq!(counted.cost(), (times("PutItem orders 1.0", 1), 0), "nobody owns it, so it is in nobody's list");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_placed_before_comes_back_with_the_refusal_of_the_write() {
    let counted = Counted::start().await;
    let function = PlaceOrder::new(&counted.environment()).unwrap();
    let input = json!({ "input": { "document": { "a": 1 }, "idempotencyKey": "k" } });
    function.handle(event(&call("Mutation", "placeOrder", &input, &ada()))).await.unwrap();
    counted.cost();
    function.handle(event(&call("Mutation", "placeOrder", &input, &ada()))).await.unwrap();
    let put = "PutItem orders ConditionalCheckFailedException".to_owned();
    assert_eq!(counted.cost(), (vec![put, "Query changes 1.0 consistent".to_owned()], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn fulfilling_a_batch_is_one_write_and_one_announcement_for_each_order_and_reads_nothing() {
    let counted = Counted::start().await;
    let function = FulfilOrders::new(&counted.environment()).unwrap();
    function.handle(event(&batch(numbered(40)))).await.unwrap();
    assert_eq!(counted.cost(), (times("PutItem changes 1.0", 40), 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_one_get_and_one_query_that_see_what_was_written_a_moment_ago() {
    let counted = Counted::start().await;
    counted.with_orders([ID.to_owned()].into_iter());
    let once = ["GetItem orders 1.0 consistent", "Query changes 1.0 consistent"].map(str::to_owned);
    counted.reads("Query", "order", &json!({ "id": ID }), &ada()).await;
    assert_eq!(counted.cost(), (once.to_vec(), 0));
    counted.reads("Query", "order", &json!({ "id": ID, "asOf": "2026-02-01T00:00:00.000Z" }), &ada()).await;
    assert_eq!(counted.cost(), (once.to_vec(), 0));
    for mutation in ["publishOrderFulfilled", "publishOrderChanged"] {
        counted.reads("Mutation", mutation, &json!({ "id": ID }), &backend()).await;
        assert_eq!(counted.cost(), (once.to_vec(), 0), "{mutation}");
    }
    counted.reads("Query", "order", &json!({ "id": ID }), &Value::Null).await;
    assert_eq!(counted.cost(), (once[..1].to_vec(), 0), "whoever may not see it is not read its changes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_orders_is_a_query_of_the_list_a_batch_for_every_ten_and_a_query_for_each() {
    let counted = Counted::start().await;
    counted.with_orders(numbered(12));
    counted.reads("Query", "orders", &json!({ "limit": 11 }), &ada()).await;
    let (mut requests, announced) = counted.cost();
    let query = requests.remove(0);
    assert!(query.starts_with("Query orders + byCustomer 0.5") && !query.contains("consistent"), "{query}");
    requests.sort();
    let batches = ["BatchGetItem orders 1.0 consistent", "BatchGetItem orders 10.0 consistent"].map(str::to_owned);
    assert_eq!((&requests[..2], announced), (&batches[..], 0));
    assert_eq!(requests[2..], times("Query changes 1.0 consistent", 11));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_subscribe_is_one_get_or_nothing() {
    let counted = Counted::start().await;
    counted.with_orders([ID.to_owned()].into_iter());
    counted.reads("Subscription", "orderFulfilled", &json!({ "id": ID }), &ada()).await;
    assert_eq!(counted.cost(), (times("GetItem orders 1.0 consistent", 1), 0));
    counted.reads("Subscription", "ordersChanged", &json!({ "customerId": "ada" }), &ada()).await;
    counted.reads("Subscription", "anyOrderChanged", &json!({}), &ada()).await;
    assert_eq!(counted.cost(), (vec![], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_one_write_one_announcement_and_a_pointer_that_comes_and_goes() {
    let counted = Counted::start().await;
    counted.with_orders([ID.to_owned()].into_iter());
    let function = RecordFulfilment::new(&counted.environment()).unwrap();
    let input = json!({ "input": { "orderId": ID, "reference": "W-1" } });
    function.handle(event(&call("Mutation", "recordFulfilment", &input, &backend()))).await.unwrap();
    let requests = [
        "GetItem orders 1.0 consistent",
        "Query changes 1.0 consistent",
        "GetItem attention 1.0 consistent",
        "UpdateItem attention 1.0",
        "PutItem changes 1.0",
        "DeleteItem attention 1.0",
    ];
    assert_eq!(counted.cost(), (requests.map(str::to_owned).to_vec(), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_in_which_nothing_is_due_and_a_list_with_nothing_in_it_are_a_query_of_each_shard() {
    let counted = Counted::start().await;
    let function = FulfilOrders::new(&counted.environment()).unwrap();
    function.handle(event(r#"{"detail-type":"Scheduled Event"}"#)).await.unwrap();
    assert_eq!(counted.cost(), (times("Query attention 1.0 consistent", 16), 0));
    counted.reads("Query", "ordersNeedingAttention", &json!({}), &ada()).await;
    assert_eq!(counted.cost(), (times("Query attention 1.0 consistent", 16), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_worked_on_at_once_but_no_more_than_so_many_orders_of_it() {
    let counted = Counted::start().await;
    let function = Arc::new(FulfilOrders::new(&counted.environment()).unwrap());
    counted.appsync.hold();
    let working = tokio::spawn({
        let function = Arc::clone(&function);
        async move { function.handle(event(&batch(numbered(3 * AT_A_TIME)))).await }
    });
    counted.appsync.until_under_way(AT_A_TIME).await;
    // Whatever else would begin now had time to.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    counted.appsync.release();
    assert!(working.await.unwrap().unwrap().batch_item_failures.is_empty());
    assert_eq!(counted.appsync.most_under_way(), AT_A_TIME);
    assert!(counted.dynamodb.most_under_way() <= AT_A_TIME);
    assert_eq!(counted.cost(), (times("PutItem changes 1.0", 3 * AT_A_TIME), 3 * AT_A_TIME));
}

/// On one thread, as in Lambda: what has been answered is done with before the next thing begins.
#[tokio::test]
async fn orders_one_after_the_other_share_the_connections_that_were_opened_before_the_first() {
    let counted = Counted::start().await;
    let function = FulfilOrders::new(&counted.environment()).unwrap();
    function.connect().await;
    assert_eq!((counted.dynamodb.requests(), counted.appsync.requests()), (times("GET", 1), times("OPTIONS", 1)));
    for id in numbered(20) {
        // A connection is free a moment after its answer was read.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        function.handle(event(&batch([id].into_iter()))).await.unwrap();
    }
    assert_eq!(counted.cost(), (times("PutItem changes 1.0", 20), 20));
    let connections = (counted.dynamodb.connections(), counted.appsync.connections());
    assert!(connections.0 <= 3 && connections.1 <= 3, "{connections:?}");
}

#[tokio::test]
async fn a_function_starts_all_the_same_if_nobody_is_there_to_connect_to() {
    let cloud = Cloud::start(None).await;
    let nobody = [("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9"), ("APPSYNC_URL", "no url")];
    FulfilOrders::new(&cloud.environment_with(&nobody)).unwrap().connect().await;
}
