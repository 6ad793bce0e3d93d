//! The list of orders that need attention, when it holds nothing but what the test has put there.

use std::collections::HashSet;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{Reply, Server, Warehouse, apples_and_a_pear, document, gibberish, id, list};

#[tokio::test]
async fn an_order_that_is_merely_waiting_to_be_tried_again_needs_nobody() {
    let warehouse = Warehouse::that_says(Reply::text(500, "")).await;
    let server = Server::with(&["--warehouse-url", &warehouse.url, "--retry-minute-ms", "1000"]).await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let tried_again = async || (warehouse.asked_about(&order_id).len() > 1).then_some(());
    server.until("the warehouse is asked again", tried_again).await;
    assert_eq!(server.backend().attention().await, Vec::<Value>::new());
    let order = server.guest().order(&order_id).await;
    assert_eq!((&order["status"], &order["problems"]), (&json!("RECEIVED"), &json!([])));
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    const ORDERS: usize = 25;
    let server = Server::start().await;
    let (guest, backend) = (server.guest(), server.backend());
    let placed: HashSet<_> = join_all((0..ORDERS).map(|_| guest.place_for_id(gibberish()))).await.into_iter().collect();
    let all = async || (backend.attention().await.len() == ORDERS).then_some(());
    server.until("all orders are shown", all).await;

    for limit in [1, 7, 25, 100] {
        let (mut seen, mut next, mut pages) = (Vec::new(), Value::Null, 0);
        loop {
            let page = backend.try_to_read_attention(json!(limit), next).await.value("ordersNeedingAttention");
            let items = list(&page["items"]);
            assert!(items.len() <= limit, "at most {limit} in a page: {}", items.len());
            seen.extend(items.iter().map(id));
            pages += 1;
            assert!(pages <= 200, "the list ends");
            next = page["nextToken"].clone();
            if next.is_null() {
                break;
            }
        }
        assert_eq!(seen.len(), ORDERS, "none twice, with {limit} in a page");
        assert_eq!(seen.into_iter().collect::<HashSet<_>>(), placed, "none left out, with {limit} in a page");
    }
    let first = backend.try_to_read_attention(Value::Null, Value::Null).await.value("ordersNeedingAttention");
    assert_eq!(list(&first["items"]).len(), 20, "20 if nothing is said");
    assert!(!first["nextToken"].is_null());
}

#[tokio::test]
async fn a_page_of_large_orders_ends_before_it_is_too_large_to_answer() {
    const ORDERS: usize = 25;
    let server = Server::start().await;
    let (guest, backend) = (server.guest(), server.backend());
    let large = document(&json!({ "hello": "x".repeat(390_000) }));
    let mut placed = HashSet::new();
    for _ in 0..ORDERS {
        placed.insert(guest.place_for_id(large.clone()).await);
    }
    let all = async || (backend.attention().await.len() == ORDERS).then_some(());
    server.until("all orders are shown", all).await;

    let (mut seen, mut next, mut pages) = (Vec::new(), Value::Null, 0);
    while pages == 0 || !next.is_null() {
        let page = backend.try_to_read_attention(json!(100), next).await.value("ordersNeedingAttention");
        assert!(page.to_string().len() < 6_000_000, "a page is no larger than a Lambda may answer");
        seen.extend(list(&page["items"]).iter().map(id));
        next = page["nextToken"].clone();
        pages += 1;
    }
    assert!(pages > 1, "they do not fit in one page");
    assert_eq!((seen.len(), seen.into_iter().collect::<HashSet<_>>()), (ORDERS, placed));
}
