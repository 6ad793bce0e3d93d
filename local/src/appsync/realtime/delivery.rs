//! From a mutation's events to the subscribers' connections, one event after the other.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use apollo_compiler::Schema;
use apollo_compiler::ast::OperationType;
use apollo_compiler::validation::Valid;
use futures::FutureExt as _;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::super::authorization::Authorization;
use super::super::schema::announced_mutations;
use super::audience::Audience;
use super::event::Event;
use super::topics::Topics;

/// Largest event, in bytes. A larger one is dropped and the mutation succeeds all the same.
/// Source: AppSync quotas, "Subscription payload size".
pub(super) const PAYLOAD_LIMIT: usize = 240 * 1024;

/// How many events may wait before mutations have to: delivering takes less time than resolving.
const WAITING: usize = 256;

/// How many subscribers with a payload that is there already are served before others get their turn on this thread.
const BATCH: usize = 64;

/// What delivering needs; whoever waits for events is none of it.
pub(super) struct Delivery {
    pub(super) schema: Arc<Valid<Schema>>,
    pub(super) authorization: Authorization,
    pub(super) depth_limit: usize,
    pub(super) topics: Arc<Topics>,
}

/// The queue of events. Its task starts with the first event and ends when the API is dropped.
pub(super) struct Deliverer {
    delivery: Arc<Delivery>,
    /// By mutation field: the subscription fields that announce it.
    announced: HashMap<String, Vec<String>>,
    queue: OnceLock<mpsc::Sender<(String, Arc<RawValue>)>>,
}

impl Deliverer {
    pub(super) fn new(delivery: Delivery) -> Self {
        let mut announced: HashMap<String, Vec<String>> = HashMap::new();
        let subscriptions = delivery.schema.root_operation(OperationType::Subscription);
        let subscriptions = subscriptions.and_then(|name| delivery.schema.get_object(name));
        for field in subscriptions.into_iter().flat_map(|object| object.fields.values()) {
            for mutation in announced_mutations(field) {
                let fields = announced.entry(mutation.to_owned()).or_default();
                if !fields.iter().any(|known| *known == *field.name) {
                    fields.push(field.name.to_string());
                }
            }
        }
        Self { delivery: Arc::new(delivery), announced, queue: OnceLock::new() }
    }

    /// Whether anybody at all waits for this mutation field.
    pub(super) fn is_awaited(&self, mutation: &str) -> bool {
        self.announced.get(mutation).into_iter().flatten().any(|field| self.delivery.topics.has(field))
    }

    /// Delivers an event after all those before it, without waiting for it to be delivered.
    pub(super) async fn publish(&self, event: Event) {
        let Event { mutation, value } = event;
        let size = value.get().len();
        if size > PAYLOAD_LIMIT {
            tracing::warn!(field = mutation, bytes = size, limit = PAYLOAD_LIMIT, "an event is too large: dropped");
            return;
        }
        let value: Arc<RawValue> = value.into();
        let queue = self.queue.get_or_init(|| {
            let (sender, mut receiver) = mpsc::channel::<(String, Arc<RawValue>)>(WAITING);
            let delivery = Arc::clone(&self.delivery);
            tokio::spawn(async move {
                while let Some((field, event)) = receiver.recv().await {
                    // Whatever is wrong with one event, the next ones are delivered.
                    if AssertUnwindSafe(delivery.deliver(&field, &event)).catch_unwind().await.is_err() {
                        tracing::error!(field, "an event could not be delivered to everybody");
                    }
                }
            });
            sender
        });
        for field in self.announced.get(&mutation).into_iter().flatten() {
            if queue.send((field.clone(), Arc::clone(&value))).await.is_err() {
                tracing::error!(field = mutation, "an event cannot be delivered: the server is ending");
            }
        }
    }
}

impl Delivery {
    async fn deliver(&self, field: &str, event: &RawValue) {
        let subscribers = self.topics.matching(field, event);
        tracing::debug!(field, bytes = event.get().len(), subscribers = subscribers.len(), "an event is delivered");
        // By where the audience is in memory: `subscribers` holds them all.
        let mut payloads: HashMap<usize, Option<Utf8Bytes>> = HashMap::new();
        for (index, subscriber) in subscribers.iter().enumerate() {
            let audience = &subscriber.audience;
            let mut computed = false;
            let payload = payloads.entry(Arc::as_ptr(audience).addr()).or_insert_with(|| {
                computed = true;
                self.payload(audience, event)
            });
            if let Some(payload) = payload {
                subscriber.deliver(payload.clone());
            }
            if computed || index % BATCH == BATCH - 1 {
                tokio::task::yield_now().await;
            }
        }
    }

    fn payload(&self, audience: &Audience, event: &RawValue) -> Option<Utf8Bytes> {
        let field = audience.field();
        match audience.payload(&self.schema, self.authorization, self.depth_limit, event) {
            Ok(payload) if payload.len() > PAYLOAD_LIMIT => {
                let bytes = payload.len();
                tracing::warn!(field, bytes, limit = PAYLOAD_LIMIT, "an event is too large for a selection: dropped");
                None
            }
            Ok(payload) => Some(payload.into()),
            Err(error) => {
                tracing::error!(field, "an event could not be written as JSON: {error}");
                None
            }
        }
    }
}
