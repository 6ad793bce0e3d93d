//! What a subscriber is sent of a mutation.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::super::super::tests::API_KEY;
use super::super::delivery::PAYLOAD_LIMIT;
use super::{Server, echo, signed};

/// What subscribers of these selections of `any` get when an item is announced with this selection.
async fn sent<const N: usize>(selections: [&str; N], announced: &str, item: &Value) -> [Value; N] {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    for (id, selection) in selections.iter().enumerate() {
        let query = format!("subscription {{ any {{ {selection} }} }}");
        client.subscribe(&id.to_string(), &query, &json!({})).await;
    }
    server.announce(announced, item).await;
    let mut payloads = [const { Value::Null }; N];
    for (id, payload) in payloads.iter_mut().enumerate() {
        *payload = client.event(&id.to_string()).await;
    }
    payloads
}

fn item() -> Value {
    json!({
        "id": "1", "name": "n", "need": "must", "size": 3, "secret": "s", "at": "2026-01-01T00:00:00Z",
        "inner": {"id": "2", "name": "deep", "need": "m"}, "items": [{"id": "3", "name": "x"}, {"id": "4"}],
    })
}

#[tokio::test]
async fn each_selection_is_applied_to_what_the_mutation_selected() {
    let [own, more, named] = sent(
        ["id name", "id size inner { name } items { id name }", "__typename key: id inner { __typename called: name }"],
        "id name inner { id name } items { id }",
        &item(),
    )
    .await;
    assert_eq!(own, json!({"data": {"any": {"id": "1", "name": "n"}}}));
    assert_eq!(
        more,
        json!({"data": {"any": {
            "id": "1", "size": null, "inner": {"name": "deep"},
            "items": [{"id": "3", "name": null}, {"id": "4", "name": null}],
        }}})
    );
    assert_eq!(
        named,
        json!({"data": {"any": {"__typename": "Item", "key": "1", "inner": {"__typename": "Item", "called": "deep"}}}})
    );
}

#[tokio::test]
async fn what_must_not_be_null_and_was_not_selected_is_an_error_of_two_members() {
    let [top, deep] = sent(["id need", "id inner { id need }"], "id name inner { id }", &item()).await;
    let error = |path: Value, text: &str| json!([{"message": format!("Cannot return null for non-nullable type: 'String' within parent 'Item' ({text})"), "path": path}]);
    assert_eq!(top, json!({"data": {"any": null}, "errors": error(json!(["any", "need"]), "/any/need")}));
    assert_eq!(
        deep,
        json!({"data": {"any": {"id": "1", "inner": null}},
               "errors": error(json!(["any", "inner", "need"]), "/any/inner/need")})
    );
}

#[tokio::test]
async fn the_mutations_aliases_are_its_own() {
    let announced = "key: id n: name inner { k: id } other: inner { m: name } ...F";
    let query = format!(
        "mutation($item: AWSJSON) {{ x: announce(item: $item) {{ {announced} }} }} fragment F on Item {{ items {{ q: id }} }}"
    );
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    let subscription = "subscription S { mine: any { id name inner { id name } items { id } } }";
    client.subscribe("1", subscription, &json!({})).await;
    let answer = server.mutate(&query, &json!({"item": item().to_string()})).await;
    assert_eq!(answer["data"]["x"]["key"], "1");
    assert_eq!(
        client.event("1").await,
        json!({"data": {"mine": {
            "id": "1", "name": "n", "inner": {"id": "2", "name": "deep"}, "items": [{"id": "3"}, {"id": "4"}],
        }}})
    );
}

#[tokio::test]
async fn awsjson_is_encoded_twice_and_other_scalars_stay() {
    let item = json!({"id": "1", "document": {"a": [1]}, "at": "2026-01-01T00:00:00Z", "size": 7});
    let [payload] = sent(["document at size"], "id document at size", &item).await;
    let once = json!({"a": [1]}).to_string();
    let twice = serde_json::to_string(&once).unwrap();
    assert_eq!(payload, json!({"data": {"any": {"document": twice, "at": "2026-01-01T00:00:00Z", "size": 7}}}));
}

#[tokio::test]
async fn nested_fields_are_those_that_each_subscriber_may_see() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    let query = json!({"query": "subscription { both { id inner { name } secret } }"}).to_string();
    for (id, authorization) in [("key", json!({"x-api-key": API_KEY})), ("iam", signed("/graphql", &query))] {
        client.start_as(id, &query, &authorization).await;
        assert_eq!(client.hear().await["type"], "start_ack");
    }
    let seen = json!({"data": {"both": {"id": "1", "inner": {"name": "deep"}, "secret": "s"}}});
    let unseen = json!({"data": {"both": {"id": "1", "inner": {"name": "deep"}, "secret": null}}, "errors": [{
        "message": "Not Authorized to access secret on type Item",
        "path": ["both", "secret"], "errorType": "Unauthorized",
    }]});
    let announcement = json!({
        "query": "mutation($item: AWSJSON) { announce(item: $item) { id secret inner { name } } }",
        "variables": {"item": item().to_string()},
    });
    let announcement = announcement.to_string();
    server.post(announcement.clone(), &signed("/graphql", &announcement)).await;
    assert_eq!(client.event("key").await, unseen);
    assert_eq!(client.event("iam").await, seen);
    // What the mutation's own caller may not see, nobody is told.
    server.post(announcement, &json!({"x-api-key": API_KEY})).await;
    assert_eq!(client.event("key").await, unseen);
    assert_eq!(client.event("iam").await["data"]["both"]["secret"], Value::Null);
}

#[tokio::test]
async fn a_mutation_that_is_null_or_not_announced_tells_nobody() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    client.subscribe("1", "subscription { failing { id } }", &json!({})).await;
    client.subscribe("2", "subscription { any { id } }", &json!({})).await;
    client.subscribe("3", "subscription { changed { id } }", &json!({})).await;
    assert_eq!(server.mutate("mutation { fails { id } }", &json!({})).await["data"]["fails"], Value::Null);
    server.announce("id", &Value::Null).await;
    // Its one non-null field is missing, so all of it is null.
    let answer = server.announce("id need", &json!({"id": "1"})).await;
    assert_eq!(answer["data"]["announce"], Value::Null);
    let must = "mutation($item: AWSJSON) { announce(item: $item) { id } announceMust(item: $item) { need } }";
    assert_eq!(server.mutate(must, &json!({"item": "{\"id\":1}"})).await["data"], Value::Null);
    client.hears_nothing().await;
    let quiet = "mutation($item: AWSJSON) { quiet(item: $item) { id } }";
    server.mutate(quiet, &json!({"item": "{\"id\":1}"})).await;
    assert_eq!(client.event("1").await, json!({"data": {"failing": {"id": "1"}}}));
    // Nested nulls and their errors stay with the mutation.
    let answer = server.announce("id at", &json!({"id": "5", "at": "never"})).await;
    assert_eq!(answer["errors"].as_array().map(Vec::len), Some(1));
    assert_eq!(client.event("3").await, json!({"data": {"changed": {"id": "5"}}}));
    assert_eq!(client.event("2").await, json!({"data": {"any": {"id": "5"}}}));
}

#[tokio::test]
async fn every_root_field_is_an_event_and_order_is_kept() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    client.subscribe("1", "subscription { changed { id } }", &json!({})).await;
    for round in 0..20 {
        let item = |part: &str| json!({"id": format!("{round}{part}"), "need": "n"}).to_string();
        let query =
            "mutation($a: AWSJSON, $b: AWSJSON) { z: announce(item: $a) { id } a: announceMust(item: $b) { id } }";
        server.mutate(query, &json!({"a": item("a"), "b": item("b")})).await;
    }
    for round in 0..20 {
        for part in ["a", "b"] {
            assert_eq!(client.event("1").await["data"]["changed"]["id"], format!("{round}{part}"));
        }
    }
}

#[tokio::test]
async fn a_list_is_an_event_too() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    client.subscribe("1", "subscription { lists { id name } }", &json!({})).await;
    let query = "mutation { announceList(items: \"[{\\\"id\\\":1,\\\"name\\\":\\\"a\\\"},null]\") { id } }";
    server.mutate(query, &json!({})).await;
    assert_eq!(client.event("1").await, json!({"data": {"lists": [{"id": "1", "name": null}, null]}}));
}

#[tokio::test]
async fn variables_decide_what_is_skipped_for_each_subscriber() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    let query = "subscription($id: ID, $yes: Boolean!) { changed(id: $id) { id name @include(if: $yes) } }";
    client.subscribe("1", query, &json!({"id": "1", "yes": true})).await;
    client.subscribe("2", query, &json!({"id": "1", "yes": false})).await;
    server.announce("id name", &item()).await;
    assert_eq!(client.event("1").await, json!({"data": {"changed": {"id": "1", "name": "n"}}}));
    assert_eq!(client.event("2").await, json!({"data": {"changed": {"id": "1"}}}));
}

#[tokio::test]
async fn an_event_has_at_most_240_kb() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    client.subscribe("1", "subscription { any { id } }", &json!({})).await;
    client.subscribe("2", "subscription { any { id name } }", &json!({})).await;
    client.subscribe("3", "subscription { any { a: name b: name } }", &json!({})).await;
    let around = json!({"id": "1", "name": ""}).to_string().len();
    let wrapped = json!({"data": {"any": {"id": "1", "name": ""}}}).to_string().len();
    for (size, ids) in [
        (PAYLOAD_LIMIT - wrapped, &["1", "2"][..]),
        (PAYLOAD_LIMIT - wrapped + 1, &["1"]),
        (PAYLOAD_LIMIT - around + 1, &[]),
        (100_000, &["1", "2", "3"]),
    ] {
        let answer = server.announce("id name", &json!({"id": "1", "name": "x".repeat(size)})).await;
        assert_eq!(answer["data"]["announce"]["name"].as_str().map(str::len), Some(size));
        for id in ids {
            let payload = client.event(id).await;
            assert_eq!(payload.get("errors"), None);
            if *id == "2" {
                assert_eq!(payload["data"]["any"]["name"].as_str().map(str::len), Some(size));
            }
        }
    }
    client.hears_nothing().await;
}

/// Subscribers of one document share what is made of an event, unless their rights differ.
#[tokio::test]
async fn a_field_for_a_group_is_seen_by_that_group_whoever_subscribed_first() {
    let users = json!({"query": "subscription { users { id night } }"}).to_string();
    for staff_first in [true, false] {
        let server = Server::start(&echo()).await;
        let mut client = server.connect().await;
        let mut tokens = [("staff", "token:eve:staff"), ("other", "token:ada")];
        if !staff_first {
            tokens.reverse();
        }
        for (id, token) in tokens {
            client.start_as(id, &users, &json!({"authorization": token})).await;
            assert_eq!(client.hear().await["type"], "start_ack");
        }
        let announcement = json!({
            "query": "mutation($item: AWSJSON) { announce(item: $item) { id night } }",
            "variables": {"item": json!({"id": "1", "night": "x"}).to_string()},
        });
        server.post(announcement.to_string(), &json!({"authorization": "token:eve:staff"})).await;
        for _ in tokens {
            let message = client.hear().await;
            let seen = &message["payload"]["data"]["users"]["night"];
            let expected = if message["id"] == "staff" { json!("x") } else { Value::Null };
            assert_eq!(*seen, expected, "{message}");
        }
    }
}

#[tokio::test]
async fn a_mutation_reaches_subscribers_of_every_mode() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    let users = json!({"query": "subscription { users { id } }"}).to_string();
    client.start_as("1", &users, &json!({"authorization": "token:ada"})).await;
    assert_eq!(client.hear().await["type"], "start_ack");
    server.announce("id", &json!({"id": "1"})).await;
    assert_eq!(client.event("1").await, json!({"data": {"users": {"id": "1"}}}));
}

#[tokio::test]
async fn a_mutation_whose_client_does_not_wait_is_told_all_the_same() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    client.subscribe("1", "subscription { late { id } }", &json!({})).await;
    let body = json!({"query": "mutation { later { id } }"}).to_string();
    let head = format!("POST /graphql HTTP/1.1\r\nHost: h\r\nX-Api-Key: {API_KEY}\r\nContent-Length: {}", body.len());
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(30)).await;
    drop(stream);
    assert_eq!(client.event("1").await, json!({"data": {"late": {"id": "1"}}}));
}

#[tokio::test]
async fn an_argument_that_the_schema_fills_in_demands_nothing() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    client.subscribe("1", "subscription { changed { id } }", &json!({})).await;
    client.subscribe("2", "subscription { changed(preset: 5) { id } }", &json!({})).await;
    server.announce("id", &json!({"id": "1"})).await;
    assert_eq!(client.event("1").await, json!({"data": {"changed": {"id": "1"}}}));
    client.hears_nothing().await;
}
