//! `ordersNeedingAttention`: what somebody must look at, and why.

use serde::Deserialize;

use super::super::now;
use super::ReadOrders;
use super::page::{self, Page, STRIDE};
use crate::caller::Caller;
use crate::error::Error;
use crate::order::view::{OrderConnection, OrderStatus};
use crate::order::{Order, Timestamp};
use crate::tables::{Place, Pointer};

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
        let mut place = page::position(arguments.next_token.as_deref(), Place::is_valid)?;
        let now = now();
        for _ in 0..LOOKED_AT / STRIDE {
            let (pointers, next) = self.attention.list(STRIDE.min(page.room()), place.clone()).await?;
            let wanted: Vec<_> =
                pointers.iter().filter(|pointer| pointer.needs_attention(now, self.patience)).collect();
            let mut orders = self.read(wanted.iter().map(|pointer| &pointer.order_id)).await?;
            for pointer in wanted {
                let Some(order) = orders.remove(&pointer.order_id) else { continue };
                let Some(order) = self.in_need(order, pointer, now) else { continue };
                if !page.take(order)? {
                    return page.into_connection(place.as_ref());
                }
                place = Some(Place::after(&pointer.order_id));
            }
            place = next;
            if place.is_none() || page.room() == 0 {
                break;
            }
        }
        page.into_connection(place.as_ref())
    }

    /// The order, if somebody must look at it. A pointer may be stale, so the order decides.
    fn in_need(&self, mut order: Order, pointer: &Pointer, now: Timestamp) -> Option<Order> {
        if pointer.takes_too_long(now, self.patience) {
            let Pointer { attempts, error, .. } = pointer;
            let since = pointer.retrying_since.unwrap_or(pointer.since);
            let error = error.as_deref().unwrap_or("it did not finish");
            order.problems.push(format!("tried again {attempts} times since {since}: {error}"));
            return Some(order);
        }
        (order.status == OrderStatus::NeedsAttention).then_some(order)
    }
}
