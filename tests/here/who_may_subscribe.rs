//! Who may not subscribe because of a group that is not staff, and what exactly they are told.

use serde_json::{Value, json};

use crate::support::{Server, Subscriber, apples_and_a_pear, id};

/// Exactly what somebody is told who may not subscribe, whatever the reason: nothing to tell orders apart by.
fn refusal(subscription: usize, field: &str) -> Value {
    let message = format!("Not Authorized to access {field} on type Subscription");
    let errors = json!([{ "errorType": "Unauthorized", "message": message }]);
    json!({ "type": "error", "id": subscription.to_string(), "payload": { "errors": errors } })
}

#[tokio::test]
async fn only_the_group_of_that_very_name_is_staff() {
    let server = Server::start().await;
    let of_guest = server.place_and_settle(&server.guest(), apples_and_a_pear()).await;
    for groups in [&["--group", "Staff"][..], &["--group", "staff2"], &["--group", "backend", "--group", "guest"], &[]]
    {
        let words = [&["mallory"], groups].concat();
        let caller = server.stranger().with_authorization(&server.token(&words));
        let mut subscriber = Subscriber::connect(&server, &caller).await;
        for (number, (field, of)) in
            [("anyOrderChanged", ""), ("orderChanged", &of_guest), ("ordersChanged", "ada")].into_iter().enumerate()
        {
            let refused = subscriber.try_to_follow(&caller, field, of).await;
            assert_eq!(refused, Err(refusal(number + 1, field)), "{groups:?}");
        }
    }
    let words = ["carol", "--group", "other", "--group", "staff", "--id-token"];
    let staff = server.stranger().with_authorization(&server.token(&words));
    let mut subscriber = Subscriber::connect(&server, &staff).await;
    let all = subscriber.follow(&staff, "anyOrderChanged", "").await;
    server.announce(&of_guest).await;
    assert_eq!(id(&subscriber.order(&all).await), of_guest);
}
