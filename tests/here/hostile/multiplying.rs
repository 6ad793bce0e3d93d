//! Short requests that ask for much: by depth, by aliases, by fragments, by directives, by lists.

use serde_json::{Value, json};

use super::goes_on;
use crate::support::{Server, document, order_of};

fn many(count: usize, each: impl Fn(usize) -> String) -> String {
    (0..count).map(each).collect::<Vec<_>>().join(" ")
}

fn body(query: &str, variables: &Value) -> String {
    json!({ "query": query, "variables": variables }).to_string()
}

/// Requests that are wrong, each with how the first of the errors begins.
fn refused() -> Vec<(&'static str, String, &'static str)> {
    let deep = |open: &str, close: &str, levels: usize| open.repeat(levels) + &close.repeat(levels);
    let chain = many(400, |number| format!("fragment F{number} on Order {{ ...F{} }}", number + 1));
    let circle = many(1_500, |number| format!("fragment F{number} on Order {{ ...F{} }}", (number + 1) % 1_500));
    let unparsable = "Unable to parse GraphQL query.";
    vec![
        ("depth", deep("{ a ", "}", 20_000), unparsable),
        ("a deep list", format!("{{ order(id: {}) {{ id }} }}", deep("[", "]", 20_000)), unparsable),
        ("a deep type", format!("query ($v: {}) {{ __typename }}", deep("[", "]", 20_000)), unparsable),
        ("many tokens", format!("{{ {} }}", "a ".repeat(100_000)), unparsable),
        (
            "a chain of fragments",
            format!("{{ order(id: 1) {{ ...F0 }} }} {chain} fragment F400 on Order {{ id }}"),
            "Validation error",
        ),
        ("a circle of fragments", format!("{{ order(id: 1) {{ ...F0 }} }} {circle}"), "Validation error"),
        ("directives", format!("{{ __typename {} }}", "@skip(if: false)".repeat(3_000)), "Validation error"),
        ("operations", "{ __typename } ".repeat(2_500), "Validation error"),
        (
            "variables",
            format!("query ({}) {{ __typename }}", many(4_000, |number| format!("$v{number}: Int"))),
            "Validation error",
        ),
        (
            "arguments",
            format!("{{ order(id: 1 {}) {{ id }} }}", many(4_000, |number| format!("a{number}: 1"))),
            "Validation error",
        ),
        ("unknown fields", format!("{{ {} }}", "a ".repeat(10_000)), "Validation error"),
        (
            "fields that differ",
            format!("{{ order(id: 1) {{ {} }} }}", "a: id a: status ".repeat(1_800)),
            "Validation error",
        ),
        (
            "the schema, again and again",
            format!(
                "{{ {} }}",
                many(500, |number| format!(
                    "a{number}: __schema {{ types {{ name fields {{ name args {{ name }} }} }} }}"
                ))
            ),
            "The answer about the schema could become too large",
        ),
        (
            "the schema, deeper and deeper",
            format!("{{ __schema {{ types {{ {} name {} }} }} }}", "fields { type { ".repeat(20), "} }".repeat(20)),
            "Maximum introspection depth",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_multiplies_is_refused_in_a_sentence() {
    let server = Server::start().await;
    for (what, query, expected) in refused() {
        let answer = server.guest().post(body(&query, &json!({}))).await;
        assert!([200, 400].contains(&answer.status), "{what}: {}", answer.status);
        let message = answer.body["errors"][0]["message"].as_str().unwrap_or_default();
        assert!(answer.body["data"].is_null() && message.starts_with(expected), "{what}: {message:.300}");
        goes_on(&server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_large_variables_is_answered() {
    let server = Server::start().await;
    for (what, variables) in [
        ("long", json!({ "x": "x".repeat(900_000) })),
        ("many", json!({ "x": vec![0; 300_000] })),
        ("many names", (0..50_000).map(|number| (format!("v{number}"), json!(1))).collect::<Value>()),
    ] {
        let answer =
            server.guest().post(body("query ($x: String) { __typename @include(if: true) }", &variables)).await;
        assert!([200, 400].contains(&answer.status), "{what}: {}", answer.status);
    }
    goes_on(&server).await;
}

/// Fragments inside each other twice over, thirty deep: a billion fields, all of them the same one.
#[tokio::test(flavor = "multi_thread")]
async fn fragments_that_double_are_one_answer() {
    let server = Server::start().await;
    let id = server.guest().place_for_id(json!({ "order": order_of(&[("TEA", 1)]) })).await;
    let doubling =
        many(30, |number| format!("fragment F{number} on Order {{ ...F{0} ...F{0} ... {{ ...F{0} }} }}", number + 1));
    let query = format!("{{ order(id: \"{id}\") {{ ...F0 }} }} {doubling} fragment F30 on Order {{ id }}");
    let answer = server.guest().run(&query, json!({})).await;
    assert_eq!(answer.value("order"), json!({ "id": id }));
}

/// A field under a thousand names has a thousand answers, and the largest of them has 400 KB.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_asked_for_under_a_thousand_names_is_refused() {
    let server = Server::start().await;
    let guest = server.guest();
    let id = guest.place_for_id(document(&json!({ "id": "large", "data": ["x".repeat(380_000)] }))).await;
    let names = many(5_000, |number| format!("a{number}: document"));
    let answer = guest.run(&format!("{{ order(id: \"{id}\") {{ {names} }} }}"), json!({})).await;
    assert!(answer.data.is_null(), "too large to be shown");
    assert_eq!(answer.errors[0]["message"], "The response is larger than 33554432 bytes: ask for less at once.");
    // A long name is told again with every line.
    let lines: Vec<_> = (0..2_000).map(|_| ("TEA", 1)).collect();
    let id = guest.place_for_id(json!({ "order": order_of(&lines) })).await;
    let query = format!("{{ order(id: \"{id}\") {{ lines {{ {}: sku }} }} }}", "n".repeat(500_000));
    let answer = guest.run(&query, json!({})).await;
    assert_eq!(answer.errors[0]["message"], "The response is larger than 33554432 bytes: ask for less at once.");
    goes_on(&server).await;
}

/// The template allows fifty functions in a request.
#[tokio::test(flavor = "multi_thread")]
async fn of_three_hundred_root_fields_fifty_are_answered() {
    let server = Server::start().await;
    let guest = server.guest();
    let place = |number: usize| {
        format!("a{number}: placeOrder(input: {{ order: {{ lines: [{{ sku: \"TEA\", quantity: 1 }}] }} }}) {{ id }}")
    };
    let read = |number: usize| format!("a{number}: order(id: \"x\") {{ id }}");
    for (what, query) in [("mutation", many(300, place)), ("query", many(300, read))] {
        let answer = guest.run(&format!("{what} {{ {query} }}"), json!({})).await;
        assert_eq!(answer.errors.len(), 250, "{what}");
        let kinds: Vec<_> = answer.errors.iter().map(|error| &error["errorType"]).collect();
        assert!(kinds.iter().all(|kind| *kind == "ResolverExecutionLimitReached"), "{kinds:?}");
        let placed = (0..300).filter(|number| !answer.data[format!("a{number}")].is_null()).count();
        assert_eq!(placed, if what == "mutation" { 50 } else { 0 });
    }
    goes_on(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_by_the_thousand_are_taken_in_a_literal() {
    let server = Server::start().await;
    let lines = "{ sku: \"TEA\", quantity: 1 }".repeat(2_000);
    let query =
        format!("mutation {{ placeOrder(input: {{ order: {{ lines: [{lines}] }} }}) {{ id lines {{ id }} }} }}");
    let answer = server.guest().post(body(&query, &json!({}))).await;
    assert_eq!(answer.body["data"]["placeOrder"]["lines"].as_array().map(Vec::len), Some(2_000));
    goes_on(&server).await;
}
