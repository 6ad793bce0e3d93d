//! An order as it was received: who sent it, when, and the document exactly as it came. Written once, never updated; only
//! erasing it replaces it.

use serde::{Deserialize, Serialize};

use super::{Id, Timestamp};

/// The envelope and the document of an order, as they are stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedOrder {
    /// A random UUID, or one that is derived from the caller and its idempotency key.
    pub id: Id,
    /// When the order reached `placeOrder`.
    pub received_at: Timestamp,
    /// What kind of caller placed it.
    pub placed_by: PlacedBy,
    /// Who owns it: the customer who placed it, or for whom a backend did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer_id: Option<Id>,
    /// The key that the caller sent along, as it came.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub idempotency_key: Option<Id>,
    /// The JSON text of the document: a string, because only text keeps key order and `1.10`.
    pub document: String,
}

/// Whose an order is, which tells who may see it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ownership {
    /// What kind of caller placed it.
    pub placed_by: PlacedBy,
    /// Who owns it.
    #[serde(default)]
    pub customer_id: Option<Id>,
}

impl ReceivedOrder {
    /// Whose it is.
    #[must_use]
    pub fn ownership(&self) -> Ownership {
        Ownership { placed_by: self.placed_by, customer_id: self.customer_id.clone() }
    }
}

/// What is left of an order that was erased: nothing that tells of a person. Its id stays taken, so that neither its
/// sender nor the stream brings it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErasedOrder {
    /// The id that it had.
    pub id: Id,
    /// When it reached `placeOrder`.
    pub received_at: Timestamp,
    /// When it was erased. Only an erased order has this.
    pub erased_at: Timestamp,
}

/// What stands under an order's id.
#[derive(Clone, Debug, PartialEq)]
pub enum StoredOrder {
    /// The order as it came.
    Received(ReceivedOrder),
    /// What is left of it.
    Erased(ErasedOrder),
}

/// What kind of caller placed an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlacedBy {
    /// Somebody with nothing but the API key.
    Guest,
    /// Somebody who is signed in to the user pool.
    Customer,
    /// A system with IAM credentials.
    Backend,
}
