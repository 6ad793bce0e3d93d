//! A warehouse is asked for what is open: it ships, ships some, accepts, refuses, or makes no sense.

use futures::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    FAST, Home, Proxy, Question, Reply, Server, Warehouse, apples_and_a_pear, change, changes, command, files_below,
    id, list, order_of, quantities, text,
};

/// An answer that ships these lines.
fn ships(lines: &[(&str, i32)]) -> Reply {
    let lines: Vec<_> = lines.iter().map(|(line, quantity)| json!({ "id": line, "quantity": quantity })).collect();
    Reply::json(200, &json!({ "reference": "W-1", "lines": lines }))
}

/// What `recordFulfilment` takes as lines.
fn shipped(lines: &[(&str, i32)]) -> Value {
    lines.iter().map(|(line, quantity)| json!({ "line": line, "quantity": quantity })).collect()
}

async fn with(warehouse: &Warehouse) -> Server {
    Server::with(&["--warehouse-url", &warehouse.url]).await
}

#[tokio::test]
async fn the_warehouse_is_asked_for_everything_that_is_open() {
    let warehouse = Warehouse::that_ships().await;
    let server = with(&warehouse).await;
    let address = json!({ "name": "Ada Lovelace", "lines": ["1 Main St"], "city": "London", "postalCode": "N1", "country": "GB" });
    let lines = json!([{ "sku": "TEA", "title": "Tea", "quantity": 3 }, { "sku": "CUP", "quantity": 1 }]);
    let order = json!({ "reference": "A-1", "shippingAddress": address, "lines": lines });
    let order_id = server.guest().place_for_id(json!({ "order": order })).await;
    server.until_fulfilled(&order_id).await;

    let [question] = &warehouse.asked_about(&order_id)[..] else { panic!("asked once") };
    assert_eq!(question.method, "POST");
    assert_eq!(question.key(), format!("{order_id}/0"));
    assert!(question.header("content-type").starts_with("application/json"));
    let asked = &question.body;
    let names: Vec<_> = asked.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(names, ["lines", "orderId", "reference", "shippingAddress"]);
    assert_eq!((&asked["orderId"], &asked["reference"]), (&json!(order_id), &json!("A-1")));
    for (name, value) in address.as_object().expect("an object") {
        assert_eq!(asked["shippingAddress"][name], *value, "{name}");
    }
    let open = json!([
        { "id": "/lines/0", "sku": "TEA", "title": "Tea", "quantity": 3 },
        { "id": "/lines/1", "sku": "CUP", "title": null, "quantity": 1 },
    ]);
    assert_eq!(asked["lines"], open);
}

#[tokio::test]
async fn the_warehouse_is_shown_who_asks_and_nobody_else_is() {
    const CREDENTIAL: &str = "0nly-f0r-the-warehouse";
    let warehouse =
        Warehouse::that(|question| Reply::json(200, &json!({ "reference": question.header("authorization") }))).await;
    let (home, authorization) = (Home::new(), format!("Bearer {CREDENTIAL}"));
    let mut with_options = command(&home, &["--port", "0", "--data-dir", home.data_dir()]);
    with_options.args(["--warehouse-url", &warehouse.url, "--warehouse-authorization", &authorization]);
    let server = Server::run(&home, with_options.env("RUST_LOG", "trace")).await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let order = server.until_fulfilled(&order_id).await;
    let [question] = &warehouse.asked_about(&order_id)[..] else { panic!("asked once") };
    assert_eq!(question.header("authorization"), authorization);

    assert_eq!(order["changes"][0]["reference"], "Bearer [concealed]");
    let kept = files_below(&home.path(""));
    assert!(kept.iter().any(|file| file.ends_with("log")) && kept.len() > 3, "{kept:?}");
    for file in kept {
        let bytes = std::fs::read(&file).expect("a file");
        let known = bytes.windows(CREDENTIAL.len()).any(|bytes| bytes == CREDENTIAL.as_bytes());
        assert!(!known, "{} holds the credential", file.display());
    }
}

#[tokio::test]
async fn a_warehouse_that_takes_somebody_else_for_a_stranger_refuses_no_order() {
    let warehouse = Warehouse::that(|question| match question.header("authorization") {
        "Bearer good" => Reply::everything(),
        _ => Reply::json(401, &json!({ "refused": true })),
    });
    let warehouse = warehouse.await;
    let options = ["--warehouse-url", &warehouse.url, "--warehouse-authorization", "Bearer bad", FAST[0], FAST[1]];
    let home = Home::new();
    let server = Server::at(&home, &options).await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let asked_again = async || (warehouse.asked_about(&order_id).len() > 2).then_some(());
    server.until("it is asked for again and again", asked_again).await;
    let order = server.guest().order(&order_id).await;
    assert_eq!((&order["status"], &order["changes"]), (&json!("RECEIVED"), &json!([])));
    server.kill();
    let options = ["--warehouse-url", &warehouse.url, "--warehouse-authorization", "Bearer good", FAST[0], FAST[1]];
    let server = Server::at(&home, &options).await;
    server.until_fulfilled(&order_id).await;
}

#[tokio::test]
async fn an_answer_without_lines_ships_everything() {
    let answers = [
        ("A", Reply::text(204, "")),
        ("B", Reply::text(200, " \n")),
        ("C", Reply::text(200, "{}")),
        ("D", Reply::json(201, &json!({ "reference": "W-1", "lines": null, "more": [1] }))),
        ("E", ships(&[("/lines/0", 1), ("/lines/0", 1)])),
    ];
    let answer_to = answers.clone();
    let warehouse = Warehouse::that(move |question| answer_by_sku(&answer_to, question)).await;
    let server = with(&warehouse).await;
    for (sku, _) in answers {
        let order_id = server.guest().place_for_id(json!({ "order": order_of(&[(sku, 2)]) })).await;
        let order = server.until_fulfilled(&order_id).await;
        assert_eq!(changes(&order), [change("warehouse/0", "FULFILLED")], "{sku}");
        assert_eq!(quantities(&order), [(2, 2)], "{sku}");
        let reference = if ["D", "E"].contains(&sku) { json!("W-1") } else { Value::Null };
        assert_eq!(order["changes"][0]["reference"], reference, "{sku}");
    }
}

#[tokio::test]
async fn what_is_shipped_in_parts_is_reported_bit_by_bit() {
    let (warehouse, proxy) = (Warehouse::that_says(ships(&[("/lines/0", 1)])).await, Proxy::start().await);
    let server = Server::with(&["--warehouse-url", &warehouse.url, "--env", &proxy.instead_of_appsync()]).await;
    proxy.lead_to_appsync_of(&server);
    let order_id = server.guest().place_for_id(json!({ "order": order_of(&[("TEA", 3), ("CUP", 2)]) })).await;
    let order = server.until_status(&order_id, "PARTIALLY_FULFILLED").await;
    assert_eq!((quantities(&order), &order["fulfilledAt"]), (vec![(3, 1), (2, 0)], &Value::Null));
    let told = async |times: usize| {
        let look = async || (proxy.times("publishOrderChanged", &order_id) >= times).then_some(());
        server.until("the change is published", look).await;
    };
    told(1).await;

    let backend = server.backend();
    let order = backend.report(&order_id, "R-1", shipped(&[("/lines/0", 1), ("/lines/1", 2)])).await;
    assert_eq!((&order["status"], quantities(&order)), (&json!("PARTIALLY_FULFILLED"), vec![(3, 2), (2, 2)]));
    told(2).await;
    assert_eq!(proxy.times("publishOrderFulfilled", &order_id), 0);

    let order = backend.report(&order_id, "R-2", Value::Null).await;
    assert_eq!((&order["status"], quantities(&order)), (&json!("FULFILLED"), vec![(3, 3), (2, 2)]));
    assert_eq!(
        changes(&order),
        [change("warehouse/0", "FULFILLED"), change("report/R-1", "FULFILLED"), change("report/R-2", "FULFILLED")]
    );
    let last = &order["changes"][2];
    assert_eq!((&last["reference"], &last["lines"]), (&json!("R-2"), &shipped(&[("/lines/0", 1)])));
    assert_eq!(order["fulfilledAt"], last["at"]);
    assert!(proxy.times("publishOrderFulfilled", &order_id) >= 1, "the end is published with the last report");
    assert_eq!(backend.order(&order_id).await, order);
    assert_eq!(warehouse.asked_about(&order_id).len(), 1, "what the warehouse has answered is not asked again");
}

#[tokio::test]
async fn the_same_report_told_twice_counts_once_and_is_published_twice() {
    let (warehouse, proxy) = (Warehouse::that_says(ships(&[("/lines/0", 1)])).await, Proxy::start().await);
    let server = Server::with(&["--warehouse-url", &warehouse.url, "--env", &proxy.instead_of_appsync()]).await;
    proxy.lead_to_appsync_of(&server);
    let order_id = server.guest().place_for_id(json!({ "order": order_of(&[("TEA", 9)]) })).await;
    server.until_status(&order_id, "PARTIALLY_FULFILLED").await;
    let told = async || (proxy.times("publishOrderChanged", &order_id) == 1).then_some(());
    server.until("the first part is published", told).await;

    let backend = server.backend();
    let first = backend.report(&order_id, "R-1", shipped(&[("/lines/0", 2)])).await;
    assert_eq!(backend.report(&order_id, "R-1", shipped(&[("/lines/0", 2)])).await, first);
    // The first word counts, whatever is said later under its name.
    assert_eq!(backend.report(&order_id, "R-1", shipped(&[("/lines/0", 5)])).await, first);
    assert_eq!(quantities(&first), [(9, 3)]);
    assert_eq!(proxy.times("publishOrderChanged", &order_id), 4);

    let last = backend.report(&order_id, "R-2", Value::Null).await;
    assert_eq!(backend.report(&order_id, "R-2", Value::Null).await, last);
    assert_eq!((&last["status"], quantities(&last)), (&json!("FULFILLED"), vec![(9, 9)]));
    assert_eq!(proxy.times("publishOrderFulfilled", &order_id), 2);
}

#[tokio::test]
async fn an_order_that_a_report_completes_in_the_meantime_is_announced_as_fulfilled() {
    let (warehouse, proxy) = (Warehouse::that_says(ships(&[("/lines/0", 1)])).await, Proxy::start().await);
    let server = Server::with(&["--warehouse-url", &warehouse.url, "--env", &proxy.instead_of_appsync()]).await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let publishing = async || (!proxy.arrived().is_empty()).then_some(());
    server.until("the first part is about to be published", publishing).await;
    let backend = server.backend();
    let report = async {
        backend.report(&order_id, "R-1", Value::Null).await;
    };
    let meanwhile = async {
        server.until_fulfilled(&order_id).await;
        proxy.lead_to_appsync_of(&server);
    };
    tokio::join!(report, meanwhile);
    // One from the report, and one from whoever found the order fulfilled when telling of its first part.
    let told = async || (proxy.times("publishOrderFulfilled", &order_id) == 2).then_some(());
    server.until("both have told that it is fulfilled", told).await;
    assert_eq!(proxy.times("publishOrderChanged", &order_id), 1);
}

#[tokio::test]
async fn the_same_report_told_many_times_at_once_counts_once() {
    let warehouse = Warehouse::that_says(ships(&[("/lines/0", 1)])).await;
    let server = with(&warehouse).await;
    let order_id = server.guest().place_for_id(json!({ "order": order_of(&[("TEA", 9)]) })).await;
    server.until_status(&order_id, "PARTIALLY_FULFILLED").await;
    let backend = server.backend();
    join_all((0..16).map(|_| backend.report(&order_id, "R-1", shipped(&[("/lines/0", 2)])))).await;
    let order = backend.order(&order_id).await;
    assert_eq!(changes(&order), [change("warehouse/0", "FULFILLED"), change("report/R-1", "FULFILLED")]);
    assert_eq!(quantities(&order), [(9, 3)]);
}

#[tokio::test]
async fn a_report_that_does_not_fit_the_order_is_refused_and_changes_nothing() {
    let warehouse = Warehouse::that_says(ships(&[("/lines/0", 1)])).await;
    let server = with(&warehouse).await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let order = server.until_status(&order_id, "PARTIALLY_FULFILLED").await;
    let backend = server.backend();
    for (lines, word) in [
        (shipped(&[("/lines/9", 1)]), "/lines/9"),
        (shipped(&[("", 1)]), "line"),
        (shipped(&[("/lines/0", 2)]), "/lines/0"),
        (shipped(&[("/lines/0", 1), ("/lines/0", 1)]), "/lines/0"),
        (shipped(&[("/lines/1", 0)]), "/lines/1"),
        (shipped(&[("/lines/1", -1)]), "/lines/1"),
        (shipped(&[("/lines/1", i32::MAX)]), "/lines/1"),
        (shipped(&[("/lines/1", 1), ("/lines/9", 1)]), "/lines/9"),
    ] {
        let refused = backend.try_to_report(&order_id, "R-1", lines.clone()).await.refusal("recordFulfilment");
        assert_eq!(refused.0, "InvalidArgument", "{lines}");
        assert!(refused.1.contains(word), "{lines}: {}", refused.1);
    }
    for reference in ["", &"x".repeat(1_001)] {
        let refused = backend.try_to_report(&order_id, reference, Value::Null).await.refusal("recordFulfilment");
        assert_eq!(refused.0, "InvalidArgument");
        assert!(refused.1.contains("`reference`"), "{}", refused.1);
    }
    assert_eq!(backend.order(&order_id).await, order);
    for nobody in [Uuid::new_v4().to_string().as_str(), "", &"x".repeat(5000)] {
        let refused = backend.try_to_report(nobody, "R-1", Value::Null).await.refusal("recordFulfilment");
        assert_eq!(refused.0, "InvalidArgument");
        assert!(refused.1.contains("orderId"), "{}", refused.1);
    }
}

#[tokio::test]
async fn an_accepted_order_waits_for_reports() {
    let accepts = Reply::json(202, &json!({ "reference": "W-7", "lines": [] }));
    let warehouse = Warehouse::that_says(accepts).await;
    let server = with(&warehouse).await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let order = server
        .until("the order is accepted", async || {
            let order = server.guest().order(&order_id).await;
            (!list(&order["changes"]).is_empty()).then_some(order)
        })
        .await;
    assert_eq!((&order["status"], quantities(&order)), (&json!("RECEIVED"), vec![(2, 0), (1, 0)]));
    assert_eq!(changes(&order), [change("warehouse/0", "ACCEPTED")]);
    assert_eq!(order["changes"][0]["reference"], "W-7");
    assert_eq!(server.backend().attention().await, Vec::<Value>::new());

    let order = server.backend().report(&order_id, "R-1", Value::Null).await;
    assert_eq!((&order["status"], quantities(&order)), (&json!("FULFILLED"), vec![(2, 2), (1, 1)]));
}

#[tokio::test]
async fn a_refused_order_needs_attention_until_it_is_shipped_after_all() {
    let refuses = Reply::json(422, &json!({ "refused": true, "reason": "no such sku" }));
    let (warehouse, proxy) = (Warehouse::that_says(refuses).await, Proxy::start().await);
    let server = Server::with(&["--warehouse-url", &warehouse.url, "--env", &proxy.instead_of_appsync()]).await;
    proxy.lead_to_appsync_of(&server);
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let order = server.until_status(&order_id, "NEEDS_ATTENTION").await;
    assert_eq!(changes(&order), [change("warehouse/0", "REFUSED")]);
    assert_eq!(order["changes"][0]["reason"], "no such sku");
    assert_eq!(server.backend().attention_to(&order_id).await, Some(order));
    let told = async || (proxy.times("publishOrderChanged", &order_id) > 0).then_some(());
    server.until("the refusal is published", told).await;

    let order = server.backend().report(&order_id, "R-1", shipped(&[("/lines/0", 1)])).await;
    assert_eq!(order["status"], "PARTIALLY_FULFILLED");
    assert_eq!(server.backend().attention_to(&order_id).await, None);
    let order = server.backend().report(&order_id, "R-2", Value::Null).await;
    assert_eq!(order["status"], "FULFILLED");
    assert_eq!(warehouse.asked_about(&order_id).len(), 1, "what is refused is not asked again");
}

/// Answers that neither ship, nor accept, nor refuse, each under the sku that is answered with it.
fn senseless(elsewhere: &str) -> Vec<(&'static str, Reply)> {
    let lines = |lines: Value| Reply::json(200, &json!({ "lines": lines }));
    vec![
        ("422-EMPTY", Reply::text(422, "")),
        ("422-OBJECT", Reply::text(422, "{}")),
        ("422-OTHER", Reply::json(422, &json!({ "error": "idempotency key reused" }))),
        ("422-FALSE", Reply::json(422, &json!({ "refused": false }))),
        ("422-TEXT", Reply::json(422, &json!({ "refused": "true" }))),
        ("400", Reply::json(400, &json!({ "refused": true }))),
        ("401", Reply::text(401, "")),
        ("403", Reply::text(403, "expired")),
        ("404", Reply::json(404, &json!({ "refused": true }))),
        ("409", Reply::text(409, "")),
        ("429", Reply::text(429, "")),
        ("500", Reply::json(500, &json!({ "lines": [] }))),
        ("503", Reply::text(503, "")),
        ("301", Reply::With(301, Some(elsewhere.to_owned()), String::new())),
        ("307", Reply::With(307, Some(elsewhere.to_owned()), String::new())),
        ("HTML", Reply::text(200, "<html>Welcome</html>")),
        ("LIST", Reply::text(200, "[]")),
        ("TEXT", Reply::text(200, r#""ok""#)),
        ("CUT-OFF", Reply::text(200, r#"{"lines":[{"id":"/lines/0","#)),
        ("LARGE", Reply::text(200, " ".repeat(2_000_000))),
        ("LINES-OBJECT", lines(json!({}))),
        ("TOO-MANY", lines(json!([{ "id": "/lines/0", "quantity": 3 }]))),
        ("TOO-MANY-TWICE", lines(json!([{ "id": "/lines/0", "quantity": 2 }, { "id": "/lines/0", "quantity": 1 }]))),
        ("NONE", lines(json!([{ "id": "/lines/0", "quantity": 0 }]))),
        ("LESS", lines(json!([{ "id": "/lines/0", "quantity": -1 }]))),
        ("HALF", lines(json!([{ "id": "/lines/0", "quantity": 1.5 }]))),
        ("WRITTEN", lines(json!([{ "id": "/lines/0", "quantity": "1" }]))),
        ("NO-QUANTITY", lines(json!([{ "id": "/lines/0" }]))),
        ("NO-SUCH-LINE", lines(json!([{ "id": "/lines/1", "quantity": 1 }]))),
        ("NO-LINE", lines(json!([{ "quantity": 1 }]))),
    ]
}

fn answer_by_sku(answers: &[(&'static str, Reply)], question: &Question) -> Reply {
    let sku = &question.body["lines"][0]["sku"];
    let answer = answers.iter().find(|(asked, _)| sku == asked);
    answer.map_or_else(Reply::everything, |(_, reply)| reply.clone())
}

#[tokio::test]
async fn whatever_else_the_warehouse_says_it_is_asked_again_until_it_makes_sense() {
    let warehouse = Warehouse::that_ships().await;
    let answers = senseless(&warehouse.url);
    let skus: Vec<_> = answers.iter().map(|(sku, _)| *sku).collect();
    warehouse.changes_its_mind(move |question| {
        if question.before < 3 { answer_by_sku(&answers, question) } else { Reply::everything() }
    });
    let server = Server::with(&["--warehouse-url", &warehouse.url, FAST[0], FAST[1]]).await;
    let guest = server.guest();
    let orders = skus.iter().map(|sku| guest.place_for_id(json!({ "order": order_of(&[(sku, 2)]) })));
    for (sku, order_id) in skus.iter().zip(join_all(orders).await) {
        let order = server.until_fulfilled(&order_id).await;
        assert_eq!(changes(&order), [change("warehouse/0", "FULFILLED")], "{sku}");
        assert_eq!(quantities(&order), [(2, 2)], "{sku}");
        let asked = warehouse.asked_about(&order_id);
        assert_eq!(asked.len(), 4, "{sku} is asked again and again, until it is answered");
        for again in &asked {
            assert_eq!(again.method, "POST", "{sku}");
            assert_eq!(again.key(), format!("{order_id}/0"), "{sku}");
            assert_eq!(again.body, asked[0].body, "{sku}");
        }
    }
    server.until("nobody has to look", async || server.backend().attention().await.is_empty().then_some(())).await;
}

// The warehouse has ten seconds to answer, so this takes that long.
#[tokio::test]
async fn an_order_that_the_warehouse_leaves_hanging_holds_up_no_other() {
    let warehouse = Warehouse::that(|question| match question.body["lines"][0]["sku"].as_str() {
        Some("HANGING") if question.before == 0 => Reply::Silence,
        _ => Reply::everything(),
    })
    .await;
    let server = Server::with(&["--warehouse-url", &warehouse.url, FAST[0], FAST[1]]).await;
    let guest = server.guest();
    let skus = ["A", "HANGING", "B", "C", "D"];
    let orders = skus.map(|sku| guest.place_for_id(json!({ "order": order_of(&[(sku, 1)]) })));
    for order_id in join_all(orders).await {
        let order = server.until_fulfilled(&order_id).await;
        assert_eq!(changes(&order), [change("warehouse/0", "FULFILLED")]);
    }
}

// The warehouse has ten seconds to answer, so this takes that long.
#[tokio::test]
async fn a_report_that_comes_before_the_answer_is_kept() {
    let warehouse = Warehouse::that_says(Reply::Silence).await;
    let server = Server::with(&["--warehouse-url", &warehouse.url, FAST[0], FAST[1]]).await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let asked = async || (!warehouse.asked_about(&order_id).is_empty()).then_some(());
    server.until("the warehouse is asked", asked).await;
    let order = server.backend().report(&order_id, "R-1", shipped(&[("/lines/0", 2)])).await;
    assert_eq!(order["status"], "PARTIALLY_FULFILLED");

    warehouse.changes_its_mind(|_| Reply::everything());
    let order = server.until_fulfilled(&order_id).await;
    assert_eq!(quantities(&order), [(2, 2), (1, 1)]);
    assert_eq!(changes(&order), [change("report/R-1", "FULFILLED"), change("warehouse/0", "FULFILLED")]);
    // Asked anew, it is asked only for what is still open.
    let last = warehouse.asked_about(&order_id).pop().expect("a question");
    assert_eq!(last.body["lines"], json!([{ "id": "/lines/1", "sku": "PEAR", "title": null, "quantity": 1 }]));
    assert_eq!(order["problems"], json!([]));
}

#[tokio::test]
async fn what_the_warehouse_calls_it_is_shown() {
    let warehouse = Warehouse::that_says(Reply::text(200, r#"{"reference":4711}"#)).await;
    let server = with(&warehouse).await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let order = server.until_fulfilled(&order_id).await;
    assert_eq!(text(&order["changes"][0]["reference"]), "4711");
    assert_eq!(id(&order), order_id);
}
