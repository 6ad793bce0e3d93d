//! Somebody sends what no client should, of which nobody knows what AWS makes: here, each gets a clear answer, and
//! everybody else is served as before.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Server, apples_and_a_pear, id, list, text};

/// Orders are taken and fulfilled as if nothing had been.
async fn goes_on(server: &Server) {
    let id = server.guest().place_for_id(apples_and_a_pear()).await;
    server.until_fulfilled(&id).await;
    let log = server.home.log();
    assert!(!log.contains("panicked"), "{log}");
}

async fn connect(server: &Server) -> TcpStream {
    let address = server.addresses.graphql_url.trim_start_matches("http://").trim_end_matches("/graphql");
    TcpStream::connect(address).await.expect("a connection")
}

fn nested(open: &str, close: &str) -> String {
    open.repeat(10_000) + &close.repeat(10_000)
}

#[tokio::test]
async fn a_body_that_is_no_request_is_malformed() {
    let server = Server::start().await;
    let bodies: [Vec<u8>; 17] = [
        b"meow".to_vec(),
        b"{".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"{}".to_vec(),
        b"{\"query\":7}".to_vec(),
        b"{\"query\":null}".to_vec(),
        b"{\"query\":\"{ __typename }\",\"variables\":[]}".to_vec(),
        b"{\"query\":\"{ __typename }\",\"variables\":\"{}\"}".to_vec(),
        b"{\"query\":\"{ __typename }\",\"operationName\":{}}".to_vec(),
        b"{\"query\":\"{ __typename\"}".to_vec(),
        b"{\"query\":\"\xff\xfe\"}".to_vec(),
        b"\x00\x01\x02".to_vec(),
        b"{\"query\":\"\\ud800\"}".to_vec(),
        nested("[", "]").into_bytes(),
        nested("{\"a\":", "}").into_bytes(),
        format!(r#"{{"query":"{{ __typename }}","variables":{{"a":{}}}}}"#, nested("[", "]")).into_bytes(),
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let answer = server.guest().post(body).await;
        assert_eq!(answer.status, 400, "{shown}");
        let expected = ("MalformedHttpRequestException".to_owned(), "Unable to parse GraphQL query.".to_owned());
        assert_eq!(answer.error(), expected, "{shown}");
    }
    goes_on(&server).await;
}

#[tokio::test]
async fn an_object_is_no_text() {
    let server = Server::start().await;
    let line = json!({ "sku": { "a": 1 }, "quantity": 1 });
    let answer = server.guest().try_to_place(json!({ "order": { "lines": [line] } })).await;
    assert_eq!((&answer.data, answer.errors.len()), (&Value::Null, 1), "{answer:?}");
    assert!(answer.errors[0].get("errorType").is_none(), "AppSync itself refuses it: {answer:?}");
}

#[tokio::test]
async fn texts_at_which_a_firewall_might_balk_come_back_as_they_were() {
    let server = Server::start().await;
    for title in ["\0", "'; DROP TABLE orders; --", "${jndi:ldap://x}"] {
        let order = json!({ "reference": title, "lines": [{ "sku": "TEA", "title": title, "quantity": 1 }] });
        let placed = server.guest().place(json!({ "order": order })).await;
        assert_eq!(placed["lines"][0]["title"], title);
        let document: Value = serde_json::from_str(placed["document"].as_str().expect("a text")).expect("JSON");
        assert_eq!(document, order);
        server.until_fulfilled(&id(&placed)).await;
    }
}

#[tokio::test]
async fn a_body_of_two_megabytes_is_too_large() {
    let server = Server::start().await;
    let document = json!({ "id": "x", "data": ["x".repeat(2_000_000)] }).to_string();
    let query = "mutation ($document: AWSJSON) { placeOrder(input: { document: $document }) { id } }";
    let body = json!({ "query": query, "variables": { "document": document } }).to_string();
    let answer = server.guest().post(body).await;
    assert_eq!(answer.status, 413);
    assert!(!answer.error().1.is_empty());
    goes_on(&server).await;
}

#[tokio::test]
async fn a_query_that_is_nested_too_deeply_is_refused() {
    let server = Server::start().await;
    let nonsense = [nested("{ a ", "}"), format!("{{ order(id: {}) {{ id }} }}", nested("[", "]"))];
    for query in nonsense {
        let answer = server.guest().post(json!({ "query": query }).to_string()).await;
        assert_eq!(answer.status, 400, "{query:.20}");
        assert_eq!(answer.error().0, "MalformedHttpRequestException");
    }
    goes_on(&server).await;
}

#[tokio::test]
async fn a_document_may_be_nested_as_deeply_as_it_likes() {
    let server = Server::start().await;
    let deep = format!(r#"{{"id":"deep","data":["TEA"],"a":{}}}"#, nested("[", "]"));
    for document in [deep.clone(), Value::from(deep.as_str()).to_string()] {
        let order = server.guest().place(json!({ "document": document })).await;
        let order = server.until_fulfilled(&id(&order)).await;
        assert_eq!(text(&order["document"]), deep);
    }
    goes_on(&server).await;
}

#[tokio::test]
async fn what_is_no_http_is_answered_or_hung_up_on() {
    let server = Server::start().await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"meow\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\ncontent-length: minus one\r\n\r\n",
        b"POST /graphql HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: \xff\r\n\r\n",
    ] {
        let mut stream = connect(&server).await;
        stream.write_all(bytes).await.expect("the server listens");
        stream.shutdown().await.expect("the server listens");
        let mut answer = Vec::new();
        // A reset is as good an end as any.
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    goes_on(&server).await;
}

#[tokio::test]
async fn half_open_sockets_are_in_nobodys_way() {
    let server = Server::start().await;
    let mut sockets = Vec::new();
    for number in 0..300 {
        let mut stream = connect(&server).await;
        let half = match number % 3 {
            0 => "",
            1 => "POST /graphql HTTP/1.1\r\nhost: ",
            _ => "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{\"query\"",
        };
        stream.write_all(half.as_bytes()).await.expect("the server listens");
        sockets.push(stream);
    }
    goes_on(&server).await;
    drop(sockets);
    goes_on(&server).await;
}

#[tokio::test]
async fn somebody_who_hangs_up_before_the_answer_does_no_harm() {
    let server = Server::start().await;
    let query = r#"mutation { placeOrder(input: { order: { lines: [{ sku: "TEA", quantity: 1 }] } }) { id } }"#;
    let body = json!({ "query": query }).to_string();
    for _ in 0..20 {
        let mut stream = connect(&server).await;
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\ncontent-length: {}\r\n\r\n",
            server.addresses.api_key,
            body.len()
        );
        stream.write_all(head.as_bytes()).await.expect("the server listens");
        stream.write_all(body.as_bytes()).await.expect("the server listens");
    }
    goes_on(&server).await;
    assert_eq!(list(&Value::from(server.backend().attention().await)).len(), 0);
}
