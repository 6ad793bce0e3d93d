//! Whether time tells what the answer does not: that there is an order of somebody else.
//!
//! `cargo test -p local --test e2e timing -- --ignored --nocapture` measures; `ROUNDS=5000` before it goes on for longer.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, Server, Subscriber, apples_and_a_pear, document};

/// How often each is asked for, unless `ROUNDS` says otherwise.
const ROUNDS: usize = 1000;

/// How many at first do not count.
const WARM_UP: usize = 50;

/// What is asked for, and how long each answer took.
struct Asked {
    what: &'static str,
    id: String,
    took: Vec<Duration>,
}

impl Asked {
    /// The part of the answers, in per cent, that came within this time.
    fn within(&mut self, per_cent: usize) -> f64 {
        self.took.sort_unstable();
        self.took[(self.took.len() - 1) * per_cent / 100].as_secs_f64() * 1e6
    }
}

async fn read(caller: &Client, id: &str) -> Duration {
    let query = "query ($id: ID!) { order(id: $id) { id } }";
    let body = json!({ "query": query, "variables": { "id": id } }).to_string();
    let started = Instant::now();
    let answer = caller.post(body).await;
    let took = started.elapsed();
    assert_eq!(answer.body, json!({ "data": { "order": null } }));
    took
}

async fn start(subscriber: &mut Subscriber, caller: &Client, id: &str) -> Duration {
    let started = Instant::now();
    let refused = subscriber.try_to_follow(caller, "orderChanged", id).await;
    let took = started.elapsed();
    assert_eq!(refused.expect_err("it is not theirs")["payload"]["errors"][0]["errorType"], "Unauthorized");
    took
}

fn report(title: &str, all: &mut [Asked]) {
    println!("\n{title}, microseconds\n\n| | p10 | median | p90 |\n| --- | --- | --- | --- |");
    for asked in all {
        let [low, median, high] = [10, 50, 90].map(|per_cent| asked.within(per_cent));
        println!("| {} | {low:.0} | {median:.0} | {high:.0} |", asked.what);
    }
}

#[tokio::test]
#[ignore = "compares times, which tells something only where nothing else runs"]
async fn how_long_it_takes_not_to_see_an_order() {
    let rounds = std::env::var("ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().expect("a number of rounds"));
    let server = Server::start().await;
    let (alice, bob) = (server.customer("alice").await, server.customer("bob").await);
    let large = document(&json!({ "id": "L", "data": ["TEA"], "note": "x".repeat(300_000) }));
    let small = server.place_and_settle(&alice, apples_and_a_pear()).await;
    let large = server.place_and_settle(&alice, large).await;
    let ask = || {
        [
            ("none", Uuid::new_v4().to_string()),
            ("none, once more", Uuid::new_v4().to_string()),
            ("somebody else's", small.clone()),
            ("somebody else's, 300 KB", large.clone()),
        ]
        .map(|(what, id)| Asked { what, id, took: Vec::new() })
    };
    let mut subscriber = Subscriber::connect(&server, &bob).await;
    let (mut reads, mut starts) = (ask(), ask());
    for round in 0..WARM_UP + rounds {
        // In turn, so that whatever else the machine does falls on all of them.
        for at in 0..reads.len() {
            let at = (at + round) % reads.len();
            let took = (read(&bob, &reads[at].id).await, start(&mut subscriber, &bob, &starts[at].id).await);
            if round >= WARM_UP {
                reads[at].took.push(took.0);
                starts[at].took.push(took.1);
            }
        }
    }
    assert_eq!(bob.pages(Value::Null).await.concat(), Vec::<String>::new());
    report("`order`", &mut reads);
    report("`orderChanged`", &mut starts);
}
