//! The contract's table of who may subscribe to what: every caller, every subscription, whoever owns the order.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, SEES, Stage, Subscriber, apples_and_a_pear, id, list, text};

/// A system, its callers, and an order of each kind, of none of which anything more will be told by itself.
struct World {
    stage: Stage,
    /// Name and client.
    callers: Vec<(&'static str, Client)>,
    /// Whose it is, and its id.
    orders: Vec<(&'static str, String)>,
    /// Whose it is, and the `customerId` of their orders.
    customers: Vec<(&'static str, String)>,
}

/// One cell of the table.
struct Cell {
    what: String,
    caller: usize,
    field: &'static str,
    of: String,
    /// The orders of which it is told; none if it is refused.
    told: Vec<String>,
    /// Whether it is told of changes that are not the end.
    changes: bool,
}

impl World {
    async fn new() -> Self {
        let stage = Stage::reach().await;
        let callers = stage.one_of_each_kind().await;
        let (mut orders, mut customers) = (Vec::new(), Vec::new());
        for (name, caller) in &callers {
            let order_id = stage.place_and_settle(caller, apples_and_a_pear()).await;
            if let Value::String(customer) = &stage.backend().order(&order_id).await["customerId"] {
                customers.push((*name, customer.clone()));
            }
            orders.push((*name, order_id));
        }
        assert_eq!(customers.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["alice", "bob", "staff"]);
        let mut for_alice = apples_and_a_pear();
        for_alice["customerId"] = json!(customers[0].1);
        orders.push(("for alice", stage.place_and_settle(&stage.backend(), for_alice).await));
        Self { stage, callers, orders, customers }
    }

    fn order(&self, of: &str) -> &str {
        &self.orders.iter().find(|(owner, _)| *owner == of).expect("an order").1
    }

    fn cells(&self) -> Vec<Cell> {
        let missing = ("nobody", Uuid::new_v4().to_string());
        let mut cells = Vec::new();
        for (caller, (name, _)) in self.callers.iter().enumerate() {
            let sees_all = ["staff", "backend"].contains(name);
            let (_, sees) = SEES.iter().find(|(caller, _)| caller == name).expect("every caller");
            let mut add = |field, owner: &str, of: &str, told: Vec<String>| {
                let what = format!("{name} to {field} of {owner}");
                let changes = field != "orderFulfilled";
                cells.push(Cell { what, caller, field, of: of.to_owned(), told, changes });
            };
            for field in ["orderFulfilled", "orderChanged"] {
                for (owner, order) in &self.orders {
                    add(field, owner, order, if sees.contains(owner) { vec![order.clone()] } else { vec![] });
                }
                add(field, missing.0, &missing.1, vec![]);
            }
            for (owner, customer) in &self.customers {
                let of_them = [*owner, "for alice"].into_iter().filter(|of| *of != "for alice" || *owner == "alice");
                let of_them: Vec<_> = of_them.map(|of| self.order(of).to_owned()).collect();
                add("ordersChanged", owner, customer, if sees_all || name == owner { of_them } else { vec![] });
            }
            if !sees_all {
                add("ordersChanged", missing.0, &missing.1, vec![]);
            }
            let all = if sees_all { self.orders.iter().map(|(_, order)| order.clone()).collect() } else { vec![] };
            add("anyOrderChanged", "all", "", all);
        }
        cells
    }

    /// Every order is told of by both mutations, in turn.
    async fn tell_of_everything(&self) {
        for (_, order_id) in &self.orders {
            for mutation in ["publishOrderFulfilled", "publishOrderChanged"] {
                self.stage.backend().try_to_publish(mutation, order_id).await.value(mutation);
            }
        }
    }
}

/// What somebody is told who may not subscribe, whatever the reason: nothing to tell orders apart by.
fn assert_refused(answer: Result<String, Value>, subscription: usize, field: &str, what: &str) {
    let refusal = answer.expect_err(what);
    let errors = list(&refusal["payload"]["errors"]);
    assert_eq!((&refusal["id"], errors.len()), (&json!(subscription.to_string()), 1), "{what}: {refusal}");
    let expected = ("Unauthorized", format!("Not Authorized to access {field} on type Subscription"));
    let told = (errors[0]["errorType"].as_str().unwrap_or_default(), text(&errors[0]["message"]));
    assert_eq!(told, expected, "{what}");
}

/// Goes through these cells on one connection: those that are allowed get just what is theirs, the others an error.
async fn go_through(world: &World, subscriber: &mut Subscriber, cells: &[&Cell]) {
    let mut expected = Vec::new();
    subscriber.cares_only_about(world.orders.iter().map(|(_, order)| order));
    for (number, cell) in cells.iter().enumerate() {
        let (_, caller) = &world.callers[cell.caller];
        let answer = subscriber.try_to_follow(caller, cell.field, &cell.of).await;
        if cell.told.is_empty() {
            assert_refused(answer, number + 1, cell.field, &cell.what);
            continue;
        }
        let subscription = answer.unwrap_or_else(|refusal| panic!("{}: {refusal}", cell.what));
        for order in &cell.told {
            let times = if cell.changes { 2 } else { 1 };
            expected.extend(vec![(cell.what.clone(), subscription.clone(), order.clone()); times]);
        }
    }
    world.tell_of_everything().await;
    let mut told = Vec::new();
    for _ in 0..expected.len() {
        let event = subscriber.next().await;
        let number: usize = event.subscription.parse().expect("a number");
        told.push((cells[number - 1].what.clone(), event.subscription.clone(), id(&event.order())));
    }
    expected.sort();
    told.sort();
    assert_eq!(told, expected);
    // Nothing more has come before this, which the last caller may follow whoever it is.
    let (name, caller) = &world.callers[cells.last().expect("some cells").caller];
    let fence = subscriber.follow(caller, "orderFulfilled", world.order(name)).await;
    for number in 1..=cells.len() {
        if !cells[number - 1].told.is_empty() {
            subscriber.stop(&number.to_string()).await;
        }
    }
    world
        .stage
        .backend()
        .try_to_publish("publishOrderFulfilled", world.order(name))
        .await
        .value("publishOrderFulfilled");
    assert_eq!(id(&subscriber.order(&fence).await), world.order(name));
}

#[tokio::test]
async fn each_is_told_of_what_is_theirs_and_refused_the_rest() {
    let world = World::new().await;
    let cells = world.cells();
    for caller in 0..world.callers.len() {
        let mut subscriber = Subscriber::connect(&world.stage, &world.callers[caller].1).await;
        let own: Vec<_> = cells.iter().filter(|cell| cell.caller == caller).collect();
        go_through(&world, &mut subscriber, &own).await;
    }
}

#[tokio::test]
async fn callers_of_every_kind_share_a_connection_and_nothing_else() {
    let world = World::new().await;
    let cells = world.cells();
    for (_, opener) in &world.callers {
        let mut subscriber = Subscriber::connect(&world.stage, opener).await;
        go_through(&world, &mut subscriber, &cells.iter().collect::<Vec<_>>()).await;
    }
}

#[tokio::test]
async fn those_who_may_follow_any_customer_may_wait_for_one_who_has_no_order_yet() {
    let world = World::new().await;
    let (missing, fence) = (Uuid::new_v4().to_string(), world.order("guest"));
    for (name, caller) in world.callers.iter().filter(|(name, _)| ["staff", "backend"].contains(name)) {
        let mut subscriber = Subscriber::connect(&world.stage, caller).await;
        subscriber.follow(caller, "ordersChanged", &world.stage.own("nobody")).await;
        let good = subscriber.follow(caller, "orderChanged", fence).await;
        let nothing = world.stage.backend().try_to_publish("publishOrderChanged", &missing).await;
        assert_eq!(nothing.value("publishOrderChanged"), Value::Null);
        world.stage.announce(fence).await;
        assert_eq!(id(&subscriber.order(&good).await), *fence, "{name}: nothing is told of what is not there");
    }
}

#[tokio::test]
async fn no_other_way_of_asking_opens_what_is_closed() {
    let world = World::new().await;
    let (of_alice, of_guest) = (world.order("alice"), world.order("guest"));
    let (_, bob) = world.callers.iter().find(|(name, _)| *name == "bob").expect("bob");
    let mut subscriber = Subscriber::connect(&world.stage, bob).await;
    let own = subscriber.follow(bob, "orderChanged", world.order("bob")).await;
    let (_, sub_of_alice) = &world.customers[0];
    for (query, variables) in [
        ("subscription ($id: ID!) { mine: orderChanged(id: $id) { id } }", json!({ "id": of_alice })),
        ("subscription { ...F } fragment F on Subscription { anyOrderChanged { id } }", json!({})),
        ("subscription { ... on Subscription { x: anyOrderChanged { __typename } } }", json!({})),
        ("subscription { ordersChanged(customerId: \"x\") { id } }", json!({})),
        ("subscription ($of: ID!) { ordersChanged(customerId: $of) { customerId } }", json!({ "of": sub_of_alice })),
        ("subscription ($id: ID!) { orderFulfilled(id: $id) { id } }", json!({ "id": of_guest })),
        ("subscription ($id: ID!) { orderFulfilled(id: $id) { id } }", json!({ "id": "" })),
        ("subscription ($id: ID!) { orderFulfilled(id: $id) { id } }", json!({ "id": "*" })),
        ("subscription ($id: ID!) { orderFulfilled(id: $id) { id } }", json!({ "id": 7 })),
    ] {
        let refused = subscriber.try_to_subscribe(bob, query, &variables).await;
        let refused = refused.expect_err(query);
        let errors = refused["payload"]["errors"].as_array().expect("errors");
        assert_eq!(errors.len(), 1, "{query}: {refused}");
        assert_eq!(errors[0]["errorType"], "Unauthorized", "{query}: {refused}");
        assert!(!text(&errors[0]["message"]).contains(sub_of_alice.as_str()), "{refused}");
    }
    world.tell_of_everything().await;
    for _ in 0..2 {
        assert_eq!(id(&subscriber.order(&own).await), world.order("bob"));
    }
    world.stage.announce(world.order("bob")).await;
    assert_eq!(id(&subscriber.order(&own).await), world.order("bob"), "nothing else came");
}
