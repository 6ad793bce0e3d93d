//! Real processes, of a function that does as it is told: `tests/doubles/bootstrap.py`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};

use super::*;
use crate::lambda::{Functions, PAYLOAD_LIMIT};
use crate::testing::{Directory, eventually};

/// Enough for Python to start on a busy machine.
const PLENTY: Duration = Duration::from_secs(20);

struct World {
    directory: Directory,
    functions: Functions,
}

impl World {
    fn with(timeout: Duration, limits: Limits) -> Self {
        let directory = Directory::new();
        let folder = directory.path().join("told");
        fs::create_dir(&folder).unwrap();
        let double = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/doubles/bootstrap.py");
        symlink(double, folder.join("bootstrap")).unwrap();
        let function = Bootstraps::open(directory.path()).unwrap().with_limits(settings(timeout), limits).unwrap();
        Self { functions: Functions::new([function]), directory }
    }

    fn new() -> Self {
        Self::with(PLENTY, Limits::default())
    }

    fn folder(&self) -> PathBuf {
        self.directory.path().join("told")
    }

    /// What a new process does before it asks for an event.
    fn starts(&self, how: &str) {
        fs::write(self.folder().join("start"), how).unwrap();
    }

    async fn bytes(&self, what: &str) -> Result<Vec<u8>, (String, String)> {
        let event = json!({ "do": what }).to_string().into_bytes();
        let answer = self.functions.invoke("function", event).await;
        answer.map_err(|error| (error.error_type, error.error_message))
    }

    async fn does(&self, what: &str) -> Value {
        serde_json::from_slice(&self.bytes(what).await.unwrap()).unwrap()
    }

    /// Type and message of the error, without the request's id.
    async fn fails(&self, what: &str) -> (String, String) {
        let (kind, message) = self.bytes(what).await.unwrap_err();
        let Some(rest) = message.strip_prefix("RequestId: ") else { return (kind, message) };
        let (request_id, message) = rest.split_once(' ').unwrap();
        request_id.parse::<uuid::Uuid>().unwrap();
        (kind, message.to_owned())
    }

    /// The process that answers.
    async fn process(&self) -> String {
        self.does("").await["id"].as_str().unwrap().to_owned()
    }
}

fn settings(timeout: Duration) -> Settings {
    Settings {
        name: "function".to_owned(),
        handler: "told".to_owned(),
        arn: "arn:aws:lambda:eu-west-1:000000000000:function:function".to_owned(),
        memory_size: 256,
        timeout,
        reserved_concurrency: None,
        environment: [("AWS_REGION", "eu-west-1"), ("TABLE", "orders"), ("TZ", "UTC"), ("_HANDLER", "mine")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    }
}

fn is_there(process: &str) -> bool {
    let output = std::process::Command::new("ps").args(["-o", "stat=", "-p", process]).output().unwrap();
    let state = String::from_utf8(output.stdout).unwrap();
    !state.is_empty() && !state.starts_with('Z')
}

fn error(kind: &str, message: &str) -> (String, String) {
    (kind.to_owned(), message.to_owned())
}

#[tokio::test]
async fn one_process_works_on_one_event_after_the_other_and_finds_what_aws_documents() {
    let world = World::new();
    let told = world.does("tell").await;
    assert_eq!(world.process().await, world.process().await);

    let folder = world.folder().display().to_string();
    assert_eq!(told["directory"], folder);
    let mut environment = told["environment"].as_object().unwrap().clone();
    let api = environment.remove("AWS_LAMBDA_RUNTIME_API").unwrap();
    assert!(api.as_str().unwrap().starts_with("127.0.0.1:"), "{api}");
    let stream = environment.remove("AWS_LAMBDA_LOG_STREAM_NAME").unwrap();
    assert!(stream.as_str().unwrap().contains("/[$LATEST]"), "{stream}");
    let libraries = environment.remove("LD_LIBRARY_PATH").unwrap();
    assert!(libraries.as_str().unwrap().contains(&folder), "{libraries}");
    // Python sets this one itself where the locale is not there.
    environment.remove("LC_CTYPE");
    assert_eq!(
        Value::Object(environment),
        json!({
            "_HANDLER": "told", "LAMBDA_TASK_ROOT": folder, "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "AWS_LAMBDA_FUNCTION_NAME": "function", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/function",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1", "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000", "LANG": "en_US.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin", "TABLE": "orders", "TZ": "UTC",
        })
    );
    let headers = &told["headers"];
    let arn = "arn:aws:lambda:eu-west-1:000000000000:function:function";
    assert_eq!(headers["lambda-runtime-invoked-function-arn"], arn);
    headers["lambda-runtime-aws-request-id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap();
    let left = i128::from(crate::lambda::deadline(PLENTY))
        - headers["lambda-runtime-deadline-ms"].as_str().unwrap().parse::<i128>().unwrap();
    assert!((0..20_000).contains(&left), "the deadline is {left} ms before that of an invocation that begins now");
    assert!(headers["lambda-runtime-trace-id"].as_str().unwrap().starts_with("Root=1-"), "{headers}");
}

#[tokio::test]
async fn an_error_that_is_reported_is_the_functions_error_and_its_process_goes_on() {
    let world = World::new();
    let process = world.process().await;
    assert_eq!(world.fails("fail").await, error("Refused", "on purpose"));
    assert_eq!(world.fails("fail in a header").await, error("Mute", ""));
    let message = format!("Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes).");
    assert_eq!(world.fails("large").await, error("Function.ResponseSizeTooLarge", &message));
    assert_eq!(world.bytes("garbage").await.unwrap(), b"<html>\xff");
    assert_eq!(world.bytes("nothing").await.unwrap(), b"");
    assert_eq!(world.process().await, process);
}

#[tokio::test]
async fn calls_that_are_out_of_place_are_refused_and_change_nothing() {
    let world = World::new();
    let process = world.process().await;
    assert_eq!(
        world.does("out of place").await,
        json!([
            [403, "InvalidStateTransition"],
            [403, "InvalidStateTransition"],
            [400, "InvalidRequestID"],
            [400, "InvalidRequestID"]
        ])
    );
    assert_eq!(world.does("twice").await["id"], *process);
    assert_eq!(world.does("break off").await["id"], *process);
    assert_eq!(world.process().await, process);
}

#[tokio::test]
async fn a_process_that_ends_is_an_error_at_once_and_a_new_one_takes_its_place() {
    let world = World::new();
    for (how, message) in [
        ("exit 1", "Error: Runtime exited with error: exit status 1"),
        ("exit 101", "Error: Runtime exited with error: exit status 101"),
        ("exit 0", "Error: Runtime exited without providing a reason"),
        ("signal 9", "Error: Runtime exited with error: signal: killed"),
        ("signal 6", "Error: Runtime exited with error: signal: aborted"),
        ("signal 11", "Error: Runtime exited with error: signal: segmentation fault"),
    ] {
        let before = world.process().await;
        let start = Instant::now();
        assert_eq!(world.fails(how).await, error("Runtime.ExitError", message));
        assert!(start.elapsed() < PLENTY / 2, "{how} was noticed only after {:?}", start.elapsed());
        assert_ne!(world.process().await, before);
    }
}

#[tokio::test]
async fn a_process_that_ends_while_it_is_idle_costs_no_invocation() {
    let world = World::new();
    for _ in 0..3 {
        let process = world.does("answer and exit").await["id"].as_str().unwrap().to_owned();
        assert_ne!(world.process().await, process);
    }
}

#[tokio::test]
async fn what_takes_too_long_is_killed_with_all_that_it_has_started() {
    let world = World::with(Duration::from_millis(1500), Limits::default());
    let before = world.process().await;
    let start = Instant::now();
    let timed_out = error("Sandbox.Timedout", "Error: Task timed out after 1.50 seconds");
    assert_eq!(world.fails("spawn").await, timed_out);
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    let child = fs::read_to_string(world.folder().join("child")).unwrap();
    eventually("both are gone", || !is_there(&before) && !is_there(&child)).await;
    assert_ne!(world.process().await, before);
    // It has answered, but does not ask for the next event.
    let hanging = world.does("answer and hang").await["id"].as_str().unwrap().to_owned();
    assert_eq!(world.fails("").await, timed_out);
    eventually("it is gone", || !is_there(&hanging)).await;
    world.process().await;
}

#[tokio::test]
async fn a_process_that_does_not_start_is_an_error_every_time_until_one_does() {
    let world = World::with(PLENTY, Limits { start: PLENTY, ..Limits::default() });
    for (how, failure) in [
        ("exit 1", error("Runtime.ExitError", "Error: Runtime exited with error: exit status 1")),
        ("signal 9", error("Runtime.ExitError", "Error: Runtime exited with error: signal: killed")),
        ("fail", error("Runtime.NoConfig", "on purpose")),
    ] {
        world.starts(how);
        assert_eq!(world.fails("").await, failure, "{how}");
        assert_eq!(world.fails("").await, failure, "{how}");
    }
    world.starts("");
    world.process().await;
    fs::remove_file(world.folder().join("bootstrap")).unwrap();
    assert_eq!(world.fails("exit 1").await.0, "Runtime.ExitError");
    let (kind, message) = world.fails("").await;
    assert_eq!(kind, "Runtime.InvalidEntrypoint");
    assert!(message.starts_with("Error: fork/exec /"), "{message}");
}

#[tokio::test]
async fn a_process_that_takes_too_long_to_start_is_killed() {
    let world = World::with(PLENTY, Limits { start: Duration::from_millis(800), ..Limits::default() });
    world.starts("hang");
    let timed_out = error("Sandbox.Timedout", "Error: Task timed out after 0.80 seconds");
    assert_eq!(world.fails("").await, timed_out);
    let folder = world.folder().display().to_string();
    let left = || {
        let output = std::process::Command::new("ps").args(["-A", "-o", "args="]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().contains(&folder)
    };
    eventually("it is gone", || !left()).await;
}

#[tokio::test]
async fn under_load_there_are_more_processes_up_to_a_limit_and_the_rest_waits() {
    let world = World::with(PLENTY, Limits { processes: 3, ..Limits::default() });
    let answers = futures::future::join_all((0..12).map(|_| world.does("sleep"))).await;
    let mut processes: Vec<_> = answers.iter().map(|answer| answer["id"].as_str().unwrap()).collect();
    processes.sort_unstable();
    processes.dedup();
    assert_eq!(processes.len(), 3);
}

#[tokio::test]
async fn who_has_waited_too_long_for_a_process_is_throttled() {
    let limits = Limits { processes: 1, ..Limits::default() };
    let world = World::with(Duration::from_secs(2), limits);
    let (hangs, (), waits) =
        tokio::join!(world.fails("hang"), tokio::time::sleep(Duration::from_millis(100)), world.fails("hang"));
    let mut kinds = [hangs, waits].map(|(kind, _)| kind);
    kinds.sort();
    assert_eq!(kinds, ["Lambda:TooManyRequestsException", "Sandbox.Timedout"]);
}

#[tokio::test]
async fn idle_processes_are_ended_and_started_again_when_needed() {
    let limits = Limits { idle: Duration::from_millis(300), ..Limits::default() };
    let world = World::with(PLENTY, limits);
    let process = world.process().await;
    eventually("it is ended", || !is_there(&process)).await;
    assert_ne!(world.process().await, process);
}

#[tokio::test]
async fn stopping_ends_them_whatever_they_are_at() {
    let world = World::new();
    let idle = world.process().await;
    let functions = world.functions.clone();
    let busy = tokio::spawn(async move { functions.invoke("function", br#"{"do":"spawn"}"#.to_vec()).await });
    let child = world.folder().join("child");
    eventually("it has begun", || fs::read_to_string(&child).is_ok_and(|child| !child.is_empty())).await;
    let child = fs::read_to_string(&child).unwrap();
    world.functions.stop().await;
    assert_eq!(busy.await.unwrap().unwrap_err().error_type, "Runtime.ExitError");
    assert!(!is_there(&idle));
    eventually("what it has started is gone", || !is_there(&child)).await;
}

#[tokio::test]
async fn what_is_no_folder_of_bootstraps_is_refused_with_what_to_do() {
    let directory = Directory::new();
    let refusal = |error: Unusable| error.to_string();
    let missing = refusal(Bootstraps::open(&directory.path().join("none")).unwrap_err());
    assert!(missing.contains("none: build the Lambdas with infra/build"), "{missing}");
    let function = || {
        let function = Bootstraps::open(directory.path()).unwrap().function(settings(PLENTY));
        refusal(function.err().unwrap())
    };
    assert!(function().contains("told/bootstrap: build the Lambdas with infra/build"), "{}", function());
    fs::create_dir(directory.path().join("told")).unwrap();
    fs::write(directory.path().join("told/bootstrap"), "").unwrap();
    assert!(function().contains("told/bootstrap is not a program"), "{}", function());
}
