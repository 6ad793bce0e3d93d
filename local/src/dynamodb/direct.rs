//! Requests that are answered by calling the database, without its own HTTP server in between: the few operations that
//! functions use all the time, when they succeed.
//!
//! Whatever else there is to be said, the database's server says: its words for what is wrong are the ones that are
//! checked against AWS. So a request that cannot be read, or that is refused, is handed on, and evaluated there once
//! more. A refused write has written nothing, and counts from that second time.

use axum::body::{Body, Bytes};
use axum::http::{Method, header};
use axum::response::{IntoResponse as _, Response};
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::gate::CONTENT_TYPE;
use crate::iam::signature;

/// How many characters of two UUIDs make a request id. Source: what DynamoDB answers with.
const REQUEST_ID: usize = 52;

/// The database's answer, if there is one that is no refusal.
pub(super) fn answer(database: &Database, request: &signature::Request<'_>) -> Option<Response> {
    if request.method != Method::POST.as_str()
        || request.path != "/"
        || !request.query.is_empty()
        || request.header(header::CONTENT_TYPE.as_str()) != Some(CONTENT_TYPE)
    {
        return None;
    }
    let operation = request.header("x-amz-target")?.strip_prefix("DynamoDB_20120810.")?;
    let answer = match operation {
        "GetItem" => call(request.body, |get| database.get_item(get)),
        "Query" => call(request.body, |query| database.query(query)),
        "PutItem" => call(request.body, |put| database.put_item(put)),
        "UpdateItem" => call(request.body, |update| database.update_item(update)),
        "DeleteItem" => call(request.body, |delete| database.delete_item(delete)),
        _ => None,
    }?;
    Some(response(answer))
}

fn call<Request: DeserializeOwned, Answer: Serialize>(
    body: &[u8],
    operation: impl FnOnce(Request) -> Result<Answer, DynoxideError>,
) -> Option<Vec<u8>> {
    let answer = operation(serde_json::from_slice(body).ok()?).ok()?;
    serde_json::to_vec(&answer).ok()
}

fn response(body: Vec<u8>) -> Response {
    let mut checksum = flate2::Crc::new();
    checksum.update(&body);
    let mut id = format!("{:X}{:X}", Uuid::new_v4().as_simple(), Uuid::new_v4().as_simple());
    id.truncate(REQUEST_ID);
    let headers = [
        (header::CONTENT_TYPE.as_str(), CONTENT_TYPE),
        ("x-amzn-requestid", &id),
        ("x-amz-crc32", &checksum.sum().to_string()),
    ];
    (headers, Body::from(Bytes::from(body))).into_response()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use resolvers::aws::Aws;
    use resolvers::environment::Environment;
    use serde_json::{Value, json};

    use super::super::{Gate, Server};
    use crate::appsync::tests::credentials;
    use crate::testing::{Directory, open};

    const REGION: &str = "eu-west-1";

    /// Somebody who has these credentials, at this server.
    struct Client {
        aws: Aws,
        url: String,
    }

    impl Client {
        fn new(server: &Server, access_key_id: &str) -> Self {
            let variables = [
                ("AWS_REGION", REGION),
                ("AWS_ACCESS_KEY_ID", access_key_id),
                ("AWS_SECRET_ACCESS_KEY", &credentials().secret_access_key),
            ];
            let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let aws = Aws::new(&Environment::from_iter(variables)).unwrap();
            Self { aws, url: format!("http://{}/", server.address()) }
        }

        /// The status and the body of an answer.
        async fn ask(&self, operation: &str, body: &Value) -> (u16, Value) {
            let target = format!("DynamoDB_20120810.{operation}");
            let headers = [("content-type", super::CONTENT_TYPE), ("x-amz-target", target.as_str())];
            let request = self.aws.signed_post("dynamodb", &self.url, &headers, body.to_string()).unwrap();
            let answer = self.aws.http.send(&request, Duration::from_secs(10), 1 << 20).await.unwrap();
            (answer.status, serde_json::from_slice(&answer.body).unwrap())
        }
    }

    fn gate() -> Gate {
        Gate { credentials: vec![credentials()], region: REGION.to_owned(), account_id: "123456789012".to_owned() }
    }

    fn listener() -> TcpListener {
        TcpListener::bind(("127.0.0.1", 0)).unwrap()
    }

    #[tokio::test]
    async fn a_function_gets_the_answers_that_everybody_gets() {
        let mut answers = Vec::new();
        for access_key_id in [&credentials().access_key_id, "AKIDSOMEBODYELSE"] {
            let directory = Directory::new();
            let dynamodb = open(directory.path());
            let server = dynamodb.serve(listener(), gate()).unwrap();
            let client = Client::new(&server, access_key_id);
            let key = json!({ "id": { "S": "o1" } });
            let item = json!({ "id": { "S": "o1" }, "count": { "N": "1.10" }, "note": { "S": "é\u{1f375}" } });
            let one = json!({ ":one": { "N": "1" } });
            let mut all = Vec::new();
            for (operation, body) in [
                (
                    "PutItem",
                    json!({ "TableName": "orders", "Item": item, "ConditionExpression": "attribute_not_exists(id)" }),
                ),
                ("GetItem", json!({ "TableName": "orders", "Key": key, "ConsistentRead": true })),
                (
                    "PutItem",
                    json!({
                        "TableName": "orders", "Item": item, "ConditionExpression": "attribute_not_exists(id)",
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    }),
                ),
                (
                    "UpdateItem",
                    json!({
                        "TableName": "orders", "Key": key, "UpdateExpression": "ADD tries :one",
                        "ExpressionAttributeValues": one, "ReturnValues": "ALL_NEW", "ReturnConsumedCapacity": "TOTAL",
                    }),
                ),
                (
                    "Query",
                    json!({
                        "TableName": "orders", "KeyConditionExpression": "id = :id",
                        "ExpressionAttributeValues": { ":id": { "S": "o1" } },
                    }),
                ),
                ("DeleteItem", json!({ "TableName": "orders", "Key": key, "ReturnValues": "ALL_OLD" })),
                ("GetItem", json!({ "TableName": "orders", "Key": key })),
                ("GetItem", json!({ "TableName": "nothing", "Key": key })),
                ("GetItem", json!({ "TableName": "orders", "Key": { "id": { "N": "1" } } })),
                ("GetItem", json!({ "TableName": "orders" })),
                ("GetItem", json!({ "TableName": 1 })),
                ("PutItem", json!({ "TableName": "orders", "Item": { "id": { "S": "x".repeat(2049) } } })),
                ("PutItem", json!({ "TableName": "orders", "Item": { "id": { "S": "" } } })),
                ("PutItem", json!({ "TableName": "orders", "Item": { "id": { "X": "1" } } })),
                ("ListTables", json!({})),
                ("Nonsense", json!({})),
            ] {
                all.push((operation, client.ask(operation, &body).await));
            }
            answers.push(all);
        }
        for (function, everybody) in answers[0].iter().zip(&answers[1]) {
            assert_eq!(function, everybody);
        }
        let statuses: Vec<_> = answers[0].iter().map(|(_, (status, _))| *status).collect();
        assert_eq!(statuses, [200, 200, 400, 200, 200, 200, 200, 400, 400, 400, 400, 400, 400, 400, 200, 400]);
        assert_eq!(answers[0][1].1.1["Item"]["count"]["N"], "1.1");
    }

    #[tokio::test]
    async fn streams_are_read_at_once_after_what_may_have_written_and_not_after_a_read() {
        let directory = Directory::new();
        let dynamodb = open(directory.path());
        let server = dynamodb.serve(listener(), gate()).unwrap();
        let get = json!({ "TableName": "orders", "Key": { "id": { "S": "o1" } } });
        // Refused, so that it is the server that tells of it, and not the database.
        let put = json!({ "TableName": "orders", "Item": { "id": { "S": "o1" } },
            "ConditionExpression": "attribute_exists(id)" });
        for access_key_id in [&credentials().access_key_id, "AKIDSOMEBODYELSE"] {
            let client = Client::new(&server, access_key_id);
            let mut changes = dynamodb.changes();
            assert_eq!(client.ask("GetItem", &get).await, (200, json!({})));
            assert!(!changes.has_changed().unwrap(), "a read woke the readers of streams");
            assert_eq!(client.ask("PutItem", &put).await.0, 400);
            tokio::time::timeout(Duration::from_secs(10), changes.changed()).await.unwrap().unwrap();
        }
    }
}
