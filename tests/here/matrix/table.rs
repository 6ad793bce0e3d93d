//! The table itself: a row for every operation of the schema, a column for every kind of caller.

use serde_json::Value;

use super::world::{Target, World};
use crate::support::SEES;

/// The columns. The backend comes last, because it alone may change anything for others.
pub(super) const CALLERS: [&str; 6] = ["guest", "alice", "bob", "staff", "visitor", "backend"];

/// Whose orders a caller may do something with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// They may not do it at all.
    Nobodys,
    /// Those that are theirs to see.
    Theirs,
    /// Everybody's.
    Everybodys,
}

use Whose::{Everybodys as All, Nobodys as No, Theirs as Own};

/// An operation, and whose orders each of the callers may do it with.
pub(super) struct Row {
    pub(super) parent: &'static str,
    pub(super) field: &'static str,
    pub(super) whose: [Whose; 6],
}

const fn row(parent: &'static str, field: &'static str, whose: [Whose; 6]) -> Row {
    Row { parent, field, whose }
}

pub(super) const TABLE: [Row; 11] = [
    //                                            guest alice bob staff visitor backend
    row("Query", "order", [Own, Own, Own, All, No, All]),
    row("Query", "orders", [No, Own, Own, Own, No, No]),
    row("Query", "ordersNeedingAttention", [No, No, No, All, No, All]),
    row("Mutation", "publishOrderFulfilled", [No, No, No, No, No, All]),
    row("Mutation", "publishOrderChanged", [No, No, No, No, No, All]),
    row("Mutation", "recordFulfilment", [No, No, No, No, No, All]),
    row("Mutation", "placeOrder", [Own, Own, Own, Own, No, All]),
    row("Subscription", "orderFulfilled", [Own, Own, Own, All, No, All]),
    row("Subscription", "orderChanged", [Own, Own, Own, All, No, All]),
    row("Subscription", "ordersChanged", [No, Own, Own, All, No, All]),
    row("Subscription", "anyOrderChanged", [No, No, No, All, No, All]),
];

/// What somebody gets who does something.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// An error of the type `Unauthorized`, and nothing else.
    Refused,
    /// `null`, and no error.
    Nothing,
    /// The order of this id.
    Order(String),
    /// Just these orders, in any order.
    Orders(Vec<String>),
    /// A new order, whose `customerId` this is.
    Placed(Value),
    /// An error of this type, and nothing else.
    Failed(&'static str),
    /// The subscription starts.
    Started,
}

impl Row {
    pub(super) fn of(&self, caller: &str) -> Whose {
        self.whose[CALLERS.iter().position(|name| *name == caller).expect("a column")]
    }

    /// What this caller gets who does it with that.
    pub(super) fn outcome(&self, world: &World, caller: &str, target: &Target) -> Outcome {
        let whose = self.of(caller);
        if whose == No {
            return Outcome::Refused;
        }
        let (_, sees) = SEES.iter().find(|(name, _)| *name == caller).expect("every caller who may do anything");
        let is_seen = target.exists && (whose == All || sees.contains(&target.owner));
        let own = world.customer(caller);
        match self.field {
            "order" | "publishOrderFulfilled" | "publishOrderChanged" | "recordFulfilment" if is_seen => {
                Outcome::Order(target.id.clone())
            }
            "order" | "publishOrderFulfilled" | "publishOrderChanged" => Outcome::Nothing,
            "recordFulfilment" => Outcome::Failed("InvalidArgument"),
            "orders" => Outcome::Orders(world.ids_of(caller)),
            "ordersNeedingAttention" => Outcome::Orders(vec![world.strange.clone()]),
            "placeOrder" if target.id.is_empty() => Outcome::Placed(own),
            "placeOrder" if whose == All => Outcome::Placed(target.id.as_str().into()),
            "orderFulfilled" | "orderChanged" if is_seen => Outcome::Started,
            "ordersChanged" if whose == All || own == target.id.as_str() => Outcome::Started,
            "anyOrderChanged" => Outcome::Started,
            _ => Outcome::Refused,
        }
    }
}
