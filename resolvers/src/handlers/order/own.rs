//! `orders`: the caller's own orders, newest first.

use serde::Deserialize;

use super::super::current;
use super::ReadOrders;
use super::page::{self, Page, STRIDE};
use crate::caller::Caller;
use crate::error::Error;
use crate::order::view::OrderConnection;
use crate::order::{Order, ReceivedOrder};

/// The arguments of `Query.orders`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "graphql", derive(async_graphql::InputObject))]
pub struct OrdersArguments {
    /// How many at most.
    pub limit: Option<i32>,
    /// Where the previous page ended.
    pub next_token: Option<String>,
}

impl ReadOrders {
    /// A token says only where in the caller's own list to go on, so that somebody else's opens nothing.
    pub(super) async fn own(&self, caller: &Caller, arguments: OrdersArguments) -> Result<OrderConnection, Error> {
        let Caller::Customer { sub, .. } = caller else { return Err(Error::not_authorized("orders", "Query")) };
        let limit = page::limit(arguments.limit)?;
        let start = page::position(arguments.next_token.as_deref())?;
        // One more than wanted tells whether there is a next page.
        let positions = self.orders.positions(sub, limit + 1, start.as_ref()).await?;
        let (wanted, more) = positions.split_at(limit.min(positions.len()));
        let (mut page, mut last) = (Page::new(limit), None);
        for stride in wanted.chunks(STRIDE) {
            let ids: Vec<_> = stride.iter().map(|position| position.id.clone()).collect();
            let received = self.orders.get_all(&ids).await?;
            for order in self.with_changes(&received).await? {
                page.push(order);
            }
            last = stride.last();
            if page.is_full() {
                break;
            }
        }
        let at_end = more.is_empty() && last == wanted.last();
        let next_token = last.filter(|_| !at_end).map(page::token).transpose()?;
        Ok(OrderConnection { items: page.items, next_token })
    }

    /// The orders as they stand now.
    pub(super) async fn with_changes(&self, received: &[ReceivedOrder]) -> Result<Vec<Order>, Error> {
        let reads = received.iter().map(|received| async {
            let changes = self.changes.of(&received.id).await?;
            Ok(current(received, &changes))
        });
        futures::future::try_join_all(reads).await
    }
}
