//! The chain of documents in `fixtures/`: each link is fed the file that the link before it is expected to write.
//!
//! By hand are only `1-request.json` and `5-warehouse.answer.json`. `UPDATE_FIXTURES=1 cargo test -p local --test
//! lambdas` writes all others anew. What differs from run to run (times, sequence numbers, ports) is replaced by
//! something fixed before it is compared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use lambda_runtime::LambdaEvent;
use local::appsync::{Api, ApiKey, Settings};
use local::event_source::{Backoff, EventSource};
use local::iam::{Credentials, Principal};
use local::lambda::{Function, Functions};
use local::machine::{ACCOUNT, REGION};
use resolvers::environment::Environment;
use resolvers::handlers::fulfil_orders::FulfilOrders;
use resolvers::handlers::order::ReadOrders;
use resolvers::handlers::place_order::PlaceOrder;
use resolvers::order::document;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::cloud::{Cloud, Heard, event, wiring};
use crate::sigv4::Signing;

const RECEIVED_AT: &str = "2026-01-31T12:00:00.000Z";
const CHANGED_AT: &str = "2026-01-31T12:00:01.000Z";
const API_KEY: &str = "da2-fixturefixturefixturefixtu";

#[tokio::test(flavor = "multi_thread")]
async fn every_link_writes_what_the_next_one_reads() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let mut orders: Vec<_> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    orders.retain(|path| path.is_dir());
    orders.sort();
    assert!(orders.len() >= 6, "only {} orders below {}", orders.len(), root.display());
    for order in orders {
        let chain = Chain { folder: order };
        chain.request_becomes_an_event().await;
        chain.place_order_stores_an_item().await;
        chain.the_item_becomes_a_stream_event().await;
        chain.fulfil_orders_asks_appends_and_publishes().await;
        chain.publishing_becomes_an_event().await;
        chain.order_answers().await;
        chain.nothing_else_is_there();
    }
}

/// The documents of one order.
struct Chain {
    folder: PathBuf,
}

impl Chain {
    /// 1 → 2: what a client sends to AppSync, and what AppSync hands to `place-order`.
    async fn request_becomes_an_event(&self) {
        let event = event_of("place-order", &self.read("1-request.json"), None).await;
        self.expect("2-place-order.event.json", &event);
    }

    /// 2 → 3: `place-order` stores the order exactly as it came.
    async fn place_order_stores_an_item(&self) {
        let cloud = Cloud::start(self.answer()).await;
        let function = PlaceOrder::new(&cloud.environment()).unwrap();
        let order = function.handle(event(&self.read("2-place-order.event.json"))).await.unwrap();
        let mut item = cloud.item("ORDERS_TABLE", &json!({ "id": { "S": order.id } }));
        item["receivedAt"]["S"] = json!(RECEIVED_AT);
        self.expect("3-order.item.json", &item.to_string());
    }

    /// 3 → 4: the item appears in the stream, and the event source hands it to `fulfil-orders`.
    async fn the_item_becomes_a_stream_event(&self) {
        let cloud = Cloud::start(self.answer()).await;
        cloud.put("ORDERS_TABLE", &self.read("3-order.item.json"));
        let (fed, mut events) = tokio::sync::mpsc::unbounded_channel();
        let wiring = wiring(&cloud.directory.path().join("given-up"));
        let functions = Functions::new([Function::new(
            &wiring.mappings[0].function_name,
            Duration::from_secs(5),
            move |event: LambdaEvent<Value>| {
                let sent = fed.send(event.payload);
                async move { sent.map(|()| json!({ "batchItemFailures": [] })).map_err(|error| error.to_string()) }
            },
        )]);
        let source = EventSource::start(&cloud.database, &functions, wiring.mappings, Backoff::default()).unwrap();
        let mut event = events.recv().await.unwrap();
        source.stop().await;
        let record = &mut event["Records"][0];
        record["eventID"] = json!("00000000000000000000000000000001");
        record["dynamodb"]["SequenceNumber"] = json!("000000000000000000001");
        record["dynamodb"]["ApproximateCreationDateTime"] = json!(1_769_860_800);
        self.expect("4-stream.event.json", &event.to_string());
    }

    /// 4 → 5, 6, 7: `fulfil-orders` asks the warehouse, appends what it answered and publishes.
    async fn fulfil_orders_asks_appends_and_publishes(&self) {
        let cloud = Cloud::start(self.answer()).await;
        let function = FulfilOrders::new(&cloud.environment()).unwrap();
        let response = function.handle(event(&self.read("4-stream.event.json"))).await.unwrap();
        assert!(response.batch_item_failures.is_empty(), "{response:?}");
        let order = self.item();
        let changes = cloud.changes(order["id"]["S"].as_str().unwrap());
        let [change] = changes.as_slice() else { panic!("{changes:?}") };
        let mut change = change.clone();
        change["at"]["S"] = json!(CHANGED_AT);
        let asked = cloud.heard(Heard::Warehouse);
        if self.answer().is_some() {
            let [question] = asked.as_slice() else { panic!("the warehouse was asked {} times", asked.len()) };
            self.expect("5-warehouse.request.json", question);
        } else {
            assert!(asked.is_empty());
        }
        self.expect("6-change.item.json", &change.to_string());
        let published = cloud.heard(Heard::AppSync);
        let [published] = published.as_slice() else { panic!("{published:?}") };
        self.expect("7-publish.request.json", published);
    }

    /// 7 → 8: what AppSync hands to `order` when `fulfil-orders` publishes.
    async fn publishing_becomes_an_event(&self) {
        let event = event_of("order", &self.read("7-publish.request.json"), Some(role())).await;
        self.expect("8-publish.event.json", &event);
    }

    /// 3, 6, 8 → 9, 10: `order` answers the publish mutation, which is what AppSync broadcasts, and a reader's query.
    async fn order_answers(&self) {
        let cloud = Cloud::start(self.answer()).await;
        cloud.put("ORDERS_TABLE", &self.read("3-order.item.json"));
        cloud.put("CHANGES_TABLE", &self.read("6-change.item.json"));
        let function = ReadOrders::new(&cloud.environment()).unwrap();
        let broadcast = function.handle(event(&self.read("8-publish.event.json"))).await.unwrap();
        self.expect("9-broadcast.json", &serde_json::to_string(&broadcast).unwrap());
        let query = json!({
            "query": "query Read($id: ID!) { order(id: $id) { id status document } }",
            "variables": { "id": self.item()["id"]["S"] },
        });
        let read = event_of("order", &query.to_string(), None).await;
        let order = function.handle(event(&read)).await.unwrap();
        self.expect("10-order.json", &serde_json::to_string(&order).unwrap());
    }

    fn nothing_else_is_there(&self) {
        let mut names: Vec<_> =
            std::fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        let expected = if self.answer().is_some() { 11 } else { 9 };
        assert_eq!(names.len(), expected, "{} holds {names:?}", self.folder.display());
    }

    fn read(&self, name: &str) -> String {
        let path = self.folder.join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn item(&self) -> Value {
        serde_json::from_str(&self.read("3-order.item.json")).unwrap()
    }

    fn answer(&self) -> Option<Value> {
        let answer = self.folder.join("5-warehouse.answer.json").exists();
        answer.then(|| serde_json::from_str(&self.read("5-warehouse.answer.json")).unwrap())
    }

    /// Compares what a link wrote with the file that the next one is fed, or writes that file.
    fn expect(&self, name: &str, actual: &str) {
        let path = self.folder.join(name);
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(&path, pretty(actual)).unwrap();
        }
        let expected = self.read(name);
        assert!(
            document::same(&expected, actual),
            "{} is not what was written:\n{}\nIf that is right: UPDATE_FIXTURES=1 cargo test -p local --test lambdas",
            path.display(),
            pretty(actual)
        );
    }
}

fn role() -> Credentials {
    Credentials {
        access_key_id: "ASIAFIXTURE".to_owned(),
        secret_access_key: "fixture".to_owned(),
        session_token: None,
        principal: Principal {
            arn: "arn:aws:sts::000000000000:assumed-role/fulfil-orders/fulfil-orders".to_owned(),
            policy: None,
        },
        username: "AROAFIXTURE:fulfil-orders".to_owned(),
        identity_pool: None,
    }
}

/// The event that AppSync makes of a GraphQL request for the function that answers it. Signed if a role sends it, with
/// the API key if not.
async fn event_of(handler: &str, body: &str, role: Option<Credentials>) -> String {
    let wiring = wiring(Path::new("given-up"));
    let function = wiring.functions.iter().find(|function| function.handler == handler).unwrap();
    let (fed, mut events) = tokio::sync::mpsc::unbounded_channel();
    let functions = Functions::new([Function::new(
        &function.name,
        Duration::from_secs(5),
        move |event: LambdaEvent<Box<RawValue>>| {
            let sent = fed.send(event.payload.get().to_owned());
            async move { sent.map(|()| Value::Null).map_err(|error| error.to_string()) }
        },
    )]);
    let settings = Settings {
        region: REGION.to_owned(),
        account_id: ACCOUNT.to_owned(),
        arn: wiring.api.arn,
        default_mode: wiring.api.default_mode,
        additional_modes: wiring.api.additional_modes,
        api_keys: vec![ApiKey { key: API_KEY.to_owned(), expires: SystemTime::now() + Duration::from_hours(1) }],
        iam_credentials: role.iter().cloned().collect(),
        tokens: None,
        resolvers: wiring.resolvers,
        introspection: wiring.api.introspection,
        query_depth_limit: wiring.api.query_depth_limit,
        resolver_count_limit: wiring.api.resolver_count_limit,
    };
    let api = Api::load(include_str!("../../schema.graphql"), settings, functions).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/graphql", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let service = api.router().into_make_service_with_connect_info::<std::net::SocketAddr>();
        axum::serve(listener, service).await
    });
    let mut request =
        http::Request::post(&url).header("content-type", "application/json").body(body.to_owned()).unwrap();
    if let Some(role) = role {
        request = signed(request, &role);
    } else {
        request.headers_mut().insert("x-api-key", API_KEY.parse().unwrap());
    }
    let client = resolvers::http::HttpClient::new(&Environment::default()).unwrap();
    let answer = client.send(&request, Duration::from_secs(5), 1_000_000).await.unwrap();
    let answer = String::from_utf8(answer.body).unwrap();
    // The stand-in for the function answered `null`, which every field here may be.
    assert!(!answer.contains("errors"), "{answer}");
    without_what_varies(&events.recv().await.unwrap())
}

fn signed(mut request: http::Request<String>, role: &Credentials) -> http::Request<String> {
    let Credentials { access_key_id, secret_access_key, session_token, .. } = role.clone();
    let signing = Signing {
        method: "POST",
        url: &request.uri().to_string(),
        given: &[],
        body: request.body().as_bytes(),
        region: REGION,
        service: "appsync",
        at: SystemTime::now(),
        credentials: aws_credential_types::Credentials::new(
            access_key_id,
            secret_access_key,
            session_token,
            None,
            "fixture",
        ),
    };
    let headers = signing.headers();
    request.headers_mut().extend(headers);
    request
}

/// The event with only those request headers that are the same in every run. Arguments stay the text that they are.
fn without_what_varies(event: &str) -> String {
    let mut members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(event).unwrap();
    let mut request: Value = serde_json::from_str(members["request"].get()).unwrap();
    let headers = request["headers"].as_object_mut().unwrap();
    headers.retain(|name, _| ["content-type", "x-api-key"].contains(&name.as_str()));
    members.insert("request".to_owned(), RawValue::from_string(request.to_string()).unwrap());
    serde_json::to_string(&members).unwrap()
}

/// The same JSON, laid out for a reader; strings and numbers keep their text.
fn pretty(json: &str) -> String {
    let (mut text, mut depth, mut in_string, mut escaped) = (String::new(), 0, false, false);
    let mut characters = json.chars().filter(|character| *character != '\n').peekable();
    let line = |depth: usize| format!("\n{}", "  ".repeat(depth));
    while let Some(character) = characters.next() {
        if in_string {
            in_string = character != '"' || escaped;
            escaped = character == '\\' && !escaped;
            text.push(character);
            continue;
        }
        match character {
            ' ' => {}
            '{' | '[' => {
                while characters.next_if_eq(&' ').is_some() {}
                text.push(character);
                if let Some(close) = characters.next_if(|next| ['}', ']'].contains(next)) {
                    text.push(close);
                } else {
                    depth += 1;
                    text.push_str(&line(depth));
                }
            }
            '}' | ']' => {
                depth -= 1;
                text.push_str(&line(depth));
                text.push(character);
            }
            ',' => {
                text.push(',');
                text.push_str(&line(depth));
            }
            ':' => text.push_str(": "),
            other => {
                in_string = other == '"';
                text.push(other);
            }
        }
    }
    text + "\n"
}
