//! A system with callers of every kind, an order of each, and what is no order at all.

use serde_json::{Value, json};
use uuid::Uuid;

use super::shapes::Operations;
use super::table::Row;
use crate::support::{Client, Reply, Server, Warehouse, everything, gibberish, id};

pub(super) struct World {
    pub(super) server: Server,
    pub(super) operations: Operations,
    /// By their names in the table.
    pub(super) callers: Vec<(&'static str, Client)>,
    /// Orders of everybody, and what is none.
    pub(super) orders: Vec<Target>,
    /// Who has orders of their own, and their ids; and somebody who has none.
    pub(super) customers: Vec<Target>,
    /// An order of a guest that somebody must look at.
    pub(super) strange: String,
    _warehouse: Warehouse,
}

/// What somebody tries to get at.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Whose it is.
    pub(super) owner: &'static str,
    /// Of the order, or of the customer. Empty where there is nothing to name.
    pub(super) id: String,
    pub(super) exists: bool,
}

impl Target {
    fn of(owner: &'static str, id: impl Into<String>) -> Self {
        Self { owner, id: id.into(), exists: true }
    }

    fn missing(owner: &'static str, id: impl Into<String>) -> Self {
        Self { exists: false, ..Self::of(owner, id) }
    }
}

impl World {
    /// A server with these options. Its warehouse ships one piece of every order, so that there is something of each type to
    /// see, and nothing more changes by itself.
    pub(super) async fn new(options: &[&str]) -> Self {
        let warehouse =
            Warehouse::that_says(Reply::json(200, &json!({ "lines": [{ "id": "/lines/0", "quantity": 1 }] }))).await;
        let server = Server::with(&[&["--warehouse-url", &warehouse.url], options].concat()).await;
        let of_each_kind = server.one_of_each_kind().await;
        let (mut orders, mut customers) = (Vec::new(), Vec::new());
        for (name, caller) in &of_each_kind {
            let order_id = server.place_and_settle(caller, everything()).await;
            if let Value::String(customer) = &server.backend().order(&order_id).await["customerId"] {
                customers.push(Target::of(name, customer));
            }
            orders.push(Target::of(name, order_id));
        }
        let mut for_alice = everything();
        for_alice["customerId"] = json!(customers[0].id);
        orders.push(Target::of("for alice", server.place_and_settle(&server.backend(), for_alice).await));
        let strange = server.place_and_settle(&server.guest(), gibberish()).await;
        let callers = of_each_kind.into_iter().chain([("visitor", server.visitor())]).collect();
        let capitals = orders[0].id.to_uppercase();
        assert_ne!(capitals, orders[0].id);
        orders.extend([
            Target::missing("nobody", Uuid::new_v4()),
            Target::missing("a guest, in capitals", capitals),
            Target::missing("nothing", ""),
            Target::missing("everything", "*"),
            Target::missing("what is too long", "x".repeat(3000)),
        ]);
        customers.push(Target::missing("nobody", server.own("nobody")));
        let operations = Operations::of_the_schema();
        let world = Self { server, operations, callers, orders, customers, strange, _warehouse: warehouse };
        for name in ["alice", "bob", "staff"] {
            let ids: Vec<_> = world.ids_of(name).into_iter().rev().collect();
            world.server.until_listed(world.caller(name), &ids).await;
        }
        world
    }

    pub(super) fn caller(&self, name: &str) -> &Client {
        &self.callers.iter().find(|(caller, _)| *caller == name).expect("a caller").1
    }

    pub(super) fn order(&self, owner: &str) -> &str {
        &self.orders.iter().find(|order| order.owner == owner).expect("an order").id
    }

    /// The `customerId` of what this caller places; `null` if nobody owns it.
    pub(super) fn customer(&self, caller: &str) -> Value {
        self.customers.iter().find(|customer| customer.owner == caller).map_or(Value::Null, |own| json!(own.id))
    }

    /// The orders that a customer owns, oldest first.
    pub(super) fn ids_of(&self, customer: &str) -> Vec<String> {
        let of_customer = ["alice", "bob", "staff"].contains(&customer);
        let owns = |owner| owner == customer || (owner == "for alice" && customer == "alice");
        self.orders.iter().filter(|order| of_customer && owns(order.owner)).map(|order| order.id.clone()).collect()
    }

    /// Whatever the operation may be tried with.
    pub(super) fn targets(&self, row: &Row) -> Vec<Target> {
        match row.field {
            "order"
            | "orderFulfilled"
            | "orderChanged"
            | "publishOrderFulfilled"
            | "publishOrderChanged"
            | "recordFulfilment" => self.orders.clone(),
            "ordersChanged" => self.customers.clone(),
            "placeOrder" => vec![Target::of("themselves", ""), self.customers[0].clone(), self.customers[1].clone()],
            _ => vec![Target::of("everybody", "")],
        }
    }

    /// Every order as it stands now.
    pub(super) async fn as_it_stands(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for order in self.orders.iter().filter(|order| order.exists) {
            let read = self.server.backend().order(&order.id).await;
            assert_eq!(id(&read), order.id);
            all.push(read);
        }
        all
    }
}
