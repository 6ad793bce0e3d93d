//! Somebody looks an order up whose story a warehouse has drawn out.

use serde_json::{Value, json};

use crate::support::{Reply, Server, Warehouse, apples_and_a_pear, changes, id, quantities, text};

#[tokio::test]
async fn an_order_reads_as_it_stood_at_any_moment() {
    let one_apple = Reply::json(200, &json!({ "lines": [{ "id": "/lines/0", "quantity": 1 }] }));
    let warehouse = Warehouse::that_says(one_apple).await;
    let server = Server::with(&["--warehouse-url", &warehouse.url]).await;
    let guest = server.guest();
    let placed = guest.place(apples_and_a_pear()).await;
    let order_id = id(&placed);
    let partial = server.until_status(&order_id, "PARTIALLY_FULFILLED").await;
    let then = text(&partial["changes"][0]["at"]);
    let later = |at: &Value| text(at).parse::<jiff::Timestamp>().is_ok_and(|at| jiff::Timestamp::now() > at);
    server.until("the clock has moved on", async || later(&partial["changes"][0]["at"]).then_some(())).await;
    let whole = server.backend().report(&order_id, "R-1", Value::Null).await;
    assert_eq!(whole["status"], "FULFILLED");

    let received_at = text(&placed["receivedAt"]);
    let received: jiff::Timestamp = received_at.parse().expect("a moment");
    let before = received - jiff::SignedDuration::from_millis(1);
    for before in [before.to_string().as_str(), "1970-01-01T00:00:00Z", "-0044-03-15T12:00:00Z"] {
        assert_eq!(guest.order_as_of(&order_id, before).await, Value::Null, "{before}");
    }
    let first = guest.order_as_of(&order_id, &received_at).await;
    assert_eq!((&first["status"], quantities(&first)), (&json!("RECEIVED"), vec![(2, 0), (1, 0)]));
    assert_eq!(changes(&first), []);
    let second = guest.order_as_of(&order_id, &then).await;
    assert_eq!(second, partial);
    assert_eq!(quantities(&second), [(2, 1), (1, 0)]);
    for now in ["2100-01-01T00:00:00Z", "2100-01-01T00:00:00.123456789+02:00", "2100-01-01T00:00Z"] {
        assert_eq!(guest.order_as_of(&order_id, now).await, whole, "{now}");
    }
}
