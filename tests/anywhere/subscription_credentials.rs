//! Credentials on the way to a subscription: looked at when connecting and again at every start.

use serde_json::{Value, json};

use crate::support::{Carrier, Client, Stage, Subscriber, Token, apples_and_a_pear, forgeries, id};

/// Everybody who has good credentials.
async fn callers(stage: &Stage) -> Vec<(&'static str, Client)> {
    let bearer = format!("Bearer {}", stage.token_of("alice", false, Token::Id).await);
    vec![
        ("guest", stage.guest()),
        ("customer", stage.customer("alice").await),
        ("customer with an ID token as a bearer", stage.stranger().with_authorization(&bearer)),
        ("staff", stage.staff("carol").await),
        ("backend", stage.backend()),
    ]
}

/// Some who have credentials that are no good.
async fn impostors(stage: &Stage) -> Vec<(&'static str, Client)> {
    let token = stage.token_of("alice", false, Token::Access).await;
    let forged = forgeries(&token).into_iter();
    let mut impostors: Vec<_> =
        forged.map(|(what, forged)| (what, stage.stranger().with_authorization(&forged))).collect();
    impostors.push(("another key", stage.guest().with_api_key("da2-aaaaaaaaaaaaaaaaaaaaaaaaaa")));
    impostors
}

#[tokio::test]
async fn good_credentials_get_everybody_in_by_every_way_that_clients_have() {
    let stage = Stage::reach().await;
    for (name, caller) in callers(&stage).await {
        let order_id = stage.place_and_settle(&caller, apples_and_a_pear()).await;
        for carrier in Carrier::OF_CLIENTS {
            let mut subscriber = Subscriber::connect_by(&stage, carrier, &caller).await;
            let changed = subscriber.follow(&caller, "orderChanged", &order_id).await;
            stage.announce(&order_id).await;
            assert_eq!(id(&subscriber.order(&changed).await), order_id, "{name} by {carrier:?}");
        }
    }
}

#[tokio::test]
async fn bad_credentials_get_nobody_in() {
    let stage = Stage::reach().await;
    for (what, impostor) in impostors(&stage).await {
        for carrier in Carrier::OF_CLIENTS {
            let proof = impostor.proof("/graphql/connect", "{}");
            let refused = Subscriber::try_to_connect(&stage, carrier, &proof).await.err().expect(what);
            assert_eq!(refused["type"], "connection_error", "{what}, by {carrier:?}");
            let error = &refused["payload"]["errors"][0];
            let expected = (&json!("UnauthorizedException"), &json!(401));
            assert_eq!((&error["errorType"], &error["errorCode"]), expected, "{what}, by {carrier:?}");
        }
    }
}

#[tokio::test]
async fn whoever_is_in_still_needs_credentials_for_every_start() {
    let stage = Stage::reach().await;
    let guest = stage.guest();
    let order_id = stage.place_and_settle(&guest, apples_and_a_pear()).await;
    let mut subscriber = Subscriber::connect(&stage, &guest).await;
    let good = subscriber.follow(&guest, "orderChanged", &order_id).await;
    for (what, impostor) in impostors(&stage).await {
        let refused: Value = subscriber.try_to_follow(&impostor, "orderChanged", &order_id).await.expect_err(what);
        assert_eq!(refused["payload"]["errors"][0]["errorType"], "UnauthorizedException", "{what}");
    }
    for _ in 0..2 {
        stage.announce(&order_id).await;
        assert_eq!(id(&subscriber.order(&good).await), order_id, "told once each time, whoever tried as well");
    }
}
