//! Staff: customers who see every order, and what somebody must look at.

use serde_json::{Value, json};

use super::support::{Server, apples_and_a_pear, gibberish, id, list};

#[tokio::test]
async fn staff_read_any_order() {
    let server = Server::start().await;
    let bob = server.staff("bob");
    let orders = [
        server.guest().place_for_id(apples_and_a_pear()).await,
        server.customer("alice").place_for_id(apples_and_a_pear()).await,
        server.backend().place_for_id(apples_and_a_pear()).await,
        bob.place_for_id(apples_and_a_pear()).await,
    ];
    for order in orders {
        assert_eq!(id(&bob.order(&order).await), order);
    }
}

#[tokio::test]
async fn staff_list_their_own_orders_like_any_customer() {
    let server = Server::start().await;
    server.customer("alice").place(apples_and_a_pear()).await;
    let bob = server.staff("bob");
    assert_eq!(bob.pages(Value::Null).await, [Vec::<String>::new()]);
    let own = bob.place_for_id(apples_and_a_pear()).await;
    assert_eq!(bob.pages(Value::Null).await, [[own.clone()]]);
    assert_eq!(server.customer("bob").pages(Value::Null).await, [[own]], "bob is bob, on duty or not");
}

#[tokio::test]
async fn staff_go_through_what_somebody_must_look_at() {
    let server = Server::start().await;
    let bob = server.staff("bob");
    let mut expected = Vec::new();
    for caller in [server.guest(), server.customer("alice"), server.backend()] {
        expected.push(caller.place_for_id(gibberish()).await);
        caller.place(apples_and_a_pear()).await;
    }
    expected.sort();
    let seen = async || {
        let mut seen: Vec<_> = bob.attention().await.iter().map(id).collect();
        seen.sort();
        (seen == expected).then_some(())
    };
    server.until("everything that was not understood is listed", seen).await;

    let (mut seen, mut next) = (Vec::new(), Value::Null);
    loop {
        let page = bob.try_to_read_attention(json!(1), next).await.value("ordersNeedingAttention");
        assert!(list(&page["items"]).len() <= 1);
        seen.extend(list(&page["items"]).iter().map(id));
        next = page["nextToken"].clone();
        if next.is_null() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, expected, "one at a time, each once");
    // {"shard":16,"after":null} and {"shard":1,"after":""}
    for made_up in ["x", "eyJzaGFyZCI6MTYsImFmdGVyIjpudWxsfQ==", "eyJzaGFyZCI6MSwiYWZ0ZXIiOiIifQ=="] {
        let refused = bob.try_to_read_attention(Value::Null, json!(made_up)).await;
        assert_eq!(refused.errors[0]["errorType"], "InvalidArgument", "{made_up}: {refused:?}");
    }
}

#[tokio::test]
async fn another_group_is_not_staff() {
    let server = Server::start().await;
    let order = server.guest().place_for_id(apples_and_a_pear()).await;
    for group in ["Staff", "staff2", "[\"staff\"]"] {
        let token = server.token(&["eve", "--group", group]);
        let eve = server.stranger().with_authorization(&token);
        assert_eq!(eve.order(&order).await, Value::Null, "{group}");
        let refused = eve.try_to_read_attention(Value::Null, Value::Null).await;
        assert_eq!(refused.errors[0]["errorType"], "Unauthorized", "{group}");
    }
    let both = server.token(&["eve", "--group", "night", "--group", "staff"]);
    assert_eq!(id(&server.stranger().with_authorization(&both).order(&order).await), order);
}
