//! What is around a Lambda under test: a database of its own, a warehouse and an AppSync that remember what they hear.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use lambda_runtime::{Context, LambdaEvent};
use local::dynamodb::{self, Durability, DynamoDb, Gate};
use local::machine::{Machine, REGION};
use local::template::{Template, Wiring};
use resolvers::environment::Environment;
use serde_json::{Value, json};

/// The cloud of one Lambda.
pub(crate) struct Cloud {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) database: DynamoDb,
    server: dynamodb::Server,
    edge: String,
    ears: Ears,
    has_warehouse: bool,
    tables: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Warehouse,
    AppSync,
}

#[derive(Clone, Default)]
struct Ears {
    heard: Arc<Mutex<Vec<(Heard, String)>>>,
    answer: Arc<Mutex<Option<Value>>>,
}

impl Cloud {
    pub(crate) async fn start(answer: Option<Value>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let wiring = wiring(directory.path());
        let tables = table_names(&wiring);
        let database = DynamoDb::open(dynamodb::Settings {
            directory: directory.path().to_owned(),
            tables: wiring.tables,
            durability: Durability::ThrowAway,
        })
        .unwrap();
        let server = database.serve(std::net::TcpListener::bind("127.0.0.1:0").unwrap(), Gate::default()).unwrap();
        let ears = Ears { answer: Arc::new(Mutex::new(answer.clone())), ..Ears::default() };
        let router = Router::new()
            .route("/warehouse", post(warehouse))
            .route("/graphql", post(appsync))
            .with_state(ears.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let edge = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { directory, database, server, edge, ears, has_warehouse: answer.is_some(), tables }
    }

    pub(crate) fn environment(&self) -> Environment {
        let dynamodb = format!("http://{}", self.server.address());
        let graphql = format!("{}/graphql", self.edge);
        let warehouse = if self.has_warehouse { format!("{}/warehouse", self.edge) } else { String::new() };
        let variables = [
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "ASIAFIXTURE"),
            ("AWS_SECRET_ACCESS_KEY", "fixture"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &dynamodb),
            ("APPSYNC_URL", &graphql),
            ("WAREHOUSE_URL", &warehouse),
            ("RETRY_MINUTE_MS", "20"),
        ];
        let tables = self.tables.iter().map(|(name, table)| (name.as_str(), table.as_str()));
        variables.into_iter().chain(tables).collect()
    }

    pub(crate) fn put(&self, table: &str, item: &str) {
        let item: Value = serde_json::from_str(item).unwrap();
        let request = json!({ "TableName": self.tables[table], "Item": item });
        self.database.database().put_item(serde_json::from_value(request).unwrap()).unwrap();
    }

    pub(crate) fn item(&self, table: &str, key: &Value) -> Value {
        let request = json!({ "TableName": self.tables[table], "Key": key });
        let got = self.database.database().get_item(serde_json::from_value(request).unwrap()).unwrap();
        serde_json::to_value(got).unwrap()["Item"].take()
    }

    /// The pointer to an order in the attention table, in whichever shard it is; null if there is none.
    pub(crate) fn pointer(&self, order_id: &str) -> Value {
        let in_shard = |shard: u8| {
            let key = json!({ "shard": { "S": format!("{shard:02}") }, "orderId": { "S": order_id } });
            self.item("ATTENTION_TABLE", &key)
        };
        (0..16).map(in_shard).find(|item| !item.is_null()).unwrap_or_default()
    }

    pub(crate) fn changes(&self, order_id: &str) -> Vec<Value> {
        let request = json!({
            "TableName": self.tables["CHANGES_TABLE"],
            "KeyConditionExpression": "orderId = :id",
            "ExpressionAttributeValues": { ":id": { "S": order_id } },
        });
        let found = self.database.database().query(serde_json::from_value(request).unwrap()).unwrap();
        serde_json::to_value(found).unwrap()["Items"].as_array().cloned().unwrap_or_default()
    }

    /// From now on the warehouse answers something else.
    pub(crate) fn warehouse_answers(&self, answer: Value) {
        *self.ears.answer.lock().unwrap() = Some(answer);
    }

    pub(crate) fn heard(&self, by: Heard) -> Vec<String> {
        let heard = self.ears.heard.lock().unwrap();
        heard.iter().filter(|(ear, _)| *ear == by).map(|(_, text)| text.clone()).collect()
    }
}

async fn warehouse(State(ears): State<Ears>, headers: HeaderMap, body: String) -> (StatusCode, String) {
    let key = headers["idempotency-key"].to_str().unwrap();
    let question = format!(r#"{{"headers":{{"idempotency-key":"{key}"}},"body":{body}}}"#);
    ears.heard.lock().unwrap().push((Heard::Warehouse, question));
    let answer = ears.answer.lock().unwrap().clone().unwrap();
    let status = u16::try_from(answer["status"].as_u64().unwrap()).unwrap();
    (StatusCode::from_u16(status).unwrap(), answer["body"].to_string())
}

/// Answers as AppSync would if `order` read the order as it was announced.
async fn appsync(State(ears): State<Ears>, body: String) -> String {
    let status = if body.contains("publishOrderFulfilled") { "FULFILLED" } else { "RECEIVED" };
    ears.heard.lock().unwrap().push((Heard::AppSync, body));
    json!({ "data": {
        "publishOrderFulfilled": { "status": status }, "publishOrderChanged": { "status": status } } })
    .to_string()
}

/// What is connected with what, by the committed template.
pub(crate) fn wiring(given_up: &Path) -> Wiring {
    let machine = Machine {
        graphql_url: "http://127.0.0.1/graphql".to_owned(),
        realtime_url: "ws://127.0.0.1/graphql/realtime".to_owned(),
        api_key: "da2-lambdas".to_owned(),
        given_up: given_up.to_owned(),
        minute: Duration::from_mins(1),
    };
    let template = Template::parse(include_str!("../../infra/templates/dev.json")).unwrap();
    template.wiring(&machine, SystemTime::now()).unwrap()
}

/// The tables that names in the functions' environment lead to.
fn table_names(wiring: &Wiring) -> BTreeMap<String, String> {
    let all = wiring.functions.iter().flat_map(|function| &function.environment);
    let tables = all.filter(|(name, _)| name.ends_with("_TABLE"));
    tables.map(|(name, table)| (name.clone(), table.clone())).collect()
}

/// An event as the Lambda runtime hands it over, with a minute left.
pub(crate) fn event<T: serde::de::DeserializeOwned>(text: &str) -> LambdaEvent<T> {
    let mut context = Context::default();
    let deadline = SystemTime::now() + Duration::from_mins(1);
    context.deadline = u64::try_from(deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap();
    LambdaEvent::new(serde_json::from_str(text).unwrap(), context)
}
