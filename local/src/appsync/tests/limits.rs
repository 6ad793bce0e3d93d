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

/// A short query, and an answer without end.
#[tokio::test]
async fn a_response_that_becomes_too_large_is_refused() {
    let text = "x".repeat(100_000);
    let api = TestApi::open("type Query { list: [Item]  nulls: [Item] } type Item { text: String  must: Int! }")
        .answers("Query.list", &format!("[{}]", vec![format!("{{\"text\":\"{text}\"}}"); 10].join(",")))
        .answers("Query.nulls", &format!("[{}]", vec!["{}"; 5_000].join(",")));
    let aliases = |count: usize| (0..count).map(|index| format!("a{index}: text")).collect::<Vec<_>>().join(" ");
    let answer = api.post(&format!("{{ list {{ {} }} }}", aliases(20))).await;
    assert_eq!((answer.messages().len(), answer.text.len() > 20_000_000), (0, true));
    for query in [
        format!("{{ list {{ {} }} }}", aliases(40)),
        // Names count as well, and so does what errors tell.
        format!("{{ nulls {{ {}: text }} }}", "n".repeat(100_000)),
        format!("{{ nulls {{ {}: must }} }}", "n".repeat(100_000)),
    ] {
        let answer = api.post(&query).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.json()["data"], Value::Null);
        assert_eq!(answer.messages(), ["The response is larger than 33554432 bytes: ask for less at once."]);
    }
}

#[tokio::test]
async fn functions_are_not_called_any_more_once_they_have_answered_too_much() {
    let api = TestApi::open(SCHEMA).answers("Query.node", &format!("{{\"id\":\"{}\"}}", "x".repeat(5_000_000)));
    let nodes: Vec<_> = (0..40).map(|index| format!("a{index}: node {{ __typename }}")).collect();
    let answer = api.post(&format!("{{ {} }}", nodes.join(" "))).await;
    let called = api.calls().iter().filter(|call| *call == "Query.node").count();
    assert!((7..40).contains(&called), "{called} were called");
    assert_eq!(answer.messages().len(), 40 - called);
    assert_eq!(answer.messages()[0], "The answers of functions are larger than 33554432 bytes: ask for less at once.");
    assert_eq!(answer.json()["data"]["a0"], json!({"__typename": "Node"}));
}
