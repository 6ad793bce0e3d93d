//! Reports of a warehouse that are told at the same time.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use resolvers::aws::Aws;
use resolvers::handlers::record_fulfilment::RecordFulfilment;
use resolvers::order::Id;
use resolvers::tables::Attention;
use serde_json::json;

use crate::cloud::{Cloud, event};

const ID: &str = "0b0e3d3f-21c1-4a59-8ad7-5c1f8f1f7d10";

/// An AppSync that announces nothing, and during each attempt the pointer goes: whoever has announced another report of the
/// order meanwhile has no use for it any more.
async fn refusing_appsync(attention: Attention) -> String {
    let refuse = async move || {
        attention.forget(&Id::from(ID)).await.unwrap();
        (StatusCode::TOO_MANY_REQUESTS, r#"{"errors":[{"errorType":"ThrottledException","message":"slow down"}]}"#)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/graphql", listener.local_addr().unwrap());
    let router = Router::new().route("/graphql", post(refuse));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_not_announced_is_tried_again_even_if_another_one_was_announced_meanwhile() {
    let cloud = Cloud::start(None).await;
    let document = r#"{"lines":[{"sku":"A","quantity":2}]}"#;
    let order = json!({ "id": { "S": ID }, "receivedAt": { "S": "2026-01-01T00:00:00.000Z" },
                        "placedBy": { "S": "guest" }, "document": { "S": document } });
    cloud.put("ORDERS_TABLE", &order.to_string());
    let environment = cloud.environment();
    let attention = Attention::new(Aws::new(&environment).unwrap().dynamodb(), &environment).unwrap();
    let appsync = refusing_appsync(attention).await;
    let function = RecordFulfilment::new(&cloud.environment_with(&[("APPSYNC_URL", &appsync)])).unwrap();
    let lines = [json!({ "line": "/lines/0", "quantity": 1 })];
    let report = json!({
        "arguments": { "input": { "orderId": ID, "reference": "W-1", "lines": lines } },
        "identity": { "userArn": "arn:aws:iam::123456789012:user/shop" },
        "info": { "fieldName": "recordFulfilment", "parentTypeName": "Mutation" },
    });
    function.handle(event(&report.to_string())).await.unwrap();
    assert_eq!(cloud.changes(ID).len(), 1, "it is recorded");
    let pointer = cloud.pointer(ID);
    assert!(pointer["next"].is_object(), "nobody would ever announce it: {pointer}");
}
