//! What is known about one connection: its subscriptions and what is still to be sent. Shared by whoever reads, writes,
//! starts and delivers; none of them waits while holding it.
//!
//! One lock holds both, so that order is a matter of course: nothing is sent for a subscription before its
//! `start_ack` or after its `complete`. Who holds it may take the topics' lock, never the other way round.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::super::Api;
use super::message::{self, ErrorEntry, Id};
use super::outbox::{Outbox, Outgoing};
use super::topics::Registration;

/// How many subscriptions a connection may have. Source: AppSync quotas, "Subscriptions per connection".
pub(super) const MAX_SUBSCRIPTIONS: usize = 100;

/// One connection.
pub(super) struct Session {
    pub(super) api: Api,
    /// Where the client connected from, as resolvers are told.
    pub(super) source_ips: Vec<String>,
    state: Mutex<State>,
    /// There is something to send.
    ready: Notify,
    /// The client reads too slowly.
    overflow: Notify,
}

#[derive(Default)]
struct State {
    outbox: Outbox,
    subscriptions: HashMap<Id, Subscription>,
    attempts: u64,
    ended: bool,
}

enum Subscription {
    /// Its resolver is being asked.
    Starting {
        attempt: u64,
        task: AbortHandle,
    },
    Started(Registration),
}

impl Session {
    pub(super) fn new(api: Api, source_ips: Vec<String>) -> Self {
        Self { api, source_ips, state: Mutex::default(), ready: Notify::new(), overflow: Notify::new() }
    }

    /// Sends a message.
    pub(super) fn send(&self, message: impl Into<Utf8Bytes>) {
        self.push(&mut self.lock(), Outgoing::Message(message.into()));
    }

    /// Reserves a place for a subscription, then lets `spawn` start the task that is going to fill it.
    ///
    /// # Errors
    /// There is a subscription of this id already, or there are too many.
    pub(super) fn reserve(&self, id: &Id, spawn: impl FnOnce(u64) -> AbortHandle) -> Result<(), ErrorEntry> {
        let mut state = self.lock();
        if state.ended {
            return Ok(());
        }
        let count = state.subscriptions.len();
        state.attempts += 1;
        let attempt = state.attempts;
        match state.subscriptions.entry(Arc::clone(id)) {
            Entry::Occupied(_) => {
                let id = serde_json::from_str::<String>(id).unwrap_or_else(|_| id.to_string());
                let message = format!("Duplicated operation with id {id}");
                Err(ErrorEntry::new("DuplicatedOperationError", message))
            }
            Entry::Vacant(_) if count >= MAX_SUBSCRIPTIONS => {
                let message = format!("Max number of {MAX_SUBSCRIPTIONS} subscriptions reached");
                Err(ErrorEntry::new("MaxSubscriptionsReachedError", message))
            }
            Entry::Vacant(place) => {
                place.insert(Subscription::Starting { attempt, task: spawn(attempt) });
                Ok(())
            }
        }
    }

    /// Fills the place and acknowledges the subscription, in this order; unless it was stopped in the meantime.
    pub(super) fn started(&self, id: &Id, attempt: u64, register: impl FnOnce() -> Registration) {
        let mut state = self.lock();
        if let Some(place) = state.waiting_for(id, attempt) {
            *place = Subscription::Started(register());
            self.push(&mut state, Outgoing::Message(message::start_ack(id).into()));
        }
    }

    /// Frees the place and tells why; unless it was stopped in the meantime.
    pub(super) fn refused(&self, id: &Id, attempt: u64, errors: &[ErrorEntry]) {
        let mut state = self.lock();
        if state.waiting_for(id, attempt).is_some() {
            state.subscriptions.remove(id);
            self.push(&mut state, Outgoing::Message(message::error(Some(id), errors).into()));
        }
    }

    /// Ends a subscription, started or not, and says so; an id that is not known is answered in the same way, because
    /// some clients wait for it.
    pub(super) fn stop(&self, id: &Id) {
        let mut state = self.lock();
        if let Some(Subscription::Starting { task, .. }) = state.subscriptions.remove(id) {
            task.abort();
        }
        self.push(&mut state, Outgoing::Message(message::complete(id).into()));
    }

    /// Sends an event of a subscription; unless it was stopped in the meantime.
    pub(super) fn deliver(&self, id: &Id, number: u64, payload: Utf8Bytes) {
        let mut state = self.lock();
        let subscription = state.subscriptions.get(id);
        if matches!(subscription, Some(Subscription::Started(registration)) if registration.number() == number) {
            self.push(&mut state, Outgoing::Data { id: Arc::clone(id), payload });
        }
    }

    /// The next message to send. If there are more, [`Session::ready`] does not wait.
    pub(super) fn next(&self) -> Option<Outgoing> {
        let mut state = self.lock();
        let message = state.outbox.pop();
        if !state.outbox.is_empty() {
            self.ready.notify_one();
        }
        message
    }

    /// Until there may be something to send.
    pub(super) async fn ready(&self) {
        self.ready.notified().await;
    }

    /// Until the client turns out to read too slowly.
    pub(super) async fn overflow(&self) {
        self.overflow.notified().await;
    }

    /// Ends every subscription; nothing is sent any more.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        state.outbox = Outbox::default();
        let subscriptions = std::mem::take(&mut state.subscriptions);
        drop(state);
        for subscription in subscriptions.into_values() {
            if let Subscription::Starting { task, .. } = subscription {
                task.abort();
            }
        }
    }

    /// How many subscriptions there are, those that are being started included.
    pub(super) fn count(&self) -> usize {
        self.lock().subscriptions.len()
    }

    fn push(&self, state: &mut State, message: Outgoing) {
        if state.ended {
            return;
        }
        match state.outbox.push(message) {
            Ok(()) => self.ready.notify_one(),
            Err(_full) => {
                // The connection's own task ends the rest; until then nothing more is kept for it.
                state.ended = true;
                state.outbox = Outbox::default();
                self.overflow.notify_one();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The place of a subscription, if it is still this attempt that is to fill it.
    fn waiting_for(&mut self, id: &Id, attempt: u64) -> Option<&mut Subscription> {
        self.subscriptions
            .get_mut(id)
            .filter(|place| matches!(place, Subscription::Starting { attempt: waiting, .. } if *waiting == attempt))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::{JoinError, JoinHandle};
    use tokio::time::timeout;

    use super::super::super::tests::TestApi;
    use super::*;

    #[tokio::test]
    async fn an_attempt_that_was_stopped_is_ended_and_does_not_answer_for_the_next() {
        let session = Session::new(TestApi::new("type Query { a: Int }").api(), Vec::new());
        let id = Id::from("1");
        let first = tokio::spawn(std::future::pending::<()>());
        session.reserve(&id, |_| first.abort_handle()).unwrap();
        session.stop(&id);
        let cancelled = async |task: JoinHandle<()>| {
            let ended: Result<Result<(), JoinError>, _> = timeout(Duration::from_secs(10), task).await;
            ended.expect("it goes on").is_err_and(|error| error.is_cancelled())
        };
        assert!(cancelled(first).await);
        assert!(matches!(session.next(), Some(Outgoing::Message(text)) if text.contains("complete")));

        let second = tokio::spawn(std::future::pending::<()>());
        session.reserve(&id, |_| second.abort_handle()).unwrap();
        session.started(&id, 1, || panic!("it was stopped"));
        session.refused(&id, 1, &[ErrorEntry::unauthorized()]);
        assert!(session.next().is_none());
        session.refused(&id, 2, &[ErrorEntry::unauthorized()]);
        assert!(session.next().is_some());

        session.reserve(&id, |_| second.abort_handle()).unwrap();
        session.end();
        assert!(cancelled(second).await);
        assert_eq!(session.count(), 0);
    }
}
