//! How much one request may ask for.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::TestApi;

const SCHEMA: &str = "type Query { node: Node  n: Int } type Node { id: ID  node: Node  nodes: [Node] }";

#[tokio::test]
async fn past_the_depth_limit_fields_are_errors_and_the_rest_is_there() {
    let api = TestApi::open(SCHEMA)
        .answers("Query.node", r#"{"id":1,"node":{"id":2},"nodes":[{"id":3}]}"#)
        .with(|settings| settings.query_depth_limit = 2);
    let answer = api.post("{ node { id node { id } nodes { id } } }").await;
    assert_eq!(answer.json()["data"], json!({"node": {"id": "1", "node": {"id": null}, "nodes": [{"id": null}]}}));
    let errors = answer.json()["errors"].clone();
    assert_eq!(errors[0]["errorType"], "QueryDepthLimitReached");
    assert_eq!(errors[0]["path"], json!(["node", "node", "id"]));
    assert_eq!(errors[1]["path"], json!(["node", "nodes", 0, "id"]));
}

#[tokio::test]
async fn past_the_resolver_limit_functions_are_not_called() {
    let api = TestApi::open(SCHEMA).answers("Query.n", "1").with(|settings| settings.resolver_count_limit = 2);
    let answer = api.post("{ a: n b: n c: n node { id } }").await;
    assert_eq!(answer.json()["data"], json!({"a": 1, "b": 1, "c": null, "node": null}));
    assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 1);
    assert_eq!(answer.json()["errors"][0]["errorType"], "ResolverExecutionLimitReached");
    assert_eq!(answer.json()["errors"][0]["path"], json!(["c"]));
    assert_eq!(api.calls().iter().filter(|call| *call == "Query.n").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn after_thirty_seconds_what_has_no_answer_is_an_error() {
    let api = TestApi::open(SCHEMA).answers_after("Query.node", Duration::from_secs(31), "null").answers_after(
        "Query.n",
        Duration::from_secs(29),
        "1",
    );
    let answer = api.post("{ node { id } n }").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["data"], json!({"node": null, "n": 1}));
    assert_eq!(answer.messages(), ["Execution timed out."]);
    assert_eq!(answer.json()["errors"][0]["errorType"], "Lambda:ExecutionTimeoutException");
}

#[tokio::test(start_paused = true)]
async fn after_thirty_seconds_no_further_function_is_called() {
    let api = TestApi::open("type Query { n: Int } type Mutation { slow: Int  next: Int }")
        .answers_after("Mutation.slow", Duration::from_secs(31), "1")
        .answers("Mutation.next", "1");
    let answer = api.post("mutation { slow next }").await;
    assert_eq!(answer.json()["data"], json!({"slow": null, "next": null}));
    assert_eq!(answer.messages(), ["Execution timed out.", "Execution timed out."]);
    assert_eq!(api.calls(), ["Mutation.slow"]);
}

#[tokio::test]
async fn a_body_may_have_a_megabyte() {
    let api = TestApi::open(SCHEMA).answers("Query.n", "1");
    let limit = 1024 * 1024;
    let mut body = b"{\"query\":\"{ n }\"}".to_vec();
    body.resize(limit, b' ');
    assert_eq!(api.post_bytes(body.clone()).await.json(), json!({"data": {"n": 1}}));
    for size in [limit + 1, 2 * limit, 20 * limit] {
        body.resize(size, b' ');
        let answer = api.post_bytes(body.clone()).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.messages(), ["Request body is larger than 1048576 bytes."]);
        assert_eq!(answer.header("x-amzn-errortype"), "RequestEntityTooLargeException");
    }
}

#[tokio::test]
async fn a_function_that_is_not_there_is_an_error_of_its_field() {
    let api = TestApi::open(SCHEMA).attach("Query.n");
    let answer = api.post("{ n }").await;
    assert_eq!(answer.json()["data"], json!({"n": null}));
    assert_eq!(answer.json()["errors"][0]["errorType"], "Lambda:ResourceNotFoundException");
    assert_eq!(answer.json()["errors"][0]["data"], Value::Null);
}
