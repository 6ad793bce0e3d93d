//! Groups that are not staff, which no stage has.

use serde_json::Value;

use crate::support::{Server, apples_and_a_pear, id};

#[tokio::test]
async fn another_group_is_not_staff() {
    let server = Server::start().await;
    let order = server.guest().place_for_id(apples_and_a_pear()).await;
    for group in ["Staff", "staff2", "[\"staff\"]"] {
        let token = server.token(&["eve", "--group", group]);
        let eve = server.stranger().with_authorization(&token);
        assert_eq!(eve.order(&order).await, Value::Null, "{group}");
        let refused = eve.try_to_read_attention(Value::Null, Value::Null).await;
        assert_eq!(refused.errors[0]["errorType"], "Unauthorized", "{group}");
    }
    let both = server.token(&["eve", "--group", "night", "--group", "staff"]);
    assert_eq!(id(&server.stranger().with_authorization(&both).order(&order).await), order);
}
