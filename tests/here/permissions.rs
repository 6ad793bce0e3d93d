//! Somebody takes a permission away: whatever a role of the template is granted, something needs it, and without it that
//! fails in AWS's own words. So nothing is granted in vain, and nothing works here that would not in AWS.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::template::{home_with, refusal, start, template};
use crate::support::{FAST, Home, PATIENCE, PAUSE, Proxy, Question, Reply, Server, Warehouse, gibberish, list};

/// How many servers run beside each other.
const SERVERS: usize = 4;

/// What nothing on this machine does: its logs are not CloudWatch's, and there is no X-Ray.
const NOT_HERE: [&str; 2] = ["logs:", "xray:"];

/// What ends the start if it is missing: Lambda takes no mapping whose function may not read the stream, or not keep what
/// is given up.
const AT_THE_START: [&str; 6] = [
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "s3:ListBucket",
    "s3:PutObject",
];

/// One action on one resource that a statement of the template allows.
#[derive(Clone, Debug)]
struct Grant {
    policy: String,
    statement: usize,
    action: String,
    resource: Value,
}

/// A value that may stand alone or in a list.
fn elements(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

fn grants(template: &Value) -> Vec<Grant> {
    let mut grants = Vec::new();
    let resources = template["Resources"].as_object().expect("resources");
    for (policy, resource) in resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::IAM::Policy") {
        for (statement, written) in list(&resource["Properties"]["PolicyDocument"]["Statement"]).iter().enumerate() {
            for action in elements(&written["Action"]) {
                let action = crate::support::text(&action);
                for resource in elements(&written["Resource"]) {
                    grants.push(Grant { policy: policy.clone(), statement, action: action.clone(), resource });
                }
            }
        }
    }
    grants
}

impl Grant {
    /// The template without it. What a statement allows beside it stays allowed.
    fn taken_from(&self, mut template: Value) -> Value {
        let statements = &mut template["Resources"][&self.policy]["Properties"]["PolicyDocument"]["Statement"];
        let statements = statements.as_array_mut().expect("statements");
        let statement = statements.remove(self.statement);
        for action in elements(&statement["Action"]) {
            for resource in elements(&statement["Resource"]) {
                if action != self.action.as_str() || resource != self.resource {
                    statements.push(json!({ "Effect": "Allow", "Action": action, "Resource": resource }));
                }
            }
        }
        template
    }

    /// What a refusal says of the resource: the logical id of a table, a function or a bucket, or how its ARN ends.
    fn of_resource(&self) -> String {
        let ends = |value: &Value| value.as_str().unwrap_or_default().trim_end_matches('*').to_owned();
        match &self.resource {
            Value::Object(function) if function.contains_key("Fn::GetAtt") => {
                crate::support::text(&function["Fn::GetAtt"][0]).replace("GivenUpBatches", "givenupbatches")
            }
            Value::Object(function) => list(&function["Fn::Join"][1]).last().map(ends).unwrap_or_default(),
            other => ends(other),
        }
    }

    /// Whether this line tells that it is missing.
    fn is_missed_in(&self, line: &str) -> bool {
        let action = format!("is not authorized to perform: {} on resource: ", self.action);
        let Some((_, resource)) = line.split_once(&action) else { return false };
        let resource = resource.split_once(" because no identity-based policy allows").map(|(resource, _)| resource);
        // An index is another resource than its table.
        let is_index = |text: &str| text.contains("/index/");
        let wanted = self.of_resource();
        resource.is_some_and(|resource| resource.contains(&wanted) && is_index(resource) == is_index(&wanted))
    }
}

/// Ships at once, takes `LATER` on for later, and has no time for `BUSY` the first time.
async fn warehouse() -> Warehouse {
    Warehouse::that(|question: &Question| match (question.body["lines"][0]["sku"].as_str(), question.before) {
        (Some("LATER"), _) => Reply::json(200, &json!({ "lines": [] })),
        (Some("BUSY"), 0) => Reply::text(503, "later"),
        _ => Reply::everything(),
    })
    .await
}

fn order(sku: &str) -> Value {
    json!({ "order": { "lines": [{ "sku": sku, "quantity": 2 }] } })
}

/// Waits for something that may never come: nothing hangs on it but how long a test takes.
async fn until(look: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE / 4;
    while !look().await && Instant::now() < deadline {
        tokio::time::sleep(PAUSE).await;
    }
}

/// Everything that the Lambdas are for, whatever comes of it.
async fn all_that_is_done(server: &Server, tables: &Proxy) {
    let (guest, backend) = (server.guest(), server.backend());
    let (alice, staff) = (server.customer("alice").await, server.staff("sam").await);
    let placed = async |input: Value| {
        let placed = guest.try_to_place(input).await.data["placeOrder"]["id"].clone();
        placed.as_str().unwrap_or("nothing").to_owned()
    };
    let read = async |id: &str| {
        let query = "query ($id: ID!) { order(id: $id) { status changes { kind } } }";
        backend.run(query, json!({ "id": id })).await.data["order"].clone()
    };
    let with_key = json!({ "order": order("SHIP")["order"], "idempotencyKey": Uuid::new_v4().to_string() });
    let shipped = placed(with_key.clone()).await;
    guest.try_to_place(with_key).await;
    until(async || read(&shipped).await["status"] == "FULFILLED").await;

    alice.try_to_place(order("SHIP")).await;
    until(async || {
        let page = alice.try_to_list(Value::Null, Value::Null).await.data["orders"].clone();
        page["items"].as_array().is_some_and(|orders| !orders.is_empty())
    })
    .await;

    let strange = placed(gibberish()).await;
    until(async || {
        let page = staff.try_to_read_attention(Value::Null, Value::Null).await.data["ordersNeedingAttention"].clone();
        page["items"].as_array().is_some_and(|orders| orders.iter().any(|order| order["id"] == strange.as_str()))
    })
    .await;

    let later = placed(order("LATER")).await;
    until(async || read(&later).await["changes"][0]["kind"] == "ACCEPTED").await;
    for reference in ["W-1", "W-2"] {
        backend.try_to_report(&later, reference, json!([{ "line": "/lines/0", "quantity": 1 }])).await;
    }

    let busy = placed(order("BUSY")).await;
    until(async || read(&busy).await["status"] == "FULFILLED").await;

    tables.loses_the_answers_of(Some("PutItem"));
    placed(order("SHIP")).await;
    tables.loses_the_answers_of(None);
}

/// A server whose Lambdas reach their tables by a line that may fail.
async fn with_a_line_to_the_tables(home: &Arc<Home>, options: &[String], warehouse: &Warehouse) -> (Server, Proxy) {
    let tables = Proxy::start().await;
    let line = tables.instead_of_dynamodb();
    let more = ["--warehouse-url", warehouse.url.as_str(), "--env", &line];
    let server = start(home, options, &[&more[..], &FAST].concat()).await;
    tables.lead_to_dynamodb_of(&server);
    (server, tables)
}

async fn without(grant: Grant) -> Result<(), String> {
    let (home, options) = home_with(&grant.taken_from(template()));
    if AT_THE_START.contains(&grant.action.as_str()) {
        let refused = refusal(&home, &options).await;
        return if grant.is_missed_in(&refused) { Ok(()) } else { Err(format!("{grant:?}: {refused}")) };
    }
    let warehouse = warehouse().await;
    let (server, tables) = with_a_line_to_the_tables(&home, &options, &warehouse).await;
    let missed = async || {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if home.log().lines().any(|line| grant.is_missed_in(line)) {
                return true;
            }
            tokio::time::sleep(PAUSE).await;
        }
        false
    };
    let done = async {
        all_that_is_done(&server, &tables).await;
        // What the schedule does may still be on its way.
        tokio::time::sleep(Duration::from_secs(2)).await;
    };
    let is_missed = tokio::select! {
        missed = missed() => missed,
        () = done => home.log().lines().any(|line| grant.is_missed_in(line)),
    };
    if is_missed { Ok(()) } else { Err(format!("{grant:?} is granted in vain: nothing has failed without it")) }
}

#[tokio::test]
async fn whatever_is_granted_is_needed_and_missed_where_it_is_missing() {
    let observable = |grant: &Grant| !NOT_HERE.iter().any(|service| grant.action.starts_with(service));
    let grants: Vec<_> = grants(&template()).into_iter().filter(observable).collect();
    assert!(grants.len() > 30, "only {} grants were found", grants.len());
    let outcomes = futures::stream::iter(grants).map(without).buffer_unordered(SERVERS).collect::<Vec<_>>().await;
    let wrong: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn with_all_that_is_granted_nothing_is_refused() {
    let warehouse = warehouse().await;
    let (server, tables) = with_a_line_to_the_tables(&Home::new(), &[], &warehouse).await;
    all_that_is_done(&server, &tables).await;
    let log = server.home.log();
    assert!(!log.contains("is not authorized to perform"), "{log}");
}

#[tokio::test]
async fn a_deny_wins_and_the_caller_is_not_told_of_roles() {
    let mut template = template();
    let resources = template["Resources"].as_object_mut().expect("resources");
    let place = resources.iter_mut().find(|(name, _)| name.starts_with("FunctionsPlaceOrderRoleDefaultPolicy"));
    let (_, policy) = place.expect("the policy of place-order");
    let statements = policy["Properties"]["PolicyDocument"]["Statement"].as_array_mut().expect("statements");
    statements.push(json!({ "Effect": "Deny", "Action": "dynamodb:Put*", "Resource": "*" }));
    let (home, options) = home_with(&template);
    let server = start(&home, &options, &[]).await;
    let (error_type, message) = server.guest().try_to_place(order("SHIP")).await.refusal("placeOrder");
    assert_eq!(error_type, "Unavailable");
    for leaked in ["assumed-role", "dynamodb", "arn:"] {
        assert!(!message.contains(leaked), "{message}");
    }
    let said = "is not authorized to perform: dynamodb:PutItem on resource: \
                arn:aws:dynamodb:us-east-1:000000000000:table/orders-local-OrdersTable \
                with an explicit deny in an identity-based policy";
    assert!(server.home.log().contains(said), "{}", server.home.log());
}
