//! Lambda's event source mapping for DynamoDB streams.
//!
//! | file | holds |
//! | --- | --- |
//! | `poller` | one mapping: reads its stream, filters, forms batches, keeps several in flight |
//! | `delivery` | one batch: invokes, tries again, splits, gives up |
//! | `response` | what a function's answer says of the records of its batch |
//! | `record` | the shape of a record in the event |
//! | `filter` | filter criteria |
//! | `progress`, `checkpoint` | what is finished, and where that is remembered |
//! | `on_failure` | where a batch goes that is given up |
//! | `trim` | removes from the streams what every mapping has finished |
//!
//! Unlike in AWS, a record that an enabled mapping has not finished stays in the stream for longer than a day: it
//! waits for the machine to be switched on again.

mod checkpoint;
mod delivery;
mod filter;
mod on_failure;
mod poller;
mod progress;
mod record;
mod response;
#[cfg(test)]
mod tests;
mod trim;

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::arn::Arn;
use crate::dynamodb::{self, DynamoDb};
use crate::lambda::Functions;
use checkpoint::Checkpoints;
pub use checkpoint::Unusable;
use filter::Filters;
pub use filter::InvalidPattern;
use progress::Progress;

const BATCH_SIZES: RangeInclusive<usize> = 1..=10_000;
const LONGEST_WINDOW: Duration = Duration::from_mins(5);
const PARALLELIZATION_FACTORS: RangeInclusive<usize> = 1..=10;
const MOST_RETRIES: u32 = 10_000;
const RECORD_AGES: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(7 * 24);

/// One mapping, with the names that Lambda's API and CloudFormation use.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// What its checkpoint and its given-up batches are filed under.
    pub uuid: Uuid,
    /// The function to invoke.
    pub function_name: String,
    /// The table whose stream is read.
    pub table_name: String,
    /// The stream's ARN as records show it; region and account are taken from it.
    pub event_source_arn: String,
    /// A mapping that is disabled keeps its checkpoint, and for a day what it has not read.
    pub enabled: bool,
    /// The most records in one batch, 1 to 10,000; a batch is never larger than 6 MB.
    pub batch_size: usize,
    /// How long to wait for a batch to fill; zero: send what there is.
    pub maximum_batching_window: Duration,
    /// How many batches may be in flight at a time, 1 to 10. Order is kept for each partition key.
    pub parallelization_factor: usize,
    /// Where to start in a stream that has not been read before.
    pub starting_position: StartingPosition,
    /// How often to try again after a function error, 0 to 10,000; `None` (in AWS, -1): until it works.
    pub maximum_retry_attempts: Option<u32>,
    /// How old a record may be when the function is invoked, a minute to a week; `None` (in AWS, -1): any age.
    pub maximum_record_age: Option<Duration>,
    /// Whether to halve a batch that fails, to find the record that does it.
    pub bisect_batch_on_function_error: bool,
    /// Whether the function's answer says which records failed: `FunctionResponseTypes`, `ReportBatchItemFailures`.
    pub report_batch_item_failures: bool,
    /// The patterns of `FilterCriteria`, each a JSON object as text; none: every record.
    pub filter_patterns: Vec<String>,
    /// The folder that stands for the on-failure destination; `None`: what is given up is only logged.
    pub on_failure: Option<PathBuf>,
}

/// Where a mapping starts in a stream that it has not read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartingPosition {
    /// With the oldest record there is.
    TrimHorizon,
    /// After the newest record there is.
    Latest,
}

/// The pauses before a batch is tried again: each twice as long as the one before. AWS does not say what its are.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The pause after the first failure.
    pub first: Duration,
    /// What no pause exceeds.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(100), longest: Duration::from_secs(10) }
    }
}

impl Backoff {
    /// The pause after so many failures in a row.
    fn pause(&self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

/// Why a mapping cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is out of its range.
    #[error("the event source mapping of {function} on {table}: {problem}")]
    Setting {
        /// The function.
        function: String,
        /// The table.
        table: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A filter pattern is none.
    #[error("the event source mapping of {function} on {table} has a filter pattern that is not valid: {source}")]
    Filter {
        /// The function.
        function: String,
        /// The table.
        table: String,
        /// What is wrong with it.
        source: InvalidPattern,
    },
    /// The stream cannot be read.
    #[error(transparent)]
    DynamoDb(#[from] dynamodb::Error),
    /// The checkpoints cannot be read or written.
    #[error(transparent)]
    Checkpoint(#[from] Unusable),
}

/// The running mappings. Dropping it stops them as well, without waiting.
#[derive(Debug)]
pub struct EventSource {
    tasks: JoinSet<()>,
}

impl EventSource {
    /// Starts the mappings, each where its checkpoint says. Give all mappings of the database at once: what none of
    /// them needs any more is removed from the streams.
    ///
    /// Must be called on a runtime; functions are invoked there.
    ///
    /// # Errors
    /// If a mapping is not valid, its table has no stream, or the checkpoints cannot be read.
    pub fn start(
        dynamodb: &DynamoDb,
        functions: &Functions,
        mappings: Vec<Mapping>,
        backoff: Backoff,
    ) -> Result<Self, Error> {
        let checkpoints = Checkpoints::open(dynamodb.directory())?;
        let trim = Arc::new(Notify::new());
        let mut readers = Vec::new();
        let mut pollers = Vec::new();
        let mut uuids = HashSet::new();
        for mapping in mappings {
            let arn = mapping.check()?;
            if !uuids.insert(mapping.uuid) {
                return Err(mapping.refuse(format!("another mapping has its uuid {}", mapping.uuid)));
            }
            let filters = Filters::parse(&mapping.filter_patterns).map_err(|source| Error::Filter {
                function: mapping.function_name.clone(),
                table: mapping.table_name.clone(),
                source,
            })?;
            let stream = dynamodb.stream(&mapping.table_name)?;
            let position = starting_point(&checkpoints, &mapping, &stream)?;
            let acknowledged = Arc::new(AtomicI64::new(position));
            readers.push(trim::Reader {
                table: mapping.table_name.clone(),
                enabled: mapping.enabled,
                acknowledged: Arc::clone(&acknowledged),
            });
            if !mapping.enabled {
                continue;
            }
            pollers.push(poller::Poller {
                delivery: delivery::Delivery {
                    functions: functions.clone(),
                    backoff,
                    function_arn: format!(
                        "arn:{}:lambda:{}:{}:function:{}",
                        arn.partition, arn.region, arn.account, mapping.function_name
                    ),
                    shard_id: stream.shard_id(),
                    progress: Progress::new(
                        mapping.uuid,
                        stream.label.clone(),
                        position,
                        checkpoints.clone(),
                        acknowledged,
                        Arc::clone(&trim),
                    ),
                    mapping,
                },
                stream,
                region: arn.region,
                filters,
                changes: dynamodb.changes(),
            });
        }
        let trimmer = dynamodb.trimmer()?;
        let tables = dynamodb.streams()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(trim::run(trimmer, tables, readers, trim));
        for poller in pollers {
            tasks.spawn(poller.run());
        }
        Ok(Self { tasks })
    }

    /// Stops at once. A batch that is in flight or waits to be tried again is delivered once more after the next start.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

impl Mapping {
    fn check(&self) -> Result<Arn, Error> {
        let problem = if !BATCH_SIZES.contains(&self.batch_size) {
            format!("BatchSize is {}, it must be 1 to 10000", self.batch_size)
        } else if self.maximum_batching_window > LONGEST_WINDOW {
            "MaximumBatchingWindowInSeconds is more than 300".to_owned()
        } else if !PARALLELIZATION_FACTORS.contains(&self.parallelization_factor) {
            format!("ParallelizationFactor is {}, it must be 1 to 10", self.parallelization_factor)
        } else if self.maximum_retry_attempts.is_some_and(|attempts| attempts > MOST_RETRIES) {
            "MaximumRetryAttempts is more than 10000".to_owned()
        } else if self.maximum_record_age.is_some_and(|age| !RECORD_AGES.contains(&age)) {
            "MaximumRecordAgeInSeconds must be 60 to 604800, or -1".to_owned()
        } else {
            return Arn::parse(&self.event_source_arn, "dynamodb").ok_or_else(|| {
                self.refuse(format!("EventSourceArn {} is not the ARN of a DynamoDB stream", self.event_source_arn))
            });
        };
        Err(self.refuse(problem))
    }

    fn refuse(&self, problem: String) -> Error {
        Error::Setting { function: self.function_name.clone(), table: self.table_name.clone(), problem }
    }
}

/// The position after which a mapping goes on, remembered from here on.
fn starting_point(
    checkpoints: &Checkpoints,
    mapping: &Mapping,
    stream: &dynamodb::stream::Stream,
) -> Result<i64, Error> {
    let latest = stream.latest()?;
    let position = match checkpoints.load(mapping.uuid, &stream.label)? {
        Some(position) if position <= latest => return Ok(position),
        // The last record of a stream is never removed. So this is not the stream as it was left, but one put back
        // from a backup, say, or one that lost its last writes with the power. What comes next might be numbered
        // below the checkpoint: better to deliver twice than not at all.
        Some(_) => {
            tracing::warn!(
                function = mapping.function_name,
                table = mapping.table_name,
                "the stream ends before the mapping's checkpoint, starting over with its oldest record"
            );
            0
        }
        None => match mapping.starting_position {
            StartingPosition::TrimHorizon => 0,
            StartingPosition::Latest => latest,
        },
    };
    checkpoints.start(mapping.uuid, &stream.label, position)?;
    Ok(position)
}

/// Does what waits for the disk where it holds up nobody else.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down, and whoever waits here is about to be dropped.
            Err(_) => std::future::pending().await,
        },
    }
}

/// The lowest of some positions.
fn lowest<'a>(positions: impl Iterator<Item = &'a AtomicI64>) -> Option<i64> {
    positions.map(|position| position.load(Ordering::Acquire)).min()
}
