//! AppSync's real-time endpoint: subscriptions over a WebSocket, and the events that mutations send to them.
//!
//! | module | what it is about |
//! | --- | --- |
//! | `handshake`, `credentials` | from an HTTP request to a WebSocket: who connects |
//! | `connection`, `message` | one connection: what is said in which order, and when it is over |
//! | `session`, `outbox` | a connection's subscriptions, and what is still to be sent |
//! | `start` | from a `start` to a subscription |
//! | `topics`, `filter` | who has subscribed to what, and which events that selects |
//! | `event`, `delivery`, `audience` | from a mutation's response to what each subscriber is sent |
//! | `interned` | what many subscriptions have in common is kept once |

mod audience;
mod connection;
mod credentials;
mod delivery;
mod event;
mod filter;
mod handshake;
mod interned;
mod message;
mod outbox;
mod session;
mod start;
#[cfg(test)]
mod tests;
mod topics;

use std::sync::Arc;

use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;

use super::authorization::Authorization;
use super::completion::Response;
use super::execution::{Parsed, Prepared};
use super::settings::Settings;
use audience::Audience;
use delivery::{Deliverer, Delivery};
pub(super) use handshake::{answer, is_wanted};
use interned::Interned;
use topics::Topics;

/// The subscriptions of an API, and the way to them.
pub(super) struct Realtime {
    /// By text and operation name.
    documents: Interned<(String, Option<String>), Parsed>,
    audiences: Interned<audience::Key, Audience>,
    topics: Arc<Topics>,
    deliverer: Deliverer,
}

impl Realtime {
    pub(super) fn new(schema: &Arc<Valid<Schema>>, settings: &Settings, authorization: Authorization) -> Self {
        let topics = Arc::new(Topics::default());
        let delivery = Delivery {
            schema: Arc::clone(schema),
            authorization,
            depth_limit: settings.query_depth_limit,
            topics: Arc::clone(&topics),
        };
        Self {
            documents: Interned::default(),
            audiences: Interned::default(),
            topics,
            deliverer: Deliverer::new(delivery),
        }
    }

    /// Tells subscribers what a mutation has answered. Returns before they have it.
    pub(super) async fn publish(&self, schema: &Schema, prepared: &Prepared, response: &Response) {
        let awaited = |field: &str| self.deliverer.is_awaited(field);
        for event in event::of_mutation(schema, prepared, response, awaited) {
            self.deliverer.publish(event).await;
        }
    }
}
