//! Counts what a Lambda asks of DynamoDB and AppSync: it stands in front of either, and hands everything on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::serve::ListenerExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::watch;

const PATIENCE: Duration = Duration::from_secs(30);

/// A meter, and where it listens.
pub(crate) struct Meter {
    pub(crate) url: String,
    counted: Arc<Counted>,
}

struct Counted {
    upstream: String,
    http: Client<HttpConnector, Body>,
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    held: watch::Sender<bool>,
}

impl Meter {
    /// A meter in front of that address.
    pub(crate) async fn before(upstream: &str) -> Self {
        let counted = Arc::new(Counted {
            upstream: upstream.to_owned(),
            http: Client::builder(TokioExecutor::new()).build(HttpConnector::new()),
            requests: Mutex::default(),
            connections: AtomicUsize::default(),
            under_way: AtomicUsize::default(),
            most_under_way: AtomicUsize::default(),
            held: watch::Sender::new(false),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(pass).with_state(Arc::clone(&counted));
        let connections = Arc::clone(&counted);
        let listener = listener.tap_io(move |_| {
            connections.connections.fetch_add(1, Ordering::SeqCst);
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, counted }
    }

    /// What was asked since this was last asked for. Of DynamoDB: the operation, the table, what it cost in capacity units
    /// there and in each index, and of a read, how consistent it was. Of others: the method.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.counted.requests.lock().unwrap())
    }

    /// How many connections were ever opened.
    pub(crate) fn connections(&self) -> usize {
        self.counted.connections.load(Ordering::SeqCst)
    }

    /// How many requests were ever under way at once.
    pub(crate) fn most_under_way(&self) -> usize {
        self.counted.most_under_way.load(Ordering::SeqCst)
    }

    /// From now on nothing is answered.
    pub(crate) fn hold(&self) {
        self.counted.held.send_replace(true);
    }

    /// Everything is answered again.
    pub(crate) fn release(&self) {
        self.counted.held.send_replace(false);
    }

    /// Waits until so many requests are under way.
    pub(crate) async fn until_under_way(&self, requests: usize) {
        let enough = async {
            while self.counted.under_way.load(Ordering::SeqCst) < requests {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, enough).await.expect("so many are under way");
    }
}

async fn pass(State(counted): State<Arc<Counted>>, request: Request) -> Response {
    let under_way = counted.under_way.fetch_add(1, Ordering::SeqCst) + 1;
    counted.most_under_way.fetch_max(under_way, Ordering::SeqCst);
    counted.held.subscribe().wait_for(|held| !held).await.unwrap();
    let response = counted.forward(request).await;
    counted.under_way.fetch_sub(1, Ordering::SeqCst);
    response
}

impl Counted {
    async fn forward(&self, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        let mut body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        let target = parts.headers.get("x-amz-target").map(|target| target.to_str().unwrap().to_owned());
        let asked = target.map(|target| {
            let mut asked: Value = serde_json::from_slice(&body).unwrap();
            asked["ReturnConsumedCapacity"] = json!("INDEXES");
            body = asked.to_string().into_bytes();
            (target.rsplit_once('.').unwrap().1.to_owned(), asked)
        });
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.uri = format!("{}{}", self.upstream, parts.uri).parse().unwrap();
        let method = parts.method.to_string();
        let sent = self.http.request(Request::from_parts(parts, Body::from(body))).await.unwrap();
        let status = sent.status();
        let answer = to_bytes(Body::new(sent.into_body()), usize::MAX).await.unwrap();
        let counted = match &asked {
            Some((operation, asked)) => described(operation, asked, &serde_json::from_slice(&answer).unwrap(), status),
            None => method,
        };
        self.requests.lock().unwrap().push(counted);
        (status, Body::from(answer)).into_response()
    }
}

/// Such as `PutItem orders 1 + byCustomer 1` or `Query changes 0.5 consistent`.
fn described(operation: &str, asked: &Value, answer: &Value, status: StatusCode) -> String {
    let batch = asked["RequestItems"].as_object().map(|tables| tables.iter().next().unwrap());
    let (table, read) =
        batch.map_or_else(|| (asked["TableName"].as_str().unwrap(), asked), |(table, read)| (table.as_str(), read));
    // Names end with what the table holds, as the template puts them together.
    let table = ["Orders", "Changes", "Attention"].into_iter().find(|name| table.contains(&format!("{name}Table")));
    let mut parts = vec![operation.to_owned(), table.expect("a table of the template").to_lowercase()];
    if status != StatusCode::OK {
        parts.push(answer["__type"].as_str().unwrap().rsplit('#').next().unwrap().to_owned());
        return parts.join(" ");
    }
    let consumed = &answer["ConsumedCapacity"];
    let consumed = if consumed.is_array() { &consumed[0] } else { consumed };
    let units = &consumed["Table"]["CapacityUnits"];
    parts.extend(units.as_f64().filter(|units| *units > 0.0).map(|_| units.to_string()));
    let indexes = consumed["GlobalSecondaryIndexes"].as_object().into_iter().flatten();
    parts.extend(indexes.map(|(index, detail)| format!("+ {index} {}", detail["CapacityUnits"])));
    parts.extend((read["ConsistentRead"].as_bool() == Some(true)).then(|| "consistent".to_owned()));
    parts.join(" ")
}
