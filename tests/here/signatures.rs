//! Signed requests that arrive again, or late, or somewhere else.

use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::json;

use crate::support::{Carrier, Response, Server, Subscriber, apples_and_a_pear, id, keyed, uuid};

const QUERY: &str = r#"{"query":"{ __typename }"}"#;

fn assert_mismatch(answer: &Response, what: &str) {
    assert_eq!((answer.status, answer.error().0.as_str()), (403, "InvalidSignatureException"), "{what}");
    assert!(answer.body.get("data").is_none(), "{what}");
}

#[tokio::test]
async fn a_signed_request_that_arrives_twice_is_the_same_request_and_with_a_key_the_same_order() {
    let server = Server::start().await;
    let backend = server.backend();
    let query = "mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { id receivedAt } }";
    let variables = json!({ "input": keyed(apples_and_a_pear(), &uuid()) });
    let body = json!({ "query": query, "variables": variables }).to_string();
    let headers = backend.headers_for(&body);
    let first = backend.post_with(headers.clone(), &body).await;
    assert_eq!(first.status, 200, "{}", first.body);
    assert!(first.body["data"]["placeOrder"]["id"].is_string(), "{}", first.body);
    for _ in 0..3 {
        assert_eq!(backend.post_with(headers.clone(), &body).await.body, first.body);
    }
}

#[tokio::test]
async fn a_signature_is_good_for_no_other_request() {
    let server = Server::start().await;
    let (backend, http, url) = (server.backend(), server.http(), &server.addresses.graphql_url);
    let headers = backend.headers_for(QUERY);
    assert_eq!(backend.post_with(headers.clone(), QUERY).await.status, 200);
    assert_mismatch(
        &backend.post_with(headers.clone(), &QUERY.replace("__typename", "__schema")).await,
        "another body",
    );
    assert_mismatch(&backend.post_with(headers.clone(), &format!("{QUERY} ")).await, "a space more");
    assert_mismatch(&backend.post_with(headers.clone(), "").await, "no body");
    let send =
        async |request: reqwest::RequestBuilder| Response::of(request.headers(headers.clone()).body(QUERY)).await;
    assert_mismatch(&send(http.post(format!("{url}?query=%7B__typename%7D"))).await, "with a query");
    assert_mismatch(&send(http.get(format!("{url}?query=%7B__typename%7D"))).await, "as a GET");
    for (name, value) in [("x-amz-date", "20260101T000000Z"), ("host", "localhost:4000")] {
        let mut changed = headers.clone();
        changed.insert(name, HeaderValue::from_static(value));
        assert_mismatch(&backend.post_with(changed, QUERY).await, name);
    }
    let as_connection = backend.but_signs(|signer| signer.instead = Some(("/graphql/connect", "{}")));
    assert_mismatch(&as_connection.post(QUERY).await, "what was signed for connecting");

    // The same server keeps secrets, for functions alone.
    let root = url.trim_end_matches("graphql");
    let asked = r#"{"SecretId":"orders-local/warehouse"}"#;
    let mut target = HeaderMap::new();
    target.insert("x-amz-target", HeaderValue::from_static("secretsmanager.GetSecretValue"));
    for service in ["appsync", "secretsmanager"] {
        let signer = backend.but_signs(|signer| signer.service = service).signer().clone();
        let headers = signer.headers(root, &[], asked.as_bytes());
        let answer = Response::of(http.post(root).headers(headers).headers(target.clone()).body(asked)).await;
        assert_eq!((answer.status, &answer.body["__type"]), (400, &json!("UnrecognizedClientException")), "{service}");
    }
}

#[tokio::test]
async fn clocks_may_differ_a_little_over_http_and_over_the_socket() {
    let server = Server::start().await;
    let backend = server.backend();
    let order_id = server.place_and_settle(&backend, apples_and_a_pear()).await;
    for (minutes, good) in [(-4, true), (4, true), (-6, false), (6, false), (-24 * 60, false)] {
        let caller = backend.but_signs(|signer| signer.fast = minutes * 60);
        let answer = caller.post(QUERY).await;
        let proof = caller.proof("/graphql/connect", "{}");
        if good {
            assert_eq!(answer.status, 200, "{minutes} minutes: {}", answer.body);
        } else {
            assert_mismatch(&answer, &format!("{minutes} minutes"));
        }
        for carrier in Carrier::ALL {
            let connected = Subscriber::try_to_connect(&server, carrier, &proof).await;
            assert_eq!(connected.is_ok(), good, "{minutes} minutes, by {carrier:?}");
        }
        let mut subscriber = Subscriber::connect(&server, &backend).await;
        let started = subscriber.try_to_follow(&caller, "orderChanged", &order_id).await;
        assert_eq!(started.is_ok(), good, "{minutes} minutes: {started:?}");
        if let Ok(changed) = started {
            server.announce(&order_id).await;
            assert_eq!(id(&subscriber.order(&changed).await), order_id);
        }
    }
}

#[tokio::test]
async fn a_visitor_of_an_identity_pool_is_known_and_may_do_nothing() {
    let server = Server::start().await;
    let visitor = server.visitor();
    assert_eq!(visitor.post(QUERY).await.body, json!({ "data": { "__typename": "Query" } }), "the signature is good");
    let (error_type, message) = visitor.try_to_place(apples_and_a_pear()).await.refusal("placeOrder");
    assert_eq!((error_type.as_str(), message.contains("identity pool")), ("Unauthorized", true), "{message}");
    for token in [None, Some("another")] {
        let refused = visitor.with_session_token(token).post(QUERY).await;
        assert_eq!((refused.status, refused.error().0.as_str()), (403, "UnrecognizedClientException"), "{token:?}");
    }
}
