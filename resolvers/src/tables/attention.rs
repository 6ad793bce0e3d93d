//! The attention table: work, not facts. One pointer for each order that somebody or something must come back to.
//!
//! A pointer is put before the step that needs it, or, where the stream delivers again, when that step fails. It is
//! removed once the order is through, so it may be stale: whoever reads one checks the order. Pointers are spread over
//! shards by the order's id and listed by Query.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use futures::{Stream, stream};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{is_key, unavailable, unreadable};
use crate::environment::{Environment, EnvironmentError};
use crate::error::Error;
use crate::order::{Id, Timestamp};

/// The attention table.
#[derive(Clone)]
pub struct Attention {
    client: Client,
    table: String,
}

/// Why somebody must come back to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// A step failed and is tried again.
    Retry,
    /// The warehouse refused it.
    Refused,
    /// Nothing understood it.
    NotUnderstood,
}

/// Which question to the warehouse is open when an order is tried again: the `k` of `warehouse/<k>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// This one, unless another is open already.
    UnlessOpen(u32),
    /// This one, whatever was open: somebody asks anew.
    Anew(u32),
}

/// One pointer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pointer {
    /// Which order.
    pub order_id: Id,
    /// Why; a refusal or a failed reading outlives that it is tried again.
    pub reason: Reason,
    /// Since when there is a pointer.
    pub since: Timestamp,
    /// How often it was put off since `retrying_since`.
    #[serde(default)]
    pub attempts: u32,
    /// Since when it is tried again; `None` if it is not.
    pub retrying_since: Option<Timestamp>,
    /// How often it was put off altogether: a pointer is removed only as it was seen.
    #[serde(default)]
    pub version: u32,
    /// When it is tried again; `None` if that needs a person.
    pub next: Option<Timestamp>,
    /// Which question to the warehouse is open: the `k` of `warehouse/<k>`.
    pub question: Option<u32>,
    /// What went wrong last.
    pub error: Option<String>,
}

/// Where a listing goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    shard: u8,
    after: Option<Id>,
}

impl Attention {
    /// Over how many partitions pointers are spread. One partition takes 1,000 writes a second.
    pub const SHARDS: u8 = 16;

    /// The table that `ATTENTION_TABLE` names.
    ///
    /// # Errors
    /// If the variable is missing.
    pub fn new(client: Client, environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self::named(client, environment.require("ATTENTION_TABLE")?.to_owned()))
    }

    /// The table of this name.
    #[must_use]
    pub fn named(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Points to an order that a person must look at. Until the fact itself is appended and announced, it is tried again:
    /// at `next`, unless that is settled already. Returns the pointer as it is then; it has a question only if somebody
    /// else has put the order off.
    ///
    /// # Errors
    /// `Unavailable` if DynamoDB did not answer.
    pub async fn point(
        &self,
        order_id: &Id,
        reason: Reason,
        now: Timestamp,
        next: Timestamp,
    ) -> Result<Pointer, Error> {
        let reason = serde_dynamo::to_attribute_value(reason).map_err(unreadable)?;
        let updated = self
            .update(order_id)
            .update_expression(
                "SET reason = :reason, since = if_not_exists(since, :now), \
                 version = if_not_exists(version, :zero), #next = if_not_exists(#next, :next)",
            )
            .expression_attribute_names("#next", "next")
            .expression_attribute_values(":next", AttributeValue::S(next.to_string()))
            .expression_attribute_values(":reason", reason)
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .expression_attribute_values(":zero", number(0))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(unavailable("UpdateItem"))?;
        serde_dynamo::from_item(updated.attributes.unwrap_or_default()).map_err(unreadable)
    }

    /// Has an order tried again at `next`, and returns the pointer as it is then. An earlier reason stays.
    ///
    /// # Errors
    /// `Unavailable` if DynamoDB did not answer.
    pub async fn retry(
        &self,
        order_id: &Id,
        question: Question,
        error: &str,
        now: Timestamp,
        next: Timestamp,
    ) -> Result<Pointer, Error> {
        let short: String = error.chars().take(500).collect();
        let (question, set_question) = match question {
            Question::UnlessOpen(question) => (question, "question = if_not_exists(question, :question)"),
            Question::Anew(question) => (question, "question = :question"),
        };
        let updated = self
            .update(order_id)
            .update_expression(format!(
                "SET reason = if_not_exists(reason, :retry), since = if_not_exists(since, :now), \
                 retryingSince = if_not_exists(retryingSince, :now), \
                 attempts = if_not_exists(attempts, :zero) + :one, version = if_not_exists(version, :zero) + :one, \
                 {set_question}, #next = :next, #error = :error",
            ))
            .expression_attribute_names("#next", "next")
            .expression_attribute_names("#error", "error")
            .expression_attribute_values(":retry", AttributeValue::S("RETRY".to_owned()))
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .expression_attribute_values(":next", AttributeValue::S(next.to_string()))
            .expression_attribute_values(":question", number(question))
            .expression_attribute_values(":error", AttributeValue::S(short))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(unavailable("UpdateItem"))?;
        serde_dynamo::from_item(updated.attributes.unwrap_or_default()).map_err(unreadable)
    }

    /// Nothing is left to try; what remains needs a person. Leaves the pointer alone if it was put off again since it
    /// was `seen`.
    ///
    /// # Errors
    /// `Unavailable` if DynamoDB did not answer.
    pub async fn stop_retrying(&self, seen: &Pointer) -> Result<(), Error> {
        let updated = self
            .update(&seen.order_id)
            .update_expression("REMOVE #next, question, #error, retryingSince, attempts")
            .condition_expression("version = :version")
            .expression_attribute_names("#next", "next")
            .expression_attribute_names("#error", "error")
            .expression_attribute_values(":version", number(seen.version))
            .send()
            .await;
        match updated {
            Err(error)
                if !matches!(error.as_service_error(), Some(UpdateItemError::ConditionalCheckFailedException(_))) =>
            {
                Err(unavailable("UpdateItem")(error))
            }
            _ => Ok(()),
        }
    }

    /// Removes a pointer, unless somebody has come to it for another reason or put it off since it was `seen`.
    ///
    /// # Errors
    /// `Unavailable` if DynamoDB did not answer.
    pub async fn remove(&self, seen: &Pointer) -> Result<(), Error> {
        let reason = serde_dynamo::to_attribute_value(seen.reason).map_err(unreadable)?;
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("shard", AttributeValue::S(shard_of(&seen.order_id)))
            .key("orderId", AttributeValue::S(seen.order_id.0.clone()))
            .condition_expression("version = :version AND reason = :reason")
            .expression_attribute_values(":version", number(seen.version))
            .expression_attribute_values(":reason", reason)
            .send()
            .await;
        match deleted {
            Err(error)
                if !matches!(error.as_service_error(), Some(DeleteItemError::ConditionalCheckFailedException(_))) =>
            {
                Err(unavailable("DeleteItem")(error))
            }
            _ => Ok(()),
        }
    }

    /// Removes the pointer to an order that there is nothing left to do for, whoever has put it. Whether there was one.
    ///
    /// # Errors
    /// `Unavailable` if DynamoDB did not answer.
    pub async fn forget(&self, order_id: &Id) -> Result<bool, Error> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("shard", AttributeValue::S(shard_of(order_id)))
            .key("orderId", AttributeValue::S(order_id.0.clone()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(unavailable("DeleteItem"))?;
        Ok(deleted.attributes.is_some())
    }

    /// The pointer to an order, if there is one.
    ///
    /// # Errors
    /// `Unavailable` if DynamoDB did not answer.
    pub async fn get(&self, order_id: &Id) -> Result<Option<Pointer>, Error> {
        let got = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("shard", AttributeValue::S(shard_of(order_id)))
            .key("orderId", AttributeValue::S(order_id.0.clone()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable("GetItem"))?;
        got.item.map(serde_dynamo::from_item).transpose().map_err(unreadable)
    }

    /// Every pointer of a shard, without what went wrong last: page after page, as they are asked for. Not only what is
    /// due: DynamoDB reads and bills what a filter leaves out all the same.
    ///
    /// An item that cannot be read is `Unavailable` in its place, and so is DynamoDB not answering, which ends it.
    pub fn shard(&self, shard: u8) -> impl Stream<Item = Result<Pointer, Error>> + Send + use<> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#shard = :shard")
            .projection_expression("orderId, reason, since, attempts, retryingSince, version, #next, question")
            .expression_attribute_names("#shard", "shard")
            .expression_attribute_names("#next", "next")
            .expression_attribute_values(":shard", AttributeValue::S(shard_name(shard)))
            .consistent_read(true);
        stream::unfold(query.into_paginator().items().send(), |mut items| async {
            let item = items.next().await?.map_err(unavailable("Query"));
            let pointer = item.and_then(|item| serde_dynamo::from_item(item).map_err(unreadable));
            Some((pointer, items))
        })
    }

    /// Up to `limit` pointers, shard by shard, and where the listing goes on; `None` at its end.
    ///
    /// # Errors
    /// `Unavailable` if DynamoDB did not answer.
    pub async fn list(&self, limit: usize, from: Option<Place>) -> Result<(Vec<Pointer>, Option<Place>), Error> {
        let mut place = from.unwrap_or(Place { shard: 0, after: None });
        let mut pointers = Vec::new();
        while place.shard < Self::SHARDS {
            let shard = shard_name(place.shard);
            let start = place.after.as_ref().map(|after| {
                HashMap::from([
                    ("shard".to_owned(), AttributeValue::S(shard.clone())),
                    ("orderId".to_owned(), AttributeValue::S(after.0.clone())),
                ])
            });
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("#shard = :shard")
                .expression_attribute_names("#shard", "shard")
                .expression_attribute_values(":shard", AttributeValue::S(shard))
                .limit(i32::try_from(limit - pointers.len()).unwrap_or(i32::MAX))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable("Query"))?;
            for item in page.items.unwrap_or_default() {
                let pointer: Pointer = serde_dynamo::from_item(item).map_err(unreadable)?;
                place.after = Some(pointer.order_id.clone());
                pointers.push(pointer);
            }
            if page.last_evaluated_key.is_none() {
                place = Place { shard: place.shard + 1, after: None };
            }
            if pointers.len() >= limit {
                break;
            }
        }
        let more = (place.shard < Self::SHARDS).then_some(place);
        Ok((pointers, more))
    }

    fn update(&self, order_id: &Id) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("shard", AttributeValue::S(shard_of(order_id)))
            .key("orderId", AttributeValue::S(order_id.0.clone()))
    }
}

impl Pointer {
    /// Whether a person must look at it, as far as the pointer tells: what is merely tried again leads to nothing, unless
    /// that takes longer than `patience`.
    #[must_use]
    pub fn needs_attention(&self, now: Timestamp, patience: Duration) -> bool {
        self.reason != Reason::Retry || self.takes_too_long(now, patience)
    }

    /// Whether it is tried again for longer than `patience`.
    #[must_use]
    pub fn takes_too_long(&self, now: Timestamp, patience: Duration) -> bool {
        self.retrying_since.is_some_and(|since| now.since(since) > patience)
    }
}

impl Place {
    /// Whether a listing can go on there: a token may come from anywhere.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        // As a sort key, an order's id may have no more than 1,024 bytes.
        self.shard < Attention::SHARDS && self.after.as_ref().is_none_or(|id| is_key(id) && id.as_str().len() <= 1024)
    }

    /// The place right after the pointer to that order.
    #[must_use]
    pub fn after(order_id: &Id) -> Self {
        Self { shard: shard_index(order_id), after: Some(order_id.clone()) }
    }
}

fn shard_index(order_id: &Id) -> u8 {
    Sha256::digest(order_id.as_str())[0] % Attention::SHARDS
}

fn shard_of(order_id: &Id) -> String {
    shard_name(shard_index(order_id))
}

fn shard_name(shard: u8) -> String {
    format!("{shard:02}")
}

fn number(number: u32) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
