//! What the functions are given, made of the chain of documents in `fixtures/`.

use serde_json::{Value, json};

/// The functions, in the order of an order's life.
pub(crate) const FUNCTIONS: [&str; 4] = ["place-order", "fulfil-orders", "order", "record-fulfilment"];

/// The order as it is stored.
pub(crate) const ITEM: &str = include_str!("../../fixtures/storefront/3-order.item.json");

/// The event that one invocation of a function is given.
pub(crate) fn of(function: &str) -> String {
    match function {
        "place-order" => include_str!("../../fixtures/storefront/2-place-order.event.json").to_owned(),
        "fulfil-orders" => include_str!("../../fixtures/storefront/4-stream.event.json").to_owned(),
        "order" => {
            let mut event = published();
            event["identity"] = Value::Null;
            event["info"]["fieldName"] = json!("order");
            event["info"]["parentTypeName"] = json!("Query");
            event.to_string()
        }
        "record-fulfilment" => {
            let mut event = published();
            event["info"]["fieldName"] = json!("recordFulfilment");
            event["arguments"] = json!({ "input": { "orderId": event["arguments"]["id"], "reference": "W-1" } });
            event.to_string()
        }
        other => unreachable!("{other} is no function"),
    }
}

/// An event as AppSync hands it to a function when a backend calls.
fn published() -> Value {
    serde_json::from_str(include_str!("../../fixtures/storefront/8-publish.event.json")).expect("JSON")
}
