//! What passes between a function's invocations and the Runtime API of one of its processes, and what may be asked of
//! that API when.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use lambda_runtime::Diagnostic;
use tokio::sync::{Notify, oneshot};

/// An event for a process.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) request_id: String,
    /// In milliseconds since 1970.
    pub(super) deadline: u64,
    pub(super) payload: Bytes,
}

/// What a function said: its answer as it was written, or its error.
pub(super) type Answer = Result<Bytes, Diagnostic>;

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is not the time for this call: 403.
    InvalidStateTransition,
    /// The process has no such invocation: 400.
    InvalidRequestId,
}

#[derive(Debug)]
enum State {
    /// It has not asked for an event yet. Whoever started it waits.
    Starting(oneshot::Sender<Result<(), Diagnostic>>),
    /// It has nothing to do. The invocation it answered last, if any.
    Free { answered: Option<String> },
    /// There is an event for it that it has not asked for yet.
    Offered { event: Event, reply: oneshot::Sender<Answer>, answered: Option<String> },
    /// It works on an event.
    Busy { request_id: String, reply: oneshot::Sender<Answer> },
    /// It has said that it cannot start.
    Failed,
}

impl State {
    fn awaits(&self, id: &str) -> Result<(), Refusal> {
        match self {
            Self::Busy { request_id, .. } if request_id == id => Ok(()),
            Self::Free { answered: Some(answered) } | Self::Offered { answered: Some(answered), .. }
                if answered == id =>
            {
                Err(Refusal::InvalidStateTransition)
            }
            _ => Err(Refusal::InvalidRequestId),
        }
    }
}

/// One process has one.
#[derive(Debug)]
pub(super) struct Exchange {
    state: Mutex<State>,
    offered: Notify,
}

impl Exchange {
    /// And whether the process has started, once that is known.
    pub(super) fn new() -> (Self, oneshot::Receiver<Result<(), Diagnostic>>) {
        let (started, has_started) = oneshot::channel();
        (Self { state: Mutex::new(State::Starting(started)), offered: Notify::new() }, has_started)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds this.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves an event for the process, which has nothing to do. What comes back is empty if the process is gone.
    pub(super) fn offer(&self, event: Event) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        let mut state = self.state();
        let answered = if let State::Free { answered } = &mut *state { answered.take() } else { None };
        *state = State::Offered { event, reply, answered };
        drop(state);
        self.offered.notify_one();
        answer
    }

    /// Whether the process has taken the event that was left for it.
    pub(super) fn is_taken(&self) -> bool {
        !matches!(*self.state(), State::Offered { .. })
    }

    /// `next`: waits for an event. Whoever does not wait any longer has missed nothing.
    pub(super) async fn next(&self) -> Result<Event, Refusal> {
        {
            let mut state = self.state();
            match std::mem::replace(&mut *state, State::Free { answered: None }) {
                State::Starting(started) => {
                    // Nobody waits any more if it took too long; the process is about to be killed.
                    let _ = started.send(Ok(()));
                }
                other @ (State::Free { .. } | State::Offered { .. }) => *state = other,
                other @ (State::Busy { .. } | State::Failed) => {
                    *state = other;
                    return Err(Refusal::InvalidStateTransition);
                }
            }
        }
        loop {
            if let Some(event) = self.take() {
                return Ok(event);
            }
            self.offered.notified().await;
        }
    }

    fn take(&self) -> Option<Event> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Failed) {
            State::Offered { event, reply, .. } => {
                *state = State::Busy { request_id: event.request_id.clone(), reply };
                Some(event)
            }
            other => {
                *state = other;
                None
            }
        }
    }

    /// `response` and `error`.
    pub(super) fn answer(&self, request_id: &str, answer: Answer) -> Result<(), Refusal> {
        let mut state = self.state();
        state.awaits(request_id)?;
        let free = State::Free { answered: Some(request_id.to_owned()) };
        if let State::Busy { reply, .. } = std::mem::replace(&mut *state, free) {
            // Nobody waits any more if it took too long; the process is about to be killed.
            let _ = reply.send(answer);
        }
        Ok(())
    }

    /// `init/error`.
    pub(super) fn fail(&self, error: Diagnostic) -> Result<(), Refusal> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Failed) {
            State::Starting(started) => {
                let _ = started.send(Err(error));
                Ok(())
            }
            other => {
                *state = other;
                Err(Refusal::InvalidStateTransition)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn whoever_stops_waiting_for_an_event_has_not_missed_it() {
        let (exchange, started) = Exchange::new();
        let event = |id: &str| Event { request_id: id.to_owned(), deadline: 0, payload: Bytes::new() };
        let mut gives_up = Box::pin(exchange.next());
        tokio::time::timeout(Duration::from_millis(1), &mut gives_up).await.unwrap_err();
        started.await.unwrap().unwrap();
        // It has been woken, but is gone before it looks.
        let answer = exchange.offer(event("1"));
        drop(gives_up);
        assert!(!exchange.is_taken());
        assert_eq!(exchange.next().await.unwrap().request_id, "1");
        assert!(exchange.is_taken());
        assert_eq!(exchange.next().await.unwrap_err(), Refusal::InvalidStateTransition);
        assert_eq!(exchange.answer("2", Ok(Bytes::new())), Err(Refusal::InvalidRequestId));
        exchange.answer("1", Ok(Bytes::from_static(b"7"))).unwrap();
        assert_eq!(answer.await.unwrap().unwrap(), "7");
        assert_eq!(exchange.answer("1", Ok(Bytes::new())), Err(Refusal::InvalidStateTransition));

        let waits = tokio::join!(exchange.next(), async { drop(exchange.offer(event("2"))) }).0;
        assert_eq!(waits.unwrap().request_id, "2");
    }
}
