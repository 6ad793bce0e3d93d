//! Who may do what, as one table: every caller, every operation of the schema, everybody's orders and none, however it is
//! written, over HTTP and over the socket.
//!
//! | file | holds |
//! | --- | --- |
//! | `table` | what each caller may do, and what comes of it |
//! | `world` | the callers, and what they try to get at |
//! | `shapes` | how an operation can be written |
//! | `several` | more than one operation in a request |
//! | `existence` | what nobody can tell apart who may not see it |

mod existence;
mod several;
mod shapes;
mod table;
mod world;

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{Client, Server, Subscriber, impostors, list};
use shapes::{Operations, Shape, Written};
use table::{CALLERS, Outcome, Row, TABLE};
use world::{Target, World};

/// What is wrong with an answer, if anything is.
fn complaint(body: &Value, key: &str, expected: &Outcome) -> Option<String> {
    let errors = body.get("errors").map(|errors| list(errors).to_vec()).unwrap_or_default();
    let value = &body["data"][key];
    let fails_with = |error_type: &str| {
        errors.len() == 1
            && errors[0]["errorType"] == error_type
            && errors[0]["path"] == json!([key])
            && value.is_null()
    };
    let ids = || -> BTreeSet<&str> {
        value["items"].as_array().into_iter().flatten().filter_map(|order| order["id"].as_str()).collect()
    };
    let is_right = match expected {
        Outcome::Refused => fails_with("Unauthorized"),
        Outcome::Failed(error_type) => fails_with(error_type),
        Outcome::Nothing => errors.is_empty() && body["data"].get(key) == Some(&Value::Null),
        Outcome::Order(id) => errors.is_empty() && value["id"] == id.as_str(),
        Outcome::Orders(expected) => errors.is_empty() && ids() == expected.iter().map(String::as_str).collect(),
        Outcome::Placed(owner) => errors.is_empty() && value["id"].is_string() && value["customerId"] == *owner,
        Outcome::Started => false,
    };
    (!is_right).then(|| format!("{expected:?} was expected: {body}"))
}

/// The operation over HTTP, where no subscription can start.
async fn over_http(world: &World, name: &str, row: &Row, target: &Target, shape: Shape) -> Option<String> {
    let written = world.operations.write(row, target, shape)?;
    let answer = world.caller(name).post(written.body()).await;
    let wrong = if row.parent == "Subscription" {
        let is_right = answer.status == 400 && answer.error().0 == "BadRequestException";
        (!is_right).then(|| format!("no subscription starts here: {} {}", answer.status, answer.body))
    } else if answer.status == 200 {
        complaint(&answer.body, written.key, &row.outcome(world, name, target))
    } else {
        Some(format!("HTTP {}: {}", answer.status, answer.body))
    };
    wrong.map(|wrong| format!("{name}: {} of {}, {shape:?}: {wrong}", row.field, target.owner))
}

/// The operation over the socket, where only subscriptions start.
async fn over_the_socket(
    world: &World,
    subscriber: &mut Subscriber,
    name: &str,
    row: &Row,
    target: &Target,
    shape: Shape,
) -> Option<String> {
    let Written { query, variables, .. } = world.operations.write(row, target, shape)?;
    let answer = subscriber.try_to_subscribe(world.caller(name), &query, &variables).await;
    let expected = match (row.parent, row.outcome(world, name, target)) {
        ("Subscription", Outcome::Started) => None,
        ("Subscription", _) => Some("Unauthorized"),
        _ => Some("UnsupportedOperation"),
    };
    let wrong = match (&answer, expected) {
        (Ok(subscription), None) => {
            subscriber.stop(subscription).await;
            None
        }
        (Err(refusal), Some(expected)) => {
            let errors = list(&refusal["payload"]["errors"]);
            let is_right = errors.len() == 1 && errors[0]["errorType"] == expected;
            (!is_right).then(|| format!("{expected} was expected: {refusal}"))
        }
        _ => Some(format!("{expected:?} was expected: {answer:?}")),
    };
    wrong.map(|wrong| format!("{name}: {} of {}, {shape:?}, over the socket: {wrong}", row.field, target.owner))
}

/// Everything in which these callers find the table to be wrong.
async fn complaints(world: &World, callers: &[&str], shapes: &[Shape]) -> Vec<String> {
    let mut complaints = Vec::new();
    for name in callers {
        let mut subscriber = Subscriber::connect(&world.server, world.caller(name)).await;
        for row in &TABLE {
            let targets = world.targets(row);
            for shape in shapes {
                // Where an operation does not belong, one way to ask is as good as any.
                let is_plain = *shape == Shape::Plain;
                if is_plain || row.parent != "Subscription" {
                    let asked = targets.iter().map(|target| over_http(world, name, row, target, *shape));
                    complaints.extend(join_all(asked).await.into_iter().flatten());
                }
                if !is_plain && row.parent != "Subscription" {
                    continue;
                }
                for target in &targets {
                    complaints.extend(over_the_socket(world, &mut subscriber, name, row, target, *shape).await);
                }
            }
        }
    }
    complaints
}

#[test]
fn every_operation_of_the_schema_has_a_row() {
    let in_table: BTreeSet<_> = TABLE.iter().map(|row| (row.parent.to_owned(), row.field.to_owned())).collect();
    let in_schema: BTreeSet<_> = Operations::of_the_schema().names().into_iter().collect();
    assert_eq!(in_schema, in_table);
    assert_eq!(in_schema.len(), TABLE.len());
}

#[tokio::test]
async fn the_table_holds_for_everybody_and_everything_however_it_is_asked() {
    let world = World::new(&[]).await;
    let before = world.as_it_stands().await;
    let [others @ .., backend] = CALLERS;
    let found = complaints(&world, &others, &Shape::ALL).await;
    assert!(found.is_empty(), "{} times:\n{}", found.len(), found.join("\n"));
    assert_eq!(world.as_it_stands().await, before, "what is refused is not done");
    let found = complaints(&world, &[backend], &Shape::ALL).await;
    assert!(found.is_empty(), "{} times:\n{}", found.len(), found.join("\n"));
    for (after, before) in world.as_it_stands().await.iter().zip(before) {
        let [changes_after, changes_before] = [after, &before].map(|order| list(&order["changes"]).len());
        assert_eq!(changes_after, changes_before + 1, "a report is one, however often it is told");
    }
}

#[tokio::test]
async fn the_table_tells_of_every_directive_that_is_wrong() {
    const WRONG: [(&str, &str, &str); 4] = [
        (
            "recordFulfilment(input: RecordFulfilmentInput!): Order @aws_iam",
            "recordFulfilment(input: RecordFulfilmentInput!): Order @aws_api_key",
            "backend: recordFulfilment of bob",
        ),
        (
            "type OrderConnection @aws_cognito_user_pools @aws_iam {",
            "type OrderConnection @aws_cognito_user_pools {",
            "backend: ordersNeedingAttention of everybody",
        ),
        (
            "@aws_cognito_user_pools(cognito_groups: [\"staff\"])\n    @aws_iam\n}\n\ntype Mutation",
            "@aws_cognito_user_pools(cognito_groups: [\"stuff\"])\n    @aws_iam\n}\n\ntype Mutation",
            "staff: ordersNeedingAttention of everybody",
        ),
        (
            "publishOrderChanged\", \"publishOrderFulfilled\"])\n    @aws_cognito_user_pools\n    @aws_iam",
            "publishOrderChanged\", \"publishOrderFulfilled\"])\n    @aws_iam",
            "bob: ordersChanged of bob",
        ),
    ];
    let mut schema = include_str!("../../../schema.graphql").to_owned();
    for (right, wrong, _) in WRONG {
        assert_eq!(schema.matches(right).count(), 1, "{right}");
        schema = schema.replace(right, wrong);
    }
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("schema.graphql");
    std::fs::write(&file, schema).expect("a schema");
    let world = World::new(&["--schema", file.to_str().expect("a path that is text")]).await;
    let found = complaints(&world, &CALLERS, &[Shape::Plain]).await;
    for (_, wrong, told) in WRONG {
        assert!(found.iter().any(|complaint| complaint.starts_with(told)), "{wrong}: {}", found.join("\n"));
    }
}

/// Operations on what is there, and on what is not.
fn tried(world: &World) -> Vec<Written> {
    let tried = TABLE.iter().flat_map(|row| {
        let targets = world.targets(row);
        let ends = [targets.first().cloned(), targets.last().cloned()].into_iter().flatten();
        ends.filter_map(|target| world.operations.write(row, &target, Shape::Plain)).collect::<Vec<_>>()
    });
    tried.collect()
}

#[tokio::test]
async fn whoever_has_no_good_credentials_is_sent_away_whatever_they_want() {
    let (world, other) = (World::new(&[]).await, Server::start().await);
    let before = world.as_it_stands().await;
    let mut subscriber = Subscriber::connect(&world.server, &world.server.backend()).await;
    for (what, impostor) in impostors(&world.server, &other) {
        let mut told = BTreeSet::new();
        for written in tried(&world) {
            let answer = impostor.post(written.body()).await;
            let is_refused = [401, 403].contains(&answer.status) && answer.body.get("data").is_none();
            assert!(is_refused, "{what}: {}: {} {}", written.query, answer.status, answer.body);
            assert_eq!(answer.headers["x-amzn-errortype"], answer.error().0, "{what}");
            // A signature's time is told, and that is the sender's own.
            let own = answer.error().1.split(": ").next().unwrap_or_default().to_owned();
            told.insert((answer.status, answer.error().0, own));
            let refused = subscriber.try_to_subscribe(&impostor, &written.query, &written.variables).await;
            let refused = refused.expect_err(what);
            assert_eq!(refused["payload"]["errors"], not_started(), "{what}: {}", written.query);
        }
        assert_eq!(told.len(), 1, "{what} are told the same, whatever they want: {told:?}");
    }
    presigned(&world, &world.server.backend()).await;
    assert_eq!(world.as_it_stands().await, before);
}

/// What somebody is told whose subscription does not start because of who they say they are.
fn not_started() -> Value {
    json!([{ "errorType": "UnauthorizedException", "message": "You are not authorized to make this call." }])
}

/// A signature counts in the headers only, where a frontend's address bar and its logs do not show it.
async fn presigned(world: &World, backend: &Client) {
    let url = &world.server.addresses.graphql_url;
    for written in tried(world) {
        for seconds in [300, 1] {
            let mut signer = backend.signer().clone();
            signer.fast = if seconds == 1 { -60 } else { 0 };
            let holds = std::time::Duration::from_secs(seconds);
            let address = signer.presigned(url, written.body().as_bytes(), holds);
            let answer = world.server.http().post(address).body(written.body()).send().await.expect("an answer");
            assert_eq!(answer.status(), 401, "{}", written.query);
        }
    }
}
