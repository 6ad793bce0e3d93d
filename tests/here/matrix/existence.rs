//! What somebody may not see looks to them as if it were not there: the very same answer, to the last byte.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::shapes::{Shape, Written};
use super::table::{Outcome, TABLE};
use super::world::World;
use crate::support::{Client, Response, Subscriber, apples_and_a_pear, keyed, uuid};

/// All of an answer but what is new each time: its status, its headers and its body.
fn all_of(answer: &Response) -> (u16, BTreeMap<String, String>, String) {
    let headers = answer.headers.iter().filter(|(name, _)| !["date", "x-amzn-requestid"].contains(&name.as_str()));
    let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
    (answer.status, headers, answer.text.clone())
}

/// Asserts that all of them are the same, and that there are some to compare.
fn assert_same<T: PartialEq + std::fmt::Debug>(answers: &[(&str, T)], what: &str) {
    assert!(answers.len() > 1, "{what}: nothing to compare");
    for (owner, answer) in &answers[1..] {
        assert_eq!(*answer, answers[0].1, "{what}: of {owner}, and of {}", answers[0].0);
    }
}

#[tokio::test]
async fn what_is_somebody_elses_and_what_is_not_there_answer_alike() {
    let world = World::new(&[]).await;
    for (name, caller) in world.callers.iter().filter(|(name, _)| *name != "backend") {
        let mut subscriber = Subscriber::connect(&world.server, caller).await;
        for row in TABLE.iter().filter(|row| row.field != "placeOrder") {
            let unseen =
                |outcome: &Outcome| matches!(outcome, Outcome::Refused | Outcome::Nothing | Outcome::Failed(_));
            let mut targets = world.targets(row);
            targets.retain(|target| unseen(&row.outcome(&world, name, target)));
            if targets.len() < 2 {
                continue;
            }
            for shape in Shape::ALL {
                let (mut answers, mut refusals) = (Vec::new(), Vec::new());
                for target in &targets {
                    let Some(written) = world.operations.write(row, target, shape) else { continue };
                    if row.parent != "Subscription" {
                        answers.push((target.owner, all_of(&caller.post(written.body()).await)));
                        continue;
                    }
                    let Written { query, variables, .. } = written;
                    let mut refusal = subscriber.try_to_subscribe(caller, &query, &variables).await.expect_err(name);
                    refusal["id"] = Value::Null;
                    refusals.push((target.owner, refusal));
                }
                let what = format!("{name}: {}, {shape:?}", row.field);
                if !answers.is_empty() {
                    assert_same(&answers, &what);
                }
                if !refusals.is_empty() {
                    assert_same(&refusals, &what);
                }
            }
        }
    }
}

#[tokio::test]
async fn at_no_moment_is_there_anything_to_tell_them_apart_by() {
    let world = World::new(&[]).await;
    let now = world.as_it_stands().await[0]["receivedAt"].clone();
    for (name, caller) in world.callers.iter().filter(|(name, _)| ["guest", "alice", "bob"].contains(name)) {
        let row = &TABLE[0];
        for moment in [json!("1970-01-01T00:00:00Z"), now.clone(), json!("2999-12-31T23:59:59.999Z"), json!("soon")] {
            let mut answers = Vec::new();
            for target in &world.orders {
                if matches!(row.outcome(&world, name, target), Outcome::Nothing) {
                    let query = "query ($id: ID!, $asOf: AWSDateTime) { order(id: $id, asOf: $asOf) { id document } }";
                    let body = json!({ "query": query, "variables": { "id": target.id, "asOf": moment } });
                    answers.push((target.owner, all_of(&caller.post(body.to_string()).await)));
                }
            }
            assert_same(&answers, &format!("{name}, as of {moment}"));
        }
    }
}

/// The answer to an order with this key, without what is new in each.
async fn placed(caller: &Client, key: &str) -> (u16, Value) {
    let query = "mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { \
                 customerId status fulfilledAt changes { id } lines { fulfilledQuantity } problems document } }";
    let variables = json!({ "input": keyed(apples_and_a_pear(), key) });
    let answer = caller.post(json!({ "query": query, "variables": variables }).to_string()).await;
    (answer.status, answer.body)
}

#[tokio::test]
async fn a_key_that_somebody_else_has_used_is_as_good_as_new() {
    let world = World::new(&[]).await;
    for (name, caller) in world.callers.iter().filter(|(name, _)| *name != "visitor") {
        let fresh = placed(caller, &uuid()).await;
        for (other, theirs) in world.callers.iter().filter(|(other, _)| other != name && *other != "visitor") {
            let key = uuid();
            let mut input = keyed(apples_and_a_pear(), &key);
            input["order"]["reference"] = json!("theirs");
            let theirs = theirs.place(input).await;
            assert_eq!(placed(caller, &key).await, fresh, "{name} with the key of {other}");
            assert_eq!(world.server.backend().order(&crate::support::id(&theirs)).await["reference"], "theirs");
        }
    }
}
