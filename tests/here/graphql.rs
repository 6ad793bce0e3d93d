//! What a client of this machine's AppSync finds that nobody has seen at AWS, or that a stage may be set up without.

use reqwest::Method;
use reqwest::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_TYPE};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Response, Server, list, text};

#[tokio::test]
async fn a_body_is_read_whatever_it_is_called() {
    let server = Server::start().await;
    for content_type in [None, Some("application/json; charset=UTF-8"), Some("text/plain")] {
        let mut request =
            server.http().post(&server.addresses.graphql_url).header("X-Api-Key", &server.addresses.api_key);
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let answer = Response::of(request.body(r#"{"query":"{ __typename }","extensions":{"a":1}}"#)).await;
        assert_eq!((answer.status, answer.body), (200, json!({ "data": { "__typename": "Query" } })));
    }
}

#[tokio::test]
async fn an_address_without_a_query_is_malformed() {
    let server = Server::start().await;
    let nothing = server.guest().get(&[]).await;
    assert_eq!((nothing.status, nothing.error().0.as_str()), (400, "MalformedHttpRequestException"));
}

#[tokio::test]
async fn a_browser_may_read_the_answer_and_its_headers() {
    let server = Server::start().await;
    let answer = server.guest().post(r#"{"query":"{ __typename }"}"#).await;
    assert_eq!(answer.headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let exposed = answer.headers[ACCESS_CONTROL_EXPOSE_HEADERS].to_str().expect("a text").to_lowercase();
    assert!(exposed.contains("x-amzn-errortype") && exposed.contains("x-amzn-requestid"), "{exposed}");
    assert!(answer.headers[CONTENT_TYPE].to_str().is_ok_and(|it| it.starts_with("application/json")));
    answer.headers["x-amzn-requestid"].to_str().expect("a text").parse::<Uuid>().expect("a request's id");
}

#[tokio::test]
async fn an_operation_that_is_not_chosen_is_not_run() {
    let server = Server::start().await;
    for name in [Value::Null, json!("C")] {
        let query = json!({ "query": "query A { a: __typename } query B { b: __typename }", "operationName": name });
        let answer = server.guest().post(query.to_string()).await.body;
        assert!(answer["data"].is_null(), "{name}: {answer}");
        assert!(!text(&answer["errors"][0]["message"]).is_empty(), "{name}: {answer}");
    }
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
async fn other_addresses_and_methods_are_not_there() {
    let server = Server::start().await;
    let http = server.http();
    let status =
        async |method: Method, url: &str| http.request(method, url).send().await.expect("an answer").status().as_u16();
    let graphql = &server.addresses.graphql_url;
    assert_eq!(status(Method::DELETE, graphql).await, 405);
    assert_eq!(status(Method::PUT, graphql).await, 405);
    assert_eq!(status(Method::POST, &graphql.replace("/graphql", "/nothing/here")).await, 404);
}
