//! An order as a reader sees it: the types of the GraphQL schema.
//!
//! With the feature `graphql` they derive async-graphql's types too, and a test proves that they and `schema.graphql`
//! agree. The Lambdas are built without it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Id, Json, Timestamp};

/// Bytes of JSON up to which an order is broadcast whole. AppSync silently drops an event of more than 240 KB
/// (AWS service quotas, "Subscription payload size"); the difference leaves room for what wraps the order.
pub const BROADCAST_LIMIT: usize = 230_000;

/// An order as it stands at a moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "graphql", derive(async_graphql::SimpleObject))]
pub struct Order {
    /// See `schema.graphql` for what each field means.
    pub id: Id,
    /// Who owns it.
    pub customer_id: Option<Id>,
    /// The sender's own order number.
    pub reference: Option<String>,
    /// Which format understood the document.
    pub format: Option<String>,
    /// Where the order stands.
    pub status: OrderStatus,
    /// When it was received.
    pub received_at: Timestamp,
    /// When its last open line was fulfilled.
    pub fulfilled_at: Option<Timestamp>,
    /// Who ordered.
    pub customer: Option<Customer>,
    /// Where it goes.
    pub shipping_address: Option<Address>,
    /// What is ordered; `None` only in a trimmed event.
    pub lines: Option<Vec<OrderLine>>,
    /// What the sender asks for all of it.
    pub total: Option<Money>,
    /// What happened to it, oldest first; `None` only in a trimmed event.
    pub changes: Option<Vec<OrderChange>>,
    /// Why today's code cannot make full sense of it.
    pub problems: Vec<String>,
    /// As received; `None` in events.
    pub document: Option<Json>,
}

impl Order {
    /// The order as it is broadcast: without its document, and trimmed if it is too large for an event.
    ///
    /// `lines` and `changes` go first, then every other nullable field but `customerId`, by which subscribers filter.
    #[must_use]
    pub fn for_broadcast(mut self) -> Self {
        self.document = None;
        if self.json_length() > BROADCAST_LIMIT {
            self.lines = None;
            self.changes = None;
        }
        if self.json_length() > BROADCAST_LIMIT {
            self = Self {
                reference: None,
                format: None,
                fulfilled_at: None,
                customer: None,
                shipping_address: None,
                total: None,
                ..self
            };
        }
        self
    }

    /// The lines that are not fully fulfilled, each with what is still open.
    pub fn open_lines(&self) -> impl Iterator<Item = (&OrderLine, i32)> {
        let lines = self.lines.as_deref().unwrap_or_default();
        lines.iter().map(|line| (line, line.quantity - line.fulfilled_quantity)).filter(|(_, open)| *open > 0)
    }

    fn json_length(&self) -> usize {
        // These types always serialize; an order that did not could not be answered either.
        serde_json::to_vec(self).map_or(usize::MAX, |json| json.len())
    }
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[cfg_attr(feature = "graphql", derive(async_graphql::Enum))]
pub enum OrderStatus {
    /// Nothing of it is fulfilled yet.
    Received,
    /// Some of it is.
    PartiallyFulfilled,
    /// All of it is.
    Fulfilled,
    /// Somebody must look at it.
    NeedsAttention,
}

/// Who ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "graphql", derive(async_graphql::SimpleObject))]
pub struct Customer {
    /// Name.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
}

/// A postal address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "graphql", derive(async_graphql::SimpleObject))]
pub struct Address {
    /// Recipient.
    pub name: Option<String>,
    /// Street and house number.
    pub lines: Vec<String>,
    /// City.
    pub city: Option<String>,
    /// State, province or county.
    pub region: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Country.
    pub country: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "graphql", derive(async_graphql::SimpleObject))]
pub struct OrderLine {
    /// Where the line stands in the document, as a JSON pointer.
    pub id: Id,
    /// Stock keeping unit.
    pub sku: Option<String>,
    /// What it is called.
    pub title: Option<String>,
    /// Pieces ordered.
    pub quantity: i32,
    /// Pieces fulfilled, at most `quantity`.
    pub fulfilled_quantity: i32,
    /// Price of one piece.
    pub unit_price: Option<Money>,
}

/// An amount in a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "graphql", derive(async_graphql::SimpleObject))]
pub struct Money {
    /// Exact decimal.
    pub amount: String,
    /// ISO 4217 code.
    pub currency: String,
}

/// Something that happened to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "graphql", derive(async_graphql::SimpleObject))]
pub struct OrderChange {
    /// What caused it, such as `warehouse/0`.
    pub id: Id,
    /// When it was appended.
    pub at: Timestamp,
    /// What kind of change.
    pub kind: OrderChangeKind,
    /// The warehouse's own number.
    pub reference: Option<String>,
    /// What was fulfilled.
    pub lines: Vec<FulfilledLine>,
    /// Why it was refused or not understood.
    pub reason: Option<String>,
}

/// What kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[cfg_attr(feature = "graphql", derive(async_graphql::Enum))]
pub enum OrderChangeKind {
    /// The warehouse took it on and will report.
    Accepted,
    /// Something was fulfilled.
    Fulfilled,
    /// The warehouse will not fulfil it.
    Refused,
    /// Nothing understood it.
    NotUnderstood,
}

/// How many pieces of a line were fulfilled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "graphql", derive(async_graphql::SimpleObject))]
pub struct FulfilledLine {
    /// The line's id.
    pub line: Id,
    /// Pieces.
    pub quantity: i32,
}

impl FulfilledLine {
    /// The same pieces with each line named once, so that their number is bounded by that of the order's lines.
    #[must_use]
    pub fn summed(lines: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut summed: Vec<Self> = Vec::new();
        let mut index = BTreeMap::new();
        for Self { line, quantity } in lines {
            let at = *index.entry(line.clone()).or_insert(summed.len());
            match summed.get_mut(at) {
                Some(known) => known.quantity = known.quantity.saturating_add(quantity),
                None => summed.push(Self { line, quantity }),
            }
        }
        summed
    }
}

/// A page of orders.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "graphql", derive(async_graphql::SimpleObject))]
pub struct OrderConnection {
    /// The orders of this page.
    pub items: Vec<Order>,
    /// Where the next page starts.
    pub next_token: Option<String>,
}
