//! Who may do what with which table: what stands between callers and the embedded database, which itself lets anybody
//! do anything.
//!
//! A request that is signed with one of the known keys must be signed well, and its signer's policies must allow what it
//! asks for. Any other key is somebody's at this machine: an administrator. A page in a browser is nobody at this machine.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header, uri};
use axum::response::{IntoResponse as _, Response};
use axum::{Router, body};
use dynoxide::Database;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::{Wake, direct};
use crate::iam::Credentials;
use crate::iam::signature::{self, Scope};
use crate::net;

/// What a page is told, and whoever calls by another machine's name.
const PROGRAMS_ONLY: &str = "The tables are for programs on this machine, which call them by one of its names, such as \
                             127.0.0.1 or localhost. Pages in a browser have no access.";

/// What DynamoDB's requests and answers are.
pub(super) const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// The largest request that DynamoDB takes. Source: Amazon DynamoDB developer guide, "Quotas".
const LARGEST: usize = 16 * 1024 * 1024;

/// Whose requests are judged, and where.
#[derive(Clone, Default)]
pub struct Gate {
    /// The credentials that are known.
    pub credentials: Vec<Credentials>,
    /// The region that signatures must be made for.
    pub region: String,
    /// The account that the tables are in.
    pub account_id: String,
}

/// Why a request does not pass: the type of the error and its message.
struct Refused(&'static str, String);

/// Who signed a request that passes.
enum Signer {
    /// Somebody whose credentials are known: a function, through an AWS SDK.
    Function,
    /// Anybody else.
    Administrator,
}

/// One action on one resource.
type Wanted = (String, String);

struct Gatekeeper {
    gate: Gate,
    database: Database,
    upstream: uri::Authority,
    client: Client<HttpConnector, Body>,
    wake: Wake,
}

/// What lets requests through to the database, which has a server of its own at `upstream`, or refuses them. Streams are
/// read at once when something was written.
pub(super) fn router(
    gate: Gate,
    database: Database,
    upstream: SocketAddr,
    wake: Wake,
) -> Result<Router, uri::InvalidUri> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let upstream = upstream.to_string().parse()?;
    let keeper = Gatekeeper { gate, database, upstream, client, wake };
    Ok(Router::new().fallback(pass).with_state(Arc::new(keeper)))
}

async fn pass(State(keeper): State<Arc<Gatekeeper>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    if !net::is_from_a_program(&head.headers) {
        tracing::warn!("a page in a browser, or another machine's name, was refused access to the tables");
        return refusal(StatusCode::FORBIDDEN, "AccessDeniedException", PROGRAMS_ONLY);
    }
    let body = match timeout(net::BODY_TIMEOUT, body::to_bytes(body, LARGEST)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            let message = "The request is too large.";
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", message);
        }
        Err(_) => {
            let message = "The request did not arrive in time.";
            return refusal(StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException", message);
        }
    };
    let signed = signature::Request {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        body: &body,
    };
    let by = match keeper.gate.judge(&signed, SystemTime::now()) {
        Ok(by) => by,
        Err(Refused(kind, message)) => return refusal(StatusCode::BAD_REQUEST, kind, &message),
    };
    let writes = !only_reads(operation(&head.headers));
    let direct = match by {
        Signer::Function => direct::answer(&keeper.database, &signed),
        Signer::Administrator => None,
    };
    let response = match direct {
        Some(response) => response,
        None => keeper.hand_on(head, body).await,
    };
    if writes {
        keeper.wake.wake();
    }
    response
}

impl Gatekeeper {
    /// The answer of the database's own server.
    async fn hand_on(&self, mut head: Parts, body: Bytes) -> Response {
        let mut parts = uri::Parts::default();
        parts.scheme = Some(uri::Scheme::HTTP);
        parts.authority = Some(self.upstream.clone());
        parts.path_and_query = head.uri.path_and_query().cloned();
        head.uri = Uri::from_parts(parts).unwrap_or_default();
        match self.client.request(Request::from_parts(head, Body::from(body))).await {
            Ok(response) => response.map(Body::new),
            Err(error) => {
                tracing::debug!("the database did not answer: {error}");
                refusal(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "The database did not answer.")
            }
        }
    }
}

impl Gate {
    /// Who asks, if the request may pass.
    fn judge(&self, request: &signature::Request<'_>, now: SystemTime) -> Result<Signer, Refused> {
        let key = request.access_key_id();
        let known = key.is_some_and(|key| self.credentials.iter().any(|known| known.access_key_id == key));
        if !known {
            return Ok(Signer::Administrator);
        }
        let scope = Scope { region: &self.region, service: "dynamodb" };
        let signer = signature::verify(request, &self.credentials, scope, now)
            .map_err(|bad| Refused(bad.error_type(), bad.to_string()))?;
        for (action, resource) in self.wanted(request.headers, request.body) {
            signer.principal.may(&action, &resource).map_err(|denied| {
                tracing::warn!("{denied}");
                Refused("AccessDeniedException", denied.to_string())
            })?;
        }
        Ok(Signer::Function)
    }

    /// What a request asks for; at least one thing. What cannot be read asks for everything.
    /// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon DynamoDB".
    fn wanted(&self, headers: &HeaderMap, body: &[u8]) -> Vec<Wanted> {
        let operation = operation(headers);
        let action = |operation: &str| format!("dynamodb:{operation}");
        let everything = || vec![(action(operation), "*".to_owned())];
        let Ok(asked) = serde_json::from_slice::<Asked>(body) else { return everything() };
        let Asked { table_name, index_name, request_items, transact_items, stream_arn } = asked;
        let wanted: Vec<_> = match operation {
            "BatchGetItem" | "BatchWriteItem" => {
                let tables = request_items.unwrap_or_default().into_keys();
                tables.map(|table| (action(operation), self.table(&table))).collect()
            }
            "TransactGetItems" | "TransactWriteItems" => {
                let items = transact_items.unwrap_or_default().into_iter().flatten();
                items.map(|(kind, of)| (action(in_a_transaction(&kind)), self.table(&of.table_name))).collect()
            }
            _ => {
                let resource = match (table_name, index_name, stream_arn) {
                    (Some(table), Some(index), _) => format!("{}/index/{index}", self.table(&table)),
                    (Some(table), None, _) => self.table(&table),
                    (None, _, Some(stream)) => stream,
                    (None, _, None) => "*".to_owned(),
                };
                vec![(action(operation), resource)]
            }
        };
        if wanted.is_empty() { everything() } else { wanted }
    }

    /// The ARN of a table, which a request may give in place of the name.
    fn table(&self, name: &str) -> String {
        if name.starts_with("arn:") {
            return name.to_owned();
        }
        format!("arn:aws:dynamodb:{}:{}:table/{name}", self.region, self.account_id)
    }
}

/// The operation that a request names, or `*`.
fn operation(headers: &HeaderMap) -> &str {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    target.and_then(|target| Some(target.split_once('.')?.1)).unwrap_or("*")
}

/// Whether an operation leaves everything as it is. One that is not known may write.
fn only_reads(operation: &str) -> bool {
    ["Get", "BatchGet", "TransactGet", "Query", "Scan", "Describe", "List"]
        .iter()
        .any(|read| operation.starts_with(read))
}

/// The members of a request that tell what it is about.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    table_name: Option<String>,
    index_name: Option<String>,
    /// By the names of their tables.
    request_items: Option<BTreeMap<String, Box<RawValue>>>,
    transact_items: Option<Vec<BTreeMap<String, OfTable>>>,
    stream_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfTable {
    table_name: String,
}

/// The action that an element of a transaction needs.
fn in_a_transaction(kind: &str) -> &str {
    match kind {
        "Get" => "GetItem",
        "Put" => "PutItem",
        "Update" => "UpdateItem",
        "Delete" => "DeleteItem",
        "ConditionCheck" => "ConditionCheckItem",
        other => other,
    }
}

fn refusal(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({ "__type": format!("com.amazon.coral.service#{kind}"), "Message": message }).to_string();
    (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], Bytes::from(body)).into_response()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn wanted(target: &str, body: &Value) -> Vec<Wanted> {
        let gate =
            Gate { credentials: Vec::new(), region: "eu-west-1".to_owned(), account_id: "123456789012".to_owned() };
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-target", target.parse().unwrap());
        gate.wanted(&headers, body.to_string().as_bytes())
    }

    #[test]
    fn each_request_asks_for_its_action_on_each_of_its_resources() {
        let table = |name: &str| format!("arn:aws:dynamodb:eu-west-1:123456789012:table/{name}");
        let one = |action: &str, resource: String| vec![(action.to_owned(), resource)];
        let data = "DynamoDB_20120810";
        for (operation, body, expected) in [
            ("PutItem", json!({"TableName": "A", "Item": {"id": {"S": "1"}}}), one("dynamodb:PutItem", table("A"))),
            ("Query", json!({"TableName": "A"}), one("dynamodb:Query", table("A"))),
            ("Query", json!({"TableName": "A", "IndexName": "i"}), one("dynamodb:Query", table("A/index/i"))),
            ("GetItem", json!({"TableName": table("B")}), one("dynamodb:GetItem", table("B"))),
            ("ListTables", json!({}), one("dynamodb:ListTables", "*".to_owned())),
            (
                "BatchGetItem",
                json!({"RequestItems": {"A": {"Keys": []}, "B": {}}}),
                vec![
                    ("dynamodb:BatchGetItem".to_owned(), table("A")),
                    ("dynamodb:BatchGetItem".to_owned(), table("B")),
                ],
            ),
            (
                "TransactWriteItems",
                json!({"TransactItems": [{"Put": {"TableName": "A"}}, {"ConditionCheck": {"TableName": "B"}}]}),
                vec![
                    ("dynamodb:PutItem".to_owned(), table("A")),
                    ("dynamodb:ConditionCheckItem".to_owned(), table("B")),
                ],
            ),
        ] {
            assert_eq!(wanted(&format!("{data}.{operation}"), &body), expected, "{operation} {body}");
        }
        let stream = table("A/stream/now");
        let asked = wanted("DynamoDBStreams_20120810.DescribeStream", &json!({ "StreamArn": stream }));
        assert_eq!(asked, one("dynamodb:DescribeStream", stream));
    }

    #[test]
    fn what_cannot_be_read_asks_for_everything() {
        let everything = |operation: &str| vec![(format!("dynamodb:{operation}"), "*".to_owned())];
        assert_eq!(wanted("nonsense", &json!({})), everything("*"));
        for (operation, body) in [
            ("PutItem", json!({ "TableName": "A", "IndexName": 1 })),
            ("PutItem", json!([])),
            ("BatchGetItem", json!({ "TableName": "A" })),
            ("TransactWriteItems", json!({ "TransactItems": [] })),
        ] {
            assert_eq!(wanted(&format!("DynamoDB_20120810.{operation}"), &body), everything(operation), "{body}");
        }
        let both = json!({ "TableName": "A", "RequestItems": { "B": {} } });
        let table = "arn:aws:dynamodb:eu-west-1:123456789012:table/A".to_owned();
        assert_eq!(wanted("DynamoDB_20120810.PutItem", &both), [("dynamodb:PutItem".to_owned(), table)]);
    }
}
