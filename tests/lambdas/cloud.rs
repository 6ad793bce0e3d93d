//! What is around a Lambda under test: a database of its own, and a warehouse, an AppSync and a Secrets Manager that
//! remember what they hear.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use lambda_runtime::{Context, LambdaEvent};
use local::dynamodb::{self, Durability, DynamoDb, Gate};
use local::iam::{Credentials, Principal};
use local::machine::{Machine, REGION};
use local::secrets_manager::SecretsManager;
use local::template::{Template, Wiring};
use resolvers::environment::Environment;
use resolvers::telemetry;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tracing::Subscriber;
use tracing_subscriber::filter::LevelFilter;

use crate::privacy::given_away;

/// The name of the only secret.
pub(crate) const SECRET: &str = "warehouse";

/// The cloud of one Lambda. When it goes, what Lambdas have logged in detail so far is searched for what no log may hold.
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
    /// What the warehouse was shown.
    Authorization,
    AppSync,
    SecretsManager,
}

#[derive(Clone, Default)]
struct Ears {
    heard: Arc<Mutex<Vec<(Heard, String)>>>,
    answer: Arc<Mutex<Option<Value>>>,
    /// What the warehouse insists on.
    authorized: Arc<Mutex<Option<String>>>,
    secret: Arc<Mutex<Option<String>>>,
}

impl Cloud {
    pub(crate) async fn start(answer: Option<Value>) -> Self {
        LazyLock::force(&ALL);
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
            .route("/", post(secrets_manager))
            .with_state(ears.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let edge = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { directory, database, server, edge, ears, has_warehouse: answer.is_some(), tables }
    }

    pub(crate) fn environment(&self) -> Environment {
        self.environment_with(&[])
    }

    /// The environment with further variables in it, or with others in place of what it has.
    pub(crate) fn environment_with(&self, further: &[(&str, &str)]) -> Environment {
        let dynamodb = format!("http://{}", self.server.address());
        let graphql = format!("{}/graphql", self.edge);
        let warehouse = if self.has_warehouse { format!("{}/warehouse", self.edge) } else { String::new() };
        let variables = [
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "ASIAFIXTURE"),
            ("AWS_SECRET_ACCESS_KEY", "fixture"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &dynamodb),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &self.edge),
            ("APPSYNC_URL", &graphql),
            ("WAREHOUSE_URL", &warehouse),
            ("RETRY_MINUTE_MS", "20"),
        ];
        let tables = self.tables.iter().map(|(name, table)| (name.as_str(), table.as_str()));
        variables.into_iter().chain(tables).chain(further.iter().copied()).collect()
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

    /// From now on the warehouse answers 401 to whoever shows it something else.
    pub(crate) fn warehouse_insists_on(&self, authorization: &str) {
        *self.ears.authorized.lock().unwrap() = Some(authorization.to_owned());
    }

    /// From now on this is the text of the secret [`SECRET`].
    pub(crate) fn keeps_secret(&self, text: &str) {
        *self.ears.secret.lock().unwrap() = Some(text.to_owned());
    }

    pub(crate) fn heard(&self, by: Heard) -> Vec<String> {
        let heard = self.ears.heard.lock().unwrap();
        heard.iter().filter(|(ear, _)| *ear == by).map(|(_, text)| text.clone()).collect()
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let mut given_away = given_away(&ALL.text());
        let (secret, said) = (self.ears.secret.lock().unwrap().clone().unwrap_or_default(), ALL.text());
        // A line of it that is long enough to be no word of anything else.
        let told = secret.lines().any(|line| line.len() > 8 && said.contains(line));
        given_away.extend(told.then(|| "the warehouse's secret".to_owned()));
        if !std::thread::panicking() {
            assert!(given_away.is_empty(), "no log tells who ordered what, or a secret:\n{}", given_away.join("\n"));
        }
    }
}

async fn warehouse(State(ears): State<Ears>, headers: HeaderMap, body: String) -> (StatusCode, String) {
    let key = headers["idempotency-key"].to_str().unwrap();
    let question = format!(r#"{{"headers":{{"idempotency-key":"{key}"}},"body":{body}}}"#);
    let shown = headers.get("authorization").map(|shown| shown.to_str().unwrap().to_owned());
    {
        let mut heard = ears.heard.lock().unwrap();
        heard.push((Heard::Warehouse, question));
        heard.extend(shown.clone().map(|shown| (Heard::Authorization, shown)));
    }
    let authorized = ears.authorized.lock().unwrap().clone();
    if authorized.is_some() && authorized != shown {
        return (StatusCode::UNAUTHORIZED, format!("{shown:?}? Who is that?"));
    }
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

/// Answers as late as others may ask beside it.
async fn secrets_manager(State(ears): State<Ears>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    ears.heard.lock().unwrap().push((Heard::SecretsManager, String::from_utf8(body.to_vec()).unwrap()));
    let reader = Credentials {
        access_key_id: "ASIAFIXTURE".to_owned(),
        secret_access_key: "fixture".to_owned(),
        session_token: None,
        principal: Principal { arn: String::new(), policy: None },
        username: String::new(),
        identity_pool: None,
    };
    let text = ears.secret.lock().unwrap().clone();
    let by_name: BTreeMap<_, _> = text.map(|text| (SECRET.to_owned(), text)).into_iter().collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let router = SecretsManager::new(vec![reader], by_name).router();
    router.oneshot(Request::from_parts(parts, Body::from(body))).await.unwrap()
}

/// All that Lambdas log, in more detail than anybody would ask for, unless a test listens to one itself.
///
/// A subscriber for every thread, because `tracing` keeps the answer of the first one that it asks whether an event is
/// wanted: a thread without one would answer for all others.
static ALL: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = telemetry::subscriber(LevelFilter::TRACE, move || writer.clone());
    tracing::subscriber::set_global_default(subscriber).expect("nobody else listens to all threads");
    log
});

/// What a Lambda has written to standard output.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// What writes it, as in Lambda.
    pub(crate) fn subscriber(&self, level: LevelFilter) -> impl Subscriber + Send + Sync + use<> {
        LazyLock::force(&ALL);
        let writer = self.clone();
        telemetry::subscriber(level, move || writer.clone())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// An event as the Lambda runtime hands it over, with a minute left.
pub(crate) fn event<T: serde::de::DeserializeOwned>(text: &str) -> LambdaEvent<T> {
    let mut context = Context::default();
    let deadline = SystemTime::now() + Duration::from_mins(1);
    context.deadline = u64::try_from(deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap();
    LambdaEvent::new(serde_json::from_str(text).unwrap(), context)
}
