//! The orders table: each order as it was received, written once; or what is left of one that was erased.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure};
use serde::{Deserialize, Serialize};

use super::{ITEM_LIMIT, is_key, unavailable, unreadable};
use crate::environment::{Environment, EnvironmentError};
use crate::error::Error;
use crate::order::{ErasedOrder, Id, Ownership, ReceivedOrder, StoredOrder, Timestamp};

/// The index by owner and time, keys only.
const BY_CUSTOMER: &str = "byCustomer";

/// What only an erased order has.
const ERASED: &str = "erasedAt";

/// How long to wait when nothing of a batch was read.
const THROTTLED: Duration = Duration::from_millis(100);

/// The orders table.
#[derive(Clone)]
pub struct Orders {
    client: Client,
    table: String,
}

/// What became of an order that was to be placed.
#[derive(Debug)]
pub enum Placed {
    /// It is stored now.
    New,
    /// There is one under this id, and this is it.
    Before(ReceivedOrder),
    /// There was one under this id, and it was erased.
    Erased,
}

/// Where an order stands in the index by owner and time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    /// When it was received, as it is stored.
    pub received_at: String,
    /// Its id.
    pub id: Id,
}

impl Position {
    /// Whether a listing can go on there: a token may come from anywhere.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        is_key(&self.id) && self.received_at.parse::<Timestamp>().is_ok()
    }
}

impl Orders {
    /// The table that `ORDERS_TABLE` names.
    ///
    /// # Errors
    /// If the variable is missing.
    pub fn new(client: Client, environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self::named(client, environment.require("ORDERS_TABLE")?.to_owned()))
    }

    /// The table of this name.
    #[must_use]
    pub fn named(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Stores an order, unless there is one under its id.
    ///
    /// # Errors
    /// `InvalidOrder` if it does not fit in one item, `Unavailable` if DynamoDB did not answer.
    pub async fn place(&self, order: &ReceivedOrder) -> Result<Placed, Error> {
        let item: HashMap<String, AttributeValue> = serde_dynamo::to_item(order).map_err(unreadable)?;
        let size = item_size(&item);
        if size > ITEM_LIMIT {
            return Err(Error::InvalidOrder(format!(
                "The order is too large: it would take {size} bytes to store, and the limit is {ITEM_LIMIT}."
            )));
        }
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(id)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = put else { return Ok(Placed::New) };
        if let Some(PutItemError::ConditionalCheckFailedException(exists)) = error.as_service_error()
            && let Some(before) = exists.item()
        {
            let StoredOrder::Received(before) = stored_order(before.clone()).map_err(unreadable)? else {
                return Ok(Placed::Erased);
            };
            // A put whose answer was lost and that the SDK repeated finds itself.
            return Ok(if before == *order { Placed::New } else { Placed::Before(before) });
        }
        let unavailable = unavailable("PutItem")(error);
        // It may have been stored, and only the answer lost.
        match self.get(&order.id).await {
            Ok(Some(stored)) if stored == *order => Ok(Placed::New),
            _ => Err(unavailable),
        }
    }

    /// Reads an order, also one that was written a moment ago. One that was erased is not there.
    ///
    /// # Errors
    /// `Unavailable` if DynamoDB did not answer.
    pub async fn get(&self, id: &Id) -> Result<Option<ReceivedOrder>, Error> {
        Ok(match self.find(id).await? {
            Some(StoredOrder::Received(order)) => Some(order),
            Some(StoredOrder::Erased(_)) | None => None,
        })
    }

    /// Reads what stands under an id: the order, or what is left of it.
    ///
    /// # Errors
    /// `Unavailable` if DynamoDB did not answer.
    pub async fn find(&self, id: &Id) -> Result<Option<StoredOrder>, Error> {
        if !is_key(id) {
            return Ok(None);
        }
        let got = self.get_item(id).send().await.map_err(unavailable("GetItem"))?;
        got.item.map(stored_order).transpose().map_err(unreadable)
    }

    /// Reads whose an order is, also of one that was written a moment ago; nobody's if it was erased. The document stays
    /// where it is, so that time tells whoever may not see a large order less of its being there.
    ///
    /// # Errors
    /// `Unavailable` if DynamoDB did not answer.
    pub async fn ownership(&self, id: &Id) -> Result<Option<Ownership>, Error> {
        if !is_key(id) {
            return Ok(None);
        }
        let wanted = format!("placedBy, customerId, {ERASED}");
        let got = self.get_item(id).projection_expression(wanted).send().await.map_err(unavailable("GetItem"))?;
        let item = got.item.filter(|item| !item.contains_key(ERASED));
        item.map(serde_dynamo::from_item).transpose().map_err(unreadable)
    }

    /// Whether there was an order under this id, and it was erased.
    ///
    /// # Errors
    /// `Unavailable` if DynamoDB did not answer.
    pub async fn is_erased(&self, id: &Id) -> Result<bool, Error> {
        if !is_key(id) {
            return Ok(false);
        }
        let got = self.get_item(id).projection_expression(ERASED).send().await.map_err(unavailable("GetItem"))?;
        Ok(got.item.is_some_and(|item| item.contains_key(ERASED)))
    }

    /// Replaces an order by what is to be left of it. One that is erased already stays as it is.
    ///
    /// # Errors
    /// `Unavailable` if DynamoDB did not answer.
    pub async fn erase(&self, left: &ErasedOrder) -> Result<(), Error> {
        let item: HashMap<String, AttributeValue> = serde_dynamo::to_item(left).map_err(unreadable)?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_exists(id) AND attribute_not_exists(erasedAt)")
            .send()
            .await;
        match put {
            Err(error)
                if !matches!(error.as_service_error(), Some(PutItemError::ConditionalCheckFailedException(_))) =>
            {
                Err(unavailable("PutItem")(error))
            }
            _ => Ok(()),
        }
    }

    fn get_item(&self, id: &Id) -> GetItemFluentBuilder {
        let key = AttributeValue::S(id.0.clone());
        self.client.get_item().table_name(&self.table).key("id", key).consistent_read(true)
    }

    /// Reads several orders, in any order; one that is not there, or was erased, is left out.
    ///
    /// # Errors
    /// `Unavailable` if DynamoDB did not answer.
    pub async fn get_all(&self, ids: &[Id]) -> Result<Vec<ReceivedOrder>, Error> {
        let mut found = Vec::new();
        let keys = ids.iter().map(|id| HashMap::from([("id".to_owned(), AttributeValue::S(id.0.clone()))]));
        let mut keys: Vec<_> = keys.collect();
        while !keys.is_empty() {
            let asked = keys.split_off(keys.len().saturating_sub(100));
            let wanted = KeysAndAttributes::builder().set_keys(Some(asked)).consistent_read(true).build();
            let wanted = wanted.map_err(|_| Error::Unavailable)?;
            let got = self
                .client
                .batch_get_item()
                .request_items(&self.table, wanted)
                .send()
                .await
                .map_err(unavailable("BatchGetItem"))?;
            let items = got.responses.unwrap_or_default().remove(&self.table).unwrap_or_default();
            if items.is_empty() && got.unprocessed_keys.as_ref().is_some_and(|keys| !keys.is_empty()) {
                // The table is throttled; the SDK does not wait for keys that were merely not processed.
                tokio::time::sleep(THROTTLED).await;
            }
            for item in items {
                if let StoredOrder::Received(order) = stored_order(item).map_err(unreadable)? {
                    found.push(order);
                }
            }
            if let Some(more) = got.unprocessed_keys.unwrap_or_default().remove(&self.table) {
                keys.extend(more.keys);
            }
        }
        Ok(found)
    }

    /// Where a customer's orders stand, newest first, at most `limit` of them, after `start` if that is given.
    ///
    /// # Errors
    /// `Unavailable` if DynamoDB did not answer.
    pub async fn positions(
        &self,
        customer: &Id,
        limit: usize,
        start: Option<&Position>,
    ) -> Result<Vec<Position>, Error> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut start = start.map(|position| {
            HashMap::from([
                ("id".to_owned(), text(position.id.as_str())),
                ("customerId".to_owned(), text(customer.as_str())),
                ("receivedAt".to_owned(), text(&position.received_at)),
            ])
        });
        let mut positions = Vec::new();
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(BY_CUSTOMER)
                .key_condition_expression("customerId = :customer")
                .expression_attribute_values(":customer", text(customer.as_str()))
                .scan_index_forward(false)
                .limit(i32::try_from(limit - positions.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable("Query"))?;
            for item in page.items.unwrap_or_default() {
                positions.push(serde_dynamo::from_item(item).map_err(unreadable)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() || positions.len() >= limit {
                return Ok(positions);
            }
        }
    }
}

/// What an item of this table holds, wherever it comes from.
pub(crate) fn stored_order(item: impl Into<serde_dynamo::Item>) -> Result<StoredOrder, serde_dynamo::Error> {
    let item = item.into();
    Ok(if item.contains_key(ERASED) {
        StoredOrder::Erased(serde_dynamo::from_item(item)?)
    } else {
        StoredOrder::Received(serde_dynamo::from_item(item)?)
    })
}

/// What an item counts against DynamoDB's limit: the UTF-8 bytes of its names and values.
/// Source: Amazon DynamoDB developer guide, "DynamoDB Item sizes and formats".
fn item_size(item: &HashMap<String, AttributeValue>) -> usize {
    item.iter().map(|(name, value)| name.len() + value.as_s().map_or(0, String::len)).sum()
}
