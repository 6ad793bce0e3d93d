//! Somebody sends an order again, because no answer came or because a button was pressed twice.

use std::collections::HashSet;

use futures::future::join_all;

use crate::support::{Server, Warehouse, apples_and_a_pear, change, changes, id, keyed, uuid};

#[tokio::test]
async fn thirty_two_at_once_with_the_same_key_are_one_order_to_the_warehouse() {
    let warehouse = Warehouse::that_ships().await;
    let server = Server::with(&["--warehouse-url", &warehouse.url]).await;
    let input = keyed(apples_and_a_pear(), &uuid());
    let guest = server.guest();
    let orders = join_all((0..32).map(|_| guest.place(input.clone()))).await;
    let ids: HashSet<_> = orders.iter().map(id).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");

    let order = server.until_fulfilled(&id(&orders[0])).await;
    assert_eq!(changes(&order), [change("warehouse/0", "FULFILLED")]);
    assert_eq!(warehouse.asked_about(&id(&orders[0])).len(), 1);
}
