//! Somebody changes the cloud's description: what runs here is what the template says, and what is missing in it is
//! missed by somebody.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use apollo_compiler::ast::{Definition, Document};
use serde_json::{Value, json};

use crate::support::{
    FAST, Home, PATIENCE, PAUSE, Proxy, Reply, Server, Warehouse, apples_and_a_pear, command, id, list,
};

const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/templates/dev.json");
const SCHEMA: &str = include_str!("../../schema.graphql");

/// The committed template.
pub(super) fn template() -> Value {
    serde_json::from_slice(&fs::read(TEMPLATE).expect("the committed template")).expect("a template")
}

fn properties<'t>(template: &'t mut Value, id: &str) -> &'t mut Value {
    &mut template["Resources"][id]["Properties"]
}

fn remove(properties: &mut Value, name: &str) {
    properties.as_object_mut().and_then(|properties| properties.remove(name)).expect("something to remove");
}

/// The fields that have a resolver, as `Type.field`, and the logical id of each one's resolver.
fn resolvers(template: &Value) -> Vec<(String, String)> {
    let resources = template["Resources"].as_object().expect("resources");
    let resolvers = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::AppSync::Resolver");
    let field = |resource: &Value| {
        let name = |property: &str| crate::support::text(&resource["Properties"][property]);
        format!("{}.{}", name("TypeName"), name("FieldName"))
    };
    resolvers.map(|(id, resource)| (field(resource), id.clone())).collect()
}

/// A home with this template in it, and the options that have a server run on it.
pub(super) fn home_with(template: &Value) -> (Arc<Home>, Vec<String>) {
    let home = Home::new();
    let file = home.path("template.json");
    fs::write(&file, template.to_string()).expect("a template");
    (home, vec!["--template".to_owned(), text(&file)])
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path that is text").to_owned()
}

pub(super) async fn start(home: &Arc<Home>, options: &[String], more: &[&str]) -> Server {
    let options: Vec<_> = options.iter().map(String::as_str).chain(more.iter().copied()).collect();
    Server::at(home, &options).await
}

/// A server on this template.
async fn server_on(template: &Value, more: &[&str]) -> Server {
    let (home, options) = home_with(template);
    start(&home, &options, more).await
}

/// What it says when it does not start.
pub(super) async fn refusal(home: &Arc<Home>, options: &[String]) -> String {
    let mut words = vec!["--port", "0", "--data-dir", home.data_dir()];
    words.extend(options.iter().map(String::as_str));
    let before = home.log().len();
    let mut child = command(home, &words).spawn().expect("the program starts");
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().expect("the program's status").is_none() {
        if Instant::now() > deadline {
            let _ = child.kill();
            panic!("it runs: {}", home.log());
        }
        tokio::time::sleep(PAUSE).await;
    }
    assert!(!child.wait().expect("its end").success());
    let log = &home.log()[before..];
    log.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("no error: {log}")).to_owned()
}

/// The lines of the log that tell of the template.
fn told(server: &Server) -> Vec<String> {
    let log = server.home.log();
    log.lines().filter(|line| line.contains("template: ")).map(str::to_owned).collect()
}

#[test]
fn each_field_that_can_be_asked_for_has_a_resolver() {
    let schema = Document::parse(SCHEMA, "schema.graphql").expect("a schema");
    let resolved = resolvers(&template());
    let mut fields = 0;
    for definition in &schema.definitions {
        let Definition::ObjectTypeDefinition(object) = definition else { continue };
        if ["Query", "Mutation", "Subscription"].contains(&object.name.as_str()) {
            for field in &object.fields {
                let field = format!("{}.{}", object.name, field.name);
                assert!(
                    resolved.iter().any(|(other, _)| *other == field),
                    "{field} has no resolver: AppSync answers null, and lets anybody subscribe"
                );
                fields += 1;
            }
        }
    }
    assert_eq!(fields, resolved.len());
}

#[tokio::test]
async fn an_unchanged_template_is_run_without_a_warning() {
    let server = server_on(&template(), &[]).await;
    assert_eq!(told(&server), [""; 0]);
}

#[tokio::test]
async fn a_field_without_a_resolver_is_null() {
    let mut template = template();
    let resolvers = resolvers(&template);
    let (_, resolver) = resolvers.iter().find(|(field, _)| field == "Query.order").expect("a resolver");
    remove(&mut template["Resources"], resolver);
    let server = server_on(&template, &[]).await;
    let order = server.guest().place(apples_and_a_pear()).await;
    let answer = server.guest().run("query($id: ID!) { order(id: $id) { id } }", json!({ "id": id(&order) })).await;
    assert_eq!(answer.value("order"), Value::Null);
    let told = told(&server);
    assert!(told.len() == 1 && told[0].contains("Query.order has no resolver, and is always null"), "{told:?}");
}

#[tokio::test]
async fn the_stream_feeds_orders_to_whoever_fulfils_them() {
    let server = server_on(&template(), &[]).await;
    let order = server.guest().place_for_id(apples_and_a_pear()).await;
    server.until_fulfilled(&order).await;

    let mut template = template();
    properties(&mut template, "OrdersStream")["Enabled"] = json!(false);
    let server = server_on(&template, &[]).await;
    let order = server.guest().place_for_id(apples_and_a_pear()).await;
    // Far longer than the stream takes otherwise.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.guest().order(&order).await["status"], "RECEIVED");
}

#[tokio::test]
async fn a_stream_that_is_read_must_be_there() {
    let mut template = template();
    remove(properties(&mut template, "OrdersTable"), "StreamSpecification");
    let (home, options) = home_with(&template);
    let error = refusal(&home, &options).await;
    let place = "Resources.OrdersStream.Properties.EventSourceArn: the table `OrdersTable` has no stream";
    assert!(error.contains(&options[1]) && error.contains(place), "{error}");
}

/// The tables go away while the warehouse is asked, so that an order can be neither fulfilled nor put off: nothing is
/// left of it but the stream's record. Waits a while and tells how often the warehouse was asked for it.
async fn asked_for_an_order_that_cannot_be_put_off(template: &Value, wait_for: usize) -> usize {
    let (warehouse, proxy) = (Warehouse::that_says(Reply::Silence).await, Proxy::start().await);
    let dynamodb = proxy.instead_of_dynamodb();
    // The schedule, which would ask too, comes after ten minutes; the stream tries again after a second.
    let slow = ["--retry-minute-ms", "600000"];
    let options = ["--warehouse-url", &warehouse.url, "--env", &dynamodb, slow[0], slow[1]];
    let server = server_on(template, &options).await;
    proxy.lead_to_dynamodb_of(&server);
    let order = server.guest().place_for_id(apples_and_a_pear()).await;
    let asked = async || (!warehouse.asked_about(&order).is_empty()).then_some(());
    server.until("the warehouse is asked", asked).await;
    proxy.cut();
    warehouse.changes_its_mind(|_| Reply::text(500, ""));
    server.until_a_record_failed().await;
    proxy.mend();
    let patience = Instant::now() + Duration::from_secs(20);
    while warehouse.asked_about(&order).len() < wait_for && Instant::now() < patience {
        tokio::time::sleep(PAUSE).await;
    }
    warehouse.asked_about(&order).len()
}

#[tokio::test]
async fn a_record_that_is_reported_as_failed_comes_again() {
    let asked = asked_for_an_order_that_cannot_be_put_off(&template(), 2).await;
    assert!(asked > 1, "the order is lost: without ReportBatchItemFailures a failed record counts as done");
}

#[tokio::test]
async fn without_report_batch_item_failures_a_failed_record_counts_as_done() {
    let mut template = template();
    remove(properties(&mut template, "OrdersStream"), "FunctionResponseTypes");
    assert_eq!(asked_for_an_order_that_cannot_be_put_off(&template, 2).await, 1);
}

#[tokio::test]
async fn a_field_is_added_with_a_schema_and_a_template() {
    let at = "  placeOrder(";
    let field = "  sendOrder(input: PlaceOrderInput!): Order @aws_api_key\n";
    let schema = SCHEMA.replacen(at, &format!("{field}{at}"), 1);
    assert_ne!(schema, SCHEMA);
    let mut template = template();
    let resolvers = resolvers(&template);
    let (_, like) = resolvers.iter().find(|(field, _)| field == "Mutation.placeOrder").expect("a resolver");
    let mut resolver = template["Resources"][like].clone();
    resolver["Properties"]["FieldName"] = json!("sendOrder");
    template["Resources"]["SendOrder"] = resolver;
    let (home, mut options) = home_with(&template);
    let file = home.path("schema.graphql");
    fs::write(&file, &schema).expect("a schema");
    options.extend(["--schema".to_owned(), text(&file)]);

    let server = start(&home, &options, &[]).await;
    let query = "mutation($input: PlaceOrderInput!) { sendOrder(input: $input) { id } }";
    let answer = server.guest().run(query, json!({ "input": apples_and_a_pear() })).await;
    server.until_fulfilled(&id(&answer.value("sendOrder"))).await;
    // The template still holds the schema as it was.
    let told = told(&server);
    assert!(told.len() == 1 && told[0].contains("written with another schema"), "{told:?}");
}

#[tokio::test]
async fn a_function_without_a_handler_is_named_with_where_to_add_it() {
    let mut template = template();
    properties(&mut template, "Order")["Handler"] = json!("my-orders");
    let (home, options) = home_with(&template);
    let error = refusal(&home, &options).await;
    for word in ["Order", "my-orders", "local/src/handlers.rs", "HANDLERS"] {
        assert!(error.contains(word), "{word} in: {error}");
    }
    // One that nobody invokes may as well not run.
    let mut template = self::template();
    let mut other = template["Resources"]["Order"].clone();
    other["Properties"]["Handler"] = json!("index.handler");
    template["Resources"]["Other"] = other;
    let (home, options) = home_with(&template);
    let server = Server::start_exactly(&home, command(&home, &["--port", "0", "--memory"]).args(&options)).await;
    let told = told(&server);
    assert!(told.len() == 1 && told[0].contains("Resources.Other has no handler here"), "{told:?}");
}

#[tokio::test]
async fn what_has_no_effect_here_is_named_at_the_start() {
    let mut template = template();
    template["Resources"]["Outbox"] = json!({ "Type": "AWS::SQS::Queue" });
    let server = server_on(&template, &[]).await;
    let told = told(&server);
    assert!(told.len() == 1 && told[0].contains("WARN"), "{told:?}");
    assert!(
        told[0].contains("Resources.Outbox: resources of the type AWS::SQS::Queue have no effect here"),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_warehouse_in_the_template_is_never_asked_from_here() {
    let warehouse = Warehouse::that_ships().await;
    let mut template = template();
    let variables = &mut properties(&mut template, "FulfilOrders")["Environment"]["Variables"];
    variables["WAREHOUSE_URL"] = json!(warehouse.url);
    variables["WAREHOUSE_SECRET"] = json!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:warehouse");
    let server = server_on(&template, &[]).await;
    let order = server.guest().place_for_id(apples_and_a_pear()).await;
    server.until_fulfilled(&order).await;
    assert!(warehouse.asked_about(&order).is_empty());
    let told = told(&server);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("WAREHOUSE_URL is left out") && told[0].contains("--warehouse-url"), "{told:?}");
    drop(server);

    let server = server_on(&template, &["--warehouse-url", &warehouse.url, FAST[0], FAST[1]]).await;
    let order = server.guest().place_for_id(apples_and_a_pear()).await;
    server.until_fulfilled(&order).await;
    assert_eq!(warehouse.asked_about(&order).len(), 1);
}

#[tokio::test]
async fn a_table_that_the_template_changes_is_told_from_the_one_that_is_there() {
    let mut template = template();
    let (home, options) = home_with(&template);
    drop(start(&home, &options, &[]).await);
    properties(&mut template, "OrdersTable")["GlobalSecondaryIndexes"][0]["IndexName"] = json!("byBuyer");
    fs::write(&options[1], template.to_string()).expect("a template");
    let error = refusal(&home, &options).await;
    for word in ["orders-local-OrdersTable", "byBuyer", home.data_dir()] {
        assert!(error.contains(word), "{word} in: {error}");
    }
    // Under another name it is another table.
    properties(&mut template, "OrdersTable")["TableName"] = json!("all-the-orders");
    fs::write(&options[1], template.to_string()).expect("a template");
    let server = start(&home, &options, &[]).await;
    assert!(server.home.log().contains("the data directory has a table orders-local-OrdersTable"));
    let tables = server.dynamodb().run("ListTables", &json!({})).await;
    assert!(list(&tables["TableNames"]).contains(&json!("all-the-orders")), "{tables}");
}

#[tokio::test]
async fn a_template_that_cannot_be_run_is_named_with_what_is_wrong() {
    let home = Home::new();
    let file = home.path("broken.json");
    let options = ["--template".to_owned(), text(&file)];
    assert!(refusal(&home, &options).await.contains(&options[1]));
    for (broken, word) in [
        ("", "it is not JSON"),
        ("hello", "it is not JSON"),
        ("{}", "missing field `Resources`"),
        (r#"{"Resources":{}}"#, "there is no AWS::AppSync::GraphQLApi"),
    ] {
        fs::write(&file, broken).expect("a file");
        let error = refusal(&home, &options).await;
        assert!(error.contains(&options[1]) && error.contains(word), "{word} in: {error}");
    }
}

#[tokio::test]
async fn the_ready_file_tells_what_the_tables_and_the_user_pool_are_called() {
    let server = server_on(&template(), &[]).await;
    let ready: Value =
        serde_json::from_slice(&fs::read(server.home.path("ready.json")).expect("a ready file")).expect("JSON");
    let tables = server.dynamodb().run("ListTables", &json!({})).await;
    let mut named = ["attentionTable", "changesTable", "ordersTable"].map(|name| ready[name].clone()).to_vec();
    named.sort_by_key(ToString::to_string);
    assert_eq!(tables["TableNames"], Value::Array(named));
    assert_eq!(ready["userPoolId"], "us-east-1_local");
    assert_eq!(ready["userPoolClientId"], "localclient000000000000000");
}
