//! Somebody runs the program: it says what it does, what is wrong, and where it is; it ends when told to, and keeps
//! what it was given.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{
    FAST, Home, PATIENCE, PAUSE, Reply, Server, Warehouse, apples_and_a_pear, command, id, list, log_tail, text,
};

/// How a command ended that was not to run for long.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

async fn end_of(home: &Arc<Home>, options: &[&str]) -> Ended {
    let mut child = command(home, options).spawn().expect("the program starts");
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the program's status") {
            break status;
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            panic!("{options:?} still runs after {PATIENCE:?}:\n{}", log_tail(&home.log()));
        }
        tokio::time::sleep(PAUSE).await;
    };
    Ended { code: status.code(), stdout: home.banner(), stderr: home.log() }
}

/// It does not start, and says why in one sentence that has these words.
pub(crate) async fn refuses_to_start(home: &Arc<Home>, options: &[&str], words: &[&str]) {
    let before = home.log().len();
    let Ended { code, stderr, .. } = end_of(home, options).await;
    let stderr = &stderr[before..];
    assert!(code.is_some_and(|code| code != 0), "{options:?} ended with {code:?}: {stderr}");
    let errors: Vec<_> = stderr.lines().filter(|line| line.to_lowercase().contains("error")).collect();
    let [error] = errors[..] else { panic!("one error after {options:?}: {stderr}") };
    assert!(error.starts_with("error: "), "{error}");
    assert!(words.iter().all(|word| error.contains(word)), "{words:?} in: {error}");
    for unclear in ["panicked", "backtrace", "Os {", "Some(", "Err(", "unwrap", ".rs:"] {
        assert!(!stderr.contains(unclear), "{unclear} in: {stderr}");
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

#[tokio::test]
async fn help_tells_of_every_option() {
    let Ended { code, stdout, .. } = end_of(&Home::new(), &["--help"]).await;
    assert_eq!(code, Some(0));
    for option in [
        "--port",
        "--dynamodb-port",
        "--tls",
        "--tls-port",
        "--tls-cert",
        "--tls-key",
        "--data-dir",
        "--memory",
        "--ready-file",
        "--warehouse-url",
        "--warehouse-authorization",
        "--env",
        "--bootstraps",
        "--retry-minute-ms",
        "--schema",
        "--template",
    ] {
        assert!(stdout.contains(option), "{option} in:\n{stdout}");
    }
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused() {
    for (options, word) in [
        (&["--frobnicate"][..], "--frobnicate"),
        (&["serve"], "serve"),
        (&["--port", "65536"], "--port"),
        (&["--port", "http"], "--port"),
        (&["--warehouse-authorization", "Bearer x"], "required"),
        (&["--env", "APPSYNC_URL"], "NAME=VALUE"),
        (&["--env", "=x"], "NAME=VALUE"),
        (&["--retry-minute-ms", "soon"], "--retry-minute-ms"),
        (&["--retry-minute-ms", "0"], "--retry-minute-ms"),
        (&["--memory", "--data-dir", "x"], "--memory"),
        (&["--tls-port", "0"], "required arguments"),
        (&["--tls-cert", "x", "--tls-key", "x"], "required arguments"),
        (&["--tls", "--tls-cert", "x"], "required arguments"),
        (&["--tls", "--tls-key", "x"], "required arguments"),
        (&["--port", "0", "--memory", "--ready-file", "no/such/directory/ready.json"], "no/such/directory"),
    ] {
        refuses_to_start(&Home::new(), options, &[word]).await;
    }
}

#[tokio::test]
async fn a_port_in_use_is_named_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("its address").port().to_string();
    let graphql = ["--memory", "--port", &port, "--dynamodb-port", "0"];
    refuses_to_start(&Home::new(), &graphql, &[&port, "--port"]).await;
    let dynamodb = ["--memory", "--port", "0", "--dynamodb-port", &port];
    refuses_to_start(&Home::new(), &dynamodb, &[&port, "--dynamodb-port"]).await;
    let tls = ["--memory", "--port", "0", "--tls", "--tls-port", &port];
    refuses_to_start(&Home::new(), &tls, &[&port, "--tls-port"]).await;
}

#[tokio::test]
async fn a_certificate_or_a_key_that_cannot_be_used_is_named() {
    let home = Home::new();
    let files = ["good.pem", "good.key", "other.pem", "other.key", "garbage", "damaged", "missing"];
    let [good, key, other, other_key, garbage, damaged, missing] = files.map(|name| home.path(name));
    for (certificate, key) in [(&good, &key), (&other, &other_key)] {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        fs::write(certificate, own.cert.pem()).expect("a file");
        fs::write(key, own.signing_key.serialize_pem()).expect("a file");
    }
    fs::write(&garbage, b"\xff\x00 hello").expect("a file");
    let pem = |kind| format!("-----BEGIN {kind}-----\naGVsbG8=\n-----END {kind}-----\n");
    fs::write(&damaged, ["CERTIFICATE", "PRIVATE KEY"].map(pem).concat()).expect("a file");
    let directory = home.path("");
    for (certificate, key, named) in [
        (&missing, &key, &missing),
        (&garbage, &key, &garbage),
        (&key, &key, &key),
        (&damaged, &key, &damaged),
        (&directory, &key, &directory),
        (&good, &missing, &missing),
        (&good, &garbage, &garbage),
        (&good, &good, &good),
        (&good, &damaged, &damaged),
        (&good, &other_key, &other_key),
    ] {
        let options = ["--memory", "--port", "0", "--tls", "--tls-cert", path(certificate), "--tls-key", path(key)];
        refuses_to_start(&home, &options, &[path(named)]).await;
    }
}

#[tokio::test]
async fn an_authority_that_cannot_be_used_is_named_with_what_to_do() {
    let home = Home::new();
    Server::at(&home, &["--tls"]).await.kill();
    let key = Path::new(home.data_dir()).join("authority.key");
    fs::write(&key, "hello").expect("a damaged key");
    let options = ["--port", "0", "--tls", "--data-dir", home.data_dir()];
    refuses_to_start(&home, &options, &[path(&key), "authority.pem", "delete"]).await;
    fs::remove_file(&key).expect("a file");
    fs::remove_file(key.with_extension("pem")).expect("a file");
    Server::at(&home, &["--tls"]).await;
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_used_is_named() {
    let home = Home::new();
    fs::write(home.path("file"), "hello").expect("a file");
    for unusable in [home.path("file"), home.path("file").join("data"), "/proc/data".into()] {
        refuses_to_start(&home, &["--port", "0", "--data-dir", path(&unusable)], &[path(&unusable)]).await;
    }
    assert_eq!(fs::read_to_string(home.path("file")).expect("the file"), "hello");
}

#[tokio::test]
async fn a_data_directory_serves_one_at_a_time() {
    let home = Home::new();
    let server = Server::at(&home, &[]).await;
    let options = ["--port", "0", "--data-dir", home.data_dir()];
    let second = Home::new();
    refuses_to_start(&second, &options, &[home.data_dir()]).await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    server.until_fulfilled(&order_id).await;
    server.kill();
    // A crash leaves nothing behind that would have to be cleared away.
    let server = Server::at(&home, &[]).await;
    assert_eq!(id(&server.guest().order(&order_id).await), order_id);
}

#[tokio::test]
async fn a_damaged_data_directory_is_named_and_left_alone() {
    let home = Home::new();
    let mut server = Server::at(&home, &[]).await;
    server.guest().place(apples_and_a_pear()).await;
    server.interrupt();
    server.ended_within(PATIENCE).await;
    let mut damaged = 0;
    for entry in fs::read_dir(home.data_dir()).expect("a data directory") {
        let file = entry.expect("an entry").path();
        if fs::read(&file).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3")) {
            fs::write(&file, "this is no database".repeat(1000)).expect("a damaged file");
            damaged += 1;
        }
    }
    assert!(damaged > 0, "there is a database to damage");
    refuses_to_start(&home, &["--port", "0", "--data-dir", home.data_dir()], &[home.data_dir()]).await;
}

#[tokio::test]
async fn a_schema_that_cannot_be_served_is_named_with_what_is_wrong() {
    let home = Home::new();
    let schema = home.path("broken.graphql");
    let options = ["--memory", "--port", "0", "--schema", path(&schema)];
    refuses_to_start(&home, &options, &[path(&schema)]).await;
    for broken in
        ["", "hello", "type Query {", "type Query { order: Nonsense }", "type Query { hello: String }", "\u{0}"]
    {
        fs::write(&schema, broken).expect("a schema");
        refuses_to_start(&home, &options, &[path(&schema)]).await;
    }
    fs::write(&schema, b"\xff\xfe").expect("a schema");
    refuses_to_start(&home, &options, &[path(&schema)]).await;
}

#[tokio::test]
async fn the_ready_file_tells_how_to_reach_everything() {
    let server = Server::start().await;
    let addresses = &server.addresses;
    for (url, start, end) in [
        (addresses.graphql_url.as_str(), "http://127.0.0.1:", "/graphql"),
        (addresses.realtime_url.as_str(), "ws://127.0.0.1:", "/graphql/realtime"),
        (addresses.dynamodb_url().as_str(), "http://127.0.0.1:", ""),
        (addresses.issuer(), "http://127.0.0.1:", ""),
    ] {
        assert!(url.starts_with(start) && url.ends_with(end), "{url}");
    }
    assert!(addresses.api_key.starts_with("da2-") && addresses.api_key.len() == 30, "{}", addresses.api_key);
    assert!(addresses.access_key_id.starts_with("AKIA"), "{}", addresses.access_key_id);
    assert!(!addresses.region.is_empty() && !addresses.secret_access_key.is_empty());
}

#[tokio::test]
async fn numbers_for_cloudwatch_are_a_detail_of_the_log() {
    let home = Home::new();
    let options = ["--port", "0", "--memory", "--env", "METRICS_NAMESPACE=Orders/here", FAST[0], FAST[1]];
    let server = Server::run(&home, command(&home, &options).env("RUST_LOG", "debug")).await;
    let reported = async || home.log().contains("Orders/here").then_some(());
    server.until("the schedule has run", reported).await;
    let about_numbers: Vec<_> = home.log().lines().filter(|line| line.contains("_aws")).map(str::to_owned).collect();
    assert!(about_numbers.iter().all(|line| line.contains("DEBUG")), "{about_numbers:?}");
    assert!(!home.banner().contains("_aws"), "{}", home.banner());
}

#[tokio::test]
async fn the_command_that_is_printed_works_as_it_is_pasted() {
    let server = Server::start().await;
    let banner = server.home.banner();
    for told in [&server.addresses.graphql_url, &server.addresses.dynamodb_url(), &server.addresses.api_key] {
        assert!(banner.contains(told), "{told} in:\n{banner}");
    }
    assert!(!banner.contains(&server.addresses.secret_access_key), "no secret on a screen");
    let lines: Vec<_> = banner.lines().collect();
    let start = lines.iter().position(|line| line.trim_start().starts_with("curl ")).expect("a command to paste");
    let goes_on = lines[start..].iter().take_while(|line| line.ends_with('\\')).count();
    let pasted = lines[start..=start + goes_on].join("\n");

    let output = tokio::task::spawn_blocking(move || Command::new("sh").arg("-c").arg(pasted).output());
    let output = output.await.expect("a shell").expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("an answer in JSON");
    assert!(answer.get("errors").is_none(), "{answer}");
    let order = server.until_fulfilled(&id(&answer["data"]["placeOrder"])).await;
    assert_eq!(order["format"], "storefront");
}

#[tokio::test]
async fn ctrl_c_ends_it_at_once_whoever_is_connected() {
    let warehouse = Warehouse::that_says(Reply::Silence).await;
    let mut server = Server::with(&["--warehouse-url", &warehouse.url]).await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let asked = async || (!warehouse.asked_about(&order_id).is_empty()).then_some(());
    server.until("the warehouse is asked", asked).await;
    let address = server.addresses.graphql_url.trim_start_matches("http://").trim_end_matches("/graphql").to_owned();
    let mut sockets = Vec::new();
    for half in ["", "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{"] {
        let mut stream = TcpStream::connect(&address).await.expect("a connection");
        stream.write_all(half.as_bytes()).await.expect("the server listens");
        sockets.push(stream);
    }
    server.interrupt();
    // It takes far less than a second; a busy machine may need more. What waits for a socket would never end.
    let status = server.ended_within(Duration::from_secs(5)).await;
    assert_eq!(status.code(), Some(0), "{status}");
    drop(sockets);
}

#[tokio::test]
async fn data_and_credentials_survive_a_restart() {
    let home = Home::new();
    let mut server = Server::at(&home, &[]).await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let order = server.until_fulfilled(&order_id).await;
    let before = server.addresses.clone();
    server.interrupt();
    server.ended_within(PATIENCE).await;

    let server = Server::at(&home, &[]).await;
    assert_eq!(server.guest().order(&order_id).await, order);
    let after = &server.addresses;
    assert_eq!(after.api_key, before.api_key);
    assert_eq!((&after.access_key_id, &after.secret_access_key), (&before.access_key_id, &before.secret_access_key));
}

#[tokio::test]
async fn in_memory_everything_is_fresh_and_nothing_stays() {
    let home = Home::new();
    let run = async || Server::run(&home, &mut command(&home, &["--port", "0", "--memory"])).await;
    let server = run().await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    server.until_fulfilled(&order_id).await;
    drop(server);
    let server = run().await;
    assert_eq!(server.backend().order(&order_id).await, Value::Null);
    drop(server);
    let entries = fs::read_dir(home.path("")).expect("the home").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, ["banner", "log", "ready.json"]);
}

#[tokio::test]
async fn aws_tools_can_look_into_the_tables() {
    let server = Server::start().await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let dynamodb = server.dynamodb();
    assert_eq!(list(&dynamodb.run("ListTables", &json!({})).await["TableNames"]).len(), 3);
    let table = dynamodb.table_of_orders().await;
    let description = dynamodb.run("DescribeTable", &json!({ "TableName": table })).await;
    let stream = &description["Table"]["StreamSpecification"];
    assert_eq!(*stream, json!({ "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" }));
    let item = dynamodb.run("GetItem", &json!({ "TableName": table, "Key": { "id": { "S": order_id } } })).await;
    let item = &item["Item"];
    assert_eq!((&item["placedBy"]["S"], &item["id"]["S"]), (&json!("guest"), &json!(order_id)));
    let document: Value = serde_json::from_str(&text(&item["document"]["S"])).expect("JSON");
    assert_eq!(document, apples_and_a_pear()["order"]);
}
