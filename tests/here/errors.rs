//! Something is not done because of what is behind the API: the error says what to do, and nothing of what is there.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Server, apples_and_a_pear};

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
