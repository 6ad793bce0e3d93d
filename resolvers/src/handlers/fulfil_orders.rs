//! `fulfil-orders`: the orders stream, and the schedule that tries again what failed.
//!
//! For each order: interpret it, ask the warehouse for what is open, append what it answered, announce it. Every step
//! may run twice and stop anywhere. What fails for one order holds up no other: a pointer has it tried again later, and
//! only if even that cannot be written is its record reported as failed.

use std::time::{Duration, SystemTime};

use aws_lambda_events::event::dynamodb::EventRecord;
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use futures::{StreamExt as _, stream};
use lambda_runtime::{Context, LambdaEvent};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::backlog::Backlog;
use super::{as_read, now};
use crate::aws::Aws;
use crate::environment::{Environment, EnvironmentError};
use crate::error::Error;
use crate::metrics::Metrics;
use crate::order::view::{OrderChangeKind, OrderStatus};
use crate::order::{Change, Id, Order, ReceivedOrder, StoredOrder, Timestamp, interpret};
use crate::publisher::Publisher;
use crate::tables::{Attention, Changes, Orders, Pointer, Question, Reason, stored_order};
use crate::warehouse::Warehouse;

/// How many orders are worked on at a time.
const CONCURRENCY: usize = 32;

/// How many shards of the attention table are read at a time: each holds a page of 1 MB, which takes several times that
/// once it is parsed.
const SHARDS_AT_A_TIME: usize = 4;

/// How old a record of the stream may be before it is asked whether its order was erased in the meantime. Most are some
/// milliseconds old, and asking costs a read of the whole order. `erase` waits longer than this.
const FRESH: Duration = Duration::from_secs(10);

/// How much of the function's time is kept back to put orders off when it runs out.
const RESERVE: Duration = Duration::from_secs(5);

/// The Lambda `fulfil-orders`.
#[derive(Clone)]
pub struct FulfilOrders {
    orders: Orders,
    changes: Changes,
    attention: Attention,
    warehouse: Warehouse,
    publisher: Publisher,
    retries: Retries,
    metrics: Metrics,
}

/// What this Lambda is fed: a batch of the orders stream, a tick of the schedule, or ids by hand.
#[derive(Debug, Deserialize)]
pub struct Event {
    /// The orders stream: what was inserted.
    #[serde(rename = "Records")]
    records: Option<Vec<EventRecord>>,
    /// By hand: send these orders through again.
    #[serde(rename = "orderIds")]
    order_ids: Option<Vec<Id>>,
    /// The schedule: `Scheduled Event`.
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
}

/// When to try again.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    minute: Duration,
}

impl Retries {
    /// `RETRY_MINUTE_MS` is how many milliseconds a minute of the retry schedule takes: 60,000 if left out.
    ///
    /// # Errors
    /// If it is no number.
    pub fn new(environment: &Environment) -> Result<Self, EnvironmentError> {
        let minute = environment.parse_or("RETRY_MINUTE_MS", 60_000)?;
        Ok(Self { minute: Duration::from_millis(minute) })
    }

    /// The next attempt after `attempts` earlier ones: 1, 2, 4, … minutes later, an hour at most, without end.
    #[must_use]
    pub fn next(&self, now: Timestamp, attempts: u32) -> Timestamp {
        now.after(self.minute * 2_u32.saturating_pow(attempts).min(60))
    }

    /// How long an order is tried again before somebody should know: an hour.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.minute * 60
    }
}

/// The question to the warehouse whose answer was recorded last; the first one if there is none.
#[must_use]
pub fn question_of(changes: &[Change]) -> u32 {
    changes.iter().filter_map(Change::answers).max().unwrap_or(0)
}

impl FulfilOrders {
    /// Sets the Lambda up.
    ///
    /// # Errors
    /// If the environment lacks something.
    pub fn new(environment: &Environment) -> Result<Self, EnvironmentError> {
        let aws = Aws::new(environment)?;
        let client = aws.dynamodb();
        Ok(Self {
            orders: Orders::new(client.clone(), environment)?,
            changes: Changes::new(client.clone(), environment)?,
            attention: Attention::new(client, environment)?,
            warehouse: Warehouse::new(&aws, environment)?,
            publisher: Publisher::new(aws, environment)?,
            retries: Retries::new(environment)?,
            metrics: Metrics::new(environment),
        })
    }

    /// Opens the connections that it will need.
    pub async fn connect(&self) {
        self.publisher.connect().await;
    }

    /// Works on what it is fed.
    ///
    /// # Errors
    /// `InvalidArgument` for an event of no known kind; `Unavailable` if the schedule's work could not even be put off.
    pub async fn handle(&self, event: LambdaEvent<Event>) -> Result<DynamoDbEventResponse, Error> {
        let until = Instant::now() + time_for_work(&event.context);
        match event.payload {
            Event { records: Some(records), .. } => Ok(self.stream(records, until).await),
            Event { order_ids: Some(ids), .. } => self.by_hand(ids, until).await,
            Event { detail_type: Some(kind), .. } if kind == "Scheduled Event" => self.schedule(until).await,
            _ => Err(Error::InvalidArgument("This is no stream, no schedule and no list of orderIds.".to_owned())),
        }
    }

    async fn stream(&self, records: Vec<EventRecord>, until: Instant) -> DynamoDbEventResponse {
        let count = records.len();
        let failures: Vec<_> = stream::iter(records)
            .map(|record| self.record(record, until))
            .buffer_unordered(CONCURRENCY)
            .filter_map(std::future::ready)
            .collect()
            .await;
        tracing::debug!(count, failed = failures.len(), "batch");
        let mut response = DynamoDbEventResponse::default();
        response.batch_item_failures = failures;
        response
    }

    /// Works on one record of the stream. Returns it as failed only if it could neither be worked on nor put off.
    async fn record(&self, record: EventRecord, until: Instant) -> Option<DynamoDbBatchItemFailure> {
        if record.event_name != "INSERT" {
            return None;
        }
        let age = now().since(SystemTime::from(record.change.approximate_creation_date_time).into());
        let (image, keys) = (record.change.new_image, record.change.keys);
        let outcome = match stored_order(image) {
            Ok(StoredOrder::Received(received)) => {
                let id = received.id.clone();
                let work = self.received_by_stream(&received, age);
                Some((id, timeout_at(until, work).await.unwrap_or(Err(Unfinished::TimeIsUp))))
            }
            // As it stands in a batch that was kept, once its order was erased.
            Ok(StoredOrder::Erased(_)) => return None,
            Err(_) => serde_dynamo::from_item(keys).ok().map(|Key { id }| (id, Err(Unfinished::Unreadable))),
        };
        let put_off = match outcome {
            Some((_, Ok(()))) => return None,
            Some((id, Err(unfinished))) => self.put_off(&id, 0, 0, &unfinished).await,
            None => Err(Error::Unavailable),
        };
        put_off.err().map(|_| {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = record.change.sequence_number;
            failure
        })
    }

    /// Works on an order that the stream has kept for so long.
    async fn received_by_stream(&self, received: &ReceivedOrder, age: Duration) -> Result<(), Unfinished> {
        if age > FRESH && self.orders.is_erased(&received.id).await? {
            return Ok(self.nothing_left(&received.id).await?);
        }
        self.fulfil(received, Vec::new(), 0).await.map(drop)
    }

    /// The order was erased: it is never sent through again.
    async fn nothing_left(&self, id: &Id) -> Result<(), Error> {
        tracing::info!(order_id = %id, "it was erased, nothing is done for it");
        self.attention.forget(id).await.map(drop)
    }

    /// Tries again what is due, what has waited longest first, and reports how much there is of everything.
    async fn schedule(&self, until: Instant) -> Result<DynamoDbEventResponse, Error> {
        let now = now();
        let mut backlog = Backlog::new(now, self.retries.patience());
        let read = self.read_pointers(&mut backlog, now, until).await;
        if read == Ok(Complete::Yes) {
            self.metrics.report(now, &backlog.metrics());
        } else {
            tracing::warn!("not every pointer could be read, so that none are counted this time");
        }
        let work = stream::iter(backlog.into_due()).map(|pointer| async move {
            // What there is no time for stays due.
            if Instant::now() < until { self.again(&pointer, until).await } else { Ok(()) }
        });
        let mut outcomes = work.buffer_unordered(CONCURRENCY).collect::<Vec<_>>().await;
        outcomes.push(read.map(|_| ()));
        all(outcomes)
    }

    /// Goes through the whole attention table, in no more than half of the time that is left: the rest is for the orders.
    /// What cannot be read holds up nothing else; the last error of those is returned.
    async fn read_pointers(&self, backlog: &mut Backlog, now: Timestamp, until: Instant) -> Result<Complete, Error> {
        let mut read = Ok(Complete::Yes);
        // With another shard in front at each run, none is always the one that there is no time for.
        let turn = usize::try_from(now.as_millisecond() / 60_000).unwrap_or(0);
        let in_turn = (0..Attention::SHARDS).cycle().skip(turn % usize::from(Attention::SHARDS));
        let shards = stream::iter(in_turn.take(Attention::SHARDS.into()));
        let shards = shards.map(|shard| self.attention.shard(shard).boxed());
        let mut pointers = shards.flatten_unordered(SHARDS_AT_A_TIME);
        let all = async {
            while let Some(pointer) = pointers.next().await {
                match pointer {
                    Ok(pointer) => backlog.add(pointer),
                    Err(error) => read = Err(error),
                }
            }
        };
        let now = Instant::now();
        let in_time = timeout_at(now + until.saturating_duration_since(now) / 2, all).await.is_ok();
        if in_time { read } else { read.map(|_| Complete::No) }
    }

    /// Sends orders through again that somebody has named: a refused order is asked for once more.
    async fn by_hand(&self, ids: Vec<Id>, until: Instant) -> Result<DynamoDbEventResponse, Error> {
        let outcomes = stream::iter(ids).map(|id| async move {
            match self.orders.find(&id).await? {
                Some(StoredOrder::Received(_)) => {}
                Some(StoredOrder::Erased(_)) => return self.nothing_left(&id).await,
                None => {
                    let shown: String = id.as_str().chars().take(100).collect();
                    return Err(Error::InvalidArgument(format!("There is no order {shown:?}.")));
                }
            }
            let changes = self.changes.of(&id).await?;
            let refusals = changes.iter().filter(|change| change.kind == OrderChangeKind::Refused).count();
            let refusals = u32::try_from(refusals).unwrap_or(u32::MAX);
            // Before anything is done, so that whatever happens then, the order is finished and announced.
            let now = now();
            let (question, next) = (Question::Anew(refusals), self.retries.next(now, 0));
            let pointer = self.attention.retry(&id, question, "sent through by hand", now, next).await?;
            self.again(&pointer, until).await
        });
        all(outcomes.buffer_unordered(CONCURRENCY).collect().await)
    }

    /// Comes back to one order that was put off.
    async fn again(&self, pointer: &Pointer, until: Instant) -> Result<(), Error> {
        let question = pointer.question.unwrap_or(0);
        let work = async {
            let Some(received) = self.orders.get(&pointer.order_id).await? else { return Ok(None) };
            let changes = self.changes.of(&received.id).await?;
            self.fulfil(&received, changes, question).await.map(Some)
        };
        match timeout_at(until, work).await.unwrap_or(Err(Unfinished::TimeIsUp)) {
            Ok(Some(order)) if order.status == OrderStatus::NeedsAttention => {
                self.attention.stop_retrying(pointer).await
            }
            Ok(Some(_)) => self.attention.remove(pointer).await,
            Ok(None) => {
                tracing::warn!(order_id = %pointer.order_id, "there is no such order any more");
                self.attention.remove(pointer).await
            }
            Err(unfinished) => self.put_off(&pointer.order_id, question, pointer.attempts, &unfinished).await,
        }
    }

    /// The steps of one order, from interpreting to announcing. `changes` is what is known to have happened, `question`
    /// which question to the warehouse is open.
    async fn fulfil(
        &self,
        received: &ReceivedOrder,
        mut changes: Vec<Change>,
        question: u32,
    ) -> Result<Order, Unfinished> {
        let id = &received.id;
        let interpretation = interpret(&received.document);
        let before = as_read(received, &interpretation, &changes);
        let answered = changes.iter().any(|change| change.answers() == Some(question));
        let mut pointer = None;
        if before.status == OrderStatus::Fulfilled || answered {
            tracing::debug!(order_id = %id, "nothing to ask for, merely announced");
        } else if !interpretation.understood() {
            pointer = Some(self.point(id, Reason::NotUnderstood).await?);
            let change = Change::not_understood(id, now(), &interpretation.problems);
            changes.push(self.append(change).await?);
        } else if before.open_lines().next().is_some() {
            let change = self.warehouse.ask(&before, question, now).await?;
            let refused = change.kind == OrderChangeKind::Refused;
            if refused {
                pointer = Some(self.point(id, Reason::Refused).await?);
            }
            let first = self.append(change).await?;
            // Asked twice, the warehouse has changed its mind; the first answer counts, and nobody needs to look at it.
            if first.kind != OrderChangeKind::Refused
                && let Some(pointer) = pointer.take_if(|pointer| pointer.question.is_none())
            {
                self.attention.remove(&pointer).await?;
            }
            changes.push(first);
        }
        let order = as_read(received, &interpretation, &changes);
        self.publisher.announce(&order).await?;
        tracing::info!(order_id = %id, status = ?order.status, "announced");
        // Whoever has put the order off for another question comes back to it.
        if let Some(pointer) = pointer.filter(|pointer| pointer.question.is_none()) {
            self.attention.stop_retrying(&pointer).await?;
        }
        Ok(order)
    }

    /// Points to an order that somebody must look at once that is a fact. Stopped before it is, and asked again, the
    /// warehouse may say something else: so the schedule comes back, and removes a pointer that leads to nothing.
    async fn point(&self, id: &Id, reason: Reason) -> Result<Pointer, Error> {
        let now = now();
        self.attention.point(id, reason, now, self.retries.next(now, 0)).await
    }

    async fn append(&self, change: Change) -> Result<Change, Error> {
        let change = self.changes.append(change).await?;
        tracing::info!(order_id = %change.order_id, change = %change.id, kind = ?change.kind, "appended");
        Ok(change)
    }

    async fn put_off(&self, id: &Id, question: u32, attempts: u32, why: &Unfinished) -> Result<(), Error> {
        let now = now();
        let next = self.retries.next(now, attempts);
        tracing::warn!(order_id = %id, attempts, error = %why, "put off until {next}");
        let error = why.to_string();
        let put_off = self.attention.retry(id, Question::UnlessOpen(question), &error, now, next);
        // The reserve is there for this; without a limit, a table that hangs would take the whole batch down.
        let put_off = tokio::time::timeout(RESERVE.mul_f32(0.8), put_off).await;
        put_off.unwrap_or(Err(Error::Unavailable)).map(|_| ())
    }
}

/// Whether everything was read.
#[derive(PartialEq)]
enum Complete {
    Yes,
    No,
}

/// The key of an order in the stream.
#[derive(Deserialize)]
struct Key {
    id: Id,
}

/// Why an order could not be finished right now.
#[derive(Debug, thiserror::Error)]
enum Unfinished {
    #[error("what is stored could not be read or written")]
    Tables(#[from] Error),
    #[error("what is stored is no order that this release can read")]
    Unreadable,
    #[error(transparent)]
    Warehouse(#[from] crate::warehouse::NoAnswer),
    #[error(transparent)]
    Publisher(#[from] crate::publisher::NotPublished),
    #[error("there was no time left")]
    TimeIsUp,
}

fn all(outcomes: Vec<Result<(), Error>>) -> Result<DynamoDbEventResponse, Error> {
    outcomes.into_iter().collect::<Result<(), _>>()?;
    Ok(DynamoDbEventResponse::default())
}

fn time_for_work(context: &Context) -> Duration {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    left.saturating_sub(RESERVE.min(left / 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_a_minute_to_an_hour_and_never_end() {
        let retries = Retries::new(&Environment::default()).unwrap();
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let minutes = |attempts| retries.next(now, attempts).since(now).as_secs() / 60;
        assert_eq!([0, 1, 2, 5, 6, 1_000_000].map(minutes), [1, 2, 4, 32, 60, 60]);
        assert_eq!(retries.patience(), Duration::from_hours(1));
    }
}
