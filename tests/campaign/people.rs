//! What people do during a run: they place orders, wait for them, and report what they shipped.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::audit::{Lines, Report, Sent, Waiting};
use crate::caller::Caller;
use crate::cloud::Cloud;
use crate::dice::Dice;
use crate::subscriber::Subscriber;

/// How many place an order at a time.
const AT_A_TIME: usize = 24;

/// How many subscriptions AppSync allows on one connection.
const ON_ONE_CONNECTION: usize = 100;

const PLACE: &str = "mutation Place($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }";
const REPORT: &str = "mutation Report($input: RecordFulfilmentInput!) { recordFulfilment(input: $input) { id } }";
const READ: &str = "query Read($id: ID!) { order(id: $id) { status } }";
const WAIT: &str = "subscription Wait($id: ID!) { orderFulfilled(id: $id) { id status } }";

/// An order that is going to be sent.
fn order(dice: Dice, number: usize) -> Sent {
    let number = number.to_string();
    let key = dice.uuid(&["key", &number]).to_string();
    if dice.percent(10, &["unreadable", &key]) {
        return Sent {
            document: format!(r#"{{"what": "is\u0020this?", "number":{number}e0}}"#),
            key,
            ..Sent::default()
        };
    }
    let lines = (0..=dice.below(3, &["lines", &key])).map(|line| {
        let pieces = 1 + dice.below(3, &["pieces", &key, &line.to_string()]);
        (format!("/lines/{line}"), i64::try_from(pieces).expect("a few"))
    });
    let lines: Lines = lines.collect();
    // With white space, escapes and a number that no binary float holds: all of that is to be kept.
    let items =
        lines.values().map(|pieces| format!(r#"{{ "sku":"\u0053-1", "quantity":{pieces},"unitPrice" :"1.10"}}"#));
    let items: Vec<_> = items.collect();
    let document = format!(r#"{{"reference":"N°{number}", "lines":[{}],"rate":1.10 }}"#, items.join(", "));
    Sent { key, document, lines, ..Sent::default() }
}

/// Places that many orders. Returns what was sent, and who waits for what.
pub(crate) async fn place(cloud: &Cloud, orders: usize) -> (Vec<Sent>, Vec<Waiter>) {
    let dice = cloud.weather.dice;
    let connections = 1 + orders / ON_ONE_CONNECTION;
    let mut waiting = Vec::new();
    for _ in 0..connections {
        let guest = Caller::guest(cloud.quiet_appsync);
        waiting.push(Subscriber::connect(cloud.quiet_appsync, guest).await);
    }
    // Whoever calls has no more connections than calls at a time, so that a machine need not hold some for each order.
    let (guest, backend) = (&Caller::guest(cloud.appsync), &Caller::backend(cloud.appsync));
    let reader = &Caller::guest(cloud.quiet_appsync);
    let (waiting, sent) = (&waiting, stream::iter((0..orders).map(|number| (number, order(dice, number)))));
    let placed = sent.map(async |(number, mut sent)| {
        let is_guest = dice.percent(70, &["guest", &sent.key]);
        one(cloud, if is_guest { guest } else { backend }, is_guest, &mut sent).await;
        let id = sent.acknowledged.first().filter(|_| is_guest && dice.percent(30, &["waits", &sent.key])).cloned();
        let waiter = match id {
            Some(id) => Some(Waiter::of(reader, &waiting[number % connections], id).await),
            None => None,
        };
        (sent, waiter)
    });
    let placed: Vec<_> = placed.buffer_unordered(AT_A_TIME).collect().await;
    let (sent, waiters): (_, Vec<_>) = placed.into_iter().unzip();
    (sent, waiters.into_iter().flatten().collect())
}

async fn one(cloud: &Cloud, caller: &Caller, is_guest: bool, sent: &mut Sent) {
    let dice = cloud.weather.dice;
    // Encoded once, AppSync hands the object over; encoded twice, a text that holds it.
    let document = if dice.percent(50, &["encoded", &sent.key]) {
        Value::from(sent.document.as_str()).to_string()
    } else {
        sent.document.clone()
    };
    let customer = if is_guest { Value::Null } else { Value::from("a-customer") };
    let input = json!({ "input": { "document": document, "idempotencyKey": sent.key, "customerId": customer } });
    let mut note = |answer: Result<Value, String>| match answer {
        Ok(order) => sent.acknowledged.extend(order["id"].as_str().map(str::to_owned)),
        Err(refused) => sent.refused = Some(refused),
    };
    if dice.percent(10, &["impatient", &sent.key.clone()]) {
        if let Some(Ok(order)) = caller.run("placeOrder", PLACE, &input).await {
            note(Ok(order));
        }
        return;
    }
    note(caller.insist("placeOrder", PLACE, &input).await);
    if dice.percent(15, &["again", input["input"]["idempotencyKey"].as_str().unwrap_or_default()]) {
        note(caller.insist("placeOrder", PLACE, &input).await);
    }
}

/// Somebody who waits for one order: placed, subscribed, then read.
pub(crate) struct Waiter {
    order: String,
    read: bool,
    hears: Subscriber,
}

impl Waiter {
    async fn of(caller: &Caller, hears: &Subscriber, order: String) -> Self {
        // An order that is not there is nothing to wait for; that it is not there, the audit finds.
        hears.start(WAIT, &json!({ "id": order })).await;
        let read = caller.insist("order", READ, &json!({ "id": order })).await;
        Self { read: read.is_ok_and(|read| read["status"] == "FULFILLED"), order, hears: hears.clone() }
    }

    /// Whether it knows by now.
    pub(crate) fn so_far(&self) -> Waiting {
        let told =
            || self.hears.heard().iter().any(|order| order["id"] == *self.order && order["status"] == "FULFILLED");
        Waiting { order: self.order.clone(), knows: self.read || told() }
    }
}

/// The warehouse's clerk, who reports what was shipped later.
pub(crate) struct Clerk {
    done: Arc<Mutex<Vec<Report>>>,
    pending: Arc<AtomicUsize>,
}

impl Clerk {
    /// Begins to report whatever there is to report.
    pub(crate) fn begin(cloud: &Cloud, mut reports: mpsc::UnboundedReceiver<Report>) -> Self {
        let clerk = Self { done: Arc::default(), pending: Arc::default() };
        let (done, pending) = (Arc::clone(&clerk.done), Arc::clone(&clerk.pending));
        let (caller, dice) = (Caller::backend(cloud.appsync), cloud.weather.dice);
        tokio::spawn(async move {
            while let Some(mut report) = reports.recv().await {
                pending.fetch_add(1, Ordering::SeqCst);
                let (done, pending, caller) = (Arc::clone(&done), Arc::clone(&pending), caller.clone());
                tokio::spawn(async move {
                    let lines = report.lines.iter().map(|(line, pieces)| json!({ "line": line, "quantity": pieces }));
                    let lines: Vec<_> = lines.collect();
                    let input =
                        json!({ "input": { "orderId": report.order, "reference": report.reference, "lines": lines } });
                    let times = if dice.percent(25, &["twice", &report.order, &report.reference]) { 2 } else { 1 };
                    for _ in 0..times {
                        match caller.insist("recordFulfilment", REPORT, &input).await {
                            Ok(_) => report.acknowledged = true,
                            Err(refused) => report.refused = Some(refused),
                        }
                    }
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(report);
                    pending.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        clerk
    }

    /// Whether a report is on its way.
    pub(crate) fn is_busy(&self) -> bool {
        self.pending.load(Ordering::SeqCst) > 0
    }

    /// What was reported.
    pub(crate) fn reports(&self) -> MutexGuard<'_, Vec<Report>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
