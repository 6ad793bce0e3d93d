//! Somebody's order is erased, with `cargo run -- erase`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{
    Home, Reply, Server, Warehouse, apples_and_a_pear, document, documented, files_below, keyed, members, operate, uuid,
};

/// What tells of a person, wherever it stands.
const MARKER: &str = "Ada-Lovelace-12-St-James-Square";

/// What `placeOrder` takes for an order of somebody.
fn of_somebody() -> Value {
    document(&json!({ "lines": [{ "sku": "TEA", "quantity": 1 }], "note": MARKER }))
}

/// The files of a data directory that tell of that person.
fn telling(data_dir: &str) -> Vec<PathBuf> {
    let tells = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap_or_default();
        bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes())
    };
    files_below(Path::new(data_dir)).into_iter().filter(tells).collect()
}

/// A kept batch with this order and one that is somebody else's, as Lambda keeps it.
fn keep_batch(data_dir: &str, order_id: &str) -> PathBuf {
    let record = |id: &str, note: &str| {
        json!({ "eventName": "INSERT", "dynamodb": { "Keys": { "id": { "S": id } }, "SequenceNumber": "1",
            "NewImage": { "id": { "S": id }, "document": { "S": note } } } })
    };
    let event = json!({ "Records": [record(order_id, MARKER), record("another", "not of Ada")] });
    let folder = Path::new(data_dir).join("given-up/aws/lambda/mapping/shard/2026/11/22");
    fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("batch");
    fs::write(&file, json!({ "version": "1.0", "payload": event.to_string() }).to_string()).expect("a file");
    file
}

#[tokio::test]
async fn an_erased_order_is_gone_for_everybody_and_no_byte_tells_of_its_sender() {
    let warehouse = Warehouse::that_says(Reply::json(422, &json!({ "refused": true, "reason": MARKER }))).await;
    let home = Home::new();
    let server = Server::at(&home, &["--warehouse-url", &warehouse.url]).await;
    let key = uuid();
    let order_id = server.guest().place_for_id(keyed(of_somebody(), &key)).await;
    let shown = async || server.backend().attention_to(&order_id).await;
    server.until("the warehouse has refused it", shown).await;
    server.until_status(&order_id, "NEEDS_ATTENTION").await;
    let kept = keep_batch(home.data_dir(), &order_id);
    let before = server.backend().order(&order_id).await;

    let told = operate(&home, &["erase", &order_id]).await.well();
    assert!(told.contains("would be erased (1 change, 1 kept batch)") && told.contains("--yes"), "{told}");
    assert_eq!(server.backend().order(&order_id).await, before, "nothing is changed");
    assert!(telling(home.data_dir()).len() >= 2, "the tables and the batch tell of her");

    let told = operate(&home, &["erase", &order_id, "--yes", "--wait", "1"]).await.well();
    assert!(told.contains(&format!("{order_id} is erased")) && !told.contains(MARKER), "{told}");
    assert_eq!(telling(home.data_dir()), Vec::<PathBuf>::new());
    for client in [server.guest(), server.backend()] {
        assert_eq!(client.order(&order_id).await, Value::Null);
    }
    assert_eq!(server.backend().attention().await, Vec::<Value>::new());
    let batch = fs::read_to_string(&kept).expect("the batch");
    assert!(batch.contains("not of Ada") && batch.contains("erasedAt"), "{batch}");

    // Nothing brings it back: not its sender, nor the warehouse, nor whoever sends it through.
    let (kind, said) = server.guest().try_to_place(keyed(of_somebody(), &key)).await.refusal("placeOrder");
    assert_eq!(kind, "IdempotencyConflict");
    assert!(said.contains("was erased"), "{said}");
    let (kind, _) = server.backend().try_to_report(&order_id, "R-1", Value::Null).await.refusal("recordFulfilment");
    assert_eq!(kind, "InvalidArgument");
    let asked = warehouse.asked_about(&order_id).len();
    for words in [&["redrive", "--yes"][..], &["redrive", &order_id, "--yes"]] {
        let done = operate(&home, words).await;
        assert!(done.told.contains(&format!("{order_id} it was erased at")), "{done:?}");
        assert!(!done.told.contains(&format!("{order_id} is fulfilled")), "{done:?}");
    }
    assert_eq!(warehouse.asked_about(&order_id).len(), asked);
    assert_eq!(telling(home.data_dir()), Vec::<PathBuf>::new());

    // Twice is once, and the server goes on.
    operate(&home, &["erase", &order_id, "--yes", "--wait", "1"]).await.well();
    warehouse.changes_its_mind(|_| Reply::everything());
    let next = server.guest().place_for_id(apples_and_a_pear()).await;
    server.until_fulfilled(&next).await;
}

#[tokio::test]
async fn what_the_warehouse_answers_while_an_order_is_erased_is_taken_as_well() {
    let warehouse = Warehouse::that_says(Reply::Silence).await;
    let home = Home::new();
    let server = Server::at(&home, &["--warehouse-url", &warehouse.url]).await;
    let proxied = server.guest().place_for_id(of_somebody()).await;
    let asked = async || (!warehouse.asked_about(&proxied).is_empty()).then_some(());
    server.until("the warehouse is asked", asked).await;
    // It hangs, so that the function is still at it when the order is erased; then it is asked once more and refuses.
    warehouse.changes_its_mind(|_| Reply::json(422, &json!({ "refused": true, "reason": MARKER })));
    operate(&home, &["erase", &proxied, "--yes", "--wait", "15"]).await.well();
    assert_eq!(server.backend().order(&proxied).await, Value::Null);
    assert_eq!(telling(home.data_dir()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_customer_does_not_find_it_in_their_list_any_more() {
    let home = Home::new();
    let server = Server::at(&home, &[]).await;
    let ada = server.customer("ada").await;
    let (first, second) = (ada.place_for_id(apples_and_a_pear()).await, ada.place_for_id(of_somebody()).await);
    server.until_fulfilled(&second).await;
    server.until_fulfilled(&first).await;
    server.until_listed(&ada, &[&second, &first]).await;
    operate(&home, &["erase", &second, "--yes", "--wait", "0"]).await.well();
    server.until_listed(&ada, &[&first]).await;
    assert_eq!(ada.order(&second).await, Value::Null);
    assert_eq!(telling(home.data_dir()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_script_is_told_what_the_guide_for_operating_shows() {
    let home = Home::new();
    let server = Server::at(&home, &[]).await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    server.until_fulfilled(&order_id).await;
    let mut objects = Vec::new();
    for words in [&["erase", &order_id, "--json"][..], &["erase", &order_id, "--json", "--yes", "--wait", "0"]] {
        let done = operate(&home, words).await;
        assert_eq!((done.code, done.complained.as_str()), (Some(0), ""), "{done:?}");
        objects.extend(done.objects());
    }
    assert_eq!(members(&objects), members(&documented("erase --json")), "{objects:?}");
}

#[tokio::test]
async fn an_id_that_is_none_stops_it_before_anything_is_done() {
    let home = Home::new();
    let server = Server::at(&home, &[]).await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let order = server.until_fulfilled(&order_id).await;
    let unknown = uuid();
    let done = operate(&home, &["erase", &order_id, &unknown, "--yes"]).await;
    assert_eq!((done.code, done.told.as_str()), (Some(1), ""), "{done:?}");
    assert_eq!(done.complained, format!("error: there is no order {unknown}: nothing was done\n"));
    assert_eq!(server.backend().order(&order_id).await, order);
}
