//! One mapping at work: reads its stream, leaves out what the filters do not want, and keeps batches in flight.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;

use super::delivery::Delivery;
use super::filter::Filters;
use super::record::{EVENT_SIZE, Record};
use crate::dynamodb::stream::{Stream, StreamRecord};
use crate::lambda::PAYLOAD_LIMIT;

/// The most records in one read, and how many bytes end it. A read this small comes out of memory in less time than it
/// takes to hand it to another thread and back, so it is done in place.
const READ_LIMIT: usize = 128;
const READ_BYTES: usize = 256 * 1024;
/// How long to wait before reading again a stream that could not be read.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Poller {
    pub(super) delivery: Delivery,
    pub(super) stream: Stream,
    pub(super) region: String,
    pub(super) filters: Filters,
    pub(super) changes: watch::Receiver<()>,
}

/// What one look at the stream found.
#[derive(Debug)]
struct Read {
    /// Up to where it went.
    position: i64,
    /// Whether there may be more behind it.
    more: bool,
    /// What the filters want of it.
    records: Vec<Record>,
}

/// What has been read and is in no batch yet, in order.
#[derive(Debug, Default)]
struct Pending {
    records: VecDeque<Record>,
    bytes: usize,
}

/// Whether there is a batch.
#[derive(Debug)]
enum Next {
    Batch(Vec<Record>),
    /// There will be one at this time, if it does not fill up before.
    At(Instant),
    /// Not before something happens.
    None,
}

#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    DynamoDb(#[from] crate::dynamodb::Error),
    #[error("a stored stream record is not JSON: {0}")]
    Record(#[from] serde_json::Error),
}

impl Poller {
    /// Runs until it is dropped, or the database is closed.
    pub(super) async fn run(mut self) {
        let mapping = &self.delivery.mapping;
        let mut pending = Pending::default();
        let mut in_flight = FuturesUnordered::new();
        let mut keys_in_flight: HashSet<String> = HashSet::new();
        let mut unreadable_until: Option<Instant> = None;
        loop {
            // Taken note of before reading, so that a change during the read leads to another one.
            self.changes.mark_unchanged();
            while pending.has_room(mapping.batch_size, mapping.parallelization_factor)
                && unreadable_until.is_none_or(|time| time <= Instant::now())
            {
                unreadable_until = None;
                // The stream is not held across a wait: its connection may not be looked at by two threads.
                let read = self.read(self.delivery.progress.read_to());
                match read {
                    Ok(Read { position, more, records }) => {
                        self.delivery.progress.read(position, &records).await;
                        pending.add(records);
                        if !more {
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                    Err(error) => {
                        tracing::error!(table = mapping.table_name, "the stream cannot be read, trying again: {error}");
                        unreadable_until = Some(Instant::now() + UNREADABLE_PAUSE);
                    }
                }
            }
            let mut wait_until = unreadable_until;
            while in_flight.len() < mapping.parallelization_factor {
                match pending.next(mapping.batch_size, mapping.maximum_batching_window, &keys_in_flight) {
                    Next::Batch(batch) => {
                        let keys: Vec<_> = batch.iter().map(|record| record.key.clone()).collect();
                        keys_in_flight.extend(keys.iter().cloned());
                        let delivery = &self.delivery;
                        in_flight.push(async move {
                            delivery.deliver(batch).await;
                            keys
                        });
                    }
                    Next::At(time) => {
                        wait_until = Some(wait_until.map_or(time, |other| other.min(time)));
                        break;
                    }
                    Next::None => break,
                }
            }
            let room = pending.has_room(mapping.batch_size, mapping.parallelization_factor);
            tokio::select! {
                Some(keys) = in_flight.next() => {
                    for key in keys {
                        keys_in_flight.remove(&key);
                    }
                }
                changed = self.changes.changed(), if room => if changed.is_err() { return },
                () = sleep_until(wait_until), if wait_until.is_some() => {}
            }
        }
    }

    /// Reads the stream after a position, up to the first record that cannot be made out.
    fn read(&self, position: i64) -> Result<Read, Unreadable> {
        let stored = self.stream.read_after(position, READ_LIMIT, READ_BYTES)?;
        let mut read = Read {
            position,
            more: stored.len() == READ_LIMIT || stored.iter().map(StreamRecord::size).sum::<usize>() >= READ_BYTES,
            records: Vec::with_capacity(stored.len()),
        };
        for stored in &stored {
            match self.wanted(stored) {
                Ok(record) => read.records.extend(record),
                Err(error) if read.position == position => return Err(error.into()),
                Err(_) => {
                    // The next read starts, and fails, with it.
                    read.more = true;
                    break;
                }
            }
            read.position = stored.sequence;
        }
        Ok(read)
    }

    /// The record as the function is handed it, if the filters want it.
    fn wanted(&self, stored: &StreamRecord) -> Result<Option<Record>, serde_json::Error> {
        let record = Record::new(stored, &self.stream, &self.region, &self.delivery.mapping.event_source_arn)?;
        let wanted = self.filters.accept_everything() || self.filters.accept(&serde_json::from_str(&record.json)?);
        Ok(wanted.then_some(record))
    }
}

impl Pending {
    /// Whether to read on: enough is held for every batch that may be in flight.
    fn has_room(&self, batch_size: usize, batches: usize) -> bool {
        self.records.len() < batch_size * batches && self.bytes < PAYLOAD_LIMIT * batches
    }

    fn add(&mut self, records: Vec<Record>) {
        self.bytes += records.iter().map(|record| record.json.len()).sum::<usize>();
        self.records.extend(records);
    }

    /// The next batch: in order, without the records whose partition key is in flight.
    fn next(&mut self, batch_size: usize, window: Duration, keys_in_flight: &HashSet<String>) -> Next {
        let mut chosen = Vec::new();
        let mut size = EVENT_SIZE;
        let mut full = false;
        for (place, record) in self.records.iter().enumerate() {
            if keys_in_flight.contains(&record.key) {
                continue;
            }
            // One more for the comma.
            size += record.json.len() + 1;
            full = size > PAYLOAD_LIMIT && !chosen.is_empty();
            if full {
                break;
            }
            chosen.push(place);
            full = chosen.len() == batch_size;
            if full {
                break;
            }
        }
        let Some(&first) = chosen.first() else { return Next::None };
        let complete_at = self.records[first].read_at + window;
        if !full && Instant::now() < complete_at {
            return Next::At(complete_at);
        }
        let mut chosen = chosen.into_iter().peekable();
        let mut batch = Vec::with_capacity(chosen.len());
        let mut rest = VecDeque::with_capacity(self.records.len() - chosen.len());
        for (place, record) in std::mem::take(&mut self.records).into_iter().enumerate() {
            if chosen.next_if_eq(&place).is_some() {
                self.bytes -= record.json.len();
                batch.push(record);
            } else {
                rest.push_back(record);
            }
        }
        self.records = rest;
        Next::Batch(batch)
    }
}

async fn sleep_until(time: Option<Instant>) {
    if let Some(time) = time {
        tokio::time::sleep_until(time.into()).await;
    }
}
