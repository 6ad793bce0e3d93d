//! Somebody places an order.

use serde_json::{Value, json};

use crate::support::{Stage, apples_and_a_pear, document, gibberish, id, list, text};

/// What the stored document says, as a reader gets it back.
fn document_of(order: &Value) -> Value {
    serde_json::from_str(&text(&order["document"])).expect("a document that is JSON")
}

#[tokio::test]
async fn a_guest_fills_in_a_form_and_sees_what_they_ordered() {
    let stage = Stage::reach().await;
    let form = json!({
        "reference": "A-1",
        "customer": { "name": "Ada Lovelace", "email": "ada@example.com" },
        "shippingAddress": {
            "name": "Ada L.", "lines": ["1 Main St", "Flat 2"], "city": "London", "region": "LND",
            "postalCode": "N1", "country": "GB", "phone": "+44 20 7946 0000",
        },
        "currency": "GBP",
        "lines": [
            { "sku": "TEA", "title": "Tea", "quantity": 3, "unitPrice": "1.10" },
            { "sku": "CUP", "quantity": 1, "unitPrice": "0.20" },
        ],
        "note": "Ring twice ☃",
    });
    let order = stage.guest().place(json!({ "order": form })).await;

    assert_eq!(order["reference"], "A-1");
    assert_eq!(order["format"], "storefront");
    assert_eq!(order["status"], "RECEIVED");
    assert_eq!(order["customerId"], Value::Null);
    assert_eq!(order["fulfilledAt"], Value::Null);
    assert_eq!(order["customer"], form["customer"]);
    assert_eq!(order["shippingAddress"], form["shippingAddress"]);
    let tea = json!({
        "id": "/lines/0", "sku": "TEA", "title": "Tea", "quantity": 3, "fulfilledQuantity": 0,
        "unitPrice": { "amount": "1.10", "currency": "GBP" },
    });
    let cup = json!({
        "id": "/lines/1", "sku": "CUP", "title": null, "quantity": 1, "fulfilledQuantity": 0,
        "unitPrice": { "amount": "0.20", "currency": "GBP" },
    });
    assert_eq!(order["lines"], json!([tea, cup]));
    assert_eq!(order["total"], json!({ "amount": "3.50", "currency": "GBP" }));
    assert_eq!((&order["changes"], &order["problems"]), (&json!([]), &json!([])));
    assert_eq!(document_of(&order), form);
    let received: jiff::Timestamp = text(&order["receivedAt"]).parse().expect("a moment");
    // The clock that says so may be that of another machine.
    assert!(received.duration_until(jiff::Timestamp::now()).abs() < jiff::SignedDuration::from_mins(5), "{received}");
    id(&order).parse::<uuid::Uuid>().expect("an id that nobody can guess");
}

#[tokio::test]
async fn an_upstream_system_hands_over_a_document_of_its_own_shape() {
    let stage = Stage::reach().await;
    let sent = json!({
        "id": 4711,
        "currency": "EUR",
        "data": [{ "id": "TEA", "name": "Tea", "quantity": "2", "price": 12.5 }, "CUP"],
        "ours": { "nested": [[1, [2.5, -3e-7]], {}, null, true, ""], "ü": "☃ \u{0000} \" \\ \u{1F375}" },
    });
    let order = stage.guest().place(document(&sent)).await;

    assert_eq!((&order["format"], &order["reference"]), (&json!("plain"), &json!("4711")));
    let lines = list(&order["lines"]);
    assert_eq!(
        lines[0],
        json!({
            "id": "/data/0", "sku": "TEA", "title": "Tea", "quantity": 2, "fulfilledQuantity": 0,
            "unitPrice": { "amount": "12.5", "currency": "EUR" },
        })
    );
    assert_eq!(
        (&lines[1]["id"], &lines[1]["sku"], &lines[1]["quantity"]),
        (&json!("/data/1"), &json!("CUP"), &json!(1))
    );
    assert_eq!(document_of(&order), sent);
    assert_eq!(document_of(&stage.guest().order(&id(&order)).await), sent);
}

#[tokio::test]
async fn a_document_that_was_encoded_twice_is_kept_byte_for_byte() {
    let stage = Stage::reach().await;
    let sent = "{ \"id\" : \"z\",\t\"data\":[ {\"sku\":\"A\",\"price\":1.10} ],\n \
                \"big\": 12345678901234567890.123, \"e\": \"\\u00fc\\/\", \"a\": 1, \"a\": 2 }";
    let encoded_twice = Value::from(Value::from(sent).to_string());
    let order = stage.guest().place(json!({ "document": encoded_twice })).await;

    assert_eq!((&order["format"], &order["reference"]), (&json!("plain"), &json!("z")));
    assert_eq!(stage.dynamodb().stored_document(&id(&order)).await, sent);
}

#[tokio::test]
async fn an_order_that_nobody_understands_is_taken_all_the_same() {
    let stage = Stage::reach().await;
    let order = stage.guest().place(gibberish()).await;

    assert_eq!((&order["format"], &order["status"]), (&Value::Null, &json!("NEEDS_ATTENTION")));
    assert_eq!(order["problems"], json!([r#"the document has a shape that no format knows: it has "hello""#]));
    assert_eq!(document_of(&order), json!({ "hello": "world" }));
}

#[tokio::test]
async fn an_order_without_lines_is_not_understood() {
    let stage = Stage::reach().await;
    let order = stage.guest().place(json!({ "order": { "lines": [] } })).await;
    assert_eq!((&order["format"], &order["status"]), (&Value::Null, &json!("NEEDS_ATTENTION")));
    assert_eq!(list(&order["problems"]).len(), 1);
}

#[tokio::test]
async fn a_backend_places_an_order_on_behalf_of_a_customer() {
    let stage = Stage::reach().await;
    let mut input = apples_and_a_pear();
    assert_eq!(stage.backend().place(input.clone()).await["customerId"], Value::Null);
    let ada = json!(stage.own("ada"));
    input["customerId"] = ada.clone();
    assert_eq!(stage.backend().place(input).await["customerId"], ada);
}

#[tokio::test]
async fn a_customer_must_have_a_name_that_can_be_looked_up() {
    let stage = Stage::reach().await;
    for customer in ["", &"x".repeat(2049)] {
        let mut input = apples_and_a_pear();
        input["customerId"] = json!(customer);
        let (error_type, message) = stage.backend().try_to_place(input).await.refusal("placeOrder");
        assert_eq!(error_type, "InvalidArgument");
        assert!(message.contains("`customerId`"), "{message}");
    }
}

#[tokio::test]
async fn what_is_no_order_is_refused_with_what_to_do() {
    let stage = Stage::reach().await;
    let of = |document: &str| json!({ "document": document });
    for (input, words) in [
        (json!({}), vec!["`order`", "`document`"]),
        (json!({ "order": null, "document": null }), vec!["`order`", "`document`"]),
        (json!({ "order": { "lines": [] }, "document": "{}" }), vec!["not both"]),
        (of("[{}]"), vec!["JSON object", "array"]),
        (of("7"), vec!["JSON object", "number"]),
        (of("true"), vec!["JSON object", "boolean"]),
        (of(r#""hello""#), vec!["JSON object", "string"]),
        (of(r#""[1]""#), vec!["JSON object", "array"]),
    ] {
        let (error_type, message) = stage.guest().try_to_place(input.clone()).await.refusal("placeOrder");
        assert_eq!(error_type, "InvalidOrder", "{input}");
        assert!(words.iter().all(|word| message.contains(word)), "{input}: {message}");
    }
    // This is `null` as far as AppSync hands it on, and so not even a document.
    assert_eq!(stage.guest().try_to_place(of("null")).await.error_type("placeOrder"), "InvalidOrder");
}

#[tokio::test]
async fn an_order_may_be_as_large_as_an_item_and_no_larger() {
    let stage = Stage::reach().await;
    let sized = |size: usize| {
        let note = "x".repeat(size);
        document(&json!({ "id": "large", "data": ["TEA"], "note": note }))
    };
    let (error_type, message) = stage.guest().try_to_place(sized(410_000)).await.refusal("placeOrder");
    assert_eq!(error_type, "InvalidOrder");
    assert!(message.contains("409600") && message.contains("410"), "the size and the limit: {message}");

    let order = stage.guest().place(sized(409_000)).await;
    let order = stage.until_fulfilled(&id(&order)).await;
    assert_eq!(document_of(&order)["note"].as_str().map(str::len), Some(409_000));
}

#[tokio::test]
async fn one_order_of_several_that_fails_leaves_the_others_alone() {
    let stage = Stage::reach().await;
    let line = r#"{ order: { lines: [{ sku: "TEA", quantity: 1 }] } }"#;
    let query = format!(
        "mutation {{ first: placeOrder(input: {line}) {{ id status }} second: placeOrder(input: {{}}) {{ id }} \
         third: placeOrder(input: {line}) {{ id status }} }}"
    );
    let answer = stage.guest().run(&query, json!({})).await;

    assert_eq!(answer.data["second"], Value::Null);
    assert_eq!(answer.errors.len(), 1, "{:?}", answer.errors);
    assert_eq!(
        (&answer.errors[0]["path"], &answer.errors[0]["errorType"]),
        (&json!(["second"]), &json!("InvalidOrder"))
    );
    let (first, third) = (id(&answer.data["first"]), id(&answer.data["third"]));
    assert_ne!(first, third);
    stage.until_fulfilled(&first).await;
    stage.until_fulfilled(&third).await;
}
