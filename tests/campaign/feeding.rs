//! Between the stream, or the schedule, and the Lambda that they feed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lambda_runtime::{Context, Diagnostic};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::faults::{Edge, Fault, Weather};
use crate::lambdas::{Json, Sandboxes, exited};
use crate::plant::{Bug, Plant};

/// Feeds `fulfil-orders`, and remembers of which orders it said that they are done.
pub(crate) struct Feeder {
    pub(crate) weather: Arc<Weather>,
    pub(crate) plant: Arc<Plant>,
    pub(crate) sandboxes: Arc<Sandboxes>,
    delivered: Mutex<BTreeSet<String>>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Records")]
    records: Option<Vec<Json>>,
    #[serde(rename = "detail-type")]
    scheduled: Option<String>,
}

#[derive(Clone)]
struct Record {
    json: Json,
    order: String,
    number: String,
}

impl Feeder {
    pub(crate) fn new(weather: Arc<Weather>, plant: Arc<Plant>, sandboxes: Arc<Sandboxes>) -> Self {
        Self { weather, plant, sandboxes, delivered: Mutex::default() }
    }

    /// The orders that are done, as far as the stream knows.
    pub(crate) fn delivered(&self) -> BTreeSet<String> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Invokes the Lambda, if nothing comes in between.
    pub(crate) async fn invoke(&self, event: Json, context: Context) -> Result<Json, Diagnostic> {
        let read: Event = serde_json::from_str(event.get()).expect("an event");
        if let Some(records) = read.records {
            let records: Vec<_> = records.into_iter().map(Record::of).collect();
            let answer = self.stream(&records, context).await?;
            self.note(&records, &answer);
            return Ok(answer);
        }
        let fault = read.scheduled.and_then(|_| self.weather.strikes(Edge::Schedule, "run", "all that is due"));
        match fault {
            Some(Fault::CrashBefore) => Err(exited("before")),
            Some(Fault::CrashAfter) => self.run(event, context).await.and(Err(exited("after"))),
            Some(Fault::KillAnytime) => self.sandboxes.run_for(self.life(&context.request_id), event, context).await,
            Some(Fault::Twice) => self.run(event.clone(), context.clone()).await.and(self.run(event, context).await),
            Some(_) => {
                futures::future::join(self.run(event.clone(), context.clone()), self.run(event, context)).await.1
            }
            None => self.run(event, context).await,
        }
    }

    async fn run(&self, event: Json, context: Context) -> Result<Json, Diagnostic> {
        self.sandboxes.run(event, context).await
    }

    /// How long a process lives that is killed at some moment of its work: rarely longer than that takes.
    fn life(&self, about: &str) -> Duration {
        let moment = self.weather.dice.below(60, &["life", about]);
        Duration::from_millis(moment.try_into().expect("a few"))
    }

    async fn stream(&self, records: &[Record], context: Context) -> Result<Json, Diagnostic> {
        let run = async |records: &[Record]| self.run(batch(records), context.clone()).await;
        let poison =
            |record: &&Record| self.weather.profile.poison && self.weather.dice.percent(5, &["poison", &record.order]);
        if let Some(poisonous) = records.iter().find(poison) {
            // Some kill it at once, others when all has been done.
            self.weather.tell(&poisonous.order, || "Stream batch: kills the Lambda".to_owned());
            if self.weather.dice.percent(50, &["how", &poisonous.order]) {
                let _ = run(records).await;
            }
            return Err(exited("poison"));
        }
        if records.iter().any(|record| self.plant.shows(Bug::MovesTheCheckpointFirst, &record.order)) {
            return Ok(to_raw_value(&json!({ "batchItemFailures": [] })).expect("JSON"));
        }
        // Asked of every record, so that it does not depend on which others are in the batch.
        let strikes = records.iter().map(|record| (record, self.weather.strikes(Edge::Stream, "batch", &record.order)));
        let strikes: Vec<_> = strikes.collect();
        let Some((record, fault)) = strikes.into_iter().find_map(|(record, fault)| Some((record, fault?))) else {
            return run(records).await;
        };
        let failure = |number: &str| json!({ "itemIdentifier": number });
        match fault {
            Fault::CrashBefore => Err(exited("before")),
            Fault::CrashAfter => run(records).await.and(Err(exited("after"))),
            Fault::KillAnytime => self.sandboxes.run_for(self.life(&record.order), batch(records), context).await,
            Fault::Twice => run(records).await.and(run(records).await),
            Fault::Beside => futures::future::join(run(records), run(records)).await.1,
            Fault::Shuffled => run(&records.iter().rev().cloned().collect::<Vec<_>>()).await,
            Fault::Split => {
                let (first, second) = records.split_at(records.len() / 2);
                let failed = [failures(&run(first).await?), failures(&run(second).await?)].concat();
                Ok(answer(&failed.iter().map(|number| failure(number)).collect::<Vec<_>>()))
            }
            Fault::FalseFailure => {
                let failed = failures(&run(records).await?);
                Ok(answer(&failed.iter().chain([&record.number]).map(|number| failure(number)).collect::<Vec<_>>()))
            }
            _ => run(records).await.map(|_| answer(&[failure("")])),
        }
    }

    /// What counts as done: what stands before the first record that failed.
    fn note(&self, records: &[Record], answer: &Json) {
        let failed = failures(answer);
        let done = if failed.iter().any(|number| records.iter().all(|record| record.number != *number)) {
            0
        } else {
            records.iter().position(|record| failed.contains(&record.number)).unwrap_or(records.len())
        };
        let orders = records[..done].iter().map(|record| record.order.clone());
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner).extend(orders);
    }
}

impl Record {
    fn of(json: Json) -> Self {
        let read: Value = serde_json::from_str(json.get()).expect("a record");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let (order, number) = (text(&read["dynamodb"]["Keys"]["id"]["S"]), text(&read["dynamodb"]["SequenceNumber"]));
        Self { json, order, number }
    }
}

fn batch(records: &[Record]) -> Json {
    let records: Vec<_> = records.iter().map(|record| record.json.get()).collect();
    RawValue::from_string(format!(r#"{{"Records":[{}]}}"#, records.join(","))).expect("JSON")
}

fn answer(failures: &[Value]) -> Json {
    to_raw_value(&json!({ "batchItemFailures": failures })).expect("JSON")
}

fn failures(answer: &Json) -> Vec<String> {
    let read: Value = serde_json::from_str(answer.get()).expect("an answer");
    let failures = read["batchItemFailures"].as_array().into_iter().flatten();
    failures.map(|failure| failure["itemIdentifier"].as_str().unwrap_or_default().to_owned()).collect()
}
