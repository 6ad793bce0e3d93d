//! `ordersNeedingAttention`: what somebody must look at, and why.

use serde::Deserialize;

use super::super::now;
use super::ReadOrders;
use super::page::{self, Page, STRIDE};
use crate::caller::Caller;
use crate::error::Error;
use crate::order::view::{OrderConnection, OrderStatus};
use crate::order::{Order, Timestamp};
use crate::tables::{Pointer, Reason};

/// The arguments of `Query.ordersNeedingAttention`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "graphql", derive(async_graphql::InputObject))]
pub struct NeedingAttentionArguments {
    /// How many at most.
    pub limit: Option<i32>,
    /// Where the previous page ended.
    pub next_token: Option<String>,
}

/// How many pointers one page looks at: in an outage most of them lead to orders that are merely retried.
const LOOKED_AT: usize = 1_000;

impl ReadOrders {
    pub(super) async fn needing_attention(
        &self,
        caller: &Caller,
        arguments: NeedingAttentionArguments,
    ) -> Result<OrderConnection, Error> {
        if !caller.may_see_all() {
            return Err(Error::not_authorized("ordersNeedingAttention", "Query"));
        }
        let mut page = Page::new(page::limit(arguments.limit)?);
        let mut place = page::position(arguments.next_token.as_deref())?;
        let now = now();
        for _ in 0..LOOKED_AT / STRIDE {
            let wanted = STRIDE.min(page.room());
            let (pointers, next) = self.attention.list(wanted, place).await?;
            for order in self.in_need(&pointers, now).await? {
                page.push(order);
            }
            place = next;
            if place.is_none() || page.is_full() {
                break;
            }
        }
        Ok(OrderConnection { items: page.items, next_token: place.as_ref().map(page::token).transpose()? })
    }

    /// The orders behind the pointers that somebody must look at. A pointer may be stale, so the order decides.
    async fn in_need(&self, pointers: &[Pointer], now: Timestamp) -> Result<Vec<Order>, Error> {
        let too_long = |pointer: &Pointer| pointer.next.is_some() && now.since(pointer.since) > self.patience;
        let wanted = pointers.iter().filter(|pointer| pointer.reason != Reason::Retry || too_long(pointer));
        let ids: Vec<_> = wanted.clone().map(|pointer| pointer.order_id.clone()).collect();
        let received = self.orders.get_all(&ids).await?;
        let mut orders = self.with_changes(&received).await?;
        for order in &mut orders {
            let pointer = wanted.clone().find(|pointer| pointer.order_id == order.id && too_long(pointer));
            if let Some(Pointer { since, attempts, error, .. }) = pointer {
                let error = error.as_deref().unwrap_or("it did not finish");
                order.problems.push(format!("tried again {attempts} times since {since}: {error}"));
            }
        }
        let in_need = |order: &Order| {
            order.status == OrderStatus::NeedsAttention
                || wanted.clone().any(|pointer| pointer.order_id == order.id && too_long(pointer))
        };
        orders.retain(in_need);
        Ok(orders)
    }
}
