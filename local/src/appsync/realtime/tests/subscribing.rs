//! From `start` to `start_ack` or `error`, and from `stop` to `complete`.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::super::tests::API_KEY;
use super::{Server, echo, signed};

const ANY: &str = "subscription { any { id } }";

fn data(query: &str) -> String {
    json!({"query": query, "variables": {}}).to_string()
}

#[tokio::test]
async fn a_subscription_is_acknowledged_with_its_id_and_nothing_else() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    for id in ["1", "a-b", "ä \"q\"", ""] {
        client.subscribe(id, ANY, &json!({})).await;
    }
    client.say(format!(r#"{{"id":7,"type":"start","payload":{{"data":{},"extensions":{{"authorization":{{"x-api-key":"{API_KEY}"}}}}}}}}"#, json!(data(ANY)))).await;
    assert_eq!(client.hear().await, json!({"type": "start_ack", "id": 7}));
    client.hears_nothing().await;
}

#[tokio::test]
async fn modes_mix_on_one_connection_and_each_start_is_authorised_on_its_own() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    let backends = data("subscription { backends { id } }");
    let staff = data("subscription { staff { id } }");
    for (id, data, authorization) in [
        ("iam", &backends, signed("/graphql", &backends)),
        ("staff", &staff, json!({"AUTHORIZATION": "token:bob:staff", "host": "h"})),
        ("key", &data(ANY), json!({"x-api-key": API_KEY})),
    ] {
        client.start_as(id, data, &authorization).await;
        assert_eq!(client.hear().await, json!({"type": "start_ack", "id": id}));
    }
    let unauthorized = json!({
        "errorType": "UnauthorizedException", "message": "You are not authorized to make this call.",
    });
    for authorization in [
        json!({}),
        Value::Null,
        json!({"x-api-key": "da2-wrong"}),
        signed("/graphql", &data(ANY)),
        signed("/graphql/connect", &backends),
        json!({"Authorization": "token:expired"}),
    ] {
        client.start_as("bad", &backends, &authorization).await;
        assert_eq!(client.error(Some("bad")).await, unauthorized, "{authorization}");
    }
    client.start_as("bad", &backends, &json!({"x-api-key": 1})).await;
    assert_eq!(client.error(Some("bad")).await["errorType"], "BadRequestException");
    assert_eq!(server.subscriptions(), 3);
}

#[tokio::test]
async fn directives_decide_who_may_subscribe_before_any_resolver_does() {
    let api = echo();
    let server = Server::start(&api).await;
    let mut client = server.connect().await;
    client.start("1", "subscription { users { id } }", &json!({})).await;
    assert_eq!(
        client.error(Some("1")).await,
        json!({"errorType": "Unauthorized", "message": "Not Authorized to access users on type Subscription"})
    );
    assert_eq!(api.calls(), [] as [&str; 0]);
    client.start_as("1", &data("subscription { staff { id } }"), &json!({"authorization": "token:ada"})).await;
    assert_eq!(client.error(Some("1")).await["message"], "Not Authorized to access staff on type Subscription");
}

#[tokio::test]
async fn the_resolver_is_asked_once_and_may_refuse() {
    let api = echo();
    let server = Server::start(&api).await;
    let mut client = server.connect().await;
    client
        .start_as(
            "1",
            &data("subscription S { u: users { id inner { name } } }"),
            &json!({"Authorization": "token:ada", "host": "h"}),
        )
        .await;
    assert_eq!(client.hear().await, json!({"type": "start_ack", "id": "1"}));
    assert_eq!(api.calls(), ["Subscription.users", "Subscription.users done"]);
    let event = api.event();
    assert_eq!(event["arguments"], json!({}));
    assert_eq!((&event["source"], &event["prev"], &event["stash"]), (&Value::Null, &Value::Null, &json!({})));
    assert_eq!(event["info"]["parentTypeName"], "Subscription");
    assert_eq!(event["info"]["fieldName"], "users");
    assert_eq!(event["info"]["selectionSetList"], json!(["id", "inner", "inner/name"]));
    assert_eq!(event["identity"]["username"], "ada");
    assert_eq!(event["identity"]["sourceIp"], json!(["127.0.0.1"]));
    assert_eq!(event["request"]["headers"]["host"], "h");
    client.start("2", "subscription { refused { id } }", &json!({})).await;
    assert_eq!(
        client.error(Some("2")).await,
        json!({"errorType": "Unauthorized", "message": "Not Authorized to access refused on type Subscription"})
    );
    assert_eq!(server.subscriptions(), 1);
    // The id is free again.
    client.subscribe("2", ANY, &json!({})).await;
}

#[tokio::test]
async fn what_is_not_a_subscription_is_refused_in_recorded_words() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    let only = |message: &str| json!({"message": message});
    let unsupported = |what: &str| json!({"errorType": "UnsupportedOperation", "message": format!("{what} not supported through the realtime channel")});
    for (query, variables, expected) in [
        ("{ item { id } }", json!({}), unsupported("query")),
        ("mutation { quiet { id } }", json!({}), unsupported("mutation")),
        (
            "subscription($id: ID!) { required(id: $id) { id } }",
            json!({}),
            only("Variable 'id' has coerced Null value for NonNull type 'ID!'"),
        ),
        (
            "subscription { required(id: $id) { id } }",
            json!({}),
            only("Validation error of type UndefinedVariable: Undefined variable id @ 'required'"),
        ),
        (
            "subscription { any { nope } }",
            json!({}),
            only("Validation error of type FieldUndefined: Field 'nope' in type 'Item' is undefined @ 'any/nope'"),
        ),
        (
            "subscription {",
            json!({}),
            json!({"errorType": "MalformedHttpRequestException", "message": "Unable to parse GraphQL query."}),
        ),
    ] {
        client.start("1", query, &variables).await;
        assert_eq!(client.error(Some("1")).await, expected, "{query}");
    }
    for query in [
        "subscription { any { id } users { id } }",
        "subscription { a: any { id } b: any { id } }",
        "subscription { __typename }",
        "subscription { any @skip(if: true) { id } }",
        "subscription { ...F } fragment F on Subscription { any { id } users { id } }",
    ] {
        client.start("1", query, &json!({})).await;
        let error = client.error(Some("1")).await;
        assert!(error["message"].as_str().unwrap().starts_with("Validation error of type "), "{error}");
        assert_eq!(error.get("errorType"), None, "{query}");
    }
    for data in ["subscription { any { id } }", "{}", "[]", "", r#"{"query":1}"#] {
        client.start_as("1", data, &json!({"x-api-key": API_KEY})).await;
        assert_eq!(client.error(Some("1")).await, unsupported("unknown"), "{data}");
    }
    for payload in [json!(null), json!({}), json!({"data": {"query": ANY}}), json!({"query": ANY})] {
        client.say(json!({"type": "start", "id": "1", "payload": payload}).to_string()).await;
        assert_eq!(client.error(Some("1")).await, unsupported("unknown"), "{payload}");
    }
    client.say(json!({"type": "start", "id": "1", "payload": {"data": data(ANY)}}).to_string()).await;
    assert_eq!(client.error(Some("1")).await["errorType"], "UnauthorizedException");
    assert_eq!(server.subscriptions(), 0);
}

#[tokio::test]
async fn an_id_is_good_for_one_subscription_at_a_time() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    client.subscribe("1", ANY, &json!({})).await;
    client.start("1", "subscription { changed { id } }", &json!({})).await;
    assert_eq!(
        client.error(Some("1")).await,
        json!({"errorType": "DuplicatedOperationError", "message": "Duplicated operation with id 1"})
    );
    server.announce("id need", &json!({"id": "a", "need": "n"})).await;
    assert_eq!(client.event("1").await, json!({"data": {"any": {"id": "a"}}}));
    client.say(r#"{"id":"1","type":"stop"}"#).await;
    assert_eq!(client.hear().await, json!({"type": "complete", "id": "1"}));
    server.announce("id need", &json!({"id": "b", "need": "n"})).await;
    client.hears_nothing().await;
    client.subscribe("1", "subscription { any { name } }", &json!({})).await;
    // Another connection may use the same id.
    server.connect().await.subscribe("1", ANY, &json!({})).await;
}

#[tokio::test]
async fn a_stop_of_an_unknown_id_is_complete() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    client.say(r#"{"type":"stop","id":"nobody"}"#).await;
    assert_eq!(client.hear().await, json!({"type": "complete", "id": "nobody"}));
}

#[tokio::test]
async fn a_hundred_subscriptions_fit_into_a_connection() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    for id in 0..100 {
        client.subscribe(&id.to_string(), ANY, &json!({})).await;
    }
    client.start("100", ANY, &json!({})).await;
    assert_eq!(
        client.error(Some("100")).await,
        json!({"errorType": "MaxSubscriptionsReachedError", "message": "Max number of 100 subscriptions reached"})
    );
    client.say(r#"{"id":"50","type":"stop"}"#).await;
    assert_eq!(client.hear().await["type"], "complete");
    client.subscribe("100", ANY, &json!({})).await;
    // Another connection has its own hundred.
    server.connect().await.subscribe("100", ANY, &json!({})).await;
    server.announce("id need", &json!({"id": "a", "need": "n"})).await;
    for _ in 0..100 {
        assert_eq!(client.hear().await["payload"], json!({"data": {"any": {"id": "a"}}}));
    }
    client.hears_nothing().await;
}

#[tokio::test]
async fn those_that_are_being_started_count_too() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    for id in 0..101 {
        client.start(&id.to_string(), "subscription { slow { id } }", &json!({})).await;
    }
    assert_eq!(client.error(Some("100")).await["errorType"], "MaxSubscriptionsReachedError");
    client.start("0", ANY, &json!({})).await;
    assert_eq!(client.error(Some("0")).await["errorType"], "DuplicatedOperationError");
}

#[tokio::test]
async fn what_is_stopped_while_it_starts_never_starts() {
    let api = echo();
    let server = Server::start(&api).await;
    let mut client = server.connect().await;
    client.start("1", "subscription { slow { id } }", &json!({})).await;
    while api.calls().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    client.say(r#"{"id":"1","type":"stop"}"#).await;
    assert_eq!(client.hear().await, json!({"type": "complete", "id": "1"}));
    // The same id at once, for something else: what was stopped does not answer for it.
    client.subscribe("1", ANY, &json!({})).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(api.calls(), ["Subscription.slow", "Subscription.slow done"]);
    client.hears_nothing().await;
    assert_eq!(server.subscriptions(), 1);
}

#[tokio::test]
async fn whoever_leaves_while_a_subscription_starts_leaves_nothing_behind() {
    let api = echo();
    let server = Server::start(&api).await;
    let mut client = server.connect().await;
    client.start("1", "subscription { slow { id } }", &json!({})).await;
    while api.calls().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(client);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(api.calls(), ["Subscription.slow", "Subscription.slow done"]);
    assert_eq!(server.subscriptions(), 0);
}
