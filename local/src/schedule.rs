//! Amazon EventBridge's rate schedule: invokes a function again and again.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use uuid::Uuid;

use crate::arn::Arn;
use crate::lambda::Functions;

/// A rule whose schedule expression is a rate.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The rule's ARN, as events show it; region and account are taken from it.
    pub arn: String,
    /// The function to invoke.
    pub function_name: String,
    /// The time from one invocation to the next. The first comes one period after the start, as in AWS.
    pub period: Duration,
}

/// Why a rule cannot be started.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Its ARN is none.
    #[error("{0} is not the ARN of an EventBridge rule")]
    Arn(String),
    /// Its period is no time at all.
    #[error("the schedule {0} needs a period longer than zero")]
    Period(String),
}

/// The running rules. Dropping it stops them as well, without waiting.
#[derive(Debug)]
pub struct Schedule {
    tasks: JoinSet<()>,
}

impl Schedule {
    /// Starts the rules. Must be called on a runtime; functions are invoked there.
    ///
    /// EventBridge does not wait for a run to finish before it starts the next. Here a rule has one run at a time: a
    /// run that takes longer than the period is followed at once by one more, in place of all those that would have
    /// started meanwhile. A run that fails is logged and not tried again before its next turn.
    ///
    /// # Errors
    /// If a rule's ARN is none, or its period is zero.
    pub fn start(functions: &Functions, rules: Vec<Rule>) -> Result<Self, Error> {
        let mut ready = Vec::new();
        for rule in rules {
            let arn = Arn::parse(&rule.arn, "events").ok_or_else(|| Error::Arn(rule.arn.clone()))?;
            if rule.period.is_zero() {
                return Err(Error::Period(rule.arn));
            }
            ready.push((arn, rule));
        }
        let mut tasks = JoinSet::new();
        for (arn, rule) in ready {
            tasks.spawn(run(functions.clone(), arn, rule));
        }
        Ok(Self { tasks })
    }

    /// Stops at once. A run that is under way is abandoned.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

async fn run(functions: Functions, arn: Arn, rule: Rule) {
    let mut turns = interval_at(Instant::now() + rule.period, rule.period);
    turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        turns.tick().await;
        let event = match serde_json::to_vec(&ScheduledEvent::now(&arn, &rule.arn)) {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(rule = rule.arn, "the scheduled event cannot be written as JSON: {error}");
                continue;
            }
        };
        match functions.invoke(&rule.function_name, event).await {
            Ok(_) => tracing::trace!(rule = rule.arn, function = rule.function_name, "ran"),
            Err(error) => tracing::error!(
                rule = rule.arn,
                function = rule.function_name,
                error_type = error.error_type,
                "a scheduled run failed: {}",
                error.error_message
            ),
        }
    }
}

/// Source: "Events from AWS services", scheduled events, in the EventBridge user guide.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ScheduledEvent<'a> {
    version: &'a str,
    id: String,
    detail_type: &'a str,
    source: &'a str,
    account: &'a str,
    time: String,
    region: &'a str,
    resources: [&'a str; 1],
    detail: Detail,
}

#[derive(Serialize)]
struct Detail {}

impl<'a> ScheduledEvent<'a> {
    fn now(arn: &'a Arn, rule: &'a str) -> Self {
        Self {
            version: "0",
            id: Uuid::new_v4().to_string(),
            detail_type: "Scheduled Event",
            source: "aws.events",
            account: &arn.account,
            time: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            region: &arn.region,
            resources: [rule],
            detail: Detail {},
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use lambda_runtime::{Diagnostic, LambdaEvent};
    use serde_json::{Value, json};
    use tokio::sync::mpsc;

    use super::*;
    use crate::lambda::Function;

    const ARN: &str = "arn:aws:events:eu-west-1:123456789012:rule/due-retries";

    fn rule(period: Duration) -> Rule {
        Rule { arn: ARN.to_owned(), function_name: "fulfil-orders".to_owned(), period }
    }

    #[tokio::test]
    async fn the_function_is_handed_a_scheduled_event_every_period_even_after_a_failure() {
        let (sender, mut events) = mpsc::unbounded_channel();
        let function = Function::new("fulfil-orders", Duration::from_secs(1), move |event: LambdaEvent<Value>| {
            let sent = sender.send(event.payload);
            async move {
                sent.unwrap();
                Err::<Value, _>(Diagnostic { error_type: "Refused".to_owned(), error_message: "no".to_owned() })
            }
        });
        let schedule = Schedule::start(&Functions::new([function]), vec![rule(Duration::from_millis(10))]).unwrap();
        let mut event = events.recv().await.unwrap();
        let other = events.recv().await.unwrap();
        assert_ne!(event["id"], other["id"]);
        let time = event["time"].take();
        assert!(time.as_str().unwrap().parse::<Timestamp>().is_ok() && time.as_str().unwrap().len() == 20, "{time}");
        event["id"].take().as_str().unwrap().parse::<Uuid>().unwrap();
        assert_eq!(
            event,
            json!({
                "version": "0", "id": null, "detail-type": "Scheduled Event", "source": "aws.events",
                "account": "123456789012", "time": null, "region": "eu-west-1", "resources": [ARN], "detail": {},
            })
        );
        schedule.stop().await;
    }

    #[tokio::test]
    async fn a_slow_run_does_not_pile_up() {
        const PERIOD: Duration = Duration::from_millis(100);
        let running = Arc::new(AtomicUsize::new(0));
        let (sender, mut runs) = mpsc::unbounded_channel();
        let function = Function::new("fulfil-orders", Duration::from_secs(10), {
            let first = AtomicUsize::new(0);
            move |_: LambdaEvent<Value>| {
                let slow = first.fetch_add(1, Ordering::SeqCst) == 0;
                let (running, sender) = (Arc::clone(&running), sender.clone());
                async move {
                    sender.send((running.fetch_add(1, Ordering::SeqCst), Instant::now())).unwrap();
                    tokio::time::sleep(if slow { PERIOD * 5 / 2 } else { Duration::ZERO }).await;
                    running.fetch_sub(1, Ordering::SeqCst);
                    Ok::<_, Diagnostic>(Value::Null)
                }
            }
        });
        let schedule = Schedule::start(&Functions::new([function]), vec![rule(PERIOD)]).unwrap();
        let mut began = Vec::new();
        for _ in 0..4 {
            let (others, at) = runs.recv().await.unwrap();
            assert_eq!(others, 0, "a run began before the last one ended");
            began.push(at);
        }
        assert!(began[3] - began[1] >= PERIOD * 3 / 4, "more than one missed turn was made up for");
        schedule.stop().await;
    }

    #[tokio::test]
    async fn a_rule_that_cannot_be_is_refused() {
        let functions = Functions::default();
        let start = |rule| Schedule::start(&functions, vec![rule]).unwrap_err();
        assert_eq!(start(rule(Duration::ZERO)), Error::Period(ARN.to_owned()));
        let arn = Rule { arn: "due-retries".to_owned(), ..rule(Duration::from_mins(1)) };
        assert_eq!(start(arn), Error::Arn("due-retries".to_owned()));
    }
}
