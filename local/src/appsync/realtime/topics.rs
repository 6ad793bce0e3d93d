//! Who has subscribed to what, arranged so that finding an event's subscribers costs the same however many others
//! there are.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::super::json::Layer;
use super::audience::Audience;
use super::filter::{self, Comparable, Filter};
use super::message::Id;
use super::session::Session;

/// One subscription, as whoever delivers events sees it.
#[derive(Clone)]
pub(super) struct Subscriber {
    number: u64,
    session: Arc<Session>,
    id: Id,
    pub(super) audience: Arc<Audience>,
}

impl Subscriber {
    /// Hands an event over; what becomes of it is the connection's own affair.
    pub(super) fn deliver(&self, payload: Utf8Bytes) {
        self.session.deliver(&self.id, self.number, payload);
    }
}

/// Every subscription.
#[derive(Default)]
pub(super) struct Topics {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the subscription field's name.
    topics: HashMap<String, Topic>,
    next_number: u64,
    count: usize,
}

/// The subscriptions of one field: by the names of their arguments, then by the arguments' values. There are few sets
/// of names, and for each an event belongs to exactly one set of values.
type Topic = HashMap<Arc<[String]>, HashMap<Arc<[Comparable]>, Vec<Subscriber>>>;

/// A subscription that gets events until this is dropped.
pub(super) struct Registration {
    topics: Arc<Topics>,
    audience: Arc<Audience>,
    filter: Filter,
    number: u64,
}

impl Registration {
    /// No two have the same.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.topics.remove(self);
    }
}

impl Topics {
    /// From now on this subscription gets the events that pass its filter.
    pub(super) fn add(
        self: &Arc<Self>,
        session: Arc<Session>,
        id: Id,
        audience: Arc<Audience>,
        filter: Filter,
    ) -> Registration {
        let mut state = self.lock();
        let number = state.next_number;
        state.next_number += 1;
        state.count += 1;
        tracing::debug!(field = audience.field(), subscriptions = state.count, "a subscription starts");
        let topic = state.topics.entry(audience.field().to_owned()).or_default();
        let values = topic.entry(Arc::clone(&filter.names)).or_default();
        let subscriber = Subscriber { number, session, id, audience: Arc::clone(&audience) };
        values.entry(Arc::clone(&filter.values)).or_default().push(subscriber);
        Registration { topics: Arc::clone(self), audience, filter, number }
    }

    fn remove(&self, registration: &Registration) {
        let Registration { audience, filter, number, .. } = registration;
        let mut state = self.lock();
        state.count -= 1;
        tracing::debug!(field = audience.field(), subscriptions = state.count, "a subscription ends");
        let Entry::Occupied(mut topic) = state.topics.entry(audience.field().to_owned()) else { return };
        let Entry::Occupied(mut values) = topic.get_mut().entry(Arc::clone(&filter.names)) else { return };
        let Entry::Occupied(mut subscribers) = values.get_mut().entry(Arc::clone(&filter.values)) else { return };
        // In the order of their numbers, for they are only ever appended.
        let found = subscribers.get().binary_search_by_key(number, |subscriber| subscriber.number);
        let removed = found.map(|index| subscribers.get_mut().remove(index));
        if subscribers.get().is_empty() {
            subscribers.remove();
        } else if subscribers.get().len() < subscribers.get().capacity() / 4 {
            subscribers.get_mut().shrink_to_fit();
        }
        if values.get().is_empty() {
            values.remove();
        }
        if topic.get().is_empty() {
            topic.remove();
        }
        drop(state);
        // Only now: it may be the last to hold its session.
        drop(removed);
    }

    /// How many subscriptions there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        let state = self.lock();
        let all = state.topics.values().flat_map(HashMap::values).flat_map(HashMap::values);
        assert!(all.clone().all(|subscribers| !subscribers.is_empty()));
        assert!(state.count > 0 || state.topics.is_empty());
        assert_eq!(all.map(Vec::len).sum::<usize>(), state.count);
        state.count
    }

    /// Whether anybody waits for this field at all.
    pub(super) fn has(&self, field: &str) -> bool {
        self.lock().topics.contains_key(field)
    }

    /// The subscriptions of a field that an event is for, in the order in which they started.
    pub(super) fn matching(&self, field: &str, event: &RawValue) -> Vec<Subscriber> {
        let members: HashMap<String, &RawValue> = match Layer::of(event) {
            Layer::Object(members) => members.into_iter().collect(),
            _ => HashMap::new(),
        };
        let state = self.lock();
        let mut matching = Vec::new();
        for (names, by_values) in state.topics.get(field).into_iter().flatten() {
            let values: Vec<_> = names.iter().map(|name| filter::of_event(members.get(name).copied())).collect();
            matching.extend(by_values.get(values.as_slice()).into_iter().flatten().cloned());
        }
        matching
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
