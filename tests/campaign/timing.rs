//! Whether time tells what the answer does not: that there is an order of somebody else. Measured and told, and never a
//! finding: how long something takes is the machine's matter as much as the system's.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::caller::Caller;
use crate::cloud::Cloud;
use crate::dice::Dice;
use crate::faults::{Profile, Weather};
use crate::subscriber::Subscriber;

/// Nothing goes wrong.
const CALM: &Profile = &Profile { name: "calm", faults: &[], percent: 0, poison: false, processes: false };

/// How often each is asked for.
const ROUNDS: usize = 1_000;

/// How long the orders may take to be delivered, with nothing that goes wrong.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many rounds at first do not count.
const WARM_UP: usize = 50;

const PLACE: &str = "mutation Place($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }";
const READ: &str = "query Read($id: ID!) { order(id: $id) { id } }";
const WAIT: &str = "subscription Wait($id: ID!) { orderFulfilled(id: $id) { id } }";

/// What is asked for, and how long each answer took.
struct Asked {
    what: &'static str,
    id: String,
    took: Vec<Duration>,
}

impl Asked {
    /// The time within which so many of a hundred answers came, in microseconds.
    fn within(&self, percent: usize) -> f64 {
        self.took[(self.took.len() - 1) * percent / 100].as_secs_f64() * 1e6
    }
}

/// Has a guest ask for orders that there are not, and for those of a customer, and tells how long the answers took.
pub(crate) async fn compare(seed: u64) {
    let dice = Dice::of(seed);
    let (cloud, _reports) = Cloud::start(Weather::new(dice, CALM), None).await;
    let small = r#"{"lines":[{"sku":"TEA","quantity":2},{"sku":"CUP","quantity":1}]}"#.to_owned();
    let small = place(&cloud, dice, "small", small).await;
    let large = json!({ "id": "L", "data": ["TEA"], "note": "x".repeat(300_000) }).to_string();
    let large = place(&cloud, dice, "large", large).await;
    let began = Instant::now();
    while ![&small, &large].iter().all(|order| cloud.feeder.delivered().contains(*order)) {
        assert!(began.elapsed() < PATIENCE, "the orders to ask for were not delivered within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ask = || {
        [
            ("none", dice.uuid(&["none"]).to_string()),
            ("none, another one", dice.uuid(&["none either"]).to_string()),
            ("somebody else's", small.clone()),
            ("somebody else's, 300 KB", large.clone()),
        ]
        .map(|(what, id)| Asked { what, id, took: Vec::new() })
    };
    let guest = Caller::guest(cloud.quiet_appsync);
    let subscriber = Subscriber::connect(cloud.quiet_appsync, guest.clone()).await;
    let (mut reads, mut starts) = (ask(), ask());
    for round in 0..WARM_UP + ROUNDS {
        // In turn, so that whatever else the machine does falls on all of them.
        for at in 0..reads.len() {
            let at = (at + round) % reads.len();
            let took = (read(&guest, &reads[at].id).await, start(&subscriber, &starts[at].id).await);
            if round >= WARM_UP {
                reads[at].took.push(took.0);
                starts[at].took.push(took.1);
            }
        }
    }
    cloud.stop().await;
    tell("order", &mut reads);
    tell("orderFulfilled", &mut starts);
}

/// An order that a backend places for a customer.
async fn place(cloud: &Cloud, dice: Dice, name: &str, document: String) -> String {
    let backend = Caller::backend(cloud.quiet_appsync);
    let key = dice.uuid(&["key", name]).to_string();
    let input = json!({ "document": document, "idempotencyKey": key, "customerId": "a-customer" });
    let placed = backend.insist("placeOrder", PLACE, &json!({ "input": input })).await.expect("an order");
    placed["id"].as_str().expect("an id").to_owned()
}

async fn read(caller: &Caller, id: &str) -> Duration {
    let variables = json!({ "id": id });
    let began = Instant::now();
    let answer = caller.run("order", READ, &variables).await;
    let took = began.elapsed();
    assert_eq!(answer, Some(Ok(Value::Null)), "a guest does not see it");
    took
}

async fn start(subscriber: &Subscriber, id: &str) -> Duration {
    let variables = json!({ "id": id });
    let began = Instant::now();
    let started = subscriber.try_to_start(WAIT, &variables).await;
    let took = began.elapsed();
    assert!(!started, "a guest may not hear of it");
    took
}

/// The table of a field: quartiles, and how the medians compare with that of the first.
fn tell(field: &str, all: &mut [Asked]) {
    for asked in all.iter_mut() {
        asked.took.sort_unstable();
    }
    println!("\n{:<34} {:>9} {:>9} {:>9} {:>7}", format!("{field}, microseconds"), "25%", "median", "75%", "ratio");
    let first = all[0].within(50);
    for asked in &*all {
        let [low, median, high] = [25, 50, 75].map(|percent| asked.within(percent));
        println!("{:<34} {low:>9.0} {median:>9.0} {high:>9.0} {:>7.3}", asked.what, median / first);
    }
}
