//! The Lambda `order`: everything that reads orders. One file per kind of field.
//!
//! `order`, `orders`, `ordersNeedingAttention`, the two publish mutations, and who may subscribe.

mod needing_attention;
mod one;
mod own;
mod page;
mod publish;
mod subscribe;

pub use needing_attention::NeedingAttentionArguments;
pub use one::OrderArguments;
pub use own::OrdersArguments;
pub use publish::PublishArguments;

use std::time::Duration;

use lambda_runtime::LambdaEvent;
use serde::Serialize;

use super::fulfil_orders::Retries;
use crate::appsync::ResolverEvent;
use crate::aws::Aws;
use crate::caller::Caller;
use crate::environment::{Environment, EnvironmentError};
use crate::error::Error;
use crate::order::Order;
use crate::order::view::OrderConnection;
use crate::tables::{Attention, Changes, Orders};

/// The Lambda `order`.
#[derive(Clone)]
pub struct ReadOrders {
    aws: Aws,
    orders: Orders,
    changes: Changes,
    attention: Attention,
    /// How long an order is retried before somebody should know.
    patience: Duration,
}

/// The value of the field that was asked for.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// An order; `null` if there is none that the caller may see.
    Order(Option<Box<Order>>),
    /// A page of orders.
    Page(OrderConnection),
    /// `null`: the subscription may start.
    MaySubscribe(()),
}

impl ReadOrders {
    /// Sets the Lambda up.
    ///
    /// # Errors
    /// If the environment lacks something.
    pub fn new(environment: &Environment) -> Result<Self, EnvironmentError> {
        let aws = Aws::new(environment)?;
        let client = aws.dynamodb();
        Ok(Self {
            aws,
            orders: Orders::new(client.clone(), environment)?,
            changes: Changes::new(client.clone(), environment)?,
            attention: Attention::new(client, environment)?,
            patience: Retries::new(environment)?.patience(),
        })
    }

    /// Opens the connection that it will need.
    pub async fn connect(&self) {
        self.aws.connect(None).await;
    }

    /// Resolves one field.
    ///
    /// # Errors
    /// `InvalidArgument`, `Unauthorized`, `Unavailable`.
    pub async fn handle(&self, event: LambdaEvent<ResolverEvent>) -> Result<Answer, Error> {
        let event = event.payload;
        let caller = Caller::new(event.identity.as_ref())?;
        let field = (event.info.parent_type_name.as_str(), event.info.field_name.as_str());
        match field {
            ("Query", "order") => self.one(&caller, event.arguments()?).await.map(Answer::Order),
            ("Query", "orders") => self.own(&caller, event.arguments()?).await.map(Answer::Page),
            ("Query", "ordersNeedingAttention") => {
                self.needing_attention(&caller, event.arguments()?).await.map(Answer::Page)
            }
            ("Mutation", "publishOrderFulfilled" | "publishOrderChanged") => {
                self.publish(&caller, &event).await.map(Answer::Order)
            }
            ("Subscription", _) => self.may_subscribe(&caller, &event).await.map(Answer::MaySubscribe),
            (parent_type, field) => {
                tracing::error!(parent_type, field, "no such field here");
                Err(Error::not_authorized(field, parent_type))
            }
        }
    }
}
