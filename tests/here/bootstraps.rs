//! The Lambdas run as the programs that are deployed: they answer as they do inside the server, what one of them does
//! wrong stays with its caller, and killing them at any moment loses nothing.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Bootstraps, Client, FAST, FUNCTIONS, Home, Killer, Moment, ORDER, PATIENCE, PAUSE, Proxy, Reply, Server,
    Subscriber, Warehouse, apples_and_a_pear, changes, gibberish, id, list, order_of, text,
};

/// What `placeOrder` takes to have a double of the Lambda do something.
fn told(what: &str) -> Value {
    json!({ "order": { "reference": what, "lines": [] } })
}

/// A server whose `placeOrder` does as it is told.
async fn with_double() -> (Bootstraps, Server) {
    let bootstraps = Bootstraps::new();
    bootstraps.replace_by_double("place-order");
    let server = Server::with(&["--bootstraps", bootstraps.path()]).await;
    (bootstraps, server)
}

/// The process that answers.
async fn process(server: &Server) -> String {
    let query = "mutation { placeOrder(input: {}) { id } }";
    text(&server.guest().run(query, json!({})).await.value("placeOrder")["id"])
}

async fn until_gone(server: &Server, what: &str, bootstraps: &Bootstraps) {
    let gone = async || bootstraps.all_processes().is_empty().then_some(());
    server.until_after(what, Duration::from_secs(10), gone).await;
}

#[tokio::test]
async fn what_a_function_does_wrong_its_caller_is_told_and_the_next_one_is_served() {
    let (_bootstraps, server) = with_double().await;
    let exited = |how: &str| format!("Runtime exited with error: {how}");
    let too_large = "Response payload size exceeded maximum allowed payload size (6291456 bytes).";
    for (what, error_type, message) in [
        ("fail", "Refused", "on purpose"),
        ("exit 1", "Runtime.ExitError", &exited("exit status 1")),
        ("exit 101", "Runtime.ExitError", &exited("exit status 101")),
        ("signal 9", "Runtime.ExitError", &exited("signal: killed")),
        ("signal 6", "Runtime.ExitError", &exited("signal: aborted")),
        ("large", "Function.ResponseSizeTooLarge", too_large),
        ("garbage", "MappingTemplate", "The function's response is not valid JSON."),
    ] {
        let before = process(&server).await;
        let start = Instant::now();
        let (kind, said) = server.guest().try_to_place(told(what)).await.refusal("placeOrder");
        assert_eq!(kind, error_type, "{what}: {said}");
        assert!(said == message || said.starts_with("RequestId: ") && said.ends_with(message), "{what}: {said}");
        assert!(start.elapsed() < Duration::from_secs(10), "{what} was noticed only after {:?}", start.elapsed());
        let ended = error_type == "Runtime.ExitError";
        assert_eq!(process(&server).await != before, ended, "{what}: a new process only after the end of the last one");
    }
    assert_eq!(server.guest().try_to_place(told("nothing")).await.value("placeOrder"), Value::Null);
    let log = server.home.log();
    assert!(log.contains("large was answered with 413"), "{log}");
}

#[tokio::test]
async fn what_a_function_prints_is_in_the_servers_log() {
    let (_bootstraps, server) = with_double().await;
    let query = "mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }";
    server.guest().run(query, json!({ "input": told("print") })).await.value("placeOrder");
    let said = async || {
        let log = server.home.log();
        let line = |start: &str| log.lines().find(|line| line.contains(start)).map(str::to_owned);
        Some((line("said so")?, line("plainly")?))
    };
    let (structured, plain) = server.until("it is in the log", said).await;
    assert!(structured.contains("ERROR") && structured.contains("order_id=o"), "{structured}");
    assert!(structured.contains("PlaceOrder") && plain.contains("PlaceOrder"), "{structured}\n{plain}");
    assert!(plain.len() < 20_000, "a line of {} bytes", plain.len());
}

// A function has 25 seconds to answer a field, so this takes that long.
#[tokio::test]
async fn a_function_that_hangs_is_killed_when_its_time_is_up() {
    let (bootstraps, server) = with_double().await;
    let before = process(&server).await;
    let start = Instant::now();
    let (kind, said) = server.guest().try_to_place(told("hang")).await.refusal("placeOrder");
    assert_eq!(kind, "Sandbox.Timedout");
    assert!(said.ends_with(" Error: Task timed out after 25.00 seconds"), "{said}");
    assert!((25..30).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    let killed = async || {
        let left = bootstraps.processes("place-order");
        left.iter().all(|left| left.to_string() != before).then_some(())
    };
    server.until("it is killed", killed).await;
    assert_ne!(process(&server).await, before);
}

// A function has 10 seconds to start, so this takes that long.
#[tokio::test]
async fn a_function_that_does_not_start_is_an_error_until_it_does() {
    let (bootstraps, server) = with_double().await;
    let start = bootstraps.folder("place-order").join("start");
    let no_loop = async |count: usize| {
        tokio::time::sleep(PAUSE * 10).await;
        assert!(bootstraps.processes("place-order").len() <= count, "nothing is started by itself");
    };
    for (how, error_type, message) in [
        ("exit 1", "Runtime.ExitError", "Error: Runtime exited with error: exit status 1"),
        ("fail", "Runtime.NoConfig", "on purpose"),
        ("hang", "Sandbox.Timedout", "Error: Task timed out after 10.00 seconds"),
    ] {
        fs::write(&start, how).expect("a file");
        let (kind, said) = server.guest().try_to_place(told("")).await.refusal("placeOrder");
        assert_eq!(kind, error_type, "{said}");
        assert!(said.ends_with(message), "{said}");
        no_loop(0).await;
    }
    fs::remove_file(&start).expect("the file");
    process(&server).await;
    no_loop(1).await;
}

#[tokio::test]
async fn what_is_missing_is_named_with_how_to_make_it() {
    let home = Home::new();
    let bootstraps = Bootstraps::new();
    fs::remove_file(bootstraps.folder("order").join("bootstrap")).expect("a bootstrap");
    for (directory, missing) in [("no-such-folder", "no-such-folder"), (bootstraps.path(), "order/bootstrap")] {
        let options = ["--memory", "--port", "0", "--bootstraps", directory];
        super::command_line::refuses_to_start(&home, &options, &[missing, "infra/build", "target/lambda"]).await;
    }
    // Nothing of it stays behind.
    let left = || std::process::Command::new("ps").args(["-A", "-o", "args="]).output().expect("ps").stdout;
    assert!(!String::from_utf8_lossy(&left()).contains(bootstraps.path()));
}

/// A server with an order that the warehouse is asked for and says nothing about, and a double that hangs: processes
/// that are idle, that wait for something, and that would never end by themselves.
async fn with_busy_processes(bootstraps: &Bootstraps, warehouse: &Warehouse) -> Server {
    let options = ["--bootstraps", bootstraps.path(), "--warehouse-url", &warehouse.url];
    let server = Server::with(&options).await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let asked = async || (!warehouse.asked_about(&order_id).is_empty()).then_some(());
    server.until("the warehouse is asked", asked).await;
    bootstraps.replace_by_double("record-fulfilment");
    let backend = server.backend();
    let asking = tokio::spawn(async move { backend.try_to_report("an order", "hang", Value::Null).await });
    let hangs = async || (!bootstraps.processes("record-fulfilment").is_empty()).then_some(());
    server.until("the double hangs", hangs).await;
    asking.abort();
    let running: Vec<_> = FUNCTIONS.iter().filter(|function| !bootstraps.processes(function).is_empty()).collect();
    assert_eq!(running, [&"place-order", &"record-fulfilment", &"fulfil-orders"]);
    server
}

#[tokio::test]
async fn however_the_server_ends_no_process_stays_behind() {
    let warehouse = Warehouse::that_says(Reply::Silence).await;
    for signal in ["-KILL", "-INT", "-TERM"] {
        let bootstraps = Bootstraps::new();
        let mut server = with_busy_processes(&bootstraps, &warehouse).await;
        server.signal(signal);
        server.ended_within(PATIENCE).await;
        until_gone(&server, signal, &bootstraps).await;
    }
}

/// A function that is killed, and everything around it: whatever it calls, it calls through somebody who kills it.
struct Scene {
    killer: Arc<Killer>,
    warehouse: Warehouse,
    server: Server,
    watcher: Subscriber,
    subscription: String,
}

impl Scene {
    async fn of(function: &'static str, warehouse: Warehouse) -> Self {
        let bootstraps = Arc::new(Bootstraps::new());
        let killer = Killer::of(&bootstraps, function);
        let (dynamodb, appsync, asked) = (Proxy::start().await, Proxy::start().await, Proxy::start().await);
        bootstraps.set(
            function,
            &[
                ("AWS_ENDPOINT_URL_DYNAMODB", &dynamodb.url),
                ("APPSYNC_URL", &format!("{}/graphql", appsync.url)),
                ("WAREHOUSE_URL", &format!("{}/orders", asked.url)),
            ],
        );
        let options = ["--bootstraps", bootstraps.path(), "--warehouse-url", &warehouse.url, FAST[0], FAST[1]];
        let server = Server::with(&options).await;
        for proxy in [&dynamodb, &appsync, &asked] {
            proxy.is_watched_by(&killer);
        }
        dynamodb.lead_to_dynamodb_of(&server);
        appsync.lead_to_appsync_of(&server);
        asked.lead_to(warehouse.url.trim_end_matches("/orders"));
        let staff = server.staff("carol").await;
        let mut watcher = Subscriber::connect(&server, &staff).await;
        let subscription = watcher.follow(&staff, "anyOrderChanged", "").await;
        Self { killer, warehouse, server, watcher, subscription }
    }

    /// Staff are told that the order is in this status.
    async fn until_told(&mut self, order_id: &str, status: &str) {
        loop {
            let order = self.watcher.order(&self.subscription).await;
            if id(&order) == order_id && order["status"] == status {
                return;
            }
        }
    }

    /// What came of the order: changes of these kinds and no other. The warehouse was asked but one question about it.
    async fn ended_as(&self, order_id: &str, status: &str, kinds: &[&str]) {
        let order = self.server.backend().order(order_id).await;
        let found: Vec<_> = changes(&order).into_iter().map(|(_, kind)| kind).collect();
        assert_eq!((&order["status"], found), (&json!(status), kinds.iter().map(ToString::to_string).collect()));
        assert!(self.warehouse.asked_about(order_id).iter().all(|asked| asked.key() == format!("{order_id}/0")));
    }

    /// There are this many orders and pointers, and nothing is tried again any more.
    async fn settles_with(&self, orders: usize, pointers: usize) {
        let dynamodb = self.server.dynamodb();
        let (mut orders_table, mut attention_table) = (String::new(), String::new());
        for name in list(&dynamodb.run("ListTables", &json!({})).await["TableNames"]) {
            let table = dynamodb.run("DescribeTable", &json!({ "TableName": name })).await;
            match list(&table["Table"]["KeySchema"])[0]["AttributeName"].as_str() {
                Some("id") => orders_table = text(name),
                Some("shard") => attention_table = text(name),
                _ => {}
            }
        }
        let mut last = Value::Null;
        let settled = async || {
            last = dynamodb.run("Scan", &json!({ "TableName": attention_table })).await;
            let left = list(&last["Items"]);
            (left.len() == pointers && left.iter().all(|pointer| pointer.get("next").is_none())).then_some(())
        };
        self.server.until("nothing is tried again any more", settled).await;
        let stored = dynamodb.run("Scan", &json!({ "TableName": orders_table })).await;
        assert_eq!(list(&stored["Items"]).len(), orders);
    }
}

/// Kills a function at each moment of each request that it sends, one kill to a round, until a round has no such request.
/// A round hands back the ids that it was about. Tells around how many requests there was a kill.
async fn at_every_moment(scene: &mut Scene, mut round: impl AsyncFnMut(&mut Scene) -> Vec<String>) -> usize {
    for request in 1.. {
        for moment in Moment::ALL {
            scene.killer.prepare(request, moment);
            let ids = round(scene).await;
            if !scene.killer.rest(ids).await {
                assert_eq!(moment, Moment::Sent, "request {request} was there a moment ago");
                return request - 1;
            }
        }
    }
    unreachable!("a round without a kill is the last one")
}

/// Orders are placed while `function` is killed that fulfils or announces them. Each ends in this status, with changes of
/// these kinds.
async fn killed_while_orders_are_fulfilled(
    function: &'static str,
    warehouse: Warehouse,
    input: Value,
    (status, kinds): (&str, &[&str]),
    at_least: usize,
) {
    let mut scene = Scene::of(function, warehouse).await;
    let mut orders = Vec::new();
    let killed = at_every_moment(&mut scene, async |scene| {
        let order_id = scene.server.guest().place_for_id(input.clone()).await;
        scene.until_told(&order_id, status).await;
        orders.push(order_id.clone());
        scene.settles_with(orders.len(), if status == "FULFILLED" { 0 } else { orders.len() }).await;
        vec![order_id]
    })
    .await;
    assert!(killed >= at_least, "there was a kill around {killed} requests only");
    for order_id in &orders {
        scene.ended_as(order_id, status, kinds).await;
    }
}

#[tokio::test]
async fn killed_while_orders_are_shipped_it_ships_each_once() {
    let (warehouse, expected) = (Warehouse::that_ships().await, ("FULFILLED", &["FULFILLED"][..]));
    killed_while_orders_are_fulfilled("fulfil-orders", warehouse, apples_and_a_pear(), expected, 3).await;
}

#[tokio::test]
async fn killed_while_orders_are_tried_again_it_ships_each_once() {
    let warehouse = Warehouse::that(|question| match question.before {
        0 => Reply::text(500, ""),
        _ => Reply::everything(),
    });
    let expected = ("FULFILLED", &["FULFILLED"][..]);
    killed_while_orders_are_fulfilled("fulfil-orders", warehouse.await, apples_and_a_pear(), expected, 7).await;
}

#[tokio::test]
async fn killed_while_orders_are_refused_it_refuses_each_once() {
    let warehouse = Warehouse::that_says(Reply::json(422, &json!({ "refused": true }))).await;
    let expected = ("NEEDS_ATTENTION", &["REFUSED"][..]);
    killed_while_orders_are_fulfilled("fulfil-orders", warehouse, apples_and_a_pear(), expected, 4).await;
}

#[tokio::test]
async fn killed_over_orders_that_nobody_understands_it_says_so_once() {
    let expected = ("NEEDS_ATTENTION", &["NOT_UNDERSTOOD"][..]);
    let warehouse = Warehouse::that_ships().await;
    killed_while_orders_are_fulfilled("fulfil-orders", warehouse, gibberish(), expected, 3).await;
}

#[tokio::test]
async fn killed_while_orders_are_announced_it_announces_them_all_the_same() {
    let (warehouse, expected) = (Warehouse::that_ships().await, ("FULFILLED", &["FULFILLED"][..]));
    killed_while_orders_are_fulfilled("order", warehouse, apples_and_a_pear(), expected, 2).await;
}

/// The value, or nothing if the function was killed over it.
fn unless_killed(answer: crate::support::Answer, field: &str) -> Option<Value> {
    if answer.errors.is_empty() {
        return Some(answer.value(field));
    }
    assert_eq!(answer.error_type(field), "Runtime.ExitError");
    None
}

#[tokio::test]
async fn killed_while_an_order_is_placed_it_stores_it_once_for_whoever_asks_again() {
    let mut scene = Scene::of("place-order", Warehouse::that_ships().await).await;
    let mut orders = Vec::new();
    let killed = at_every_moment(&mut scene, async |scene| {
        let (guest, key) = (scene.server.guest(), Uuid::new_v4().to_string());
        let mut input = apples_and_a_pear();
        input["idempotencyKey"] = json!(key);
        let mut answers = Vec::new();
        while answers.len() < 2 {
            answers.extend(unless_killed(guest.try_to_place(input.clone()).await, "placeOrder"));
        }
        let order_id = id(&answers[0]);
        assert_eq!(id(&answers[1]), order_id);
        scene.until_told(&order_id, "FULFILLED").await;
        orders.push(order_id.clone());
        scene.settles_with(orders.len(), 0).await;
        vec![order_id, key]
    })
    .await;
    assert!(killed >= 2, "there was a kill around {killed} requests only");
    for order_id in &orders {
        scene.ended_as(order_id, "FULFILLED", &["FULFILLED"]).await;
    }
}

#[tokio::test]
async fn killed_over_a_report_it_appends_it_once_and_tells_of_it_whether_anybody_asks_again_or_not() {
    for asks_again in [true, false] {
        let accepts = Warehouse::that_says(Reply::json(202, &json!({ "lines": [] }))).await;
        let mut scene = Scene::of("record-fulfilment", accepts).await;
        let (mut orders, mut fulfilled) = (Vec::new(), Vec::new());
        let killed = at_every_moment(&mut scene, async |scene| {
            let backend = scene.server.backend();
            let order_id = scene.server.guest().place_for_id(apples_and_a_pear()).await;
            scene.until_told(&order_id, "RECEIVED").await;
            let answer = backend.try_to_report(&order_id, "R-1", Value::Null).await;
            let answered = unless_killed(answer, "recordFulfilment").is_some();
            if !answered && asks_again {
                backend.report(&order_id, "R-1", Value::Null).await;
            }
            orders.push(order_id.clone());
            scene.settles_with(orders.len(), 0).await;
            let recorded = backend.order(&order_id).await["status"] == "FULFILLED";
            assert!(recorded || !answered && !asks_again, "what is acknowledged is there");
            if recorded {
                scene.until_told(&order_id, "FULFILLED").await;
                fulfilled.push(order_id.clone());
            }
            vec![order_id]
        })
        .await;
        assert!(killed >= 6, "there was a kill around {killed} requests only");
        assert!(fulfilled.len() >= 6 && (fulfilled.len() < orders.len()) != asks_again, "{}", fulfilled.len());
        for order_id in &fulfilled {
            scene.ended_as(order_id, "FULFILLED", &["ACCEPTED", "FULFILLED"]).await;
        }
    }
}

/// The same, whoever made the ids and whenever it was.
struct Normal(HashMap<String, String>);

impl Normal {
    fn of(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.into_iter().map(|item| self.of(item)).collect(),
            Value::Object(members) => members.into_iter().map(|(name, value)| (name, self.of(value))).collect(),
            other => other,
        }
    }

    fn text(&mut self, text: String) -> String {
        if text.parse::<jiff::Timestamp>().is_ok() {
            return "a moment".to_owned();
        }
        if text.parse::<Uuid>().is_err() {
            return text;
        }
        let next = format!("id {}", self.0.len());
        self.0.entry(text).or_insert(next).clone()
    }
}

/// What everybody is answered and told in a long story.
async fn story(server: &Server, warehouse: &Warehouse) -> Vec<Value> {
    let (guest, alice, staff, backend) =
        (server.guest(), server.customer("alice").await, server.staff("carol").await, server.backend());
    let mut watcher = Subscriber::connect(server, &staff).await;
    let all = watcher.follow(&staff, "anyOrderChanged", "").await;
    let mut told = Vec::new();
    let said = |answer: crate::support::Answer| json!({ "data": answer.data, "errors": answer.errors });
    let place = async |caller: &Client, input: Value| said(caller.try_to_place(input).await);

    warehouse.changes_its_mind(|question| match question.body["lines"][0]["sku"].as_str() {
        Some("PART") => {
            Reply::json(200, &json!({ "reference": "W-1", "lines": [{ "id": "/lines/0", "quantity": 1 }] }))
        }
        Some("GONE") => Reply::json(422, &json!({ "refused": true, "reason": "sold out" })),
        _ => Reply::everything(),
    });
    let key = Uuid::new_v4().to_string();
    let with_key = |sku: &str| json!({ "order": order_of(&[(sku, 2)]), "idempotencyKey": key });
    let mut placed = Vec::new();
    for (caller, input) in [
        (&guest, apples_and_a_pear()),
        (&guest, with_key("PART")),
        (&alice, json!({ "order": order_of(&[("GONE", 1)]) })),
        (&staff, gibberish()),
        (&backend, json!({ "order": order_of(&[("TEA", 2)]), "customerId": "ada" })),
    ] {
        let answer = place(caller, input).await;
        let order_id = id(&answer["data"]["placeOrder"]);
        told.push(answer);
        told.push(watcher.order(&all).await);
        // What is announced is at rest.
        told.push(backend.order(&order_id).await);
        placed.push(order_id);
    }
    for (caller, input) in [
        (&guest, with_key("PART")),
        (&guest, with_key("OTHER")),
        (&guest, json!({ "order": order_of(&[]), "idempotencyKey": "guessable" })),
        (&guest, json!({})),
        (&guest, json!({ "document": "7" })),
        (&alice, json!({ "order": order_of(&[("A", 1)]), "customerId": "bob" })),
        (&guest, json!({ "document": json!({ "id": "x", "data": ["A"], "much": "x".repeat(410_000) }).to_string() })),
    ] {
        told.push(place(caller, input).await);
    }
    for (reference, lines) in [
        ("R-1", json!([{ "line": "/lines/9", "quantity": 1 }])),
        ("R-1", json!([{ "line": "/lines/0", "quantity": 9 }])),
        ("R-1", Value::Null),
        ("R-1", Value::Null),
        ("R-2", Value::Null),
        ("", Value::Null),
    ] {
        told.push(said(backend.try_to_report(&placed[1], reference, lines).await));
    }
    told.push(said(guest.try_to_report(&placed[1], "R-3", Value::Null).await));
    told.push(said(backend.try_to_report("none", "R-3", Value::Null).await));
    for _ in 0..2 {
        told.push(watcher.order(&all).await);
    }
    for mutation in ["publishOrderChanged", "publishOrderFulfilled"] {
        for of in [&placed[0], "none"] {
            told.push(said(backend.try_to_publish(mutation, of).await));
        }
        told.push(watcher.order(&all).await);
    }
    for caller in [&guest, &alice, &staff, &backend] {
        for order_id in &placed {
            let query = format!("query ($id: ID!) {{ order(id: $id) {ORDER} }}");
            told.push(said(caller.run(&query, json!({ "id": order_id })).await));
        }
        told.push(said(caller.try_to_read_as_of(&placed[0], "2020-01-01T00:00:00Z").await));
        told.push(said(caller.try_to_list(Value::Null, Value::Null).await));
        told.push(said(caller.try_to_list(json!(0), json!("no token")).await));
        told.push(said(caller.try_to_read_attention(json!(100), Value::Null).await));
        told.push(said(caller.try_to_read_attention(Value::Null, json!("no token")).await));
        let mut subscriber = Subscriber::connect(server, caller).await;
        for field in ["orderFulfilled", "orderChanged", "ordersChanged", "anyOrderChanged"] {
            told.push(match subscriber.try_to_follow(caller, field, &placed[2]).await {
                Ok(_) => json!("followed"),
                Err(refusal) => refusal,
            });
        }
    }
    let mut normal = Normal(HashMap::new());
    let told = told.into_iter().map(|told| normal.of(told));
    // What needs attention is listed by where its id happens to fall.
    let in_order = |mut told: Value| {
        let items = told.pointer_mut("/data/ordersNeedingAttention/items").and_then(Value::as_array_mut);
        if let Some(items) = items {
            items.sort_by_key(ToString::to_string);
        }
        told
    };
    told.map(in_order).collect()
}

#[tokio::test]
async fn everybody_is_answered_and_told_the_same_as_when_the_lambdas_run_inside_the_server() {
    let (home, other, warehouse) = (Home::new(), Home::new(), Warehouse::that_ships().await);
    let bootstraps = Bootstraps::new();
    let options = |home: &Home| {
        ["--port", "0", "--data-dir", home.data_dir(), "--warehouse-url", &warehouse.url].map(str::to_owned)
    };
    let inside = Server::start_exactly(&home, crate::support::command(&home, &[]).args(options(&home))).await;
    let expected = story(&inside, &warehouse).await;
    assert!(bootstraps.all_processes().is_empty());
    let mut command = crate::support::command(&other, &["--bootstraps", bootstraps.path()]);
    let outside = Server::start_exactly(&other, command.args(options(&other))).await;
    let found = story(&outside, &warehouse).await;
    for function in FUNCTIONS {
        assert!(!bootstraps.processes(function).is_empty(), "{function} took part");
    }
    assert_eq!(found.len(), expected.len());
    for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found, expected, "number {place}");
    }
}
