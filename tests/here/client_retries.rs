//! What clients that nobody here wrote send again by themselves when an answer gets lost after its order was placed:
//! one order with an `idempotencyKey`, and without one as many as there were attempts. `docs/guarantees.md` tells the
//! numbers that stand here.

use std::collections::{BTreeSet, HashMap};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::clients::{client, npm_client, npm_run, python_with, said};
use crate::support::lossy::{Losing, Loss, Lossy};
use crate::support::{PATIENCE, Server, id, order_of, text, uuid};

/// How long a client waits that is not answered at all. Far longer than it takes to place an order.
const TIMEOUT: Duration = Duration::from_millis(1_500);

const LOSSES: [Loss; 5] = [Loss::Reset, Loss::Failure, Loss::Unavailable, Loss::Throttled, Loss::Late];

/// An order that a client is to place.
struct Try {
    reference: String,
    key: Option<String>,
    losing: Losing,
    /// How many attempts it should make.
    attempts: usize,
}

impl Try {
    /// What `placeOrder` takes.
    fn input(&self) -> Value {
        let mut order = order_of(&[("TEA", 1)]);
        order["reference"] = json!(self.reference);
        match &self.key {
            Some(key) => json!({ "order": order, "idempotencyKey": key }),
            None => json!({ "order": order }),
        }
    }

    /// As the client's program is told of it.
    fn told(&self) -> Value {
        let patience = if self.losing.loss == Loss::Late { TIMEOUT } else { PATIENCE };
        json!({ "input": self.input(), "patienceMs": patience.as_millis() })
    }
}

/// Each way to lose an answer, the first one only and all of them, with a key and without. A client that is never
/// answered makes so many attempts, in the order of [`LOSSES`].
fn tries(attempts: [usize; 5]) -> Vec<Try> {
    let mut tries = Vec::new();
    for (loss, most) in LOSSES.into_iter().zip(attempts) {
        for all in [false, true] {
            for key in [None, Some(uuid())] {
                let reference = format!(
                    "{loss:?}, {}, {}",
                    if all { "all" } else { "first" },
                    if key.is_some() { "key" } else { "no key" }
                );
                let attempts = if all { most } else { most.min(2) };
                tries.push(Try { reference, key, losing: Losing { loss, all }, attempts });
            }
        }
    }
    tries
}

/// Lets a client's program place them all at once, and compares what it did with what is stored.
async fn places(mut program: Command, attempts: [usize; 5]) {
    let tries = tries(attempts);
    let server = Server::start().await;
    let line = Lossy::to(&server, tries.iter().map(|it| (it.reference.clone(), it.losing)).collect()).await;
    let token = server.token(&["alice"]);
    let alice = server.stranger().with_authorization(&token);
    program
        .env("READY_FILE", server.home.path("ready.json"))
        .env("ENDPOINT", &line.url)
        .env("ALICE_TOKEN", token)
        .env("TRIES", tries.iter().map(Try::told).collect::<Value>().to_string());
    let told = tokio::task::spawn_blocking(move || said(&mut program)).await.expect("the program ends");
    let told: HashMap<String, Value> = serde_json::from_str(told.trim()).expect("what became of each");

    let mut stored = BTreeSet::new();
    for it in &tries {
        let Try { reference, key, losing, attempts } = it;
        let over = async || Some(line.attempts(reference)).filter(|so_far| so_far.arrived == so_far.ids.len());
        let seen = server.until("every attempt is over", over).await;
        let ids: BTreeSet<_> = seen.ids.iter().cloned().collect();
        assert_eq!(seen.arrived, *attempts, "{reference}: the attempts that reached the server; told: {told:?}");
        assert_eq!(ids.len(), if key.is_some() { 1 } else { *attempts }, "{reference}: the orders");
        match told[reference]["id"].as_str() {
            Some(id) => assert_eq!((id, losing.all), (&*seen.ids[attempts - 1], false), "{reference}: the answer"),
            None => assert!(losing.all || *attempts == 1, "{reference}: no answer: {}", told[reference]),
        }
        if key.is_some() {
            // Whoever sends it again by hand, with the same key.
            assert_eq!(BTreeSet::from([id(&alice.place(it.input()).await)]), ids, "{reference}: sent again");
        }
        stored.extend(ids.into_iter().map(|id| (reference.clone(), id)));
    }
    let look = async || {
        let own = "{ orders(limit: 100) { items { id reference } } }";
        let page = alice.run(own, json!({})).await.value("orders");
        let items = page["items"].as_array().expect("orders");
        let listed: BTreeSet<_> = items.iter().map(|order| (text(&order["reference"]), id(order))).collect();
        (listed == stored).then_some(())
    };
    server.until("just the orders that were answered are stored", look).await;
}

/// A program of a client that npm installs.
async fn npm_program(name: &'static str, arguments: &'static [&'static str]) -> Command {
    let folder = tokio::task::spawn_blocking(|| npm_client(name)).await.expect("it is installed");
    npm_run(&folder, "tsx", arguments)
}

/// gql's program.
async fn gql_program(arguments: &[&str]) -> Command {
    let python = tokio::task::spawn_blocking(|| python_with("gql")).await.expect("gql is installed");
    let mut program = Command::new(python);
    program.arg("-B").arg(client("gql/retries.py")).args(arguments);
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn amplify_tries_three_times_but_for_its_caller_giving_up() {
    places(npm_program("amplify", &["retries.ts"]).await, [3, 3, 3, 3, 1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn apollo_tries_once() {
    places(npm_program("apollo", &["retries.ts"]).await, [1; 5]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn apollo_with_its_retry_link_tries_five_times() {
    places(npm_program("apollo", &["retries.ts", "RetryLink"]).await, [5; 5]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gql_tries_once() {
    places(gql_program(&[]).await, [1; 5]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gql_reconnecting_tries_five_times_unless_an_answer_holds_errors() {
    places(gql_program(&["reconnecting"]).await, [5, 1, 5, 1, 5]).await;
}
