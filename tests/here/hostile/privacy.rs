//! Logs tell neither who ordered what nor how anybody proves who they are, also in detail, and whatever goes wrong.
//!
//! What every other test's server says is searched as well: see [`crate::support::privacy`].

use serde_json::json;

use super::{QUIET, says};
use crate::support::privacy::given_away;
use crate::support::{
    FAST, Home, Reply, Server, Subscriber, Warehouse, command, document, everything, forgeries, id, list,
};

/// Every step of an order, and everything that can go wrong with one, by everybody.
async fn a_day_at(server: &Server, warehouse: &Warehouse) {
    let mut callers = server.one_of_each_kind().await;
    callers.push(("nobody", server.stranger()));
    let token = server.token(&["alice"]);
    callers.extend(
        forgeries(&token).into_iter().map(|(what, forged)| (what, server.stranger().with_authorization(&forged))),
    );
    callers.push(("a token as it is", server.stranger().with_authorization(&format!("Bearer {token}"))));
    callers.push(("another secret", server.backend().with_secret("n0t-the-secret")));
    callers.push(("another key", server.guest().with_api_key("da2-abcdefghijklmnopqrstuvwxyz")));
    let place = "mutation P($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }";
    let order = everything();
    for (_, caller) in &callers {
        for body in [
            json!({ "query": place, "variables": { "input": order } }).to_string(),
            json!({ "query": place, "variables": { "input": document(&order["order"]) } }).to_string(),
            // Wrong in one place or another, with all of the order in it.
            json!({ "query": place, "variables": { "input": { "order": order } } }).to_string(),
            json!({ "query": place, "variables": { "input": { "document": format!("{order} and more") } } })
                .to_string(),
            json!({ "query": format!("mutation {{ placeOrder(input: {order}) {{ id }} }}") }).to_string(),
            json!({ "query": format!("{{ order(id: {:?}) {{ id }} }}", order.to_string()) }).to_string(),
            json!({ "query": "{ orders(nextToken: \"ada@example.com\") { nextToken } }" }).to_string(),
            format!("{order}"),
            format!("{{\"query\": {order}"),
        ] {
            caller.post(body).await;
        }
    }
    // Over a socket, and with credentials in the wrong places.
    let guest = server.guest();
    let mut subscriber = Subscriber::connect(server, &guest).await;
    let placed = guest.place_for_id(order.clone()).await;
    subscriber.follow(&guest, "orderChanged", &placed).await;
    let refused = subscriber.try_to_follow(&guest, "ordersChanged", "ada@example.com").await;
    assert!(refused.is_err(), "guests follow no customer");
    let key = &server.addresses.api_key;
    for request in [
        format!(
            "GET /graphql?x-api-key={key}&query=Ada%20Lovelace HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\n\r\n"
        ),
        format!("GET /{token}/ada@example.com HTTP/1.1\r\nhost: {key}\r\n\r\n"),
        format!("{token} {key}\r\nada@example.com\r\n\r\n"),
        format!(
            "GET /graphql/realtime?header={token} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: {key}\r\n\r\n"
        ),
        format!(
            "POST /local/credentials HTTP/1.1\r\nhost: x\r\ncontent-length: 40\r\n\r\n{{\"as\": \"Ada Lovelace\", \"x\": \"{key}"
        ),
    ] {
        says(server, request.as_bytes(), QUIET).await;
    }
    // A warehouse that says what it was sent, and cannot be understood.
    for status in [200, 422, 500] {
        warehouse.changes_its_mind(move |question| {
            Reply::json(status, &json!({ "lines": question.body, "echo": question.body }))
        });
        let placed = guest.place_for_id(order.clone()).await;
        let asked = async || (warehouse.asked_about(&placed).len() > 1).then_some(());
        server.until("it is asked for again", asked).await;
    }
    warehouse.changes_its_mind(|question| {
        Reply::json(422, &json!({ "refused": true, "reason": question.body.to_string(), "more": question.body }))
    });
    let refused = guest.place_for_id(order.clone()).await;
    server.until_status(&refused, "NEEDS_ATTENTION").await;
    server.backend().try_to_report(&refused, "Ada Lovelace", json!([{ "line": "1 Main St", "quantity": 1 }])).await;
    server.backend().report(&refused, "Ada Lovelace", json!(null)).await;
    warehouse.changes_its_mind(|_| Reply::everything());
    assert!(!list(&server.backend().order(&refused).await["changes"]).is_empty());
    let shipped = guest.place(order).await;
    server.until_fulfilled(&id(&shipped)).await;
}

fn refuses() -> Reply {
    Reply::json(500, &json!({ "error": "no" }))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_tells_who_ordered_what_or_holds_a_credential() {
    let warehouse = Warehouse::that(|_| refuses()).await;
    let home = Home::new();
    let options = ["--port", "0", "--data-dir", home.data_dir(), "--warehouse-url", &warehouse.url, FAST[0], FAST[1]];
    let mut command = command(&home, &options);
    command.args(["--warehouse-authorization", "Bearer 0nly-f0r-the-warehouse"]).env("RUST_LOG", "trace");
    let server = Server::run(&home, &mut command).await;
    a_day_at(&server, &warehouse).await;
    assert!(home.log().lines().count() > 100, "there is something to search:\n{}", home.log());
    assert_eq!(home.given_away(), Vec::<String>::new());
}

#[test]
fn what_is_given_away_is_found_wherever_it_stands() {
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLi4u";
    for line in [
        "2026-11-22T14:47:46Z  INFO placed by ada@example.com",
        "error: customer { name: \"Ada Lovelace\" }",
        "{\"message\":\"{\\\"sku\\\":\\\"TEA\\\"}\"}",
        "x-api-key=da2-j3z5y26xfeul53x3renjxkmz2n",
        "authorization: AWS4-HMAC-SHA256 Credential=AKIA, SignedHeaders=host, Signature=00",
        &format!("refused {token}"),
        &format!("authorization=\"Bearer {token}\""),
        &format!("header={{\"Authorization\":\"{token}\"}}"),
    ] {
        assert_eq!(given_away(&format!("fine\n{line}\nfine")).len(), 1, "{line}");
    }
    for line in [
        "2026-11-22T14:47:46.650390Z  INFO placed order_id=3a08c3a3-023a-4cd7-8163-ce87ab138a98 placed_by=Guest",
        "User: arn:aws:sts::000000000000:assumed-role/x is not authorized to perform: dynamodb:PutItem",
        "WARN put off error=the warehouse answered 500",
        "GraphQL    http://127.0.0.1:4000/graphql",
    ] {
        assert_eq!(given_away(line), Vec::<String>::new());
    }
}
