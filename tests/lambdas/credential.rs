//! The warehouse asks who is calling: a secret tells it, may be changed at any time, and is seen by nobody else.

use resolvers::handlers::fulfil_orders::FulfilOrders;
use serde_json::{Value, json};
use tracing::instrument::WithSubscriber as _;
use tracing_subscriber::filter::LevelFilter;

use crate::cloud::{Cloud, Heard, Log, SECRET, event};

/// What no text but the header may hold.
const CREDENTIAL: &str = "c0nf/dential";

fn bearer(credential: &str) -> String {
    format!("Bearer {credential}")
}

/// A cloud with a warehouse that ships, a secret, and a Lambda that knows of both.
struct Shop {
    cloud: Cloud,
    function: FulfilOrders,
    log: Log,
}

impl Shop {
    async fn with_secret(secret: Option<&str>) -> Self {
        let cloud = Cloud::start(Some(json!({ "status": 200, "body": {} }))).await;
        if let Some(secret) = secret {
            cloud.keeps_secret(secret);
        }
        Self::of(cloud, &[("WAREHOUSE_SECRET", SECRET)])
    }

    fn of(cloud: Cloud, variables: &[(&str, &str)]) -> Self {
        let function = FulfilOrders::new(&cloud.environment_with(variables)).unwrap();
        Self { cloud, function, log: Log::default() }
    }

    /// Sends new orders through, all at once. Whatever comes of it, nobody reads of the credential afterwards.
    async fn sends(&self, ids: &[&str]) {
        for id in ids {
            let order = json!({
                "id": { "S": id }, "receivedAt": { "S": "2026-01-31T12:00:00.000Z" }, "placedBy": { "S": "guest" },
                "document": { "S": r#"{"lines":[{"sku":"A","quantity":1}]}"# },
            });
            self.cloud.put("ORDERS_TABLE", &order.to_string());
        }
        let ids_by_hand = json!({ "orderIds": ids }).to_string();
        let subscriber = self.log.subscriber(LevelFilter::TRACE);
        self.function.handle(event(&ids_by_hand)).with_subscriber(subscriber).await.unwrap();
        assert!(self.log.text().contains("order_id"), "there is a log");
        let stored = ids.iter().map(|id| format!("{:?} {}", self.cloud.changes(id), self.cloud.pointer(id)));
        for text in stored.chain([self.log.text()]).chain(self.cloud.heard(Heard::AppSync)) {
            assert!(!text.contains(CREDENTIAL) && !text.contains(r"c0nf\/dential"), "{text}");
        }
    }

    fn shown(&self) -> Vec<String> {
        self.cloud.heard(Heard::Authorization)
    }

    fn fetched(&self) -> usize {
        self.cloud.heard(Heard::SecretsManager).len()
    }

    fn kinds(&self, id: &str) -> Vec<Value> {
        self.cloud.changes(id).iter().map(|change| change["kind"]["S"].clone()).collect()
    }

    /// It is not refused: it is tried again, because of this.
    fn is_retried(&self, id: &str, because: &str) {
        assert_eq!(self.kinds(id), [Value::Null; 0]);
        let pointer = self.cloud.pointer(id);
        assert_eq!(pointer["reason"]["S"], "RETRY");
        assert!(pointer["next"]["S"].is_string() && pointer["error"]["S"] == because, "{pointer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_question_carries_the_secret_which_is_fetched_once() {
    let shop = Shop::with_secret(Some(&format!("{}\n", bearer(CREDENTIAL)))).await;
    shop.sends(&["one"]).await;
    shop.sends(&["two"]).await;
    assert_eq!((shop.shown(), shop.fetched()), (vec![bearer(CREDENTIAL); 2], 1));
    assert_eq!(shop.kinds("two"), ["FULFILLED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_was_changed_is_fetched_anew_when_the_old_one_is_not_taken_any_more() {
    let shop = Shop::with_secret(Some("old")).await;
    shop.sends(&["before"]).await;
    shop.cloud.keeps_secret(CREDENTIAL);
    shop.sends(&["meanwhile"]).await;
    assert_eq!((shop.shown(), shop.fetched()), (vec!["old".to_owned(); 2], 1), "the warehouse still takes it");
    shop.cloud.warehouse_insists_on(CREDENTIAL);
    shop.sends(&["after"]).await;
    assert_eq!((&shop.shown()[2..], shop.fetched()), (&["old".to_owned(), CREDENTIAL.to_owned()][..], 2));
    for id in ["before", "meanwhile", "after"] {
        assert_eq!(shop.kinds(id), ["FULFILLED"], "{id}");
    }
    let asked = shop.cloud.heard(Heard::Warehouse);
    assert_eq!(asked[2], asked[3], "the same question under the same key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_taken_has_the_order_tried_again() {
    let shop = Shop::with_secret(Some(CREDENTIAL)).await;
    shop.cloud.warehouse_insists_on("another");
    shop.sends(&["one"]).await;
    shop.is_retried("one", "the warehouse answered 401");
    assert_eq!((shop.shown().len(), shop.fetched()), (1, 2), "the same secret is not shown twice");
    shop.cloud.keeps_secret(&bearer(CREDENTIAL));
    shop.sends(&["two"]).await;
    shop.is_retried("two", "the warehouse answered 401");
    assert_eq!((shop.shown().len(), shop.fetched()), (3, 3), "once anew, and then it is left at that");
    shop.cloud.warehouse_answers(json!({ "status": 403, "body": { "refused": true } }));
    shop.cloud.warehouse_insists_on(&bearer(CREDENTIAL));
    shop.sends(&["three"]).await;
    shop.is_retried("three", "the warehouse answered 403");
    assert_eq!(shop.fetched(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_cannot_be_read_or_used_has_the_order_tried_again() {
    let shop = Shop::with_secret(None).await;
    shop.sends(&["missing"]).await;
    let missing = "the secret cannot be read: Secrets Manager answered 400, ResourceNotFoundException";
    shop.is_retried("missing", &format!("the warehouse cannot be asked: {missing}"));
    for (id, secret) in [("control", format!("{CREDENTIAL}\n{CREDENTIAL}")), ("empty", "\n".to_owned())] {
        let shop = Shop::with_secret(Some(&secret)).await;
        shop.sends(&[id]).await;
        shop.is_retried(id, "the warehouse cannot be asked: the secret is no value of an HTTP header");
        assert_eq!(shop.cloud.heard(Heard::Warehouse), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_fetched_unless_there_is_a_warehouse_and_a_secret() {
    let shop = Shop::of(Cloud::start(Some(json!({ "status": 200, "body": {} }))).await, &[]);
    shop.sends(&["no-secret"]).await;
    let shop_alone = Shop::of(Cloud::start(None).await, &[("WAREHOUSE_SECRET", SECRET)]);
    shop_alone.sends(&["no-warehouse"]).await;
    assert_eq!(
        (shop.kinds("no-secret"), shop_alone.kinds("no-warehouse")),
        (vec![json!("FULFILLED")], vec![json!("FULFILLED")])
    );
    assert_eq!((shop.fetched(), shop.shown().len(), shop_alone.fetched()), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_orders_of_a_batch_wait_for_the_same_fetch() {
    let ids: Vec<_> = (0..32).map(|id| format!("order-{id}")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let (first, second) = ids.split_at(16);

    let shop = Shop::with_secret(Some("old")).await;
    shop.sends(first).await;
    assert_eq!((shop.shown().len(), shop.fetched()), (16, 1));
    shop.cloud.keeps_secret(CREDENTIAL);
    shop.cloud.warehouse_insists_on(CREDENTIAL);
    shop.sends(second).await;
    assert_eq!((shop.fetched(), shop.kinds("order-31")), (2, vec![json!("FULFILLED")]));

    let unreadable = Shop::with_secret(None).await;
    unreadable.sends(&ids).await;
    assert_eq!(unreadable.fetched(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warehouse_that_repeats_what_it_was_shown_does_not_make_it_known() {
    let shop = Shop::with_secret(Some(&bearer(CREDENTIAL))).await;
    // The longest reason that is kept ends in the middle of the credential.
    let reason = format!("{}{CREDENTIAL}", "x".repeat(994));
    let refuses = json!({ "refused": true, "reason": reason, "headers": { "authorization": bearer(CREDENTIAL) } });
    shop.cloud.warehouse_answers(json!({ "status": 422, "body": refuses }));
    shop.sends(&["refused"]).await;
    assert_eq!(shop.kinds("refused"), ["REFUSED"]);
    let change = &shop.cloud.changes("refused")[0];
    assert!(change["reason"]["S"].as_str().unwrap().ends_with("xxx[conce"), "{change}");
    let answer = change["answer"]["S"].as_str().unwrap();
    assert!(answer.contains(r#"{"authorization":"Bearer [concealed]"}"#), "{answer}");

    shop.cloud.warehouse_answers(json!({ "status": 200, "body": { "reference": CREDENTIAL } }));
    shop.sends(&["shipped"]).await;
    assert_eq!(shop.cloud.changes("shipped")[0]["reference"]["S"], "[concealed]");
}
