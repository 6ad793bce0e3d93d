//! Bugs put in on purpose, to see that the audit finds them. None is in the product: each is acted out by an edge, as if
//! the code beside it did it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::body::Bytes;
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::edge::{Answer, Asked, Upstream, answer};

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Bug {
    /// A change is put without its condition.
    PutsWithoutCondition,
    /// A change is published before it is put.
    PublishesBeforeThePut,
    /// The stream's checkpoint moves on before the work is done, which then is not.
    MovesTheCheckpointFirst,
    /// An order is acknowledged and not stored.
    AcknowledgesWithoutStoring,
    /// A document is stored a little different from what was sent.
    ChangesDocuments,
    /// An order is not announced, and taken to be.
    SwallowsAnnouncements,
    /// An order that is put off is forgotten.
    ForgetsRetries,
    /// The warehouse is asked under a new key each time.
    AsksUnderNewKeys,
    /// A batch that was given up is not kept.
    LosesGivenUpBatches,
}

/// Acts a bug out, in some of a hundred cases.
pub(crate) struct Plant {
    bug: Option<Bug>,
    dice: Dice,
    /// Puts that wait until the order is published.
    held: Mutex<HashMap<String, Vec<Asked>>>,
}

impl Plant {
    pub(crate) fn new(bug: Option<Bug>, dice: Dice) -> Self {
        Self { bug, dice, held: Mutex::default() }
    }

    /// Whether this bug shows with this order.
    pub(crate) fn shows(&self, bug: Bug, order: &str) -> bool {
        self.bug == Some(bug) && self.dice.percent(50, &["bug", order])
    }

    /// What the bug makes of a request to DynamoDB: an answer in its stead, or another request.
    pub(crate) fn tampers(&self, step: &str, order: &str, asked: &mut Asked, body: &Value) -> Option<Answer> {
        let puts = |table: &str| step.starts_with("PutItem") && step.contains(table);
        let mut body = body.clone();
        if puts("ChangesTable") && self.shows(Bug::PutsWithoutCondition, order) {
            let members = body.as_object_mut()?;
            members.remove("ConditionExpression");
            members.remove("ReturnValuesOnConditionCheckFailure");
        } else if puts("ChangesTable") && self.shows(Bug::PublishesBeforeThePut, order) {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.entry(order.to_owned()).or_default().push(asked.clone());
            return Some(answer(200, "{}"));
        } else if puts("OrdersTable") && self.shows(Bug::AcknowledgesWithoutStoring, order) {
            return Some(answer(200, "{}"));
        } else if puts("OrdersTable") && self.shows(Bug::ChangesDocuments, order) {
            let document = body.pointer_mut("/Item/document/S")?;
            *document = Value::String(format!("{} ", document.as_str()?));
        } else if step.starts_with("UpdateItem")
            && body["ExpressionAttributeValues"][":next"].is_object()
            && self.shows(Bug::ForgetsRetries, order)
        {
            let pointer = json!({ "orderId": { "S": order }, "reason": { "S": "RETRY" },
                                  "since": body["ExpressionAttributeValues"][":now"] });
            return Some(answer(200, json!({ "Attributes": pointer }).to_string()));
        } else {
            return None;
        }
        asked.body = Bytes::from(body.to_string());
        None
    }

    /// What the bug answers to a request to publish.
    pub(crate) fn swallows(&self, mutation: &str, order: &str) -> Option<Answer> {
        let status = if mutation == "publishOrderFulfilled" { "FULFILLED" } else { "RECEIVED" };
        let told = || answer(200, json!({ "data": { mutation: { "status": status } } }).to_string());
        (mutation.starts_with("publish") && self.shows(Bug::SwallowsAnnouncements, order)).then(told)
    }

    /// The order was published.
    pub(crate) async fn published(&self, order: &str, database: &Upstream) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(order).unwrap_or_default();
        for put in held {
            database.ask(put).await;
        }
    }
}
