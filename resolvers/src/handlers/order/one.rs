//! `order`: one order, as it stands now or stood at a moment.

use serde::Deserialize;

use super::super::as_of;
use super::ReadOrders;
use crate::caller::Caller;
use crate::error::Error;
use crate::order::{Id, Order, Timestamp};

/// The arguments of `Query.order`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "graphql", derive(async_graphql::InputObject))]
pub struct OrderArguments {
    /// Which order.
    pub id: Id,
    /// At which moment; `None` for now.
    pub as_of: Option<Timestamp>,
}

impl ReadOrders {
    pub(super) async fn one(&self, caller: &Caller, arguments: OrderArguments) -> Result<Option<Box<Order>>, Error> {
        let received = self.orders.get(&arguments.id).await?;
        let Some(received) = received.filter(|received| caller.may_see(&received.ownership())) else { return Ok(None) };
        let changes = self.changes.of(&received.id).await?;
        Ok(as_of(&received, &changes, arguments.as_of).map(Box::new))
    }
}
