//! The machine goes down without a word: what was acknowledged is fulfilled, once, and told.

use std::collections::{HashMap, HashSet};

use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    FAST, Home, Proxy, Reply, Server, Warehouse, apples_and_a_pear, change, changes, id, order_of, quantities,
};

const ORDERS: usize = 1_000;
const CLIENTS: usize = 32;

/// Everything around a server that outlives its crashes.
struct World {
    home: std::sync::Arc<Home>,
    warehouse: Warehouse,
    proxy: Proxy,
}

impl World {
    async fn with(warehouse: Warehouse) -> Self {
        Self { home: Home::new(), warehouse, proxy: Proxy::start().await }
    }

    /// Starts the server, or starts it again.
    async fn server(&self) -> Server {
        let appsync = self.proxy.instead_of_appsync();
        let options = ["--warehouse-url", &self.warehouse.url, "--env", &appsync, FAST[0], FAST[1]];
        let server = Server::at(&self.home, &options).await;
        self.proxy.lead_to_appsync_of(&server);
        server
    }

    /// The order is fulfilled by one change, and told of at least once.
    async fn fulfilled_once(&self, server: &Server, id: &str) {
        let order = server.until_fulfilled(id).await;
        assert_eq!(changes(&order), [change("warehouse/0", "FULFILLED")]);
        assert!(quantities(&order).iter().all(|(ordered, fulfilled)| ordered == fulfilled), "{order}");
        let published = async || (self.proxy.times("publishOrderFulfilled", id) > 0).then_some(());
        server.until("the order is published", published).await;
        let asked = self.warehouse.asked_about(id);
        assert!(!asked.is_empty() && asked.iter().all(|question| question.key() == format!("{id}/0")));
    }
}

#[tokio::test]
async fn an_order_survives_a_crash_right_after_it_was_acknowledged() {
    let world = World::with(Warehouse::that_ships().await).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let server = world.server().await;
        ids.push(server.guest().place_for_id(apples_and_a_pear()).await);
        server.kill();
    }
    let server = world.server().await;
    for id in ids {
        world.fulfilled_once(&server, &id).await;
    }
}

#[tokio::test]
async fn an_order_survives_a_crash_while_the_warehouse_is_asked() {
    let world = World::with(Warehouse::that_says(Reply::Silence).await).await;
    let server = world.server().await;
    let id = server.guest().place_for_id(apples_and_a_pear()).await;
    let asked = async || (!world.warehouse.asked_about(&id).is_empty()).then_some(());
    server.until("the warehouse is asked", asked).await;
    server.kill();

    world.warehouse.changes_its_mind(|_| Reply::everything());
    let server = world.server().await;
    world.fulfilled_once(&server, &id).await;
    let asked = world.warehouse.asked_about(&id);
    assert!(asked.len() > 1, "asked again");
    assert!(asked.iter().all(|question| question.body == asked[0].body), "the same question under the same key");
}

#[tokio::test]
async fn an_order_survives_a_crash_while_it_is_published() {
    let world = World::with(Warehouse::that_ships().await).await;
    let server = world.server().await;
    world.proxy.hold();
    let id = server.guest().place_for_id(apples_and_a_pear()).await;
    let publishing = async || world.proxy.arrived().iter().any(|publish| publish.id == id).then_some(());
    server.until("the order is about to be published", publishing).await;
    server.kill();
    assert_eq!(world.proxy.published(), []);

    // Asked again, the warehouse has forgotten that it has shipped: what it said first is what counts.
    world.warehouse.changes_its_mind(|_| Reply::json(422, &json!({ "refused": true, "reason": "sold out" })));
    let server = world.server().await;
    world.fulfilled_once(&server, &id).await;
    assert_eq!(server.backend().attention().await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_order_that_is_tried_again_survives_a_crash() {
    let world = World::with(Warehouse::that_says(Reply::text(500, "")).await).await;
    let server = world.server().await;
    let id = server.guest().place_for_id(apples_and_a_pear()).await;
    let tried_again = async || (world.warehouse.asked_about(&id).len() > 2).then_some(());
    server.until("the warehouse is asked again", tried_again).await;
    server.kill();

    world.warehouse.changes_its_mind(|_| Reply::everything());
    let server = world.server().await;
    world.fulfilled_once(&server, &id).await;
}

#[tokio::test]
async fn a_report_survives_a_crash_right_after_it_was_acknowledged() {
    let accepts = Reply::json(202, &json!({ "lines": [] }));
    let world = World::with(Warehouse::that_says(accepts).await).await;
    let server = world.server().await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let accepted = async || (world.proxy.times("publishOrderChanged", &order_id) > 0).then_some(());
    server.until("the order is accepted", accepted).await;
    let order = server.backend().report(&order_id, "R-1", Value::Null).await;
    assert_eq!(order["status"], "FULFILLED");
    server.kill();

    let server = world.server().await;
    assert_eq!(server.backend().order(&order_id).await, order);
}

/// Order number so-and-so, as somebody would send it again if no answer came.
fn numbered(number: usize) -> Value {
    let quantity = i32::try_from(number % 7 + 1).expect("a small number");
    let key = Uuid::from_u128(0x8c7f_3f0a_94d5_4f0e_9f53_0000_0000_0000 + number as u128);
    json!({ "order": order_of(&[("TEA", quantity), ("CUP", 2)]), "idempotencyKey": key.to_string() })
}

/// Each of these orders is fulfilled by one change with the right quantities, and told of at least once.
async fn all_fulfilled_once(world: &World, server: &Server, ids: &HashMap<usize, String>) {
    let backend = server.backend();
    for (number, id) in ids {
        let order = server.until_fulfilled(id).await;
        assert_eq!(changes(&order), [change("warehouse/0", "FULFILLED")], "order {number}");
        let tea = i64::try_from(number % 7 + 1).expect("a small number");
        assert_eq!(quantities(&order), [(tea, tea), (2, 2)], "order {number}");
    }
    let all_told = async || {
        let told: HashSet<_> = world.proxy.published().into_iter().map(|publish| publish.id).collect();
        ids.values().all(|id| told.contains(id)).then_some(())
    };
    server.until("all orders are published", all_told).await;
    server.until("nobody has to look", async || backend.attention().await.is_empty().then_some(())).await;
    for id in ids.values() {
        let asked = world.warehouse.asked_about(id);
        assert!(!asked.is_empty() && asked.iter().all(|question| question.key() == format!("{id}/0")));
    }
}

#[tokio::test]
async fn a_thousand_orders_are_each_fulfilled_once() {
    let world = World::with(Warehouse::that_ships().await).await;
    let server = world.server().await;
    let guest = server.guest();
    let placing = (0..ORDERS).map(|number| {
        let guest = &guest;
        async move { (number, id(&guest.place(numbered(number)).await)) }
    });
    let ids: HashMap<_, _> = stream::iter(placing).buffer_unordered(CLIENTS).collect().await;
    assert_eq!(ids.values().collect::<HashSet<_>>().len(), ORDERS);
    all_fulfilled_once(&world, &server, &ids).await;
}

#[tokio::test]
async fn a_crash_among_a_thousand_orders_loses_none_and_fulfils_none_twice() {
    let world = World::with(Warehouse::that_ships().await).await;
    let server = world.server().await;
    let guest = server.guest();
    let placing = (0..ORDERS).map(|number| {
        let guest = &guest;
        async move { guest.place_if_answered(numbered(number)).await.map(|id| (number, id)) }
    });
    let mut placing = stream::iter(placing).buffer_unordered(CLIENTS);
    let (mut acknowledged, mut running) = (HashMap::new(), Some(server));
    while let Some(placed) = placing.next().await {
        acknowledged.extend(placed);
        if acknowledged.len() >= ORDERS * 2 / 5
            && let Some(server) = running.take()
        {
            server.kill();
        }
    }
    assert!(acknowledged.len() < ORDERS, "it went down in the middle");

    let server = world.server().await;
    all_fulfilled_once(&world, &server, &acknowledged).await;

    // Everybody sends again what they have no answer to, and to be safe what they have one to.
    let guest = server.guest();
    let placing = (0..ORDERS).map(|number| {
        let guest = &guest;
        async move { (number, id(&guest.place(numbered(number)).await)) }
    });
    let all: HashMap<_, _> = stream::iter(placing).buffer_unordered(CLIENTS).collect().await;
    assert_eq!(all.values().collect::<HashSet<_>>().len(), ORDERS);
    for (number, id) in &acknowledged {
        assert_eq!(all[number], *id, "order {number} is still the same");
    }
    all_fulfilled_once(&world, &server, &all).await;
}
