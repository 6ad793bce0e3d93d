//! `placeOrder` as a first Lambda in Rust does it: one `PutItem`.

use std::time::SystemTime;

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

/// The client that everybody begins with.
pub async fn default_client() -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await)
}

/// Runs the Lambda.
///
/// # Errors
/// If the environment lacks something.
pub async fn serve(client: aws_sdk_dynamodb::Client) -> Result<(), Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let table = std::env::var("ORDERS_TABLE")?;
    run(service_fn(|event| place(&client, &table, event))).await
}

async fn place(client: &aws_sdk_dynamodb::Client, table: &str, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let order = &event.payload["arguments"]["input"]["order"];
    let id = uuid::Uuid::new_v4().to_string();
    let received_at = DateTime::from(SystemTime::now()).fmt(DateTimeFormat::DateTime)?;
    client
        .put_item()
        .table_name(table)
        .item("id", AttributeValue::S(id.clone()))
        .item("receivedAt", AttributeValue::S(received_at.clone()))
        .item("placedBy", AttributeValue::S("guest".to_owned()))
        .item("document", AttributeValue::S(order.to_string()))
        .condition_expression("attribute_not_exists(id)")
        .send()
        .await?;
    tracing::info!(order_id = id, "placed");
    Ok(json!({ "id": id, "receivedAt": received_at, "status": "RECEIVED", "problems": [] }))
}
