//! Tokens of the user pool, real and forged.

use serde_json::json;

use crate::support::{Stage, Token, forgeries};

const QUERY: &str = r#"{"query":"{ orders { nextToken } }"}"#;

#[tokio::test]
async fn a_token_may_come_alone_or_as_a_bearer() {
    let stage = Stage::reach().await;
    for kind in [Token::Access, Token::Id] {
        let token = stage.token_of("alice", false, kind).await;
        for authorization in [token.clone(), format!("Bearer {token}")] {
            let answer = stage.stranger().with_authorization(&authorization).post(QUERY).await;
            assert_eq!(answer.body, json!({ "data": { "orders": { "nextToken": null } } }), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_forged_token_opens_nothing() {
    let stage = Stage::reach().await;
    let token = stage.token_of("alice", false, Token::Access).await;
    for (what, forged) in forgeries(&token) {
        let answer = stage.stranger().with_authorization(&forged).post(QUERY).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.body);
        assert_eq!(answer.error().0, "UnauthorizedException", "{what}");
        assert!(answer.body.get("data").is_none(), "{what}");
    }
    assert!(stage.stranger().with_authorization(&token).post(QUERY).await.body.get("errors").is_none());
}
