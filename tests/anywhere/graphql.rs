//! A client speaks GraphQL over HTTP, as it would to AppSync.

use reqwest::Method;
use reqwest::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, ORIGIN,
};
use serde_json::{Value, json};

use crate::support::{Response, Stage, apples_and_a_pear, id, text};

#[tokio::test]
async fn a_body_may_be_called_graphql_or_json() {
    let stage = Stage::reach().await;
    for content_type in ["application/graphql", "application/json"] {
        let request = stage.http().post(&stage.addresses.graphql_url).header("X-Api-Key", &stage.addresses.api_key);
        let request = request.header(CONTENT_TYPE, content_type);
        let answer = Response::of(request.body(r#"{"query":"{ __typename }"}"#)).await;
        assert_eq!((answer.status, answer.body), (200, json!({ "data": { "__typename": "Query" } })));
    }
}

#[tokio::test]
async fn a_query_may_stand_in_the_address() {
    let stage = Stage::reach().await;
    let placed = stage.guest().place(apples_and_a_pear()).await;
    let variables = json!({ "id": placed["id"] }).to_string();
    let query = "query A($id: ID!) { order(id: $id) { id } } query B { __typename }";
    let answer = stage.guest().get(&[("query", query), ("variables", &variables), ("operationName", "A")]).await;
    assert_eq!((answer.status, answer.body), (200, json!({ "data": { "order": { "id": placed["id"] } } })));
}

#[tokio::test]
async fn a_browser_may_call_from_every_site() {
    let stage = Stage::reach().await;
    let preflight = stage
        .http()
        .request(Method::OPTIONS, &stage.addresses.graphql_url)
        .header(ORIGIN, "https://shop.example.com")
        .header(ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(ACCESS_CONTROL_REQUEST_HEADERS, "content-type,authorization,x-amz-user-agent");
    let preflight = Response::of(preflight).await;
    assert!((200..300).contains(&preflight.status), "{}", preflight.status);
    assert_eq!(preflight.headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert!(preflight.headers[ACCESS_CONTROL_ALLOW_METHODS].to_str().is_ok_and(|methods| methods.contains("POST")));
    let allowed = preflight.headers[ACCESS_CONTROL_ALLOW_HEADERS].to_str().expect("a text").to_lowercase();
    assert!(
        ["content-type", "authorization", "x-amz-user-agent"].iter().all(|name| allowed.contains(name)),
        "{allowed}"
    );
}

#[tokio::test]
async fn one_of_several_operations_is_chosen_by_name() {
    let stage = Stage::reach().await;
    let query = "query A { a: __typename } query B { b: __typename }";
    let run =
        async |name: Value| stage.guest().post(json!({ "query": query, "operationName": name }).to_string()).await.body;
    assert_eq!(run(json!("A")).await, json!({ "data": { "a": "Query" } }));
    assert_eq!(run(json!("B")).await, json!({ "data": { "b": "Query" } }));
}

#[tokio::test]
async fn aliases_fragments_and_directives_work() {
    let stage = Stage::reach().await;
    let placed = stage.guest().place_for_id(apples_and_a_pear()).await;
    let query = "query ($id: ID!, $yes: Boolean = true, $no: Boolean = false) { \
                   mine: order(id: $id) { ...Parts kind: __typename status @include(if: $no) } \
                   other: order(id: \"nobody\") { id } } \
                 fragment Parts on Order { id reference @skip(if: $yes) lines { ... on OrderLine { sku } } }";
    let answer = stage.guest().run(query, json!({ "id": placed })).await;
    let lines = json!([{ "sku": "APPLE" }, { "sku": "PEAR" }]);
    let expected = json!({ "mine": { "id": placed, "lines": lines, "kind": "Order" }, "other": null });
    assert_eq!((answer.errors, answer.data), (Vec::new(), expected));
}

#[tokio::test]
async fn what_the_schema_does_not_have_is_told_in_appsyncs_words() {
    let stage = Stage::reach().await;
    let answer = stage.guest().run("{ order(id: \"x\") { nonsense } }", json!({})).await;
    assert_eq!(answer.data, Value::Null);
    let message = "Validation error of type FieldUndefined: Field 'nonsense' in type 'Order' is undefined \
                   @ 'order/nonsense'";
    let locations = json!([{ "line": 1, "column": 20, "sourceName": null }]);
    let expected = json!({ "path": null, "locations": locations, "message": message });
    assert_eq!(answer.errors, [expected]);

    let answer = stage.guest().run("query ($id: ID!) { order(id: $id) { id } }", json!({})).await;
    assert_eq!((answer.data, answer.errors.len()), (Value::Null, 1));
    let answer = stage.guest().try_to_place(json!({ "document": "hello" })).await;
    assert!(text(&answer.errors[0]["message"]).contains("Unable to parse hello as valid JSON."), "{answer:?}");
}

#[tokio::test]
async fn a_subscription_needs_a_web_socket() {
    let stage = Stage::reach().await;
    let query = json!({ "query": "subscription { orderChanged(id: \"x\") { id } }" }).to_string();
    let answer = stage.guest().post(query).await;
    assert_eq!((answer.status, answer.error().0.as_str()), (400, "BadRequestException"));
}

#[tokio::test]
async fn numbers_beyond_32_bits_are_refused_and_ids_may_be_numbers() {
    let stage = Stage::reach().await;
    let query = "{ order(id: 7) { id } }";
    let answer = stage.guest().run(query, json!({})).await;
    assert_eq!((answer.errors, answer.data), (Vec::new(), json!({ "order": null })));
    let place = "mutation { placeOrder(input: { order: { lines: [{ sku: \"A\", quantity: 2147483648 }] } }) { id } }";
    let answer = stage.guest().run(place, json!({})).await;
    assert_eq!((&answer.data, answer.errors.len()), (&Value::Null, 1), "{answer:?}");
    let whole = place.replace("2147483648", "2147483647");
    let answer = stage.guest().run(&whole, json!({})).await;
    stage.until_fulfilled(&id(&answer.value("placeOrder"))).await;
}
