//! Something is not done: the error says which kind it is and what to do, and nothing that is nobody's business.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Stage, order_of};

#[tokio::test]
async fn each_kind_of_error_is_told_by_its_type() {
    let stage = Stage::reach().await;
    let (guest, backend) = (stage.guest(), stage.backend());
    assert_eq!(guest.try_to_place(json!({})).await.error_type("placeOrder"), "InvalidOrder");

    let key = Uuid::new_v4().to_string();
    let keyed = |order: Value| json!({ "order": order, "idempotencyKey": key });
    guest.place(keyed(order_of(&[("TEA", 1)]))).await;
    let other = guest.try_to_place(keyed(order_of(&[("TEA", 2)]))).await;
    assert_eq!(other.error_type("placeOrder"), "IdempotencyConflict");

    let unknown = backend.try_to_report(&Uuid::new_v4().to_string(), "R-1", Value::Null).await;
    assert_eq!(unknown.error_type("recordFulfilment"), "InvalidArgument");

    let on_behalf = json!({ "order": order_of(&[("TEA", 1)]), "customerId": stage.own("ada") });
    let (error_type, message) = guest.try_to_place(on_behalf).await.refusal("placeOrder");
    assert_eq!(error_type, "Unauthorized");
    assert!(message.contains("customerId"), "{message}");
}

#[tokio::test]
async fn an_error_has_everything_that_appsync_gives_it() {
    let stage = Stage::reach().await;
    let query = "mutation {\n  mine: placeOrder(input: {}) { id }\n}";
    let answer = stage.guest().run(query, json!({})).await;
    assert_eq!(answer.data, json!({ "mine": null }));
    let message = answer.errors[0]["message"].clone();
    let expected = json!([{
        "path": ["mine"], "data": null, "errorType": "InvalidOrder", "errorInfo": null,
        "locations": [{ "line": 2, "column": 3, "sourceName": null }], "message": message,
    }]);
    assert_eq!(Value::from(answer.errors), expected);
}
