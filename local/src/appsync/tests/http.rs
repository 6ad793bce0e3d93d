//! Statuses, headers and bodies.

use std::net::SocketAddr;
use std::time::SystemTime;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{API_KEY, Signing, TestApi, credentials};

const SCHEMA: &str = "
    type Query { hello(name: String): String  orders: Int }
    type Mutation { set(x: Int): Int }
    type Subscription { changed: Int @aws_subscribe(mutations: [\"set\"]) }
";

fn api() -> TestApi {
    TestApi::open(SCHEMA).answers("Query.hello", "\"world\"").answers("Mutation.set", "7")
}

fn error(kind: &str, message: &str) -> Value {
    json!({"errors": [{"errorType": kind, "message": message}]})
}

#[tokio::test]
async fn a_query_is_answered() {
    let answer = api().post("{ hello }").await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"data": {"hello": "world"}})));
    assert_eq!(answer.header("content-type"), "application/json;charset=UTF-8");
    assert_eq!(answer.header("x-amzn-errortype"), "");
    uuid::Uuid::parse_str(answer.header("x-amzn-requestid")).unwrap();
}

#[tokio::test]
async fn the_content_type_does_not_matter() {
    for content_type in ["application/graphql", "application/json; charset=UTF-8", "application/x-amz-json-1.1", "x"] {
        let request = Request::post("/graphql").header("x-api-key", API_KEY).header("content-type", content_type);
        let answer = api().send(request.body(Body::from("{\"query\":\"{ hello }\"}")).unwrap()).await;
        assert_eq!(answer.json(), json!({"data": {"hello": "world"}}), "{content_type}");
    }
}

#[tokio::test]
async fn a_query_or_a_mutation_may_come_by_get() {
    for (query, data) in [
        ("query=%7Bhello%7D", json!({"hello": "world"})),
        ("query=mutation+A(%24x:Int)%7Bset(x:%24x)%7D&variables=%7B%22x%22:1%7D&operationName=A", json!({"set": 7})),
    ] {
        let request = Request::get(format!("/graphql?{query}")).header("x-api-key", API_KEY);
        let answer = api().send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.json(), json!({"data": data}), "{query}");
    }
}

#[tokio::test]
async fn what_is_no_request_is_malformed() {
    let malformed = error("MalformedHttpRequestException", "Unable to parse GraphQL query.");
    for body in ["meow", "[]", "{}", "{\"query\":1}", "[{\"query\":\"{ hello }\"}]", "{\"variables\":{}}"] {
        let answer = api().post_bytes(body).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::BAD_REQUEST, malformed.clone()), "{body}");
        assert_eq!(answer.header("x-amzn-errortype"), "MalformedHttpRequestException");
    }
    for query in ["meow", "{}", "{}}", "[]", "", "{ hello", "{ hello { } }", "# nothing"] {
        let answer = api().post(query).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::BAD_REQUEST, malformed.clone()), "{query}");
    }
    let answer = api().post_bytes("").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json(), error("MalformedHttpRequestException", "Request body is empty."));
}

#[tokio::test]
async fn a_graphql_error_is_a_200_without_error_type() {
    let answer = api().post("{badfield}").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.json(),
        json!({"data": null, "errors": [{
            "path": null,
            "locations": [{"line": 1, "column": 2, "sourceName": null}],
            "message":
                "Validation error of type FieldUndefined: Field 'badfield' in type 'Query' is undefined @ 'badfield'",
        }]})
    );
    assert_eq!(api().post("{ hello badfield }").await.json()["data"], Value::Null);
}

#[tokio::test]
async fn a_subscription_needs_a_socket() {
    let answer = api().post("subscription { changed }").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json(), error("BadRequestException", "Subscriptions over MQTT is not supported."));
}

#[tokio::test]
async fn callers_who_are_not_known_get_a_401_or_403_without_data() {
    let unauthorized = |message: &str| (StatusCode::UNAUTHORIZED, error("UnauthorizedException", message));
    for (header, value, (status, body)) in [
        ("x-none", "1", unauthorized("Valid authorization header not provided.")),
        ("x-api-key", "da2-wrong", unauthorized("You are not authorized to make this call.")),
        ("authorization", "Bearer x.y.z", unauthorized("Unable to parse JWT token.")),
        ("authorization", "token:expired", unauthorized("Token has expired.")),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDOTHER/20231114/eu-central-1/appsync/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=00",
            (
                StatusCode::FORBIDDEN,
                error("UnrecognizedClientException", "The security token included in the request is invalid."),
            ),
        ),
    ] {
        let request = Request::post("/graphql").header(header, value).body(Body::from("{\"query\":\"{ hello }\"}"));
        let api = api().with(|settings| settings.additional_modes.push(super::Mode::UserPools));
        let answer = api.send(request.unwrap()).await;
        assert_eq!((answer.status, answer.json()), (status, body.clone()), "{header}: {value}");
        assert_eq!(answer.header("x-amzn-errortype"), body["errors"][0]["errorType"]);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
}

#[tokio::test]
async fn a_signed_request_is_known_by_its_signature() {
    let body = b"{\"query\":\"{ hello }\"}";
    let signing = Signing {
        method: "POST",
        url: "http://localhost:4000/graphql",
        body,
        region: "eu-central-1",
        service: "appsync",
        at: SystemTime::now(),
        credentials: credentials(),
    };
    let api = || TestApi::new("type Query { hello: String @aws_iam }").answers("Query.hello", "\"world\"");
    let request = |body: &'static [u8]| {
        let mut request = Request::post("/graphql").body(Body::from(body)).unwrap();
        *request.headers_mut() = signing.headers();
        request
    };
    let signed = api();
    let answer = signed.send(request(body)).await;
    assert_eq!(answer.json(), json!({"data": {"hello": "world"}}));
    let identity = signed.event()["identity"].clone();
    assert_eq!(identity["userArn"], "arn:aws:iam::123456789012:user/backend");
    assert_eq!(identity["accountId"], "123456789012");
    let answer = api().send(request(b"{\"query\":\"{ hello  }\"}")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.header("x-amzn-errortype"), "InvalidSignatureException");
}

#[tokio::test]
async fn every_answer_may_be_read_by_a_page_of_any_origin() {
    let without_credentials = Request::post("/graphql").body(Body::from("{}")).unwrap();
    let wrong_method = Request::put("/graphql").body(Body::empty()).unwrap();
    for answer in [
        api().post("{ hello }").await,
        api().post("meow").await,
        api().send(without_credentials).await,
        api().send(wrong_method).await,
        api().post_bytes(vec![b' '; 2 * 1024 * 1024]).await,
    ] {
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-expose-headers"), "x-amzn-RequestId,x-amzn-ErrorType");
        assert_ne!(answer.header("x-amzn-requestid"), "");
    }
}

#[tokio::test]
async fn a_preflight_needs_no_credentials_and_allows_what_it_asks_for() {
    let request = Request::builder()
        .method(Method::OPTIONS)
        .uri("/graphql")
        .header("origin", "http://localhost:3000")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,authorization,x-amz-user-agent");
    let answer = api().send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-methods"), "POST, GET, OPTIONS");
    assert_eq!(answer.header("access-control-allow-headers"), "content-type,authorization,x-amz-user-agent");
}

#[tokio::test]
async fn operations_are_chosen_by_name() {
    let query = "query A { hello } query B { orders }";
    for (name, expected) in
        [(json!("A"), json!({"data": {"hello": "world"}})), (json!("B"), json!({"data": {"orders": null}}))]
    {
        let body = json!({"query": query, "operationName": name}).to_string();
        assert_eq!(api().post_bytes(body).await.json(), expected);
    }
    for (name, message) in [
        (json!(null), "Must provide operation name if query contains multiple operations."),
        (json!(""), "Must provide operation name if query contains multiple operations."),
        (json!("C"), "Unknown operation named 'C'."),
    ] {
        let answer = api().post_bytes(json!({"query": query, "operationName": name}).to_string()).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.messages(), [message]);
        assert_eq!(answer.json()["data"], Value::Null);
    }
}

/// Over a real connection: the sender of a body that is too large gets to read why, and resolvers learn its address.
#[tokio::test]
async fn it_serves_over_a_socket() {
    let api = TestApi::new("type Query { hello: String }").answers("Query.hello", "\"world\"");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = api.router().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let send = async |body: String| {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /graphql HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer token:ada\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = send("{\"query\":\"{ hello }\"}".to_owned()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("{\"data\":{\"hello\":\"world\"}}"), "{answer}");
    assert_eq!(api.event()["identity"]["sourceIp"], json!(["127.0.0.1"]));
    let answer = send(" ".repeat(2 * 1024 * 1024)).await;
    assert!(answer.starts_with("HTTP/1.1 413 Payload Too Large\r\n"), "{answer}");
    assert!(answer.contains("access-control-allow-origin: *"), "{answer}");
}
