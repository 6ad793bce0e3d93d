//! The changes table: what happened to orders, one fact per item, written once; erasing an order takes out what tells of
//! a person.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use super::{all, unavailable, unreadable};
use crate::environment::{Environment, EnvironmentError};
use crate::error::Error;
use crate::order::{Change, Id};

/// What stays of a change when its order is erased.
const KEPT: [&str; 4] = ["orderId", "changeId", "at", "kind"];

/// The changes table.
#[derive(Clone)]
pub struct Changes {
    client: Client,
    table: String,
}

impl Changes {
    /// The table that `CHANGES_TABLE` names.
    ///
    /// # Errors
    /// If the variable is missing.
    pub fn new(client: Client, environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self::named(client, environment.require("CHANGES_TABLE")?.to_owned()))
    }

    /// The table of this name.
    #[must_use]
    pub fn named(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Appends a change and returns the one that now stands under its id: of two with one cause, the first wins.
    ///
    /// # Errors
    /// `Unavailable` if DynamoDB did not answer.
    pub async fn append(&self, change: Change) -> Result<Change, Error> {
        let item: HashMap<String, AttributeValue> = serde_dynamo::to_item(&change).map_err(unreadable)?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(changeId)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = put else { return Ok(change) };
        if let Some(PutItemError::ConditionalCheckFailedException(exists)) = error.as_service_error()
            && let Some(first) = exists.item()
        {
            return serde_dynamo::from_item(first.clone()).map_err(unreadable);
        }
        Err(unavailable("PutItem")(error))
    }

    /// Reads everything that happened to an order, also what was appended a moment ago.
    ///
    /// # Errors
    /// `Unavailable` if DynamoDB did not answer.
    pub async fn of(&self, order_id: &Id) -> Result<Vec<Change>, Error> {
        all(self.query(order_id)).await
    }

    /// Takes everything out of an order's changes but what happened when. Returns of how many something was taken.
    ///
    /// # Errors
    /// `Unavailable` if DynamoDB did not answer.
    pub async fn erase(&self, order_id: &Id) -> Result<usize, Error> {
        let mut items = self.query(order_id).into_paginator().items().send();
        let mut erased = 0;
        while let Some(item) = items.next().await {
            let mut item = item.map_err(unavailable("Query"))?;
            let id = item.get("changeId").cloned();
            if let Some(AttributeValue::S(id)) = id.filter(|id| id.as_s().is_ok_and(|id| Change::is_report(id))) {
                let delete = self.client.delete_item().table_name(&self.table);
                let delete = delete.key("orderId", AttributeValue::S(order_id.0.clone()));
                delete.key("changeId", AttributeValue::S(id)).send().await.map_err(unavailable("DeleteItem"))?;
                erased += 1;
                continue;
            }
            let before = item.len();
            item.retain(|name, _| KEPT.contains(&name.as_str()));
            if item.len() < before {
                let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
                put.send().await.map_err(unavailable("PutItem"))?;
                erased += 1;
            }
        }
        Ok(erased)
    }

    fn query(&self, order_id: &Id) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("orderId = :order")
            .expression_attribute_values(":order", AttributeValue::S(order_id.0.clone()))
            .consistent_read(true)
    }
}
