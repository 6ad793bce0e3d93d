//! Telling whoever waits: a mutation back through AppSync, which broadcasts its answer to the subscribers.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::aws::Aws;
use crate::environment::{Environment, EnvironmentError};
use crate::order::view::OrderStatus;
use crate::order::{Id, Order};

const TIMEOUT: Duration = Duration::from_secs(10);

/// How much of AppSync's answer is read, in bytes. It is at most as large as a broadcast order and its errors.
const READ_LIMIT: usize = 2 * 1024 * 1024;

/// What AppSync is asked to select, and so all that subscribers can select: everything but the document.
pub const SELECTION: &str = "{ id customerId reference format status receivedAt fulfilledAt \
    customer { name email } \
    shippingAddress { name lines city region postalCode country phone } \
    lines { id sku title quantity fulfilledQuantity unitPrice { amount currency } } \
    total { amount currency } \
    changes { id at kind reference lines { line quantity } reason } \
    problems }";

/// AppSync, as it is told of changes.
#[derive(Clone)]
pub struct Publisher {
    aws: Aws,
    url: String,
}

/// The order was not announced.
#[derive(Debug, thiserror::Error)]
#[error("publishing failed: {0}")]
pub struct NotPublished(String);

#[derive(Deserialize)]
struct GraphqlAnswer {
    data: Option<HashMap<String, Option<Announced>>>,
    #[serde(default)]
    errors: Vec<GraphqlError>,
}

#[derive(Deserialize)]
struct Announced {
    status: OrderStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GraphqlError {
    error_type: Option<String>,
    message: Option<String>,
}

impl Publisher {
    /// The AppSync API that `APPSYNC_URL` names.
    ///
    /// # Errors
    /// If the variable is missing.
    pub fn new(aws: Aws, environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self { aws, url: environment.require("APPSYNC_URL")?.to_owned() })
    }

    /// Opens the connections that every announcement needs, and every order.
    pub async fn connect(&self) {
        self.aws.connect(Some(&self.url)).await;
    }

    /// Announces what has just happened to an order: that it is fulfilled, or else that it has changed. If AppSync
    /// reads it as fulfilled after all, because a report came in beside it, that is announced as well.
    ///
    /// # Errors
    /// If any of it could not be announced.
    pub async fn announce(&self, order: &Order) -> Result<(), NotPublished> {
        if order.status != OrderStatus::Fulfilled
            && self.publish("publishOrderChanged", &order.id).await? != OrderStatus::Fulfilled
        {
            return Ok(());
        }
        match self.publish("publishOrderFulfilled", &order.id).await? {
            OrderStatus::Fulfilled => Ok(()),
            // The resolver runs other code than this: tell again once both agree.
            status => Err(NotPublished(format!("the order is fulfilled, but AppSync reads it as {status:?}"))),
        }
    }

    async fn publish(&self, mutation: &'static str, id: &Id) -> Result<OrderStatus, NotPublished> {
        let query = format!("mutation Publish($id: ID!) {{ {mutation}(id: $id) {SELECTION} }}");
        let body = json!({ "query": query, "variables": { "id": id } }).to_string();
        let request = self.aws.signed_post("appsync", &self.url, &[("content-type", "application/json")], body);
        let request = request.map_err(|error| NotPublished(error.to_string()))?;
        let answer = self.aws.http.send(&request, TIMEOUT, READ_LIMIT).await;
        let answer = answer.map_err(|error| NotPublished(error.to_string()))?;
        if answer.status != 200 {
            return Err(NotPublished(format!("AppSync answered {}", answer.status)));
        }
        let graphql: GraphqlAnswer = serde_json::from_slice(&answer.body)
            .map_err(|_| NotPublished("AppSync answered with something else than GraphQL".to_owned()))?;
        if let Some(error) = graphql.errors.first() {
            let kind = error.error_type.as_deref().unwrap_or("an error");
            let message = error.message.as_deref().unwrap_or_default();
            return Err(NotPublished(format!("AppSync answered {kind}: {message}")));
        }
        match graphql.data.and_then(|mut data| data.remove(mutation)).flatten() {
            Some(announced) => Ok(announced.status),
            None => Err(NotPublished("AppSync found no such order".to_owned())),
        }
    }
}
