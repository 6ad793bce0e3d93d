//! What functions get, and what clients get of their answers.

use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use serde_json::{Value, json};

use super::{API_KEY, TestApi};

#[tokio::test]
async fn a_function_gets_appsyncs_context_as_its_event() {
    let api =
        TestApi::open("type Query { post(id: ID!, d: AWSJSON, n: Int): Post } type Post { id: ID  author: Post }")
            .answers("Query.post", "null");
    let query = "query Q($id: ID!, $d: AWSJSON, $n: Int) { p: post(id: $id, d: $d, n: $n) { id a: author { id } } }";
    let body = json!({"query": query, "variables": {"id": 7, "d": "{\"a\":1}"}}).to_string();
    let mut request = Request::post("/graphql?x=1")
        .header("X-Api-Key", API_KEY)
        .header("host", "localhost:4000")
        .header("x-forwarded-for", "10.0.0.1, 10.0.0.2")
        .header("x-twice", "a")
        .header("x-twice", "b")
        .header("cookie", "secret")
        .body(Body::from(body))
        .unwrap();
    request.extensions_mut().insert(ConnectInfo(std::net::SocketAddr::from(([127, 0, 0, 1], 5))));
    let answer = api.send(request).await;
    assert_eq!(answer.json(), json!({"data": {"p": null}}));
    assert_eq!(
        api.event(),
        json!({
            "arguments": {"id": "7", "d": {"a": 1}, "n": null},
            "identity": null,
            "source": null,
            "request": {
                "headers": {
                    "x-api-key": API_KEY, "host": "localhost:4000",
                    "x-forwarded-for": "10.0.0.1, 10.0.0.2", "x-twice": ["a", "b"],
                },
                "domainName": null,
            },
            "prev": null,
            "info": {
                "fieldName": "post",
                "parentTypeName": "Query",
                "variables": {"id": 7, "d": "{\"a\":1}"},
                "selectionSetList": ["id", "a", "a/id"],
                "selectionSetGraphQL": "{\n  id\n  a: author {\n    id\n  }\n}",
            },
            "stash": {},
        })
    );
}

#[tokio::test]
async fn a_scalar_field_selects_nothing_and_callers_have_addresses() {
    let api = TestApi::new("type Query { n: Int }").answers("Query.n", "1");
    let mut request = Request::post("/graphql")
        .header("authorization", "token:ada")
        .header("x-forwarded-for", "10.0.0.1, 10.0.0.2")
        .body(Body::from("{\"query\":\"{ n }\"}"))
        .unwrap();
    request.extensions_mut().insert(ConnectInfo(std::net::SocketAddr::from(([127, 0, 0, 1], 5))));
    api.send(request).await;
    let event = api.event();
    assert_eq!(event["identity"]["sourceIp"], json!(["10.0.0.1", "10.0.0.2", "127.0.0.1"]));
    assert_eq!(event["identity"]["username"], "ada");
    assert_eq!(event["arguments"], json!({}));
    assert_eq!(event["info"]["selectionSetList"], json!([]));
    assert_eq!(event["info"]["selectionSetGraphQL"], "");
    assert_eq!(event["info"]["variables"], json!({}));
}

/// Key order, duplicates, white space, exact numbers, escapes and depth: nothing is touched either way.
#[tokio::test]
async fn awsjson_passes_byte_for_byte_into_the_function_and_out_of_it() {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let document =
        format!(r#"{{ "z":1.10,"a":12345678901234567890.123,"a":1e400,"s":"\ud800 \u00e9 é","deep":{deep} }}"#);
    let schema = "type Query { f(d: AWSJSON, in: In): Out } input In { d: AWSJSON } type Out { d: AWSJSON }";
    let api = TestApi::open(schema).answers("Query.f", &format!(r#"{{"other":{deep},"d":{document}}}"#));
    let answer = api.post_with("query($d: AWSJSON) { f(d: $d, in: {d: $d}) { d } }", &json!({"d": document})).await;
    let expected = format!(r#""arguments":{{"d":{document},"in":{{"d":{document}}}}}"#);
    assert!(api.event_text().contains(&expected));
    assert_eq!(answer.json(), json!({"data": {"f": {"d": document}}}));
    let api = TestApi::open(schema).answers("Query.f", r#"{"d":"text"}"#);
    let literal = serde_json::to_string(&document).unwrap();
    let answer = api.post(&format!("{{ f(d: {literal}) {{ d }} }}")).await;
    assert!(api.event_text().contains(&format!(r#""arguments":{{"d":{document}}}"#)));
    assert_eq!(answer.json(), json!({"data": {"f": {"d": "\"text\""}}}));
}

/// apollo-compiler coerces arguments once more while it executes, and must find nothing wrong with any of these.
#[tokio::test]
async fn every_shape_of_argument_arrives() {
    let api = TestApi::open(
        "type Query { f(k: Kind, f: Float, t: AWSTimestamp, in: In, list: [In!], ids: [[ID]], must: Int! = 4, b: Boolean): Out }
         input In { k: Kind = B  d: AWSJSON  n: Int! } enum Kind { A B }
         type Out { echo(k: Kind, in: In, t: AWSTimestamp): String }",
    )
    .answers("Query.f", r#"{"echo":"here"}"#);
    let query = "query($k: Kind, $f: Float, $in: In, $d: AWSJSON, $id: ID, $must: Int = 5, $t: AWSTimestamp, $b: Boolean) {
        f(k: $k, f: $f, t: -31557014167219200, in: $in, list: {d: $d, n: 1}, ids: [1, [$id, \"x\"]], must: $must, b: $b) {
            echo(k: $k, in: {d: $d, n: 1, k: $k}, t: $t)
        }
    }";
    let variables = json!({"k": "A", "f": 1, "in": {"n": 2, "d": "[1]"}, "d": "{}", "t": 31_556_889_864_403_199_i64});
    let answer = api.post_with(query, &variables).await;
    assert_eq!(answer.json(), json!({"data": {"f": {"echo": "here"}}}));
    assert_eq!(
        api.event()["arguments"],
        json!({
            "k": "A", "f": 1.0, "t": -31_557_014_167_219_200_i64, "in": {"k": "B", "d": [1], "n": 2},
            "list": [{"k": "B", "d": {}, "n": 1}], "ids": [["1"], [null, "x"]], "must": 5, "b": null,
        })
    );
}

#[tokio::test]
async fn awsjson_that_is_none_is_refused_before_any_function_is_called() {
    let api = TestApi::open("type Query { f(d: AWSJSON): Int }").answers("Query.f", "1");
    let answer = api.post_with("query($d: AWSJSON) { f(d: $d) }", &json!({"d": {"a": 1}})).await;
    assert_eq!(answer.messages(), ["Variable 'd' has an invalid value. Unable to parse {a=1} as valid JSON."]);
    let answer = api.post("{ f(d: \"{\") }").await;
    assert_eq!(
        answer.messages(),
        ["Validation error of type WrongType: argument 'd' with value 'StringValue{value='{'}' is not a valid \
          'AWSJSON' @ 'f'"]
    );
    assert_eq!(api.calls(), [] as [&str; 0]);
}

#[tokio::test]
async fn a_field_without_a_function_is_null_and_a_nested_one_is_its_parents_key() {
    let api = TestApi::open("type Query { none: Post  post: Post } type Post { id: ID  name: String  post: Post }")
        .answers("Query.post", r#"{"id":1,"extra":2,"post":{"id":"x","name":null}}"#);
    let answer = api.post("{ none { id } post { i: id name post { id name __typename } } }").await;
    assert_eq!(
        answer.json(),
        json!({"data": {"none": null, "post": {
            "i": "1", "name": null, "post": {"id": "x", "name": null, "__typename": "Post"},
        }}})
    );
}

#[tokio::test]
async fn queries_run_side_by_side_and_mutations_one_after_the_other() {
    let schema = "type Query { a: Int  b: Int } type Mutation { a: Int  b: Int }";
    let slow = Duration::from_millis(60);
    let api = TestApi::open(schema).answers_after("Query.a", slow, "1").answers_after("Query.b", slow / 2, "2");
    assert_eq!(api.post("{ a b }").await.text, r#"{"data":{"a":1,"b":2}}"#);
    assert_eq!(api.calls(), ["Query.a", "Query.b", "Query.b done", "Query.a done"]);
    let api = TestApi::open(schema).answers_after("Mutation.a", slow, "1").answers_after("Mutation.b", slow / 2, "2");
    assert_eq!(api.post("mutation { a b again: a }").await.text, r#"{"data":{"a":1,"b":2,"again":1}}"#);
    assert_eq!(
        api.calls(),
        ["Mutation.a", "Mutation.a done", "Mutation.b", "Mutation.b done", "Mutation.a", "Mutation.a done"]
    );
}

#[tokio::test]
async fn a_root_field_that_is_selected_twice_is_resolved_once() {
    let api = TestApi::open("type Query { p: Post } type Post { id: ID  name: String }")
        .answers("Query.p", r#"{"id":1,"name":"n"}"#);
    let answer = api.post("query { p { id } ...F } fragment F on Query { p { name } }").await;
    assert_eq!(answer.json(), json!({"data": {"p": {"id": "1", "name": "n"}}}));
    assert_eq!(api.calls(), ["Query.p", "Query.p done"]);
    assert_eq!(api.event()["info"]["selectionSetList"], json!(["id", "name"]));
}

#[tokio::test]
async fn a_function_error_is_told_with_its_own_type_and_spares_its_siblings() {
    let api = TestApi::open("type Query { bad: Int  good: Int  denied: Int }")
        .fails("Query.bad", "InvalidOrder", "It does not fit.")
        .fails("Query.denied", "UnauthorizedException", "internals")
        .answers("Query.good", "1");
    assert_eq!(
        api.post("{\n  b: bad\n  good\n  denied\n}").await.json(),
        json!({"data": {"b": null, "good": 1, "denied": null}, "errors": [
            {
                "path": ["b"], "data": null, "errorType": "InvalidOrder", "errorInfo": null,
                "locations": [{"line": 2, "column": 3, "sourceName": null}], "message": "It does not fit.",
            },
            {
                "path": ["denied"], "data": null, "errorType": "UnauthorizedException", "errorInfo": null,
                "locations": [{"line": 4, "column": 3, "sourceName": null}],
                "message": "You are not authorized to make this call.",
            },
        ]})
    );
}

#[tokio::test]
async fn the_error_of_a_field_that_must_not_be_null_is_the_only_one() {
    let api = TestApi::open("type Query { bad: Int!  good: Int }")
        .fails("Query.bad", "InvalidOrder", "It does not fit.")
        .answers("Query.good", "1");
    let answer = api.post("{ good bad }").await;
    assert_eq!(answer.json()["data"], Value::Null);
    assert_eq!(answer.messages(), ["It does not fit."]);
}

#[tokio::test]
async fn null_where_it_must_not_be_rises_to_the_next_place_that_may_be_null() {
    let api = TestApi::open(
        "type Query { user: User  all: [User!]  must: [User]!  list: [[Int!]]  some: [User] }
         type User { id: ID!  name: String  friend: User!  tags: [String!]! }",
    )
    .answers("Query.user", r#"{"friend":{"id":1,"friend":{"name":"deep"}}}"#)
    .answers("Query.all", r#"[{"id":1},{"id":null}]"#)
    .answers("Query.must", "null")
    .answers("Query.list", "[[1],[2,null]]")
    .answers("Query.some", r#"[{"id":1},null,{}]"#);
    for (query, data, errors) in [
        (
            "{ user { friend { friend { id } } } }",
            json!({"user": null}),
            json!([{
                "path": ["user", "friend", "friend", "id"], "locations": null,
                "message": "Cannot return null for non-nullable type: 'ID' within parent 'User' (/user/friend/friend/id)",
            }]),
        ),
        (
            "{ all { id } }",
            json!({"all": null}),
            json!([{
                "path": ["all", 1, "id"], "locations": null,
                "message": "Cannot return null for non-nullable type: 'ID' within parent 'User' (/all[1]/id)",
            }]),
        ),
        (
            "{ must { id } }",
            json!(null),
            json!([{
                "path": ["must"], "locations": null,
                "message": "Cannot return null for non-nullable type: 'null' within parent 'Query' (/must)",
            }]),
        ),
        (
            "{ list }",
            json!({"list": [[1], null]}),
            json!([{
                "path": ["list", 1, 1], "locations": null,
                "message": "Cannot return null for non-nullable type: 'Int' within parent 'Query' (/list[1][1])",
            }]),
        ),
        (
            "{ some { n: id } }",
            json!({"some": [{"n": "1"}, null, null]}),
            json!([{
                "path": ["some", 2, "n"], "locations": null,
                "message": "Cannot return null for non-nullable type: 'ID' within parent 'User' (/some[2]/n)",
            }]),
        ),
    ] {
        assert_eq!(api.post(query).await.json(), json!({"data": data, "errors": errors}), "{query}");
    }
}

#[tokio::test]
async fn values_of_the_wrong_kind_are_null_and_told() {
    let api = TestApi::open(
        "type Query { posts: [Post]  post: Post  n: Int  kind: Kind!  when: AWSDateTime  text: String  ns: [Int]  f: Float }
         type Post { id: ID } enum Kind { A }",
    )
    .answers("Query.posts", r#"{"id":1}"#)
    .answers("Query.post", "[1]")
    .answers("Query.n", "\"ten\"")
    .answers("Query.kind", "\"B\"")
    .answers("Query.when", "\"yesterday\"")
    .answers("Query.text", r#"{"statusCode":400,"body":"x"}"#)
    .answers("Query.ns", r#"["100", 2.0, "x"]"#)
    .answers("Query.f", "\"1.5\"");
    for (query, data, message) in [
        (
            "{ posts { id } }",
            json!({"posts": null}),
            "Can't resolve value (/posts) : type mismatch error, expected type LIST, got OBJECT",
        ),
        (
            "{ post { id } }",
            json!({"post": null}),
            "Can't resolve value (/post) : type mismatch error, expected type OBJECT, got LIST",
        ),
        ("{ n }", json!({"n": null}), "Can't serialize value (/n) : Expected type 'Int' but was 'String'."),
        ("{ kind }", json!(null), "Can't serialize value (/kind) : Invalid input for Enum 'Kind'. Unknown value 'B'"),
        (
            "{ w: when }",
            json!({"w": null}),
            "Can't serialize value (/w) : Unable to serialize `yesterday` as a valid DateTime Object.",
        ),
        (
            "{ ns }",
            json!({"ns": [100, 2, null]}),
            "Can't serialize value (/ns[2]) : Expected type 'Int' but was 'String'.",
        ),
    ] {
        let answer = api.post(query).await;
        assert_eq!(answer.json()["data"], data, "{query}");
        assert_eq!(answer.messages(), [message]);
        assert_eq!(answer.json()["errors"][0]["locations"], Value::Null);
    }
    assert_eq!(api.post("{ text f }").await.json(), json!({"data": {"text": "{statusCode=400, body=x}", "f": 1.5}}));
}

#[tokio::test]
async fn an_interface_or_union_is_what_its_typename_says() {
    let api = TestApi::open(
        "type Query { any: Any  named: [Named] } union Any = Cat | Dog
         interface Named { name: String }
         type Cat implements Named { name: String  lives: Int } type Dog implements Named { name: String  age: Int }",
    )
    .answers("Query.any", r#"{"__typename":"Dog","age":3}"#)
    .answers("Query.named", r#"[{"__typename":"Cat","name":"c","lives":9},{"__typename":"Any"},{"name":"d"}]"#);
    let answer = api.post("{ any { ... on Dog { age } ... on Cat { lives } } }").await;
    assert_eq!(answer.json(), json!({"data": {"any": {"age": 3}}}));
    let answer = api.post("{ named { name ... on Cat { lives } } }").await;
    assert_eq!(answer.json()["data"], json!({"named": [{"name": "c", "lives": 9}, null, null]}));
    assert_eq!(
        answer.messages()[0],
        "Can't resolve '/named[1]'. Abstract type 'Named' must resolve to an Object type at runtime: \
         the value has no `__typename` of one."
    );
}

#[tokio::test]
async fn introspection_tells_the_schema_with_its_descriptions() {
    let api = TestApi::open("\"What there is.\" type Query { \"A number.\" n: Int }").answers("Query.n", "1");
    let answer = api
        .post("{ n __schema { queryType { name } } t: __type(name: \"Query\") { description fields { name description } } __typename }")
        .await;
    assert_eq!(
        answer.json(),
        json!({"data": {
            "n": 1,
            "__schema": {"queryType": {"name": "Query"}},
            "t": {"description": "What there is.", "fields": [{"name": "n", "description": "A number."}]},
            "__typename": "Query",
        }})
    );
    let tools = "query IntrospectionQuery { __schema { queryType { name } types { ...FullType } \
        directives { name description locations args { ...InputValue } } } } \
        fragment FullType on __Type { kind name description \
        fields(includeDeprecated: true) { name args { ...InputValue } type { ...TypeRef } isDeprecated } \
        inputFields { ...InputValue } interfaces { ...TypeRef } enumValues(includeDeprecated: true) { name } \
        possibleTypes { ...TypeRef } } \
        fragment InputValue on __InputValue { name type { ...TypeRef } defaultValue } \
        fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name \
        ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } }";
    let told = api.post(tools).await.json();
    assert!(told["errors"].is_null(), "{told}");
    let types = told["data"]["__schema"]["types"].as_array().unwrap();
    assert!(types.iter().any(|told| told["name"] == "AWSJSON"));
    let off = api.with(|settings| settings.introspection = false);
    assert_eq!(
        off.post("{ __schema { types { name } } }").await.messages(),
        ["Validation error of type FieldUndefined: Field 'types' in type '__Schema' is undefined @ '__schema/types'"]
    );
    assert_eq!(off.post("{ __typename }").await.json(), json!({"data": {"__typename": "Query"}}));
}
