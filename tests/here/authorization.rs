//! Who is sent away by this machine's AppSync in words that nobody has heard from AWS.

use serde_json::json;

use crate::support::Server;

const QUERY: &str = r#"{"query":"{ __typename }"}"#;

#[tokio::test]
async fn a_browser_gets_to_see_why_nobody_is_let_in() {
    let server = Server::start().await;
    let refused = server.stranger().post(QUERY).await;
    assert_eq!((refused.status, &refused.headers["access-control-allow-origin"] == "*"), (401, true));
}

#[tokio::test]
async fn an_empty_api_key_opens_nothing() {
    let server = Server::start().await;
    let refused = server.guest().with_api_key("").post(QUERY).await;
    let expected = ("UnauthorizedException".to_owned(), "You are not authorized to make this call.".to_owned());
    assert_eq!((refused.status, refused.error()), (401, expected));
    assert_eq!(server.guest().post(QUERY).await.body, json!({ "data": { "__typename": "Query" } }));
}

#[tokio::test]
async fn a_signature_for_elsewhere_or_that_is_none_opens_nothing() {
    let server = Server::start().await;
    let elsewhere = server.backend().with_region("ap-south-2").post(QUERY).await;
    assert_eq!(elsewhere.status, 403);
    let mut refused = vec![elsewhere];
    for authorization in ["AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=x"] {
        refused.push(server.stranger().with_authorization(authorization).post(QUERY).await);
    }
    for refused in refused {
        assert!([401, 403].contains(&refused.status), "{}", refused.status);
        assert!(refused.body.get("data").is_none() && !refused.error().0.is_empty(), "{}", refused.body);
        assert!(!refused.body.to_string().contains(&server.addresses.secret_access_key), "the secret stays one");
    }
}
