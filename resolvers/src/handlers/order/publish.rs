//! `publishOrderFulfilled` and `publishOrderChanged`: the order is read again, and AppSync broadcasts the answer.

use serde::Deserialize;

use super::super::current;
use super::ReadOrders;
use crate::appsync::ResolverEvent;
use crate::caller::Caller;
use crate::error::Error;
use crate::order::{Id, Order};

/// The arguments of `Mutation.publishOrderFulfilled` and `Mutation.publishOrderChanged`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "graphql", derive(async_graphql::InputObject))]
pub struct PublishArguments {
    /// Which order.
    pub id: Id,
}

impl ReadOrders {
    pub(super) async fn publish(&self, caller: &Caller, event: &ResolverEvent) -> Result<Option<Box<Order>>, Error> {
        let Caller::Backend { .. } = caller else {
            return Err(Error::not_authorized(&event.info.field_name, &event.info.parent_type_name));
        };
        let PublishArguments { id } = event.arguments()?;
        let Some(received) = self.orders.get(&id).await? else { return Ok(None) };
        let changes = self.changes.of(&id).await?;
        let order = current(&received, &changes).for_broadcast();
        tracing::debug!(order_id = %order.id, status = ?order.status, "{}", event.info.field_name);
        Ok(Some(Box::new(order)))
    }
}
