//! Staff: customers who see every order, and what somebody must look at.

use serde_json::{Value, json};

use crate::support::{Stage, apples_and_a_pear, gibberish, id, list};

#[tokio::test]
async fn staff_read_any_order() {
    let stage = Stage::reach().await;
    let bob = stage.staff("bob").await;
    let orders = [
        stage.guest().place_for_id(apples_and_a_pear()).await,
        stage.customer("alice").await.place_for_id(apples_and_a_pear()).await,
        stage.backend().place_for_id(apples_and_a_pear()).await,
        bob.place_for_id(apples_and_a_pear()).await,
    ];
    for order in orders {
        assert_eq!(id(&bob.order(&order).await), order);
    }
}

#[tokio::test]
async fn staff_list_their_own_orders_like_any_customer() {
    let stage = Stage::reach().await;
    stage.customer("alice").await.place(apples_and_a_pear()).await;
    let bob = stage.staff("bob").await;
    assert_eq!(bob.pages(Value::Null).await, [Vec::<String>::new()]);
    let own = bob.place_for_id(apples_and_a_pear()).await;
    stage.until_listed(&bob, &[&own]).await;
    let off_duty = stage.customer("bob").await;
    assert_eq!(off_duty.pages(Value::Null).await, [[own]], "bob is bob, on duty or not");
}

#[tokio::test]
async fn staff_go_through_what_somebody_must_look_at() {
    let stage = Stage::reach().await;
    let bob = stage.staff("bob").await;
    let mut expected = Vec::new();
    for caller in [stage.guest(), stage.customer("alice").await, stage.backend()] {
        expected.push(caller.place_for_id(gibberish()).await);
        caller.place(apples_and_a_pear()).await;
    }
    expected.sort();
    let seen = async || {
        let seen: Vec<_> = bob.attention().await.iter().map(id).collect();
        expected.iter().all(|order| seen.contains(order)).then_some(())
    };
    stage.until("everything that was not understood is listed", seen).await;

    let (mut seen, mut next) = (Vec::new(), Value::Null);
    loop {
        let page = bob.try_to_read_attention(json!(2), next).await.value("ordersNeedingAttention");
        assert!(list(&page["items"]).len() <= 2);
        seen.extend(list(&page["items"]).iter().map(id).filter(|order| expected.contains(order)));
        next = page["nextToken"].clone();
        if next.is_null() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, expected, "a few at a time, each once");
    // {"shard":16,"after":null} and {"shard":1,"after":""}
    for made_up in ["x", "eyJzaGFyZCI6MTYsImFmdGVyIjpudWxsfQ==", "eyJzaGFyZCI6MSwiYWZ0ZXIiOiIifQ=="] {
        let refused = bob.try_to_read_attention(Value::Null, json!(made_up)).await;
        assert_eq!(refused.errors[0]["errorType"], "InvalidArgument", "{made_up}: {refused:?}");
    }
}
