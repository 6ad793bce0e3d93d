//! How a request passes an edge, or does not.

use std::future::Future;
use std::time::Duration;

use serde_json::{Value, json};

use crate::edge::{Answer, Asked, answer, silence};
use crate::faults::{Edge, Fault};

/// Lets a request through as far as the fault does. `kill` ends the process that asks.
pub(crate) async fn through<F, K>(
    edge: Edge,
    fault: Option<Fault>,
    forward: impl Fn() -> F,
    kill: impl FnOnce() -> K,
) -> Answer
where
    F: Future<Output = Answer>,
    K: Future<Output = ()>,
{
    let Some(fault) = fault else { return forward().await };
    match fault {
        Fault::ResetBefore => None,
        Fault::ResetAfter => {
            forward().await;
            None
        }
        Fault::LostAnswer => {
            forward().await;
            refusal(edge, Fault::Unavailable)
        }
        Fault::GarbageAfter => {
            forward().await;
            refusal(edge, Fault::Garbage)
        }
        Fault::GraphqlErrorAfter => {
            forward().await;
            refusal(edge, Fault::GraphqlError)
        }
        Fault::HangBefore => {
            let _ = silence().await;
            None
        }
        Fault::HangAfter => {
            forward().await;
            let _ = silence().await;
            None
        }
        Fault::Slow => {
            tokio::time::sleep(Duration::from_millis(150)).await;
            forward().await
        }
        Fault::Duplicate => futures::future::join(forward(), forward()).await.1,
        Fault::KillBefore => {
            kill().await;
            None
        }
        Fault::KillAmid => {
            futures::future::join(forward(), kill()).await;
            None
        }
        Fault::KillAfter => {
            forward().await;
            kill().await;
            None
        }
        refused => refusal(edge, refused),
    }
}

/// In what words a fault is told of. Sources: "Error handling with DynamoDB" in the Amazon DynamoDB developer guide, and
/// answers that AppSync gave.
fn refusal(edge: Edge, fault: Fault) -> Answer {
    let dynamodb = |status, kind: &str| {
        let kind = format!("com.amazonaws.dynamodb.v20120810#{kind}");
        answer(status, json!({ "__type": kind, "message": "injected" }).to_string())
    };
    let appsync = |status, kind: &str| {
        let error = json!({ "errorType": kind, "message": "injected", "path": null });
        answer(status, json!({ "data": null, "errors": [error] }).to_string())
    };
    match (edge, fault) {
        (_, Fault::Garbage) => answer(200, "<html>injected</html>"),
        (_, Fault::Unavailable) => answer(503, "<html>503</html>"),
        (Edge::DynamoDb, Fault::Throttled) => dynamodb(400, "ProvisionedThroughputExceededException"),
        (Edge::DynamoDb, Fault::Stale) => dynamodb(400, "ExpiredTokenException"),
        (Edge::DynamoDb, _) => dynamodb(500, "InternalServerError"),
        (Edge::AppSync, Fault::Throttled) => appsync(429, "TooManyRequestsException"),
        (Edge::AppSync, Fault::Stale) => appsync(401, "UnauthorizedException"),
        (Edge::AppSync, Fault::GraphqlError) => appsync(200, "Lambda:Unhandled"),
        (Edge::Warehouse, Fault::Throttled) => answer(429, ""),
        (Edge::Warehouse, Fault::Stale) => answer(401, r#"{"refused":true}"#),
        (_, _) => answer(500, "{}"),
    }
}

/// The access key that a request is signed with.
pub(crate) fn signer(asked: &Asked) -> Option<String> {
    let authorization = asked.headers.get("authorization")?.to_str().ok()?;
    Some(authorization.split_once("Credential=")?.1.split('/').next()?.to_owned())
}

/// What a request to DynamoDB is about: the operation with its table, and the order, or else the part of a table.
pub(crate) fn about(asked: &Asked, body: &Value) -> (String, String) {
    let target = asked.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    let places =
        ["/Item/id/S", "/Item/orderId/S", "/Key/orderId/S", "/Key/id/S", "/ExpressionAttributeValues/:order/S"];
    let order = places.iter().find_map(|place| body.pointer(place)?.as_str());
    let shard = body.pointer("/ExpressionAttributeValues/:shard/S").and_then(Value::as_str);
    let step = format!("{operation} {}", body["TableName"].as_str().unwrap_or("of several"));
    (step, order.or(shard).unwrap_or("no order").to_owned())
}
