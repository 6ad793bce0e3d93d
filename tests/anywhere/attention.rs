//! Somebody looks after the orders that do not get on by themselves.

use serde_json::{Value, json};

use crate::support::{Stage, apples_and_a_pear, gibberish, text};

#[tokio::test]
async fn an_order_that_nobody_understands_is_shown_with_the_reason() {
    let stage = Stage::reach().await;
    let order_id = stage.guest().place_for_id(gibberish()).await;
    let shown = async || stage.backend().attention_to(&order_id).await.filter(|order| order["changes"] != json!([]));
    let order = stage.until("the order is shown", shown).await;
    assert_eq!((&order["status"], &order["format"]), (&json!("NEEDS_ATTENTION"), &Value::Null));
    let problem = text(&order["problems"][0]);
    assert!(problem.contains("no format knows") && problem.contains("hello"), "{problem}");
    assert_eq!(order["changes"][0]["kind"], "NOT_UNDERSTOOD");
    assert_eq!(text(&order["changes"][0]["reason"]), problem);
    assert_eq!(stage.backend().order(&order_id).await, order);
}

#[tokio::test]
async fn orders_that_get_on_are_not_shown() {
    let stage = Stage::reach().await;
    let order_id = stage.guest().place_for_id(apples_and_a_pear()).await;
    stage.until_fulfilled(&order_id).await;
    assert_eq!(stage.backend().attention_to(&order_id).await, None);
}

#[tokio::test]
async fn a_page_size_or_a_token_that_makes_no_sense_is_refused() {
    let stage = Stage::reach().await;
    for limit in [0, -1, 101, i32::MAX, i32::MIN] {
        let answer = stage.backend().try_to_read_attention(json!(limit), Value::Null).await;
        assert_eq!(answer.data, Value::Null);
        assert_eq!(answer.errors[0]["errorType"], "InvalidArgument", "{limit}");
        assert!(text(&answer.errors[0]["message"]).contains("`limit`"), "{:?}", answer.errors);
    }
    for token in ["", "?", "bnVsbA==", "e30=", "☃", &"x".repeat(10_000)] {
        let answer = stage.backend().try_to_read_attention(Value::Null, json!(token)).await;
        assert_eq!(answer.data, Value::Null);
        assert_eq!(answer.errors[0]["errorType"], "InvalidArgument", "{token:.20}");
        assert!(text(&answer.errors[0]["message"]).contains("`nextToken`"), "{:?}", answer.errors);
    }
}

#[tokio::test]
async fn guests_do_not_get_to_see_it() {
    let stage = Stage::reach().await;
    stage.guest().place(gibberish()).await;
    let answer = stage.guest().try_to_read_attention(Value::Null, Value::Null).await;
    assert_eq!(answer.data, Value::Null);
    assert_eq!(answer.errors[0]["errorType"], "Unauthorized");
}
