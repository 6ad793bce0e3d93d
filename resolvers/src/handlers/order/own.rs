//! `orders`: the caller's own orders, newest first.

use std::collections::HashMap;

use serde::Deserialize;

use super::super::current;
use super::ReadOrders;
use super::page::{self, Page, STRIDE};
use crate::caller::Caller;
use crate::error::Error;
use crate::order::view::OrderConnection;
use crate::order::{Id, Order};
use crate::tables::Position;

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
        let start = page::position(arguments.next_token.as_deref(), Position::is_valid)?;
        // One more than wanted tells whether there is a next page.
        let mut positions = self.orders.positions(sub, limit + 1, start.as_ref()).await?;
        let more = positions.len() > limit;
        positions.truncate(limit);
        let (mut page, mut last) = (Page::new(limit), None);
        for stride in positions.chunks(STRIDE) {
            let mut orders = self.read(stride.iter().map(|position| &position.id)).await?;
            for position in stride {
                let Some(order) = orders.remove(&position.id) else { continue };
                if !page.take(order)? {
                    return page.into_connection(last);
                }
                last = Some(position);
            }
        }
        page.into_connection(positions.last().filter(|_| more))
    }

    /// The orders as they stand now, by id; one that is not there is left out.
    pub(super) async fn read(&self, ids: impl Iterator<Item = &Id>) -> Result<HashMap<Id, Order>, Error> {
        let ids: Vec<_> = ids.cloned().collect();
        let received = self.orders.get_all(&ids).await?;
        let reads = received.iter().map(|received| async {
            let changes = self.changes.of(&received.id).await?;
            Ok((received.id.clone(), current(received, &changes)))
        });
        Ok(futures::future::try_join_all(reads).await?.into_iter().collect())
    }
}
