//! The whole system, put together from its own parts, with an edge between any two of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lambda_runtime::LambdaEvent;
use local::appsync::{Api, ApiKey, Settings};
use local::dynamodb::{self, Durability, DynamoDb, Gate};
use local::event_source::{Backoff, EventSource};
use local::iam::{Credentials, Principal};
use local::lambda::{Bootstraps, Function, Functions};
use local::machine::{ACCOUNT, Machine, REGION};
use local::schedule::Schedule;
use local::template::{FunctionSettings, Template, Wiring};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::audit::Report;
use crate::caller::SECRET;
use crate::edge::{self, Answer, Asked, Upstream, answer};
use crate::faults::{Edge, Weather};
use crate::feeding::Feeder;
use crate::lambdas::{Json, Sandboxes, keys};
use crate::passing::{about, signer, through};
use crate::plant::{Bug, Plant};
use crate::programs;
use crate::warehouse::Warehouse;

/// The API key of guests.
pub(crate) const API_KEY: &str = "da2-campaign";

/// The access key of backends.
pub(crate) const BACKEND: &str = "AKIACAMPAIGN";

/// How long a minute of the retry schedule takes, so that an hour is over within a second or two.
const MINUTE: Duration = Duration::from_millis(25);

/// From one run of the retry schedule to the next.
const PERIOD: Duration = Duration::from_secs(1);

/// The system.
pub(crate) struct Cloud {
    pub(crate) weather: Arc<Weather>,
    pub(crate) feeder: Arc<Feeder>,
    pub(crate) warehouse: Arc<Warehouse>,
    pub(crate) functions: Functions,
    pub(crate) tables: BTreeMap<String, String>,
    pub(crate) fulfil_orders: String,
    /// AppSync, as callers reach it.
    pub(crate) appsync: SocketAddr,
    /// AppSync, with nothing in between.
    pub(crate) quiet_appsync: SocketAddr,
    pub(crate) database: DynamoDb,
    pub(crate) directory: tempfile::TempDir,
    _server: dynamodb::Server,
    _event_source: EventSource,
    _schedule: Schedule,
    sandboxes: Vec<Arc<Sandboxes>>,
    /// The servers: they end with this.
    _tasks: JoinSet<()>,
}

/// What the edges have in common.
#[derive(Clone)]
struct Edges {
    weather: Arc<Weather>,
    plant: Arc<Plant>,
    sandboxes: Arc<std::sync::OnceLock<Vec<Arc<Sandboxes>>>>,
    database: Upstream,
    warehouse: Arc<Warehouse>,
}

impl Cloud {
    /// Starts it. What the warehouse is going to report comes beside it.
    pub(crate) async fn start(weather: Weather, bug: Option<Bug>) -> (Self, mpsc::UnboundedReceiver<Report>) {
        let directory = tempfile::tempdir().expect("a directory");
        let wiring = wiring(&directory.path().join("given-up"));
        let database = DynamoDb::open(dynamodb::Settings {
            directory: directory.path().to_owned(),
            tables: wiring.tables.clone(),
            durability: Durability::ThrowAway,
        })
        .expect("a database");
        let server = database.serve(TcpListener::bind("127.0.0.1:0").expect("a free port"), Gate::default());
        let server = server.expect("a server");
        let (warehouse, reports) = Warehouse::new(weather.dice);
        let edges = Edges {
            plant: Arc::new(Plant::new(bug, weather.dice)),
            weather: Arc::new(weather),
            sandboxes: Arc::default(),
            database: Upstream::at(server.address()),
            warehouse: Arc::new(warehouse),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let quiet_appsync = listener.local_addr().expect("its address");
        let mut tasks = JoinSet::new();
        let appsync = edges.serve_appsync(&mut tasks, Upstream::at(quiet_appsync)).await;
        let environment = BTreeMap::from(
            [
                ("AWS_REGION", REGION.to_owned()),
                ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
                ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{}", edges.serve_dynamodb(&mut tasks).await)),
                ("APPSYNC_URL", format!("http://{appsync}/graphql")),
                ("RETRY_MINUTE_MS", MINUTE.as_millis().to_string()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let asked_at = format!("http://{}", edges.serve_warehouse(&mut tasks).await);
        let programs =
            if edges.weather.profile.processes { Some(programs_below(directory.path()).await) } else { None };
        let sandboxes = wiring.functions.iter().map(|it| sandboxes(it, &environment, &asked_at, programs.clone()));
        let all: Vec<_> = sandboxes.collect();
        let fulfil = wiring.functions.iter().position(|it| it.handler == "fulfil-orders").expect("the function");
        let feeder = Feeder::new(Arc::clone(&edges.weather), Arc::clone(&edges.plant), Arc::clone(&all[fulfil]));
        let feeder = Arc::new(feeder);
        let functions = wiring.functions.iter().zip(&all).map(|(settings, sandboxes)| {
            let feeder = (settings.handler == "fulfil-orders").then(|| Arc::clone(&feeder));
            function(settings, Arc::clone(sandboxes), feeder)
        });
        let functions = Functions::new(functions);
        assert!(edges.sandboxes.set(all.clone()).is_ok(), "they are set once");

        let schema = include_str!("../../schema.graphql");
        let api = Api::load(schema, settings(&wiring), functions.clone()).expect("an API");
        let service = api.router().into_make_service_with_connect_info::<SocketAddr>();
        tasks.spawn(async move { axum::serve(listener, service).await.expect("a server") });
        let mappings = wiring.mappings.into_iter();
        // Small batches, and several at a time: a few hundred orders are to make many batches.
        let mappings =
            mappings.map(|it| local::event_source::Mapping { batch_size: 8, parallelization_factor: 10, ..it });
        let backoff = Backoff { first: Duration::from_millis(5), longest: Duration::from_millis(50) };
        let event_source = EventSource::start(&database, &functions, mappings.collect(), backoff).expect("a stream");
        let rules = wiring.rules.into_iter().map(|rule| local::schedule::Rule { period: PERIOD, ..rule });
        let schedule = Schedule::start(&functions, rules.collect()).expect("a schedule");
        let cloud = Self {
            tables: wiring.functions.iter().flat_map(|it| it.environment.clone()).collect(),
            fulfil_orders: wiring.functions[fulfil].name.clone(),
            weather: edges.weather,
            warehouse: edges.warehouse,
            feeder,
            functions,
            appsync,
            quiet_appsync,
            database,
            directory,
            _server: server,
            _event_source: event_source,
            _schedule: schedule,
            sandboxes: all,
            _tasks: tasks,
        };
        (cloud, reports)
    }

    /// How many Lambdas were killed while they worked.
    pub(crate) fn killed(&self) -> usize {
        self.sandboxes.iter().map(|sandboxes| sandboxes.killed()).sum()
    }

    /// Ends every process of a Lambda.
    pub(crate) async fn stop(&self) {
        for sandboxes in &self.sandboxes {
            sandboxes.stop().await;
        }
    }

    /// Every item of a table, with nothing in between.
    pub(crate) fn items(&self, table: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut start = Value::Null;
        loop {
            let request = serde_json::json!({ "TableName": self.tables[table], "ExclusiveStartKey": start });
            let request = serde_json::from_value(request).expect("a request");
            let page = self.database.database().scan(request).expect("a page");
            let mut page = serde_json::to_value(page).expect("JSON");
            items.extend(page["Items"].as_array().into_iter().flatten().cloned());
            start = page["LastEvaluatedKey"].take();
            if start.is_null() {
                return items;
            }
        }
    }

    /// The orders in the failure bucket, and the file of each.
    pub(crate) fn given_up(&self) -> Vec<(String, std::path::PathBuf)> {
        let mut found = Vec::new();
        let mut folders = vec![self.directory.path().join("given-up")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let (path, name) = (entry.path(), entry.file_name());
                if path.is_dir() {
                    folders.push(path);
                } else if !name.to_string_lossy().starts_with('.') {
                    found.extend(orders_in(&path).into_iter().map(|order| (order, path.clone())));
                }
            }
        }
        found
    }

    /// The orders in the failure bucket.
    pub(crate) fn orders_given_up(&self) -> BTreeSet<String> {
        self.given_up().into_iter().map(|(order, _)| order).collect()
    }
}

fn orders_in(path: &Path) -> Vec<String> {
    let kept: Value = serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON");
    let payload: Value = serde_json::from_str(kept["payload"].as_str().expect("the batch")).expect("JSON");
    let records = payload["Records"].as_array().into_iter().flatten();
    records.map(|record| record["dynamodb"]["Keys"]["id"]["S"].as_str().expect("an id").to_owned()).collect()
}

/// What is connected with what, by the committed template.
fn wiring(given_up: &Path) -> Wiring {
    let machine = Machine {
        graphql_url: "http://127.0.0.1/graphql".to_owned(),
        realtime_url: "ws://127.0.0.1/graphql/realtime".to_owned(),
        api_key: API_KEY.to_owned(),
        given_up: given_up.to_owned(),
        minute: MINUTE,
    };
    let template = Template::parse(include_str!("../../infra/templates/dev.json")).expect("a template");
    template.wiring(&machine, SystemTime::now()).expect("its wiring")
}

/// The programs that are deployed, built as they are now.
async fn programs_below(directory: &Path) -> Arc<Bootstraps> {
    let directory = directory.join("programs");
    let opened = tokio::task::spawn_blocking(move || {
        programs::link_into(&directory);
        Bootstraps::open(&directory)
    });
    let opened = opened.await.expect("programs");
    Arc::new(opened.unwrap_or_else(|unusable| panic!("{unusable}")))
}

fn sandboxes(
    settings: &FunctionSettings,
    own: &BTreeMap<String, String>,
    warehouse: &str,
    programs: Option<Arc<Bootstraps>>,
) -> Arc<Sandboxes> {
    let mut settings = settings.clone();
    settings.environment.extend(own.clone());
    Arc::new(Sandboxes::of(settings, warehouse, programs))
}

fn function(settings: &FunctionSettings, sandboxes: Arc<Sandboxes>, feeder: Option<Arc<Feeder>>) -> Function {
    Function::new(&settings.name, settings.timeout, move |event: LambdaEvent<Json>| {
        let (sandboxes, feeder) = (Arc::clone(&sandboxes), feeder.clone());
        async move {
            match feeder {
                Some(feeder) => feeder.invoke(event.payload, event.context).await,
                None => sandboxes.run(event.payload, event.context).await,
            }
        }
    })
}

fn settings(wiring: &Wiring) -> Settings {
    let lambdas = wiring.functions.iter().flat_map(|function| keys(&function.handler)).map(|key| {
        let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/campaign/{key}");
        (key, arn)
    });
    let backend = (BACKEND.to_owned(), format!("arn:aws:iam::{ACCOUNT}:user/backend"));
    let credentials = lambdas.chain([backend]).map(|(access_key_id, arn)| Credentials {
        username: access_key_id.clone(),
        access_key_id,
        secret_access_key: SECRET.to_owned(),
        session_token: None,
        principal: Principal { arn, policy: None },
        identity_pool: None,
    });
    let expires = SystemTime::now() + Duration::from_hours(24);
    Settings {
        region: REGION.to_owned(),
        account_id: ACCOUNT.to_owned(),
        arn: wiring.api.arn.clone(),
        default_mode: wiring.api.default_mode,
        additional_modes: wiring.api.additional_modes.clone(),
        api_keys: vec![ApiKey { key: API_KEY.to_owned(), expires }],
        iam_credentials: credentials.collect(),
        tokens: None,
        resolvers: wiring.resolvers.clone(),
        introspection: false,
        query_depth_limit: wiring.api.query_depth_limit,
        resolver_count_limit: wiring.api.resolver_count_limit,
    }
}

impl Edges {
    async fn kill(&self, key: Option<&str>) {
        let Some(key) = key else { return };
        for sandboxes in self.sandboxes.get().into_iter().flatten() {
            sandboxes.kill(key).await;
        }
    }

    async fn serve_dynamodb(&self, tasks: &mut JoinSet<()>) -> SocketAddr {
        let edges = self.clone();
        edge::serve(tasks, move |asked| {
            let edges = edges.clone();
            async move { edges.dynamodb(asked).await }
        })
        .await
    }

    async fn dynamodb(&self, mut asked: Asked) -> Answer {
        let body: Value = serde_json::from_slice(&asked.body).ok()?;
        let (step, subject) = about(&asked, &body);
        let fault = self.weather.strikes(Edge::DynamoDb, &step, &subject);
        if let Some(instead) = self.plant.tampers(&step, &subject, &mut asked, &body) {
            return instead;
        }
        let key = signer(&asked);
        let forward = || self.database.ask(asked.clone());
        through(Edge::DynamoDb, fault, forward, || self.kill(key.as_deref())).await
    }

    async fn serve_appsync(&self, tasks: &mut JoinSet<()>, upstream: Upstream) -> SocketAddr {
        let edges = self.clone();
        edge::serve(tasks, move |asked| {
            let (edges, upstream) = (edges.clone(), upstream.clone());
            async move { edges.appsync(asked, &upstream).await }
        })
        .await
    }

    async fn appsync(&self, asked: Asked, upstream: &Upstream) -> Answer {
        const FIELDS: [&str; 4] = ["publishOrderFulfilled", "publishOrderChanged", "recordFulfilment", "placeOrder"];
        let body: Value = serde_json::from_slice(&asked.body).ok()?;
        let query = body["query"].as_str()?;
        let field = FIELDS.into_iter().find(|field| query.contains(field))?;
        let places = ["/variables/id", "/variables/input/orderId", "/variables/input/idempotencyKey"];
        let subject = places.iter().find_map(|place| body.pointer(place)?.as_str())?;
        let fault = self.weather.strikes(Edge::AppSync, field, subject);
        if let Some(instead) = self.plant.swallows(field, subject) {
            return instead;
        }
        let key = signer(&asked);
        let forward = || async {
            let answer = upstream.ask(asked.clone()).await;
            if field.starts_with("publish") && edge::is_ok(&answer) {
                self.plant.published(subject, &self.database).await;
            }
            answer
        };
        through(Edge::AppSync, fault, forward, || self.kill(key.as_deref())).await
    }

    async fn serve_warehouse(&self, tasks: &mut JoinSet<()>) -> SocketAddr {
        let edges = self.clone();
        edge::serve(tasks, move |asked| {
            let edges = edges.clone();
            async move { edges.warehouse(asked).await }
        })
        .await
    }

    async fn warehouse(&self, asked: Asked) -> Answer {
        let question: Value = serde_json::from_slice(&asked.body).ok()?;
        let order = question["orderId"].as_str()?;
        let mut key = asked.headers.get("idempotency-key")?.to_str().ok()?.to_owned();
        if self.plant.shows(Bug::AsksUnderNewKeys, order) {
            key = format!("{}{key}", self.warehouse.books().len());
        }
        let fault = self.weather.strikes(Edge::Warehouse, "ask", order);
        let forward = || async {
            let (status, body) = self.warehouse.answer(&key, &question);
            answer(status, body)
        };
        through(Edge::Warehouse, fault, forward, || self.kill(asked.path.strip_prefix('/'))).await
    }
}
