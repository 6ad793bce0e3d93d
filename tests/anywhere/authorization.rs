//! Who may do what: a guest with the API key, a backend with IAM credentials, and nobody else.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Stage, apples_and_a_pear, id};

/// One of a guest's orders and one of a backend's.
async fn two_orders(stage: &Stage) -> (String, String) {
    let of_guest = stage.guest().place_for_id(apples_and_a_pear()).await;
    let of_backend = stage.backend().place_for_id(apples_and_a_pear()).await;
    (of_guest, of_backend)
}

/// AppSync's own words for what the caller may not do.
fn assert_not_authorized(answer: &Answer, field: &str, parent_type: &str) {
    assert_eq!(answer.errors.len(), 1, "{field}: {answer:?}");
    assert_eq!(answer.errors[0]["errorType"], "Unauthorized", "{field}");
    let message = format!("Not Authorized to access {field} on type {parent_type}");
    assert_eq!(answer.errors[0]["message"], json!(message), "{field}");
    assert!(answer.data.is_null() || answer.data[field].is_null(), "{field}: {}", answer.data);
}

#[tokio::test]
async fn a_guest_places_orders_and_reads_what_guests_placed() {
    let stage = Stage::reach().await;
    let (of_guest, of_backend) = two_orders(&stage).await;
    assert_eq!(id(&stage.guest().order(&of_guest).await), of_guest);
    assert_eq!(stage.guest().order(&of_backend).await, Value::Null);
}

#[tokio::test]
async fn a_guest_may_do_nothing_else() {
    let stage = Stage::reach().await;
    let (of_guest, of_backend) = two_orders(&stage).await;
    let guest = stage.guest();
    assert_not_authorized(&guest.run("{ orders { nextToken } }", json!({})).await, "orders", "Query");
    let attention = guest.run("{ ordersNeedingAttention { nextToken } }", json!({})).await;
    assert_not_authorized(&attention, "ordersNeedingAttention", "Query");
    for order in [&of_guest, &of_backend, &Uuid::new_v4().to_string()] {
        let report = guest.try_to_report(order, "R-1", Value::Null).await;
        assert_not_authorized(&report, "recordFulfilment", "Mutation");
        for mutation in ["publishOrderFulfilled", "publishOrderChanged"] {
            assert_not_authorized(&guest.try_to_publish(mutation, order).await, mutation, "Mutation");
        }
    }
    let mut on_behalf = apples_and_a_pear();
    on_behalf["customerId"] = json!(stage.own("ada"));
    assert_eq!(guest.try_to_place(on_behalf).await.error_type("placeOrder"), "Unauthorized");
}

#[tokio::test]
async fn a_backend_may_do_everything_but_list_orders_of_its_own() {
    let stage = Stage::reach().await;
    let (of_guest, of_backend) = two_orders(&stage).await;
    let backend = stage.backend();
    for order in [&of_guest, &of_backend] {
        assert_eq!(&id(&backend.order(order).await), order);
        for mutation in ["publishOrderFulfilled", "publishOrderChanged"] {
            assert_eq!(&id(&backend.try_to_publish(mutation, order).await.value(mutation)), order);
        }
    }
    assert_eq!(backend.attention_to(&of_guest).await, None);
    let (mut on_behalf, ada) = (apples_and_a_pear(), json!(stage.own("ada")));
    on_behalf["customerId"] = ada.clone();
    assert_eq!(backend.place(on_behalf).await["customerId"], ada);
    let report = backend.try_to_report(&Uuid::new_v4().to_string(), "R-1", Value::Null).await;
    assert_eq!(report.error_type("recordFulfilment"), "InvalidArgument", "it may report, if there is such an order");
    assert_not_authorized(&backend.run("{ orders { nextToken } }", json!({})).await, "orders", "Query");
}

#[tokio::test]
async fn what_is_not_allowed_is_not_done() {
    let stage = Stage::reach().await;
    let order_id = stage.guest().place_for_id(apples_and_a_pear()).await;
    let before = stage.until_fulfilled(&order_id).await;
    let query = "mutation ($id: ID!) { recordFulfilment(input: { orderId: $id, reference: \"R\" }) { id } \
                 publishOrderChanged(id: $id) { id } placeOrder(input: {}) { id } }";
    let answer = stage.guest().run(query, json!({ "id": order_id })).await;
    assert_eq!(answer.data, json!({ "recordFulfilment": null, "publishOrderChanged": null, "placeOrder": null }));
    let types: Vec<_> = answer.errors.iter().map(|error| error["errorType"].clone()).collect();
    assert_eq!(types, ["Unauthorized", "Unauthorized", "InvalidOrder"]);
    assert_eq!(stage.backend().order(&order_id).await, before);
}

const QUERY: &str = r#"{"query":"{ __typename }"}"#;

#[tokio::test]
async fn who_does_not_say_who_they_are_is_sent_away() {
    let stage = Stage::reach().await;
    let refused = stage.stranger().post(QUERY).await;
    assert_eq!(refused.status, 401);
    let expected = ("UnauthorizedException".to_owned(), "Valid authorization header not provided.".to_owned());
    assert_eq!(refused.error(), expected);
    assert_eq!(refused.headers["x-amzn-errortype"], "UnauthorizedException");
    assert!(refused.body.get("data").is_none());
}

#[tokio::test]
async fn a_wrong_api_key_opens_nothing() {
    let stage = Stage::reach().await;
    for key in ["da2-aaaaaaaaaaaaaaaaaaaaaaaaaa", &stage.addresses.api_key.to_uppercase()] {
        let refused = stage.guest().with_api_key(key).post(QUERY).await;
        assert_eq!(refused.status, 401, "{key:?}");
        let expected = ("UnauthorizedException".to_owned(), "You are not authorized to make this call.".to_owned());
        assert_eq!(refused.error(), expected, "{key:?}");
    }
    assert_eq!(stage.guest().post(QUERY).await.body, json!({ "data": { "__typename": "Query" } }));
}

#[tokio::test]
async fn a_wrong_signature_opens_nothing() {
    let stage = Stage::reach().await;
    let backend = stage.backend();
    assert_eq!(backend.post(QUERY).await.body, json!({ "data": { "__typename": "Query" } }));

    let wrong_secret = backend.with_secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").post(QUERY).await;
    assert_eq!((wrong_secret.status, wrong_secret.error().0.as_str()), (403, "InvalidSignatureException"));
    let other_body = backend.post_instead(QUERY, r#"{"query":"{ __schema { description } }"}"#).await;
    assert_eq!((other_body.status, other_body.error().0.as_str()), (403, "InvalidSignatureException"));
    let other_host = backend.post_signed_for(QUERY, "http://example.com:8080/graphql").await;
    assert_eq!((other_host.status, other_host.error().0.as_str()), (403, "InvalidSignatureException"));
    let unknown_key = backend.with_key_id("AKIAIOSFODNN7EXAMPLE").post(QUERY).await;
    assert_eq!((unknown_key.status, unknown_key.error().0.as_str()), (403, "UnrecognizedClientException"));
    for refused in [wrong_secret, other_body, other_host, unknown_key] {
        let text = refused.body.to_string();
        assert!(!text.contains(&stage.addresses.secret_access_key), "the secret stays one: {text}");
    }
}

#[tokio::test]
async fn a_token_that_is_none_opens_nothing() {
    let stage = Stage::reach().await;
    for token in ["Bearer x.y.z", "nonsense"] {
        let refused = stage.stranger().with_authorization(token).post(QUERY).await;
        assert!([401, 403].contains(&refused.status), "{token}: {}", refused.status);
        assert!(refused.body.get("data").is_none(), "{token}: {}", refused.body);
        assert!(!refused.error().0.is_empty(), "{token}: {}", refused.body);
    }
}
