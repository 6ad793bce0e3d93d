//! Just below a limit, at it, and above it.

use serde_json::{Value, json};

use super::goes_on;
use crate::support::{
    Client, FAST, Reply, Server, Warehouse, changes, document, id, keyed, list, order_of, text, uuid,
};

/// What an item may take. Source: Amazon DynamoDB developer guide, "Quotas".
const ITEM: usize = 400 * 1024;

/// An input whose document has so many bytes to spare, and otherwise says the same.
type Input<'a> = Box<dyn Fn(usize) -> Value + Send + 'a>;

fn raw(filler: usize) -> Value {
    document(&json!({ "id": "large", "data": ["TEA"], "note": "x".repeat(filler) }))
}

fn typed(filler: usize) -> Value {
    let mut order = order_of(&[("TEA", 1)]);
    order["note"] = json!("x".repeat(filler));
    json!({ "order": order })
}

/// How many bytes an order of this input would take that is too large, as the server says.
async fn size_of(caller: &Client, input: Value) -> usize {
    let (kind, message) = caller.try_to_place(input).await.refusal("placeOrder");
    assert_eq!(kind, "InvalidOrder");
    let numbers: Vec<usize> =
        message.split_whitespace().filter_map(|word| word.trim_matches('.').parse().ok()).collect();
    assert_eq!(numbers.get(1), Some(&ITEM), "the size and the limit: {message}");
    numbers[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_taken_up_to_the_last_byte_by_every_door() {
    let server = Server::start().await;
    let customer = server.customer("alice").await;
    let of_a_key = |filler: usize| {
        let mut input = keyed(raw(filler), &"k".repeat(3_000));
        input["customerId"] = json!("c".repeat(2_048));
        input
    };
    let cases: [(&str, Client, Input<'_>); 5] = [
        ("raw", server.guest(), Box::new(raw)),
        ("typed", server.guest(), Box::new(typed)),
        ("typed, with a key", server.guest(), Box::new(|filler| keyed(typed(filler), &uuid()))),
        ("of a customer", customer, Box::new(|filler| keyed(raw(filler), "\u{1f375}"))),
        ("with a key and a customer", server.backend(), Box::new(of_a_key)),
    ];
    for (what, caller, input) in cases {
        let filler = ITEM - (size_of(&caller, input(ITEM)).await - ITEM);
        assert_eq!(size_of(&caller, input(filler + 1)).await, ITEM + 1, "{what}");
        let order = caller.place(input(filler)).await;
        let order = server.until_fulfilled(&id(&order)).await;
        assert!(text(&order["document"]).len() > 390_000, "{what}");
    }
    goes_on(&server).await;
}

/// A key takes its place in the item as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_or_a_token_of_any_length_is_answered() {
    let server = Server::start().await;
    let customer = server.customer("alice").await;
    for length in [2_048, 2_049, 100_000, 900_000] {
        let long = "x".repeat(length);
        let kind = customer.try_to_list(json!(1), json!(long)).await.error_type("orders");
        assert_eq!(kind, "InvalidArgument", "a token of {length}");
        assert_eq!(server.backend().order(&long).await, Value::Null, "an id of {length}");
        let (kind, _) = server.guest().try_to_place(keyed(raw(1), &long)).await.refusal("placeOrder");
        assert_eq!(kind, "InvalidArgument", "a guest's key of {length}");
        let answer = customer.try_to_place(keyed(raw(1), &long)).await;
        let refused = answer.errors.first().map(|error| text(&error["errorType"]));
        assert_eq!(refused.as_deref(), (length > ITEM).then_some("InvalidOrder"), "a customer's key of {length}");
        let report = server.backend().try_to_report(&long, "W-1", Value::Null).await;
        assert_eq!(report.error_type("recordFulfilment"), "InvalidArgument", "an orderId of {length}");
    }
    goes_on(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_has_a_reference_of_a_thousand_bytes_at_most() {
    let warehouse = Warehouse::that_says(Reply::json(200, &json!({ "lines": [] }))).await;
    let server = Server::with(&["--warehouse-url", &warehouse.url]).await;
    let order = server.guest().place_for_id(json!({ "order": order_of(&[("TEA", 2)]) })).await;
    let accepted = async || (!changes(&server.backend().order(&order).await).is_empty()).then_some(());
    server.until("the warehouse has accepted it", accepted).await;
    let backend = server.backend();
    let one = || json!([{ "line": "/lines/0", "quantity": 1 }]);
    for reference in [String::new(), "\u{e9}".repeat(501), "r".repeat(1_001), "r".repeat(900_000)] {
        let kind = backend.try_to_report(&order, &reference, one()).await.error_type("recordFulfilment");
        assert_eq!(kind, "InvalidArgument", "{} bytes", reference.len());
    }
    // As many lines as fit into a request, all of them the same one.
    let many = Value::from(vec![one()[0].clone(); 15_000]);
    let kind = backend.try_to_report(&order, "many", many).await.error_type("recordFulfilment");
    assert_eq!(kind, "InvalidArgument");
    for reference in ["\u{e9}".repeat(500), "r".repeat(1_000)] {
        backend.report(&order, &reference, one()).await;
    }
    assert_eq!(backend.order(&order).await["status"], "FULFILLED");
}

/// The largest change there is: five thousand lines, and all that is kept of an answer.
#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_lines_and_a_long_answer_are_one_change() {
    let answer = json!({ "reference": "\u{1f69a}".repeat(50_000), "more": "x".repeat(500_000) });
    let warehouse = Warehouse::that_says(Reply::json(200, &answer)).await;
    let server = Server::with(&["--warehouse-url", &warehouse.url]).await;
    let lines = |count: usize| vec![json!({ "orderQuantity": 1, "orderedItem": { "sku": "T" } }); count];
    let of = |count: usize| {
        let order = json!({ "@type": "Order", "orderNumber": "1", "orderedItem": lines(count) });
        document(&json!({ "@context": "https://schema.org", "@graph": [{ "@type": "Person" }, order] }))
    };
    let guest = server.guest();
    let order = guest.place(of(5_000)).await;
    assert_eq!(order["problems"], json!([]));
    let order = server.until_fulfilled(&id(&order)).await;
    let change = &list(&order["changes"])[0];
    assert_eq!(list(&change["lines"]).len(), 5_000);
    assert_eq!(text(&change["reference"]).chars().count(), 1_000);

    let order = guest.place(of(5_001)).await;
    assert_eq!(order["status"], "NEEDS_ATTENTION");
    assert_eq!(order["problems"], json!(["the document has 5001 lines, and an order may have 5000"]));
    goes_on(&server).await;
}

/// Over a megabyte nothing is read: the order is asked for again. Of a reason a thousand characters are kept.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_the_warehouse_may_have_any_size() {
    let warehouse = Warehouse::that_says(Reply::text(200, format!("{{\"a\":\"{}\"}}", "x".repeat(3_000_000)))).await;
    let server = Server::with(&["--warehouse-url", &warehouse.url, FAST[0], FAST[1]]).await;
    let order = server.guest().place_for_id(json!({ "order": order_of(&[("TEA", 1)]) })).await;
    let asked_again = async || (warehouse.asked_about(&order).len() > 1).then_some(());
    server.until("it is asked for again", asked_again).await;
    warehouse
        .changes_its_mind(|_| Reply::json(422, &json!({ "refused": true, "reason": "\u{1f4a9}".repeat(200_000) })));
    let order = server.until_status(&order, "NEEDS_ATTENTION").await;
    let refused = list(&order["changes"]).last().cloned().unwrap_or_default();
    assert_eq!((&refused["kind"], text(&refused["reason"]).chars().count()), (&json!("REFUSED"), 1_000));
}

/// Fifteen orders of 400 KB are more than a Lambda may answer: they come in several pages.
#[tokio::test(flavor = "multi_thread")]
async fn large_orders_are_listed_page_by_page() {
    let server = Server::start().await;
    let alice = server.customer("alice").await;
    let mut placed = Vec::new();
    for _ in 0..15 {
        placed.push(alice.place_for_id(raw(400_000)).await);
    }
    placed.reverse();
    let query = "query ($next: String) { orders(limit: 100, nextToken: $next) { items { id document } nextToken } }";
    let (mut listed, mut pages, mut next) = (Vec::new(), 0, Value::Null);
    loop {
        let page = alice.run(query, json!({ "next": next })).await.value("orders");
        listed.extend(list(&page["items"]).iter().map(id));
        pages += 1;
        next = page["nextToken"].clone();
        if next.is_null() {
            break;
        }
    }
    assert_eq!(listed, placed);
    assert!(pages > 1, "{pages}");
    goes_on(&server).await;
}
