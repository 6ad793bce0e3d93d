//! Something is not done: the error says which kind it is and what to do, and nothing that is nobody's business.

use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{Server, apples_and_a_pear, order_of};

#[tokio::test]
async fn each_kind_of_error_is_told_by_its_type() {
    let server = Server::start().await;
    let (guest, backend) = (server.guest(), server.backend());
    assert_eq!(guest.try_to_place(json!({})).await.error_type("placeOrder"), "InvalidOrder");

    let keyed = |order: Value| json!({ "order": order, "idempotencyKey": "2f7bd1a0-2f4f-4c53-9b84-0a8a3a3bd9a5" });
    guest.place(keyed(order_of(&[("TEA", 1)]))).await;
    let other = guest.try_to_place(keyed(order_of(&[("TEA", 2)]))).await;
    assert_eq!(other.error_type("placeOrder"), "IdempotencyConflict");

    let unknown = backend.try_to_report(&Uuid::new_v4().to_string(), "R-1", Value::Null).await;
    assert_eq!(unknown.error_type("recordFulfilment"), "InvalidArgument");

    let on_behalf = json!({ "order": order_of(&[("TEA", 1)]), "customerId": "ada" });
    let (error_type, message) = guest.try_to_place(on_behalf).await.refusal("placeOrder");
    assert_eq!(error_type, "Unauthorized");
    assert!(message.contains("customerId"), "{message}");
}

#[tokio::test]
async fn an_error_has_everything_that_appsync_gives_it() {
    let server = Server::start().await;
    let query = "mutation {\n  mine: placeOrder(input: {}) { id }\n}";
    let answer = server.guest().run(query, json!({})).await;
    assert_eq!(answer.data, json!({ "mine": null }));
    let message = answer.errors[0]["message"].clone();
    let expected = json!([{
        "path": ["mine"], "data": null, "errorType": "InvalidOrder", "errorInfo": null,
        "locations": [{ "line": 2, "column": 3, "sourceName": null }], "message": message,
    }]);
    assert_eq!(Value::from(answer.errors), expected);
}

#[tokio::test]
async fn whoever_calls_while_the_tables_are_unreachable_is_told_to_try_again() {
    let server = Server::with(&["--env", "AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:1"]).await;
    let (guest, backend) = (server.guest(), server.backend());
    let id = Uuid::new_v4().to_string();
    let order = "query ($id: ID!) { order(id: $id) { id } }";
    let order = guest.run(order, json!({ "id": id }));
    let attention = backend.run("{ ordersNeedingAttention { nextToken } }", json!({}));
    let (placed, order, attention, reported, published) = tokio::join!(
        guest.try_to_place(apples_and_a_pear()),
        order,
        attention,
        backend.try_to_report(&id, "R-1", Value::Null),
        backend.try_to_publish("publishOrderFulfilled", &id),
    );
    for (field, answer) in [
        ("placeOrder", placed),
        ("order", order),
        ("ordersNeedingAttention", attention),
        ("recordFulfilment", reported),
        ("publishOrderFulfilled", published),
    ] {
        let (error_type, message) = answer.refusal(field);
        assert_eq!(error_type, "Unavailable", "{field}");
        assert!(message.contains("again"), "what to do: {message}");
        let message = message.to_lowercase();
        for secret in ["dynamo", "table", "127.0.0.1", "http", "connect", "dispatch", "panic", ".rs"] {
            assert!(!message.contains(secret), "{field} tells of {secret}: {message}");
        }
    }
    // What is wrong with the request itself can be told without any table.
    assert_eq!(guest.try_to_place(json!({})).await.error_type("placeOrder"), "InvalidOrder");
}
