//! Who may subscribe: asked once, when a subscription starts. The answer is `null`, or an error that refuses it.

use serde::Deserialize;

use super::ReadOrders;
use crate::appsync::ResolverEvent;
use crate::caller::Caller;
use crate::error::Error;
use crate::order::Id;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Arguments {
    id: Option<Id>,
    customer_id: Option<Id>,
}

impl ReadOrders {
    /// An order that does not exist and one of somebody else are refused alike. That holds for those who may see every
    /// order as well: a mistyped id would silently deliver nothing.
    pub(super) async fn may_subscribe(&self, caller: &Caller, event: &ResolverEvent) -> Result<(), Error> {
        let Arguments { id, customer_id } = event.arguments()?;
        let allowed = match (event.info.field_name.as_str(), id, customer_id) {
            ("orderFulfilled" | "orderChanged", Some(id), _) => {
                self.orders.ownership(&id).await?.is_some_and(|order| caller.may_see(&order))
            }
            ("ordersChanged", _, Some(customer)) => caller.may_see_orders_of(&customer),
            ("anyOrderChanged", _, _) => caller.may_see_all(),
            _ => false,
        };
        if allowed { Ok(()) } else { Err(Error::not_authorized(&event.info.field_name, &event.info.parent_type_name)) }
    }
}
