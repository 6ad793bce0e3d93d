//! Which callers get which fields.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::{API_KEY, Answer, Signing, TestApi, credentials};
use crate::iam::{Credentials, Policy, Principal};

const SCHEMA: &str = r#"
    type Query {
        open: Post @aws_api_key @aws_cognito_user_pools
        closed: Post
        must: Post!
        staff: Post @aws_cognito_user_pools(cognito_groups: ["staff"])
    }
    type Post @aws_api_key @aws_cognito_user_pools { id: ID  secret: String @aws_cognito_user_pools  need: Bare }
    type Bare { id: ID! }
"#;

fn api() -> TestApi {
    let post = r#"{"id":1,"secret":"s","need":{"id":2}}"#;
    ["Query.open", "Query.closed", "Query.must", "Query.staff"]
        .into_iter()
        .fold(TestApi::new(SCHEMA), |api, field| api.answers(field, post))
}

async fn ask(api: &TestApi, header: (&str, &str), query: &str) -> Answer {
    let body = Body::from(json!({"query": query}).to_string());
    api.send(Request::post("/graphql").header(header.0, header.1).body(body).unwrap()).await
}

const KEY: (&str, &str) = ("x-api-key", API_KEY);
const ADA: (&str, &str) = ("authorization", "token:ada");
const BOB: (&str, &str) = ("authorization", "Bearer token:bob:staff");

#[tokio::test]
async fn a_denied_root_field_is_told_and_its_function_is_not_called() {
    let api = api();
    let answer = ask(&api, KEY, "{\n  c: closed { id }\n}").await;
    assert_eq!(
        answer.json(),
        json!({"data": {"c": null}, "errors": [{
            "path": ["c"], "data": null, "errorType": "Unauthorized", "errorInfo": null,
            "locations": [{"line": 2, "column": 3, "sourceName": null}],
            "message": "Not Authorized to access closed on type Query",
        }]})
    );
    assert_eq!(api.calls(), [] as [&str; 0]);
    let answer = ask(&api, KEY, "{ must { id } }").await;
    assert_eq!(answer.json()["data"], Value::Null);
    assert_eq!(answer.messages(), ["Not Authorized to access must on type Query"]);
}

#[tokio::test]
async fn a_denied_nested_field_is_null_and_nothing_else_is() {
    let answer = ask(&api(), KEY, "{ open { id s: secret need { id } } }").await;
    assert_eq!(answer.json()["data"], json!({"open": {"id": "1", "s": null, "need": null}}));
    assert_eq!(
        answer.messages(),
        ["Not Authorized to access secret on type Post", "Not Authorized to access id on type Bare"]
    );
    assert_eq!(answer.json()["errors"][0]["path"], json!(["open", "s"]));
    let answer = ask(&api(), ADA, "{ open { id secret need { id } } }").await;
    assert_eq!(answer.json(), json!({"data": {"open": {"id": "1", "secret": "s", "need": {"id": "2"}}}}));
}

#[tokio::test]
async fn a_group_may_be_asked_for() {
    assert_eq!(ask(&api(), BOB, "{ staff { id } }").await.json(), json!({"data": {"staff": {"id": "1"}}}));
    for caller in [KEY, ADA] {
        let answer = ask(&api(), caller, "{ staff { id } }").await;
        assert_eq!(answer.messages(), ["Not Authorized to access staff on type Query"]);
    }
}

#[tokio::test]
async fn anybody_known_may_ask_what_the_schema_is() {
    assert_eq!(ask(&api(), KEY, "{ __typename }").await.json(), json!({"data": {"__typename": "Query"}}));
}

#[tokio::test]
async fn an_interface_opens_no_field_that_its_object_keeps_shut() {
    let api = TestApi::new(
        r"
        interface Node { id: ID  secret: String }
        type Item implements Node @aws_api_key @aws_iam { id: ID  secret: String @aws_iam }
        type Query { node: Node @aws_api_key }
        ",
    );
    let api = api.answers("Query.node", r#"{"__typename":"Item","id":"1","secret":"s"}"#);
    let answer = ask(&api, KEY, "{ node { id secret } }").await;
    assert_eq!(answer.json()["data"], json!({"node": {"id": "1", "secret": null}}));
    assert_eq!(answer.messages(), ["Not Authorized to access secret on type Item"]);
}

/// What an API answers whose only IAM role may do this.
async fn ask_as_a_role(resources: &[&str], query: &str) -> Answer {
    const SCHEMA: &str = "type Query { a: Int @aws_iam  b: Int @aws_iam } type Mutation { a: Int @aws_iam }";
    let fields = ["Query.a", "Query.b", "Mutation.a"];
    let mut api = fields.into_iter().fold(TestApi::new(SCHEMA), |api, field| api.answers(field, "1"));
    let resources = resources.iter().map(|resource| format!("{}/{resource}", api.settings.arn)).collect::<Vec<_>>();
    let mut policy = Policy::default();
    policy.add(&[json!({"Effect": "Allow", "Action": "appsync:GraphQL", "Resource": resources})]);
    let principal = Principal { arn: "arn:aws:sts::1:assumed-role/r/s".to_owned(), policy: Some(policy.into()) };
    let credentials = Credentials { principal, ..credentials() };
    api.settings.iam_credentials = vec![credentials.clone()];
    let body = json!({"query": query}).to_string();
    let signing = Signing {
        method: "POST",
        url: "http://localhost:4000/graphql",
        body: body.as_bytes(),
        region: "eu-central-1",
        service: "appsync",
        at: std::time::SystemTime::now(),
        credentials,
    };
    let mut request = Request::post("/graphql");
    *request.headers_mut().unwrap() = signing.headers();
    api.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn a_role_gets_the_root_fields_that_its_policy_names() {
    for resource in ["types/Query/fields/a", "types/Query/*", "*"] {
        let answer = ask_as_a_role(&[resource], "{ a }").await;
        assert_eq!(answer.json(), json!({"data": {"a": 1}}), "{resource}");
    }
    let answer = ask_as_a_role(&["types/Query/fields/a"], "{ a b }").await;
    assert_eq!(answer.json()["data"], json!({"a": 1, "b": null}));
    assert_eq!(answer.messages(), ["Not Authorized to access b on type Query"]);
}

#[tokio::test]
async fn a_role_whose_policy_names_none_of_them_is_refused() {
    for (resource, query) in
        [("types/Query/fields/a", "{ b }"), ("types/Query/fields/a", "mutation { a }"), ("types/Mutation/*", "{ a b }")]
    {
        let answer = ask_as_a_role(&[resource], query).await;
        assert_eq!(answer.status.as_u16(), 401, "{resource} {query}");
        let errors = json!([{"errorType": "UnauthorizedException", "message": "Permission denied"}]);
        assert_eq!(answer.json(), json!({"errors": errors}), "{resource} {query}");
    }
}
