//! One batch, from its first invocation until each of its records is delivered or given up.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::on_failure::{Condition, GivenUp, LastResponse};
use super::progress::Progress;
use super::record::{Record, event};
use super::response::{self, Verdict};
use super::{Backoff, Mapping, blocking};
use crate::lambda::Functions;

/// How long to wait before trying again to write down a batch that is given up.
const UNWRITTEN_PAUSE: Duration = Duration::from_secs(5);

/// How the batches of one mapping are delivered.
pub(super) struct Delivery {
    pub(super) mapping: Mapping,
    pub(super) functions: Functions,
    pub(super) backoff: Backoff,
    pub(super) function_arn: String,
    pub(super) shard_id: String,
    pub(super) progress: Progress,
}

/// A batch, or what splitting or a partial success left of one.
#[derive(Debug)]
struct Part {
    records: Vec<Record>,
    /// Invocations that count against the retry limit.
    attempts: u32,
    invocations: u32,
    /// Fruitless tries of any kind in a row, for the next pause.
    failures: u32,
    last_response: Option<LastResponse>,
}

#[derive(Debug)]
enum Outcome {
    Delivered,
    /// The function was not reached.
    Throttled {
        error_type: String,
    },
    /// The records from this place on are not done.
    Failed {
        from: usize,
        error_type: String,
    },
}

impl Part {
    const fn new(records: Vec<Record>) -> Self {
        Self { records, attempts: 0, invocations: 0, failures: 0, last_response: None }
    }
}

impl Delivery {
    /// Delivers a batch. Comes back only when nothing of it is left to do.
    pub(super) async fn deliver(&self, batch: Vec<Record>) {
        // The part to go on with is the last one.
        let mut parts = vec![Part::new(batch)];
        while let Some(mut part) = parts.pop() {
            self.give_up_expired(&mut part).await;
            if part.records.is_empty() {
                continue;
            }
            match self.invoke(&mut part).await {
                Outcome::Delivered => self.progress.finished(&part.records).await,
                Outcome::Throttled { error_type } => {
                    self.pause(&mut part, &error_type).await;
                    parts.push(part);
                }
                Outcome::Failed { from, error_type } => {
                    if from > 0 {
                        let rest = part.records.split_off(from);
                        self.progress.finished(&part.records).await;
                        // The record that failed now leads, and its attempts are counted from this one.
                        part = Part {
                            invocations: part.invocations,
                            last_response: part.last_response,
                            ..Part::new(rest)
                        };
                    }
                    let split = self.mapping.bisect_batch_on_function_error && (from > 0 || part.records.len() > 1);
                    if !split {
                        part.attempts += 1;
                        if self.mapping.maximum_retry_attempts.is_some_and(|retries| part.attempts > retries) {
                            self.give_up(&part, Condition::RetryAttemptsExhausted).await;
                            continue;
                        }
                    }
                    self.pause(&mut part, &error_type).await;
                    if split && from == 0 {
                        let second = part.records.split_off(part.records.len() / 2);
                        parts.push(Part::new(second));
                        part = Part::new(part.records);
                    }
                    parts.push(part);
                }
            }
        }
    }

    async fn invoke(&self, part: &mut Part) -> Outcome {
        let payload = event(&part.records).into_bytes();
        let answer = self.functions.invoke(&self.mapping.function_name, payload).await;
        let outcome = match answer {
            Err(error) if error.error_type.starts_with("Lambda:") => {
                Outcome::Throttled { error_type: error.error_type }
            }
            Err(error) => {
                part.last_response = Some(LastResponse::FunctionError);
                Outcome::Failed { from: 0, error_type: error.error_type }
            }
            Ok(answer) if self.mapping.report_batch_item_failures => match response::read(&answer, &part.records) {
                Verdict::Success => Outcome::Delivered,
                verdict => {
                    part.last_response = Some(LastResponse::ItemFailures);
                    let from = if let Verdict::FailedFrom(place) = verdict { place } else { 0 };
                    Outcome::Failed { from, error_type: "ReportBatchItemFailures".to_owned() }
                }
            },
            Ok(_) => Outcome::Delivered,
        };
        if !matches!(outcome, Outcome::Throttled { .. }) {
            part.invocations += 1;
        }
        tracing::debug!(
            function = self.mapping.function_name,
            records = part.records.len(),
            first = part.records.first().map(Record::sequence_number),
            last = part.records.last().map(Record::sequence_number),
            ?outcome,
            "invoked with a batch"
        );
        outcome
    }

    async fn pause(&self, part: &mut Part, error_type: &str) {
        part.failures += 1;
        let pause = self.backoff.pause(part.failures);
        tracing::warn!(
            function = self.mapping.function_name,
            records = part.records.len(),
            first = part.records.first().map(Record::sequence_number),
            attempts = part.attempts,
            error_type,
            ?pause,
            "a batch was not delivered, trying again"
        );
        tokio::time::sleep(pause).await;
    }

    /// Gives up the records at the head of a part that are too old.
    async fn give_up_expired(&self, part: &mut Part) {
        let Some(oldest) = self.mapping.maximum_record_age.and_then(created_ago) else { return };
        let expired = part.records.iter().take_while(|record| record.created_at < oldest).count();
        if expired > 0 {
            let rest = part.records.split_off(expired);
            self.give_up(part, Condition::RecordAgeExceeded).await;
            part.records = rest;
        }
    }

    /// Keeps a part and lets the checkpoint pass it, in this order.
    async fn give_up(&self, part: &Part, condition: Condition) {
        let kept = loop {
            match self.keep(part, condition).await {
                Ok(path) => break path,
                Err(error) => {
                    tracing::error!(
                        function = self.mapping.function_name,
                        "a batch that is given up cannot be written down, so it is held on to: {error}"
                    );
                    tokio::time::sleep(UNWRITTEN_PAUSE).await;
                }
            }
        };
        self.progress.finished(&part.records).await;
        tracing::error!(
            function = self.mapping.function_name,
            records = part.records.len(),
            first = part.records.first().map(Record::sequence_number),
            last = part.records.last().map(Record::sequence_number),
            ?condition,
            file = kept.map(|path| path.display().to_string()),
            "gave up a batch"
        );
    }

    async fn keep(&self, part: &Part, condition: Condition) -> std::io::Result<Option<std::path::PathBuf>> {
        let Some(folder) = self.mapping.on_failure.clone() else { return Ok(None) };
        let (mapping, function_arn) = (self.mapping.uuid, self.function_arn.clone());
        let (stream_arn, shard_id) = (self.mapping.event_source_arn.clone(), self.shard_id.clone());
        let (batch, invocations, last_response) = (part.records.clone(), part.invocations, part.last_response);
        blocking(move || {
            let given_up = GivenUp {
                mapping,
                function_arn: &function_arn,
                stream_arn: &stream_arn,
                shard_id: &shard_id,
                batch: &batch,
                condition,
                invocations,
                last_response,
            };
            given_up.keep(&folder).map(Some)
        })
        .await
    }
}

/// The time that an age ago was, in whole seconds since 1970.
fn created_ago(age: Duration) -> Option<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(now.checked_sub(age)?.as_secs()).ok()
}
