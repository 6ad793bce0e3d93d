//! Orders that did not get on are sent through again, with `cargo run -- redrive`.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{
    FAST, Home, PATIENCE, Proxy, Reply, Server, Warehouse, apples_and_a_pear, change, changes, documented, files_below,
    gibberish, members, operate, uuid,
};

fn refuses() -> Reply {
    Reply::json(422, &json!({ "refused": true, "reason": "sold out" }))
}

async fn at(home: &Arc<Home>, warehouse: &Warehouse) -> Server {
    Server::at(home, &["--warehouse-url", &warehouse.url]).await
}

/// An order that the warehouse has refused.
async fn refused_order(server: &Server) -> String {
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let refused = async || server.backend().attention_to(&order_id).await;
    server.until("somebody has to look at it", refused).await;
    server.until_status(&order_id, "NEEDS_ATTENTION").await;
    order_id
}

#[tokio::test]
async fn a_refused_order_ships_once_when_the_warehouse_changes_its_mind() {
    let (home, warehouse) = (Home::new(), Warehouse::that_says(refuses()).await);
    let server = at(&home, &warehouse).await;
    let order_id = refused_order(&server).await;
    let before = server.backend().order(&order_id).await;

    warehouse.changes_its_mind(|_| Reply::everything());
    let told = operate(&home, &["redrive"]).await.well();
    assert!(told.contains(&order_id) && told.contains("REFUSED since"), "{told}");
    assert!(told.contains("refused once (sold out): would be asked for anew") && told.contains("--yes"), "{told}");
    assert_eq!(server.backend().order(&order_id).await, before, "nothing is changed");
    assert_eq!(warehouse.asked_about(&order_id).len(), 1, "nor asked");

    let told = operate(&home, &["redrive", "--yes"]).await.well();
    assert!(told.contains("refused once (sold out): is asked for anew") && !told.contains("would"), "{told}");
    assert!(told.contains(&format!("{order_id} is fulfilled")), "{told}");
    let order = server.until_fulfilled(&order_id).await;
    assert_eq!(changes(&order), [change("warehouse/0", "REFUSED"), change("warehouse/1", "FULFILLED")]);
    assert_eq!(server.backend().attention_to(&order_id).await, None);

    // Twice is once.
    let told = operate(&home, &["redrive", "--yes"]).await.well();
    assert!(told.contains("nothing to send through"), "{told}");
    let told = operate(&home, &["redrive", &order_id, "--yes"]).await.well();
    assert!(told.contains("it is fulfilled: is merely announced"), "{told}");
    assert_eq!(server.backend().order(&order_id).await, order);
    assert_eq!(warehouse.asked_about(&order_id).len(), 2);
}

#[tokio::test]
async fn what_is_still_not_understood_and_what_is_refused_again_waits_on() {
    let (home, warehouse) = (Home::new(), Warehouse::that_says(refuses()).await);
    let server = at(&home, &warehouse).await;
    let strange = server.guest().place_for_id(gibberish()).await;
    let shown = async || server.backend().attention_to(&strange).await;
    server.until("somebody has to look at it", shown).await;
    let refused = refused_order(&server).await;

    let done = operate(&home, &["redrive", "--yes", "--json"]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let objects = done.objects();
    let about = |id: &str, what: &str| {
        let found = objects.iter().find(|object| object["id"] == id && !object[what].is_null());
        found.map(|object| object[what].clone()).unwrap_or_default()
    };
    assert_eq!((about(&strange, "action"), about(&strange, "outcome")), (json!("LEAVE_OUT"), Value::Null));
    assert_eq!((about(&refused, "action"), about(&refused, "outcome")), (json!("SEND"), json!("REFUSED")));
    assert_eq!(objects.last().unwrap()["summary"]["outcomes"], json!({ "REFUSED": 1 }));
    for order_id in [&strange, &refused] {
        assert!(server.backend().attention_to(order_id).await.is_some(), "{order_id} is still shown");
    }
}

#[tokio::test]
async fn what_the_function_did_not_answer_for_is_not_counted_as_sent() {
    let (home, warehouse, proxy) = (Home::new(), Warehouse::that_says(refuses()).await, Proxy::start().await);
    let server = at(&home, &warehouse).await;
    let order_id = refused_order(&server).await;
    warehouse.changes_its_mind(|_| Reply::everything());
    let file = PathBuf::from(home.data_dir()).join("server.json");
    let mut reached: Value = serde_json::from_slice(&fs::read(&file).expect("a file")).expect("JSON");
    proxy.lead_to(reached["lambdaUrl"].as_str().expect("an address"));
    reached["lambdaUrl"] = json!(proxy.url);
    fs::write(&file, reached.to_string()).expect("a file");

    // Lambda hangs up; then it does what it is asked for, and its answer gets lost.
    for (outcome, questions) in [("REFUSED", 1), ("FULFILLED", 2)] {
        if questions == 1 {
            proxy.cut();
        } else {
            proxy.mend();
            proxy.loses_the_answers_of(Some("orderIds"));
        }
        let done = operate(&home, &["redrive", &order_id, "--yes", "--json"]).await;
        assert_eq!(done.code, Some(1), "{done:?}");
        assert!(done.complained.contains("1 order could not all be sent through: "), "{done:?}");
        let summary = json!({ "sent": 0, "toSend": 1, "leftOut": 0, "outcomes": { outcome: 1 }, "changed": false });
        assert_eq!(done.objects().last().unwrap()["summary"], summary);
        assert_eq!(warehouse.asked_about(&order_id).len(), questions);
    }
}

#[tokio::test]
async fn a_list_is_worked_through_and_what_is_wrong_in_it_is_named() {
    let (home, warehouse) = (Home::new(), Warehouse::that_says(refuses()).await);
    let server = at(&home, &warehouse).await;
    let refused = refused_order(&server).await;
    warehouse.changes_its_mind(|_| Reply::everything());
    let fulfilled = server.guest().place_for_id(apples_and_a_pear()).await;
    server.until_fulfilled(&fulfilled).await;

    let unknown = uuid();
    let line = |id: &str| json!({ "id": id, "why": "NEEDS_ATTENTION" }).to_string();
    let list = [line(&fulfilled), "nonsense".to_owned(), line(&unknown), line(&refused)].join("\n");
    fs::write(home.path("open.jsonl"), list).expect("a file");
    let done = operate(&home, &["redrive", "--list", "open.jsonl", "--yes"]).await;
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.complained.contains("line 2 of open.jsonl"), "{done:?}");
    assert!(done.complained.contains(&format!("there is no order {unknown}")), "{done:?}");
    assert!(done.told.contains(&format!("{fulfilled} it is fulfilled: left out")), "{done:?}");
    server.until_fulfilled(&refused).await;
    assert_eq!(warehouse.asked_about(&fulfilled).len(), 1);
}

#[tokio::test]
async fn a_batch_that_was_given_up_is_sent_through_even_if_the_server_is_killed_meanwhile() {
    let (home, warehouse, proxy) = (Home::new(), Warehouse::that_says(Reply::Silence).await, Proxy::start().await);
    let dynamodb = proxy.instead_of_dynamodb();
    let options = ["--warehouse-url", &warehouse.url, "--env", &dynamodb, FAST[0], FAST[1]];
    let server = Server::at(&home, &options).await;
    proxy.lead_to_dynamodb_of(&server);
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let asked = async || (!warehouse.asked_about(&order_id).is_empty()).then_some(());
    server.until("the warehouse is asked", asked).await;
    // Not even that it has to be tried again can be written down.
    proxy.cut();
    warehouse.changes_its_mind(|_| Reply::text(500, ""));
    let given_up = PathBuf::from(home.data_dir()).join("given-up");
    let is_whole = |file: &PathBuf| fs::read(file).is_ok_and(|text| !text.is_empty());
    let hidden = |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let kept = async || files_below(&given_up).into_iter().find(|file| is_whole(file) && !hidden(file));
    server.until_after("the order is given up", PATIENCE * 3, kept).await;
    proxy.mend();
    drop(server);

    warehouse.changes_its_mind(|_| Reply::Silence);
    let server = at(&home, &warehouse).await;
    let told = operate(&home, &["redrive", "--from", "attention"]).await.well();
    assert!(!told.contains(&order_id), "nothing points to it: {told}");
    let told = operate(&home, &["redrive"]).await.well();
    assert!(told.contains(&format!("{order_id} it has no outcome: would be asked for")), "{told}");
    assert_eq!(files_below(&given_up).len(), 1);

    let questions = warehouse.asked_about(&order_id).len();
    let redrive = tokio::spawn({
        let home = Arc::clone(&home);
        async move { operate(&home, &["redrive", "--yes"]).await }
    });
    let asked = async || (warehouse.asked_about(&order_id).len() > questions).then_some(());
    server.until("the warehouse is asked", asked).await;
    server.kill();
    let done = redrive.await.expect("no panic");
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.complained.starts_with("error: "), "{done:?}");
    assert_eq!(files_below(&given_up).len(), 1, "the batch is still there");

    warehouse.changes_its_mind(|_| Reply::everything());
    let server = at(&home, &warehouse).await;
    let done = operate(&home, &["redrive", "--yes", "--json"]).await;
    assert_eq!((done.code, done.complained.as_str()), (Some(0), ""), "{done:?}");
    assert_eq!(members(&done.objects()), members(&documented("redrive --json")), "as the guide for operating has it");
    let order = server.until_fulfilled(&order_id).await;
    assert_eq!(changes(&order), [change("warehouse/0", "FULFILLED")]);
    assert!(warehouse.asked_about(&order_id).iter().all(|question| question.key() == format!("{order_id}/0")));
    assert_eq!(files_below(&given_up), Vec::<PathBuf>::new(), "the batch is needed no more");
}

#[tokio::test]
async fn a_file_that_is_no_batch_is_named_and_left_alone() {
    let home = Home::new();
    let _server = Server::at(&home, &[]).await;
    let folder = PathBuf::from(home.data_dir()).join("given-up/aws/lambda/m");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("strange"), "{").expect("a file");
    let done = operate(&home, &["redrive", "--yes"]).await;
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.complained.contains("aws/lambda/m/strange is left as it is: it is no JSON"), "{done:?}");
    assert_eq!(fs::read_to_string(folder.join("strange")).expect("the file"), "{");
}

#[tokio::test]
async fn whoever_asks_wrongly_is_told_what_to_do() {
    let home = Home::new();
    for (words, told) in [
        (&["redrive"][..], "no server has run on"),
        (&["redrive", "--list", "x", "--from", "batches"], "--from"),
        (&["redrive", "--from", "nowhere"], "attention"),
        (&["redrive", "--profile", "ops"], "--profile"),
        (&["erase"], "<ID>"),
        (&["erase", "x"], "no server has run on"),
    ] {
        let done = operate(&home, words).await;
        assert!(done.code.is_some_and(|code| code != 0) && done.told.is_empty(), "{words:?}: {done:?}");
        assert!(done.complained.starts_with("error: ") && done.complained.contains(told), "{words:?}: {done:?}");
    }
    let server = Server::at(&home, &[]).await;
    server.kill();
    let done = operate(&home, &["redrive"]).await;
    assert!(done.complained.contains("no server answers at http://127.0.0.1:"), "{done:?}");
}
