//! One run: orders are placed in some weather, whatever was given up is sent through again, and all of it is audited.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::audit::{Change, Evidence, Finding, Lines, Stored, Told, audit};
use crate::caller::Caller;
use crate::cloud::Cloud;
use crate::dice::Dice;
use crate::faults::{Fault, Profile, Weather};
use crate::people::{Clerk, Waiter, place};
use crate::plant::Bug;
use crate::subscriber::Subscriber;

/// How long nothing may happen at all before a run is taken to be stuck: longer than any answer is waited for.
const STUCK: Duration = Duration::from_secs(30);

/// How long a run may go on trying without coming to an end, for each of its orders and in all at least.
const LONGEST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(10));

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);

const CHANGES: &str = "{ id status changes { id at kind reference lines { line quantity } } }";

/// What to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) profile: &'static Profile,
    pub(crate) seed: u64,
    pub(crate) orders: usize,
    pub(crate) bug: Option<Bug>,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) faults: BTreeMap<Fault, usize>,
    pub(crate) stored: usize,
    pub(crate) changes: usize,
    pub(crate) questions: usize,
    pub(crate) events: usize,
    pub(crate) given_up: usize,
    pub(crate) attention: usize,
    /// How many Lambdas were killed while they worked.
    pub(crate) killed: usize,
    /// Whether there was nothing left to do when it was audited.
    pub(crate) at_rest: bool,
    pub(crate) took: Duration,
    /// What is wrong, each with all that is known of the order.
    pub(crate) findings: Vec<(Finding, Vec<String>)>,
}

/// Runs it.
pub(crate) async fn run(plan: Plan) -> Outcome {
    let began = Instant::now();
    let dice = Dice::of(plan.seed);
    let (cloud, reports) = Cloud::start(Weather::new(dice, plan.profile), plan.bug).await;
    let clerk = Clerk::begin(&cloud, reports);
    let listener = Subscriber::connect(cloud.quiet_appsync, Caller::backend(cloud.quiet_appsync)).await;
    let started = listener.start(&format!("subscription {{ anyOrderChanged {CHANGES} }}"), &json!({})).await;
    assert!(started, "a backend may hear of every order");

    let (sent, waiters) = place(&cloud, plan.orders).await;
    settle(&cloud, &clerk, plan.orders).await;
    if plan.bug == Some(Bug::LosesGivenUpBatches) {
        cloud.given_up().iter().for_each(|(_, path)| std::fs::remove_file(path).unwrap_or_default());
    }
    let given_up = cloud.orders_given_up();
    let stored: BTreeSet<_> = stored(&cloud).into_keys().collect();
    let undelivered = stored.difference(&cloud.feeder.delivered()).cloned().collect();
    let refused = changes(&cloud).into_iter().filter(|(order, changes)| {
        dice.percent(50, &["anew", order]) && changes.iter().any(|change| change.kind == "REFUSED")
    });
    redrive(&cloud, given_up.iter().cloned().chain(refused.map(|(order, _)| order)).collect()).await;
    let at_rest = settle(&cloud, &clerk, plan.orders).await;

    let mut evidence = Evidence { sent, given_up, undelivered, ..Evidence::default() };
    read(&cloud, &mut evidence).await;
    evidence.reports.clone_from(&clerk.reports());
    let mut findings = Vec::new();
    // What was told may still be on its way to whoever hears it.
    for _ in 0..10 {
        evidence.told = listener.heard().iter().map(told).collect();
        evidence.waiting = waiters.iter().map(Waiter::so_far).collect();
        findings = audit(&evidence);
        if findings.is_empty() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    let with_story = |finding: Finding| {
        let story = cloud.weather.story(&finding.order);
        (finding, story)
    };
    let killed = cloud.killed();
    cloud.stop().await;
    Outcome {
        killed,
        at_rest,
        faults: cloud.weather.counts(),
        stored: evidence.stored.len(),
        changes: evidence.changes.values().map(Vec::len).sum(),
        questions: evidence.books.len(),
        events: evidence.told.len(),
        given_up: evidence.given_up.len(),
        attention: evidence.attention.len(),
        took: began.elapsed(),
        findings: findings.into_iter().map(with_story).collect(),
    }
}

/// Waits until there is nothing left to do, or nothing happens any more. Whether there is nothing left.
async fn settle(cloud: &Cloud, clerk: &Clerk, orders: usize) -> bool {
    let longest = LONGEST.1.max(LONGEST.0 * u32::try_from(orders).unwrap_or(u32::MAX));
    let (mut quiet, mut steps, mut since) = (0, 0, Instant::now());
    let began = since;
    while quiet < 3 && since.elapsed() < STUCK && began.elapsed() < longest {
        tokio::time::sleep(PAUSE).await;
        // What costs least is looked at first: a look must not take what the run itself needs.
        let at_rest = !clerk.is_busy() && nothing_is_retried(cloud) && all_was_delivered(cloud);
        quiet = if at_rest { quiet + 1 } else { 0 };
        let now = cloud.weather.steps();
        if now != steps {
            (steps, since) = (now, Instant::now());
        }
    }
    quiet == 3
}

fn nothing_is_retried(cloud: &Cloud) -> bool {
    cloud.items("ATTENTION_TABLE").iter().all(|pointer| pointer.get("next").is_none())
}

fn all_was_delivered(cloud: &Cloud) -> bool {
    let (delivered, given_up) = (cloud.feeder.delivered(), cloud.orders_given_up());
    stored(cloud).keys().all(|order| delivered.contains(order) || given_up.contains(order))
}

/// Sends orders through again by hand, until the Lambda says that it has.
async fn redrive(cloud: &Cloud, orders: Vec<String>) {
    for orders in orders.chunks(10) {
        let event = json!({ "orderIds": orders }).to_string().into_bytes();
        for _ in 0..50 {
            match cloud.functions.invoke(&cloud.fulfil_orders, event.clone()).await {
                Ok(_) => break,
                Err(_) => tokio::time::sleep(PAUSE / 10).await,
            }
        }
    }
}

/// Looks at everything there is in the end.
async fn read(cloud: &Cloud, evidence: &mut Evidence) {
    let backend = &Caller::backend(cloud.quiet_appsync);
    evidence.stored = stored(cloud);
    evidence.changes = changes(cloud);
    evidence.books = cloud.warehouse.books();
    evidence.pointers =
        cloud.items("ATTENTION_TABLE").iter().map(|it| (text(&it["orderId"]), text(&it["reason"]))).collect();
    let read = stream::iter(evidence.stored.keys().cloned()).map(async |id| {
        let query = "query Read($id: ID!) { order(id: $id) { status } }";
        let order = backend.insist("order", query, &json!({ "id": id })).await;
        (id, order.map_or_else(|refused| refused, |order| order["status"].as_str().unwrap_or("not found").to_owned()))
    });
    evidence.read = read.buffer_unordered(16).collect().await;
    let mut next = Value::Null;
    loop {
        let query = "query List($next: String) { ordersNeedingAttention(limit: 100, nextToken: $next) { items { id } nextToken } }";
        let page = backend.insist("ordersNeedingAttention", query, &json!({ "next": next })).await.unwrap_or_default();
        let ids = page["items"].as_array().into_iter().flatten().filter_map(|order| order["id"].as_str());
        evidence.attention.extend(ids.map(str::to_owned));
        next = page["nextToken"].clone();
        if next.is_null() {
            return;
        }
    }
}

fn stored(cloud: &Cloud) -> BTreeMap<String, Stored> {
    let stored = |item: &Value| Stored { key: text(&item["idempotencyKey"]), document: text(&item["document"]) };
    cloud.items("ORDERS_TABLE").iter().map(|item| (text(&item["id"]), stored(item))).collect()
}

fn changes(cloud: &Cloud) -> BTreeMap<String, Vec<Change>> {
    let mut changes = BTreeMap::<_, Vec<_>>::new();
    for item in cloud.items("CHANGES_TABLE") {
        let lines = item["lines"]["L"].as_array().into_iter().flatten();
        let lines = lines.map(|line| {
            let quantity = line["M"]["quantity"]["N"].as_str().and_then(|quantity| quantity.parse().ok());
            (text(&line["M"]["line"]), quantity.expect("a number"))
        });
        let change = Change {
            id: text(&item["changeId"]),
            at: text(&item["at"]),
            kind: text(&item["kind"]),
            reference: item.get("reference").map(text),
            lines: lines.collect(),
        };
        changes.entry(text(&item["orderId"])).or_default().push(change);
    }
    changes
}

fn told(order: &Value) -> Told {
    let plain = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let changes = order["changes"].as_array().into_iter().flatten().map(|change| Change {
        id: plain(&change["id"]),
        at: plain(&change["at"]),
        kind: plain(&change["kind"]),
        reference: change["reference"].as_str().map(str::to_owned),
        lines: change["lines"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|line| (plain(&line["line"]), line["quantity"].as_i64().unwrap_or_default()))
            .collect::<Lines>(),
    });
    Told { order: plain(&order["id"]), changes: changes.collect() }
}

/// A text attribute of an item.
fn text(value: &Value) -> String {
    value["S"].as_str().unwrap_or_default().to_owned()
}
