//! A client speaks GraphQL over HTTP, as it would to AppSync.

use reqwest::Method;
use reqwest::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, ORIGIN,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{Response, Server, apples_and_a_pear, id, list, text};

#[tokio::test]
async fn a_body_is_read_whatever_it_is_called() {
    let server = Server::start().await;
    let http = reqwest::Client::new();
    for content_type in [None, Some("application/graphql"), Some("application/json; charset=UTF-8"), Some("text/plain")]
    {
        let mut request = http.post(&server.addresses.graphql_url).header("X-Api-Key", &server.addresses.api_key);
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let answer = Response::of(request.body(r#"{"query":"{ __typename }","extensions":{"a":1}}"#)).await;
        assert_eq!((answer.status, answer.body), (200, json!({ "data": { "__typename": "Query" } })));
    }
}

#[tokio::test]
async fn a_query_may_stand_in_the_address() {
    let server = Server::start().await;
    let placed = server.guest().place(apples_and_a_pear()).await;
    let variables = json!({ "id": placed["id"] }).to_string();
    let query = "query A($id: ID!) { order(id: $id) { id } } query B { __typename }";
    let answer = server.guest().get(&[("query", query), ("variables", &variables), ("operationName", "A")]).await;
    assert_eq!((answer.status, answer.body), (200, json!({ "data": { "order": { "id": placed["id"] } } })));
    let nothing = server.guest().get(&[]).await;
    assert_eq!((nothing.status, nothing.error().0.as_str()), (400, "MalformedHttpRequestException"));
}

#[tokio::test]
async fn a_browser_may_call_from_anywhere() {
    let server = Server::start().await;
    let http = reqwest::Client::new();
    let preflight = http
        .request(Method::OPTIONS, &server.addresses.graphql_url)
        .header(ORIGIN, "https://shop.example.com")
        .header(ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(ACCESS_CONTROL_REQUEST_HEADERS, "content-type,x-api-key,x-amz-user-agent");
    let preflight = Response::of(preflight).await;
    assert!((200..300).contains(&preflight.status), "{}", preflight.status);
    assert_eq!(preflight.headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert!(preflight.headers[ACCESS_CONTROL_ALLOW_METHODS].to_str().is_ok_and(|methods| methods.contains("POST")));
    let allowed = preflight.headers[ACCESS_CONTROL_ALLOW_HEADERS].to_str().expect("a text").to_lowercase();
    assert!(["content-type", "x-api-key", "x-amz-user-agent"].iter().all(|name| allowed.contains(name)), "{allowed}");

    let answer = server.guest().post(r#"{"query":"{ __typename }"}"#).await;
    assert_eq!(answer.headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let exposed = answer.headers[ACCESS_CONTROL_EXPOSE_HEADERS].to_str().expect("a text").to_lowercase();
    assert!(exposed.contains("x-amzn-errortype") && exposed.contains("x-amzn-requestid"), "{exposed}");
    assert!(answer.headers[CONTENT_TYPE].to_str().is_ok_and(|it| it.starts_with("application/json")));
    answer.headers["x-amzn-requestid"].to_str().expect("a text").parse::<Uuid>().expect("a request's id");
}

#[tokio::test]
async fn a_tool_learns_the_schema_by_introspection() {
    let server = Server::start().await;
    let query = "{ __schema { queryType { name } mutationType { name } subscriptionType { name } types { name } } \
                 order: __type(name: \"Order\") { fields { name description type { kind name ofType { name } } } } \
                 input: __type(name: \"PlaceOrderInput\") { inputFields { name } } }";
    let answer = server.guest().run(query, json!({})).await;
    assert_eq!(answer.errors, Vec::<Value>::new());
    let schema = &answer.data["__schema"];
    for (operation, name) in
        [("queryType", "Query"), ("mutationType", "Mutation"), ("subscriptionType", "Subscription")]
    {
        assert_eq!(schema[operation]["name"], name);
    }
    let types: Vec<_> = list(&schema["types"]).iter().map(|it| text(&it["name"])).collect();
    for name in ["Order", "OrderLine", "OrderChange", "OrderStatus", "AWSJSON", "AWSDateTime"] {
        assert!(types.iter().any(|it| it == name), "{name} in {types:?}");
    }
    let fields = list(&answer.data["order"]["fields"]);
    let id = fields.iter().find(|field| field["name"] == "id").expect("an id");
    assert_eq!(id["type"], json!({ "kind": "NON_NULL", "name": null, "ofType": { "name": "ID" } }));
    let document = fields.iter().find(|field| field["name"] == "document").expect("a document");
    assert!(text(&document["description"]).contains("exactly as it was received"));
    let inputs: Vec<_> = list(&answer.data["input"]["inputFields"]).iter().map(|it| text(&it["name"])).collect();
    assert_eq!(inputs, ["order", "document", "idempotencyKey", "customerId"]);
}

#[tokio::test]
async fn one_of_several_operations_is_chosen_by_name() {
    let server = Server::start().await;
    let query = "query A { a: __typename } query B { b: __typename }";
    let run = async |name: Value| {
        server.guest().post(json!({ "query": query, "operationName": name }).to_string()).await.body
    };
    assert_eq!(run(json!("B")).await, json!({ "data": { "b": "Query" } }));
    for name in [Value::Null, json!("C")] {
        let answer = run(name.clone()).await;
        assert!(answer["data"].is_null(), "{name}: {answer}");
        assert!(!text(&answer["errors"][0]["message"]).is_empty(), "{name}: {answer}");
    }
}

#[tokio::test]
async fn aliases_fragments_and_directives_work() {
    let server = Server::start().await;
    let placed = server.guest().place_for_id(apples_and_a_pear()).await;
    let query = "query ($id: ID!, $yes: Boolean = true, $no: Boolean = false) { \
                   mine: order(id: $id) { ...Parts kind: __typename status @include(if: $no) } \
                   other: order(id: \"nobody\") { id } } \
                 fragment Parts on Order { id reference @skip(if: $yes) lines { ... on OrderLine { sku } } }";
    let answer = server.guest().run(query, json!({ "id": placed })).await;
    let lines = json!([{ "sku": "APPLE" }, { "sku": "PEAR" }]);
    let expected = json!({ "mine": { "id": placed, "lines": lines, "kind": "Order" }, "other": null });
    assert_eq!((answer.errors, answer.data), (Vec::new(), expected));
}

#[tokio::test]
async fn what_the_schema_does_not_have_is_told_in_appsyncs_words() {
    let server = Server::start().await;
    let answer = server.guest().run("{ order(id: \"x\") { nonsense } }", json!({})).await;
    assert_eq!(answer.data, Value::Null);
    let message = "Validation error of type FieldUndefined: Field 'nonsense' in type 'Order' is undefined \
                   @ 'order/nonsense'";
    let locations = json!([{ "line": 1, "column": 20, "sourceName": null }]);
    let expected = json!({ "path": null, "locations": locations, "message": message });
    assert_eq!(answer.errors, [expected]);

    let answer = server.guest().run("query ($id: ID!) { order(id: $id) { id } }", json!({})).await;
    assert_eq!((answer.data, answer.errors.len()), (Value::Null, 1));
    let answer = server.guest().try_to_place(json!({ "document": "hello" })).await;
    assert!(text(&answer.errors[0]["message"]).contains("Unable to parse hello as valid JSON."), "{answer:?}");
}

#[tokio::test]
async fn a_subscription_needs_a_web_socket() {
    let server = Server::start().await;
    let query = json!({ "query": "subscription { orderChanged(id: \"x\") { id } }" }).to_string();
    let answer = server.guest().post(query).await;
    assert_eq!((answer.status, answer.error().0.as_str()), (400, "BadRequestException"));
}

#[tokio::test]
async fn other_addresses_and_methods_are_not_there() {
    let server = Server::start().await;
    let http = reqwest::Client::new();
    let status =
        async |method: Method, url: &str| http.request(method, url).send().await.expect("an answer").status().as_u16();
    let graphql = &server.addresses.graphql_url;
    assert_eq!(status(Method::DELETE, graphql).await, 405);
    assert_eq!(status(Method::PUT, graphql).await, 405);
    assert_eq!(status(Method::POST, &graphql.replace("/graphql", "/nothing/here")).await, 404);
}

#[tokio::test]
async fn numbers_beyond_32_bits_are_refused_and_ids_may_be_numbers() {
    let server = Server::start().await;
    let query = "{ order(id: 7) { id } }";
    let answer = server.guest().run(query, json!({})).await;
    assert_eq!((answer.errors, answer.data), (Vec::new(), json!({ "order": null })));
    let place = "mutation { placeOrder(input: { order: { lines: [{ sku: \"A\", quantity: 2147483648 }] } }) { id } }";
    let answer = server.guest().run(place, json!({})).await;
    assert_eq!((&answer.data, answer.errors.len()), (&Value::Null, 1), "{answer:?}");
    let whole = place.replace("2147483648", "2147483647");
    let answer = server.guest().run(&whole, json!({})).await;
    server.until_fulfilled(&id(&answer.value("placeOrder"))).await;
}
