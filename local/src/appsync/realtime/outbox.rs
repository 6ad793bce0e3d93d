//! What is still to be sent to one client: bounded, so that a client that does not read costs nobody else anything.

use std::collections::VecDeque;

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::message::Id;

/// How many messages may wait. 100 subscriptions that all match a burst of forty events fit.
const MESSAGES: usize = 4096;

/// How many bytes may wait: seventeen events of the largest size. An event that several subscriptions of the
/// connection share counts once, as it is kept once.
pub(super) const BYTES: usize = 4 * 1024 * 1024;

/// What a message costs besides its text.
const OVERHEAD: usize = 64;

/// One message to a client.
#[derive(Debug, Clone)]
pub(super) enum Outgoing {
    Message(Utf8Bytes),
    /// An event; its payload is shared by everybody who gets the same.
    Data {
        id: Id,
        payload: Utf8Bytes,
    },
}

/// There is no room: the client must be given up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// The messages that wait, first in, first out.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<(Outgoing, usize)>,
    bytes: usize,
}

impl Outbox {
    pub(super) fn push(&mut self, message: Outgoing) -> Result<(), Full> {
        let last = self.waiting.back().map(|(message, _)| message);
        let cost = OVERHEAD
            + match (&message, last) {
                (Outgoing::Data { id, payload }, Some(Outgoing::Data { payload: last, .. }))
                    if payload.as_ptr() == last.as_ptr() =>
                {
                    id.len()
                }
                (Outgoing::Data { id, payload }, _) => id.len() + payload.len(),
                (Outgoing::Message(text), _) => text.len(),
            };
        if self.waiting.len() >= MESSAGES || self.bytes + cost > BYTES {
            return Err(Full);
        }
        self.bytes += cost;
        self.waiting.push_back((message, cost));
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn pop(&mut self) -> Option<Outgoing> {
        let (message, cost) = self.waiting.pop_front()?;
        self.bytes -= cost;
        if self.waiting.is_empty() {
            // Most connections are idle most of the time: a burst should not leave its memory behind.
            self.waiting = VecDeque::new();
        }
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(payload: &Utf8Bytes) -> Outgoing {
        Outgoing::Data { id: "\"1\"".into(), payload: payload.clone() }
    }

    #[test]
    fn messages_and_bytes_are_bounded_and_a_shared_payload_counts_once() {
        let mut outbox = Outbox::default();
        for _ in 0..MESSAGES {
            outbox.push(Outgoing::Message("{}".into())).unwrap();
        }
        assert_eq!(outbox.push(Outgoing::Message("{}".into())), Err(Full));

        let large = || Utf8Bytes::from("x".repeat(BYTES / 2 - OVERHEAD - 3));
        let mut outbox = Outbox::default();
        let (one, other) = (large(), large());
        outbox.push(data(&one)).unwrap();
        outbox.push(data(&other)).unwrap();
        assert_eq!(outbox.push(data(&one)), Err(Full));

        let mut outbox = Outbox::default();
        for _ in 0..100 {
            outbox.push(data(&one)).unwrap();
        }
        while outbox.pop().is_some() {}
        assert_eq!((outbox.bytes, outbox.waiting.capacity()), (0, 0));
    }
}
