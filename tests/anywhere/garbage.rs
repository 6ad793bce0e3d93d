//! Somebody sends what no client should: each gets a clear answer, and everybody else is served as before.

use serde_json::{Value, json};

use crate::support::{Stage, apples_and_a_pear, id, text};

/// Orders are taken and fulfilled as if nothing had been.
async fn goes_on(stage: &Stage) {
    let id = stage.guest().place_for_id(apples_and_a_pear()).await;
    stage.until_fulfilled(&id).await;
}

#[tokio::test]
async fn a_query_that_is_none_is_malformed() {
    let stage = Stage::reach().await;
    for query in ["meow", "{}", "{}}", "[]", "{ __typename"] {
        let answer = stage.guest().post(json!({ "query": query }).to_string()).await;
        assert_eq!(answer.status, 400, "{query}");
        let expected = ("MalformedHttpRequestException".to_owned(), "Unable to parse GraphQL query.".to_owned());
        assert_eq!(answer.error(), expected, "{query}");
    }
    let empty = stage.guest().post("").await;
    assert_eq!((empty.status, empty.error().1.as_str()), (400, "Request body is empty."));
    goes_on(&stage).await;
}

#[tokio::test]
async fn a_query_that_never_ends_is_refused() {
    let stage = Stage::reach().await;
    let fragments = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }";
    let answer = stage.guest().run(fragments, json!({})).await;
    assert!(answer.data.is_null() && !answer.errors.is_empty(), "{answer:?}");
    goes_on(&stage).await;
}

#[tokio::test]
async fn variables_of_the_wrong_type_are_told_apart() {
    let stage = Stage::reach().await;
    let order = |lines: Value| json!({ "order": { "lines": lines } });
    for input in [
        json!(7),
        json!([]),
        json!("text"),
        Value::Null,
        json!({ "order": "text" }),
        json!({ "document": {} }),
        json!({ "document": [] }),
        json!({ "document": 7 }),
        json!({ "document": "meow" }),
        json!({ "document": "{\"a\":1" }),
        json!({ "order": {} }),
        json!({ "order": { "lines": null } }),
        order(json!([null])),
        order(json!(["TEA"])),
        order(json!([{ "sku": "TEA" }])),
        order(json!([{ "quantity": 1 }])),
        order(json!([{ "sku": "TEA", "quantity": "many" }])),
        order(json!([{ "sku": "TEA", "quantity": 1.5 }])),
        order(json!([{ "sku": "TEA", "quantity": 2_147_483_648_i64 }])),
        order(json!([{ "sku": "TEA", "quantity": 1, "colour": "red" }])),
        json!({ "order": { "lines": [], "customer": { "email": "nobody" } } }),
        json!({ "orders": [] }),
    ] {
        let answer = stage.guest().try_to_place(input.clone()).await;
        assert_eq!((&answer.data, answer.errors.len()), (&Value::Null, 1), "{input}: {answer:?}");
        let error = &answer.errors[0];
        assert!(error.get("errorType").is_none(), "AppSync itself refuses it: {error}");
        assert!(!text(&error["message"]).is_empty(), "{error}");
    }
    goes_on(&stage).await;
}

#[tokio::test]
async fn an_order_of_strange_texts_comes_back_as_it_was() {
    let stage = Stage::reach().await;
    for text in ["", " ", "\u{7f}\u{80}\u{fffd}", "\u{202e}abc"] {
        let order = json!({ "reference": text, "lines": [{ "sku": "TEA", "title": text, "quantity": 1 }] });
        let placed = stage.guest().place(json!({ "order": order })).await;
        let blank = text.trim().is_empty();
        assert_eq!(placed["lines"][0]["title"], if blank { Value::Null } else { json!(text) });
        let document: Value = serde_json::from_str(placed["document"].as_str().expect("a text")).expect("JSON");
        assert_eq!(document, order);
        stage.until_fulfilled(&id(&placed)).await;
    }
}
