//! Texts that are hardly any: halves of characters, NUL, bytes that are no UTF-8.

use serde_json::{Value, json};

use super::{goes_on, says};
use crate::support::{FAST, PATIENCE, Reply, Server, Warehouse, id, keyed, order_of, text};

/// Texts that JSON can hold, however they are written.
const STRANGE: [&str; 8] =
    ["\0", "a\0b", "\u{1b}[2J", "\u{fffd}", "\u{ffff}", "\u{10ffff}", "\u{202e}\u{200d}", "\u{feff}"];

#[tokio::test]
async fn a_document_of_halves_of_characters_is_kept_to_the_byte() {
    let server = Server::start().await;
    for document in [
        r#"{"id":"x","data":["\ud800"]}"#,
        r#"{"id":"\udfff\ud800","data":[{"sku":"TEA","name":"\udc00"}]}"#,
        r#"{"\ud800":{"\udfff":"\u0000"}}"#,
        r#"{"lines":[{"sku":"\ud83d","quantity":1}],"customer":{"name":"\ud83d"}}"#,
        "{\"id\":\"\u{10ffff}\",\"data\":[\"\\u0000\"]}",
    ] {
        // As AppSync hands it on, and encoded twice.
        for input in [document.to_owned(), Value::from(document).to_string()] {
            let placed = server.guest().place(json!({ "document": input })).await;
            let read = server.backend().order(&id(&placed)).await;
            assert_eq!((text(&placed["document"]).as_str(), text(&read["document"]).as_str()), (document, document));
            // It was worked on, whatever came of that.
            let done = async || {
                let order = server.backend().order(&id(&placed)).await;
                (order["status"] != "RECEIVED").then_some(())
            };
            server.until("the order is understood or not", done).await;
        }
    }
    goes_on(&server).await;
}

#[tokio::test]
async fn half_a_character_outside_of_a_document_is_refused() {
    let server = Server::start().await;
    for body in [
        r#"{"query":"{ order(id: \"\\ud800\") { id } }"}"#,
        r#"{"query":"query ($id: ID!) { order(id: $id) { id } }","variables":{"id":"\ud800"}}"#,
        r#"{"query":"mutation ($i: PlaceOrderInput!) { placeOrder(input: $i) { id } }","variables":{"i":{"order":{"reference":"\udfff","lines":[]}}}}"#,
        r#"{"query":"mutation ($i: PlaceOrderInput!) { placeOrder(input: $i) { id } }","variables":{"i":{"document":"{}","idempotencyKey":"\ud800\ud800"}}}"#,
        r#"{"query":"{ __typename }","operationName":"\ud800"}"#,
        r#"{"query":"{ __typename } # \ud800"}"#,
    ] {
        let answer = server.guest().post(body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.error().0, "MalformedHttpRequestException", "{body}");
    }
    goes_on(&server).await;
}

#[tokio::test]
async fn strange_texts_are_texts_everywhere() {
    let server = Server::start().await;
    let customer = server.customer("alice").await;
    for strange in STRANGE {
        let address = json!({ "name": strange, "lines": [strange], "city": strange });
        let line = json!({ "sku": format!("T{strange}"), "title": strange, "quantity": 1, "unitPrice": strange });
        let order = json!({ "reference": strange, "note": strange, "shippingAddress": address, "lines": [line] });
        let placed = customer.place(keyed(json!({ "order": order }), strange)).await;
        let again = customer.place(keyed(json!({ "order": order }), strange)).await;
        assert_eq!(placed["id"], again["id"], "the same key is the same order");
        let document: Value = serde_json::from_str(&text(&placed["document"])).expect("JSON");
        assert_eq!(document, order);
        server.until_fulfilled(&id(&placed)).await;
        assert_eq!(server.backend().order(strange).await, Value::Null);
        let kind = customer.try_to_list(json!(1), json!(strange)).await.error_type("orders");
        assert_eq!(kind, "InvalidArgument");
        let kind = server.backend().try_to_report(strange, strange, Value::Null).await.error_type("recordFulfilment");
        assert_eq!(kind, "InvalidArgument");
    }
    goes_on(&server).await;
}

#[tokio::test]
async fn credentials_that_are_no_text_are_none() {
    let server = Server::start().await;
    let body = r#"{"query":"{ __typename }"}"#;
    for header in [
        &b"x-api-key: \xff\xfe"[..],
        b"x-api-key: da2-\xed\xa0\x80",
        b"authorization: \x80",
        b"authorization: Bearer \xf0\x9f\x92\xa9",
        b"authorization: eyJ\xff.e30.e30",
        b"authorization: AWS4-HMAC-SHA256 Credential=\xff/20261122/us-east-1/appsync/aws4_request, SignedHeaders=host, Signature=\xff",
        b"authorization: AWS4-HMAC-SHA256 \xff",
    ] {
        let head = format!("POST /graphql HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        let request = [head.as_bytes(), header, b"\r\n\r\n", body.as_bytes()].concat();
        let said = says(&server, &request, PATIENCE).await;
        let status = String::from_utf8_lossy(&said[..said.len().min(12)]).into_owned();
        assert!(["HTTP/1.1 401", "HTTP/1.1 403", "HTTP/1.1 400"].contains(&&*status), "{}: {status}", header.escape_ascii());
    }
    goes_on(&server).await;
}

/// What cannot be read is asked for again, and loses no order.
#[tokio::test]
async fn an_answer_of_the_warehouse_that_is_no_text_is_no_answer() {
    let answers: [&[u8]; 6] = [
        b"\xff\xfe",
        b"{\"reference\":\"\xff\"}",
        b"{\"reference\":\"\\ud800\"}",
        b"\0",
        b"{\"lines\":[{\"id\":\"\\udfff\",\"quantity\":1}]}",
        b"{\"lines\":[{\"id\":\"/lines/0\",\"quantity\":1e999}]}",
    ];
    let warehouse = Warehouse::that(move |question| match answers.get(question.before) {
        Some(answer) => Reply::Bytes(200, answer.to_vec()),
        None => Reply::json(422, &json!({ "refused": true, "reason": "\0\u{1b}[2J\u{ffff}" })),
    });
    let warehouse = warehouse.await;
    let server = Server::with(&["--warehouse-url", &warehouse.url, FAST[0], FAST[1]]).await;
    let order = server.guest().place_for_id(json!({ "order": order_of(&[("TEA", 1)]) })).await;
    let refused = async || {
        let order = server.backend().order(&order).await;
        let reason = &order["changes"][0]["reason"];
        (!reason.is_null()).then(|| reason.clone())
    };
    let reason = server.until("every answer was given, the last of which can be read", refused).await;
    assert_eq!(reason, "\0\u{1b}[2J\u{ffff}");
    assert_eq!(warehouse.asked_about(&order).len(), answers.len() + 1);
    goes_on_without(&server).await;
}

/// The warehouse refuses everything by now.
async fn goes_on_without(server: &Server) {
    let order = server.guest().place_for_id(json!({ "order": order_of(&[("TEA", 1)]) })).await;
    assert_eq!(id(&server.guest().order(&order).await), order);
}
