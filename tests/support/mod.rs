//! The order system as its users find it: a deployed stage or a server of one's own, clients that call it, and a
//! warehouse, an outage or a listener in between where a story needs one.

mod bootstraps;
mod client;
pub(crate) mod clients;
mod cognito;
pub(crate) mod corpus;
mod dynamodb;
mod gate;
mod impostors;
mod killer;
pub(crate) mod lossy;
mod operator;
pub(crate) mod privacy;
mod programs;
mod proxy;
mod server;
mod settling;
mod signer;
mod sigv4;
mod stage;
mod subscriber;
mod tls;
mod users;
mod warehouse;

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) use bootstraps::Bootstraps;
pub(crate) use client::{Answer, Client, ORDER, Response};
pub(crate) use dynamodb::Dynamodb;
pub(crate) use impostors::impostors;
pub(crate) use killer::{Killer, Moment};
pub(crate) use operator::{documented, members, operate};
pub(crate) use programs::FUNCTIONS;
pub(crate) use proxy::Proxy;
pub(crate) use server::{Home, Server, command, files_below, log_tail};
pub(crate) use stage::{Addresses, STAGE_FILE, Stage};
pub(crate) use subscriber::{Carrier, Subscriber};
pub(crate) use tls::http_client;
pub(crate) use users::{SEES, Token, forgeries, token_command};
pub(crate) use warehouse::{Question, Reply, Warehouse};

/// How long anything may take before a test gives up. Far more than it does take, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// How long to wait between two looks.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// A retry schedule in fast motion: a minute lasts 50 ms, and so the hour after which somebody should know 3 s.
pub(crate) const FAST: [&str; 2] = ["--retry-minute-ms", "50"];

/// A typed order of these skus and quantities.
pub(crate) fn order_of(lines: &[(&str, i32)]) -> Value {
    let lines: Vec<_> = lines.iter().map(|(sku, quantity)| json!({ "sku": sku, "quantity": quantity })).collect();
    json!({ "lines": lines })
}

/// What `placeOrder` takes for an order of two apples and a pear.
pub(crate) fn apples_and_a_pear() -> Value {
    json!({ "order": order_of(&[("APPLE", 2), ("PEAR", 1)]) })
}

/// What `placeOrder` takes for an order that says everything an order can say.
pub(crate) fn everything() -> Value {
    json!({ "order": {
        "reference": "A-1",
        "customer": { "name": "Ada Lovelace", "email": "ada@example.com" },
        "shippingAddress": { "name": "Ada Lovelace", "lines": ["1 Main St"], "city": "London", "country": "GB" },
        "currency": "GBP",
        "lines": [
            { "sku": "TEA", "title": "Tea", "quantity": 3, "unitPrice": "2.50" },
            { "sku": "CUP", "title": "Cup", "quantity": 2, "unitPrice": "4.00" },
        ],
    } })
}

/// What `placeOrder` takes for a document, in the one layer of encoding that `AWSJSON` asks for.
pub(crate) fn document(document: &Value) -> Value {
    json!({ "document": document.to_string() })
}

/// What `placeOrder` takes, with this idempotency key.
pub(crate) fn keyed(mut input: Value, key: &str) -> Value {
    input["idempotencyKey"] = json!(key);
    input
}

/// A key that nobody else uses.
pub(crate) fn uuid() -> String {
    Uuid::new_v4().to_string()
}

/// A document whose shape no format knows.
pub(crate) fn gibberish() -> Value {
    document(&json!({ "hello": "world" }))
}

/// The id of an order, or of anything else that has one.
pub(crate) fn id(value: &Value) -> String {
    text(&value["id"])
}

/// A text.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("expected a text, found {value}")).to_owned()
}

/// The elements of a list.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("expected a list, found {value}"))
}

/// The quantities of an order's lines as (ordered, fulfilled).
pub(crate) fn quantities(order: &Value) -> Vec<(i64, i64)> {
    let number = |value: &Value| value.as_i64().unwrap_or_else(|| panic!("expected a number, found {value}"));
    list(&order["lines"]).iter().map(|line| (number(&line["quantity"]), number(&line["fulfilledQuantity"]))).collect()
}

/// The ids and kinds of an order's changes, oldest first.
pub(crate) fn changes(order: &Value) -> Vec<(String, String)> {
    list(&order["changes"]).iter().map(|change| (id(change), text(&change["kind"]))).collect()
}

/// One change, as [`changes`] gives it.
pub(crate) fn change(id: &str, kind: &str) -> (String, String) {
    (id.to_owned(), kind.to_owned())
}
