//! Which subscribers an event is for.

use serde_json::{Value, json};

use super::{Server, echo};

/// Starts `changed` with these arguments, announces the items, and gives the ids of those that arrived.
async fn received(arguments: &str, variables: &Value, selection: &str, items: &[Value]) -> Vec<Value> {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    let (declared, written) = arguments.split_once("->").unwrap_or(("", arguments));
    let query = format!("subscription {declared} {{ changed{written} {{ id }} }}");
    client.subscribe("filtered", &query, variables).await;
    client.subscribe("end", "subscription { lists { id } }", &json!({})).await;
    for item in items {
        let answer = server.announce(selection, item).await;
        assert_eq!(answer.get("errors"), None, "{answer}");
    }
    let end = "mutation { announceList(items: \"[]\") { id } }";
    server.mutate(end, &json!({})).await;
    let mut ids = Vec::new();
    loop {
        let mut message = client.hear().await;
        if message["id"] == "end" {
            return ids;
        }
        ids.push(message["payload"]["data"]["changed"]["id"].take());
    }
}

fn items() -> Vec<Value> {
    vec![
        json!({"id": "1", "owner": "ada", "size": 1, "flag": true, "price": 1.5}),
        json!({"id": "2", "owner": "ada", "size": 2, "flag": false, "price": 2}),
        json!({"id": "3", "owner": null, "size": 2}),
        json!({"id": 4, "owner": "bob", "size": "1", "price": 2.0}),
    ]
}

#[tokio::test]
async fn arguments_are_compared_with_fields_of_the_same_name() {
    let all = "id owner size flag price";
    for (arguments, variables, expected) in [
        ("", json!({}), json!(["1", "2", "3", "4"])),
        ("(id: \"1\")", json!({}), json!(["1"])),
        ("(id: 4)", json!({}), json!(["4"])),
        ("($id: ID)->(id: $id)", json!({"id": "4"}), json!(["4"])),
        ("($id: ID)->(id: $id)", json!({"id": 4}), json!(["4"])),
        ("(owner: \"ada\")", json!({}), json!(["1", "2"])),
        ("(size: 1)", json!({}), json!(["1", "4"])),
        ("(flag: false)", json!({}), json!(["2"])),
        ("(price: 2)", json!({}), json!(["2", "4"])),
        ("(price: 1.5)", json!({}), json!(["1"])),
        // Several: all of them.
        ("(owner: \"ada\", size: 2)", json!({}), json!(["2"])),
        ("(size: 2, owner: \"bob\")", json!({}), json!([])),
        // Null is a value.
        ("(owner: null)", json!({}), json!(["3"])),
        ("($owner: ID)->(owner: $owner)", json!({"owner": null}), json!(["3"])),
        ("(owner: \"null\")", json!({}), json!([])),
        // A variable that nobody supplied is an explicit null.
        ("($owner: ID)->(owner: $owner)", json!({}), json!(["3"])),
        ("($owner: ID = \"bob\")->(owner: $owner)", json!({}), json!(["4"])),
        // No field has this name.
        ("(other: \"x\")", json!({}), json!([])),
        ("(other: null)", json!({}), json!(["1", "2", "3", "4"])),
    ] {
        assert_eq!(json!(received(arguments, &variables, all, &items()).await), expected, "{arguments} {variables}");
    }
}

#[tokio::test]
async fn a_field_that_the_mutation_did_not_select_has_no_value() {
    assert_eq!(received("(owner: \"ada\")", &json!({}), "id", &items()).await, [] as [Value; 0]);
    let null = received("(owner: null)", &json!({}), "id", &items()).await;
    assert_eq!(null, [json!("1"), json!("2"), json!("3"), json!("4")]);
    // Selected in some deeper place it is not a field of the event.
    let nested = [json!({"id": "1", "owner": "bob", "inner": {"id": "9", "owner": "ada"}})];
    assert_eq!(received("(owner: \"ada\")", &json!({}), "id inner { owner }", &nested).await, [] as [Value; 0]);
    // An alias of the mutation's own hides nothing, and pretends nothing.
    let aliased = [json!({"id": "1", "owner": "ada", "name": "bob"})];
    assert_eq!(received("(owner: \"ada\")", &json!({}), "id who: owner owner: name", &aliased).await, [json!("1")]);
}

#[tokio::test]
async fn two_subscribers_with_different_arguments_get_different_events() {
    let server = Server::start(&echo()).await;
    let (mut ada, mut bob) = (server.connect().await, server.connect().await);
    let query = "subscription($owner: ID) { changed(owner: $owner) { id } }";
    ada.subscribe("1", query, &json!({"owner": "ada"})).await;
    bob.subscribe("1", query, &json!({"owner": "bob"})).await;
    for (id, owner) in [("a", "ada"), ("b", "bob"), ("c", "ada"), ("d", "cy")] {
        server.announce("id owner", &json!({"id": id, "owner": owner})).await;
    }
    assert_eq!(ada.event("1").await, json!({"data": {"changed": {"id": "a"}}}));
    assert_eq!(ada.event("1").await, json!({"data": {"changed": {"id": "c"}}}));
    assert_eq!(bob.event("1").await, json!({"data": {"changed": {"id": "b"}}}));
    ada.hears_nothing().await;
    bob.hears_nothing().await;
}
