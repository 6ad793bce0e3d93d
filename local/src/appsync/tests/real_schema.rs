//! The project's own schema, as its clients use it.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use super::TestApi;

const ORDER: &str = r#"{
    "id": "o-1", "customerId": null, "reference": "A-1", "format": "plain", "status": "FULFILLED",
    "receivedAt": "2026-11-22T10:00:00.123Z", "fulfilledAt": null,
    "lines": [{"id": "/lines/0", "sku": "s", "quantity": 2, "fulfilledQuantity": 2, "unitPrice": {"amount": "1.10", "currency": "EUR"}}],
    "changes": [], "problems": [], "document": {"id": "A-1", "total": 1.10}
}"#;

fn api() -> TestApi {
    TestApi::new(include_str!("../../../../schema.graphql"))
        .answers("Mutation.placeOrder", ORDER)
        .answers("Query.order", ORDER)
        .answers("Query.orders", &format!("{{\"items\": [{ORDER}], \"nextToken\": null}}"))
}

#[tokio::test]
async fn a_guest_places_a_raw_order_and_gets_it_back() {
    let api = api();
    let answer = api
        .post_with(
            "mutation Place($input: PlaceOrderInput!) { placeOrder(input: $input) { id status document lines { unitPrice { amount } } } }",
            &json!({"input": {"document": "{\"id\": \"A-1\", \"total\": 1.10}"}}),
        )
        .await;
    assert_eq!(
        answer.json(),
        json!({"data": {"placeOrder": {
            "id": "o-1", "status": "FULFILLED", "document": "{\"id\": \"A-1\", \"total\": 1.10}",
            "lines": [{"unitPrice": {"amount": "1.10"}}],
        }}})
    );
    assert!(api.event_text().contains(r#""arguments":{"input":{"document":{"id": "A-1", "total": 1.10}}}"#));
}

#[tokio::test]
async fn a_guest_has_no_list_of_orders() {
    let answer = api().post("{ orders { items { id } } }").await;
    assert_eq!(answer.messages(), ["Not Authorized to access orders on type Query"]);
}

#[tokio::test]
async fn a_customer_reads_orders_page_by_page() {
    let api = api();
    let body = json!({"query": "query($limit: Int, $next: String) { orders(limit: $limit, nextToken: $next) { items { id receivedAt } nextToken } }", "variables": {"limit": 5}});
    let request = Request::post("/graphql").header("authorization", "token:ada").body(Body::from(body.to_string()));
    assert_eq!(
        api.send(request.unwrap()).await.json(),
        json!({"data": {"orders": {"items": [{"id": "o-1", "receivedAt": "2026-11-22T10:00:00.123Z"}], "nextToken": null}}})
    );
    assert_eq!(api.event()["arguments"], json!({"limit": 5, "nextToken": null}));
}

#[tokio::test]
async fn a_badly_typed_order_is_refused_by_its_innermost_field() {
    let query = "mutation($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }";
    for (input, message) in [
        (json!({"order": {}}), "Variable 'lines' has coerced Null value for NonNull type '[OrderLineInput!]!'"),
        (
            json!({"order": {"lines": [], "customer": {"email": "nobody"}}}),
            "Variable 'email' has an invalid value. Unable to parse `nobody` as a valid email address.",
        ),
        (
            json!({"nonsense": 1}),
            "The variables input contains a field name 'nonsense' that is not defined for input object type \
             'PlaceOrderInput' ",
        ),
    ] {
        assert_eq!(api().post_with(query, &json!({"input": input})).await.messages(), [message]);
    }
}
