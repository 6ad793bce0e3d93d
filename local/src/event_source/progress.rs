//! What a mapping has finished. Batches may finish in any order; the checkpoint stays before the first that has not.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

use super::checkpoint::Checkpoints;
use super::record::Record;

#[derive(Debug)]
pub(super) struct Progress {
    mapping: Uuid,
    stream: String,
    checkpoints: Checkpoints,
    /// The checkpoint as far as it is written, for trimming.
    acknowledged: Arc<AtomicI64>,
    trim: Arc<Notify>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    read_to: i64,
    unfinished: BTreeSet<i64>,
    checkpoint: i64,
}

impl Progress {
    pub(super) fn new(
        mapping: Uuid,
        stream: String,
        position: i64,
        checkpoints: Checkpoints,
        acknowledged: Arc<AtomicI64>,
        trim: Arc<Notify>,
    ) -> Self {
        let state = State { read_to: position, unfinished: BTreeSet::new(), checkpoint: position };
        Self { mapping, stream, checkpoints, acknowledged, trim, state: Mutex::new(state) }
    }

    /// Where to read on.
    pub(super) fn read_to(&self) -> i64 {
        self.state().read_to
    }

    /// The stream was read up to a position, and these of its records are to be delivered.
    pub(super) async fn read(&self, read_to: i64, records: &[Record]) {
        {
            let mut state = self.state();
            state.read_to = read_to;
            state.unfinished.extend(records.iter().map(|record| record.sequence));
        }
        self.settle().await;
    }

    /// These records are delivered, or given up and kept.
    pub(super) async fn finished(&self, records: &[Record]) {
        {
            let mut state = self.state();
            for record in records {
                state.unfinished.remove(&record.sequence);
            }
        }
        self.settle().await;
    }

    async fn settle(&self) {
        let checkpoint = {
            let mut state = self.state();
            let checkpoint = state.unfinished.first().map_or(state.read_to, |first| first - 1);
            if checkpoint <= state.checkpoint {
                return;
            }
            state.checkpoint = checkpoint;
            checkpoint
        };
        match self.checkpoints.save(self.mapping, &self.stream, checkpoint).await {
            Ok(()) => {
                self.acknowledged.fetch_max(checkpoint, Ordering::AcqRel);
                self.trim.notify_one();
            }
            Err(error) => tracing::error!(mapping = %self.mapping, "the checkpoint is not written: {error}"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
