//! Requests that nobody sends in good faith: each is answered, and the server goes on.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::TestApi;

const DEEP: usize = 10_000;

fn api() -> TestApi {
    TestApi::open("type Query { n(in: In, d: AWSJSON, list: [[Int]]): Int  node: Node } input In { in: In  n: Int } type Node { node: Node  id: ID }")
        .answers("Query.n", "1")
        .answers("Query.node", "{\"id\":1}")
}

fn nested(open: &str, middle: &str, close: &str, levels: usize) -> String {
    open.repeat(levels) + middle + &close.repeat(levels)
}

#[tokio::test]
async fn bytes_that_are_no_request_are_malformed() {
    let brackets = nested("[", "", "]", DEEP);
    let objects = nested("{\"a\":", "1", "}", DEEP);
    for body in [
        b"\xff\xfe\x00".to_vec(),
        b"{\"query\":\"{ n }\xff\"}".to_vec(),
        b"{\"query\":\"\\ud800\"}".to_vec(),
        b"\0".to_vec(),
        b"\xef\xbb\xbf{\"query\":\"{ n }\"}".to_vec(),
        b"{\"query\":\"{ n }\"".to_vec(),
        b"{\"query\":\"{ n }\",\"variables\":\"x\"}".to_vec(),
        b"{\"query\":\"{ n }\",\"query\":\"{ n }\"}".to_vec(),
        b"{\"query\":{}}".to_vec(),
        b"true".to_vec(),
        b"-".to_vec(),
        brackets.clone().into_bytes(),
        objects.clone().into_bytes(),
        format!("{{\"query\":\"{{ n }}\",\"variables\":{objects}}}").into_bytes(),
        format!("{{\"query\":\"{{ n }}\",\"variables\":{{\"x\":{brackets}}}}}").into_bytes(),
    ] {
        let answer = api().post_bytes(body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{:.80}", String::from_utf8_lossy(&body));
        assert_eq!(answer.messages(), ["Unable to parse GraphQL query."]);
    }
}

#[tokio::test]
async fn what_is_ignored_may_be_nested_as_deeply_as_it_likes() {
    let brackets = nested("[", "", "]", DEEP);
    let answer = api().post_bytes(format!("{{\"query\":\"{{ n }}\",\"extensions\":{brackets}}}")).await;
    assert_eq!(answer.json(), json!({"data": {"n": 1}}));
}

#[tokio::test]
async fn documents_that_are_nested_too_deeply_are_malformed() {
    for query in [
        nested("{ node ", "{ id }", "}", 210),
        nested("{ node ", "{ id }", "}", DEEP),
        nested("{ ... ", "{ n }", "}", DEEP),
        format!("{{ n(list: {}) }}", nested("[", "", "]", DEEP)),
        format!("{{ n(in: {}) }}", nested("{in: ", "{n: 1}", "}", DEEP)),
        format!("query($v: {}) {{ n(list: $v) }}", nested("[", "Int", "]", DEEP)),
        "{".repeat(DEEP),
        "[".repeat(DEEP),
        "(".repeat(DEEP),
    ] {
        let answer = api().post(&query).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query:.40}");
        assert_eq!(answer.messages(), ["Unable to parse GraphQL query."]);
    }
}

/// As deep as a document may be it must also be validated, executed and printed within the stack.
#[tokio::test]
async fn documents_that_are_nested_almost_too_deeply_are_answered() {
    let mut answered = 0;
    for levels in (10..210).step_by(10) {
        for query in [
            nested("{ node ", "{ id }", "}", levels),
            nested("{ ... ", "{ n }", "}", levels),
            format!("{{ n(in: {}) }}", nested("{in: ", "{n: 1}", "}", levels)),
            format!("{{ n(list: {}) }}", nested("[", "", "]", levels)),
        ] {
            let answer = api().post(&query).await;
            answered += usize::from(answer.status == StatusCode::OK);
        }
    }
    assert!(answered > 40, "{answered} were answered");
}

#[tokio::test]
async fn values_of_functions_may_be_nested_as_deeply_as_they_like() {
    let deep = nested("{\"node\":", "{\"id\":1}", "}", DEEP);
    let api = api().answers("Query.node", &deep);
    let query = nested("{ node ", "{ id }", "}", 100);
    let answer = api.post(&query).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text.contains("{\"id\":null}"));
}

#[tokio::test]
async fn a_list_of_nothing_but_errors_is_answered_soon() {
    let nulls = format!("[{}]", vec!["null"; 100_000].join(","));
    let api = TestApi::open("type Query { list: [[Int]!] }").answers("Query.list", &nulls);
    let answer = api.post("{ list }").await;
    assert_eq!(answer.json()["data"], json!({"list": null}));
    assert_eq!(answer.messages().len(), 100_000);
}

#[tokio::test]
async fn fragments_that_spread_themselves_are_invalid() {
    let answer = api().post("{ node { ...A } } fragment A on Node { node { ...B } } fragment B on Node { ...A }").await;
    assert_eq!(answer.json()["data"], Value::Null);
    assert!(answer.messages().iter().all(|message| message.contains("FragmentCycle")));
}

#[tokio::test]
async fn many_fields_and_many_errors_are_answered_soon() {
    let fields = "a ".repeat(5_000);
    let answer = api().post(&format!("{{ {fields} }}")).await;
    assert_eq!(answer.messages().len(), 5_000);
    let aliases: Vec<_> = (0..1_000).map(|index| format!("a{index}: n")).collect();
    let answer = api().post(&format!("{{ {} }}", aliases.join(" "))).await;
    assert_eq!(answer.json()["data"].as_object().unwrap().len(), 1_000);
}

/// Types have fields, which have types: asked for a dozen times over, the answer would never end.
#[tokio::test]
async fn introspection_that_multiplies_is_refused() {
    let query = nested("fields { type { ", "name", "} }", 12);
    let answer = api().post(&format!("{{ __schema {{ types {{ {query} }} }} }}")).await;
    assert_eq!((answer.status, answer.json()["data"].clone()), (StatusCode::OK, Value::Null));
    assert_eq!(answer.messages().len(), 1);
}

/// The same question under a thousand names has a thousand answers.
#[tokio::test]
async fn introspection_that_repeats_itself_is_refused() {
    let many = |what: &str| (0..500).map(|index| format!("a{index}: {what}")).collect::<Vec<_>>().join(" ");
    let types = "types { name fields { name description args { name } } }";
    let fragment = |index: usize| format!("fragment F{index} on __Type {{ a: kind ...F{0} ...F{0} }}", index + 1);
    let doubling = (0..30).map(fragment).collect::<Vec<_>>().join(" ");
    let api = TestApi::open(include_str!("../../../../schema.graphql"));
    for (query, refused) in [
        (format!("{{ {} }}", many(&format!("__schema {{ {types} }}"))), true),
        (format!("{{ __schema {{ {} }} }}", many(types)), true),
        (format!("{{ ... {{ ...Q }} }} fragment Q on Query {{ {} }}", many(&format!("__schema {{ {types} }}"))), true),
        (format!("{{ __schema {{ types {{ {}: name }} }} }}", "n".repeat(800_000)), true),
        (format!("{{ __schema {{ {types} }} {} }}", many("__type(name: \"Order\") { name }")), false),
        (format!("{{ __schema {{ types {{ ...F0 }} }} }} {doubling} fragment F30 on __Type {{ name }}"), true),
        (include_str!("introspection.graphql").to_owned(), false),
    ] {
        let answer = api.post(&query).await;
        assert_eq!(answer.status, StatusCode::OK);
        let told = answer.messages();
        let expected: &[&str] =
            if refused { &["The answer about the schema could become too large: ask for less at once."] } else { &[] };
        assert_eq!(told, expected, "{query:.80}");
    }
}

#[tokio::test]
async fn unpaired_surrogates_in_an_answer_are_an_error_of_their_field() {
    let api = api().answers("Query.n", "\"\\ud800\"");
    let answer = api.post("{ n }").await;
    assert_eq!(answer.json()["data"], json!({"n": null}));
    assert_eq!(answer.messages(), ["Can't serialize value (/n) : Expected type 'Int' but was 'String'."]);
}
