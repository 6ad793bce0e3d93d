//! A process of a function, behind the part of Lambda's Runtime API that a function calls when all goes well.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::{Mutex, mpsc};
use tokio::task::AbortHandle;

use crate::edge::Edge;
use crate::programs::Program;

const PATIENCE: Duration = Duration::from_mins(1);

/// How long a process has to come to rest after it has asked for an event: what it does then still belongs to what it did
/// before, and the kernel counts the time of a thread when it stops running.
const REST: Duration = Duration::from_millis(5);

/// A session token is about as long in AWS.
const TOKEN_LENGTH: usize = 900;

/// A process that waits for an event. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    name: String,
    give: mpsc::UnboundedSender<String>,
    calls: mpsc::UnboundedReceiver<Call>,
    api: AbortHandle,
}

/// What the process has called, and when.
enum Call {
    Next,
    Answered(Instant),
    Failed(String),
}

#[derive(Clone)]
struct Api {
    events: Arc<Mutex<mpsc::UnboundedReceiver<String>>>,
    called: mpsc::UnboundedSender<Call>,
}

impl Process {
    /// Starts a program and waits until it asks for its first event.
    pub(crate) async fn start(program: &Program, edge: &Edge) -> Self {
        let (give, events) = mpsc::unbounded_channel();
        let (called, calls) = mpsc::unbounded_channel();
        let api = Api { events: Arc::new(Mutex::new(events)), called };
        let runtime = Router::new()
            .route("/invocation/next", get(next))
            .route("/invocation/{id}/response", post(response))
            .route("/invocation/{id}/error", post(failed))
            .route("/init/error", post(failed));
        let router = Router::new().nest("/2018-06-01/runtime", runtime).with_state(api);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(async move {
            axum::serve(axum::serve::ListenerExt::tap_io(listener, |io| io.set_nodelay(true).expect("TCP")), router)
                .await
        });
        let mut command = Command::new(&program.command[0]);
        command.args(&program.command[1..]).env_clear();
        command.envs(edge.environment()).envs([
            ("AWS_LAMBDA_RUNTIME_API", address.to_string().as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", program.function.as_str()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "example"),
            ("AWS_SESSION_TOKEN", "x".repeat(TOKEN_LENGTH).as_str()),
            ("ORDERS_TABLE", "orders"),
            ("CHANGES_TABLE", "changes"),
            ("ATTENTION_TABLE", "attention"),
            ("LOG_LEVEL", "info"),
            // The SDK warns of older releases of Node.js, in the middle of the table.
            ("NODE_NO_WARNINGS", "1"),
        ]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{:?} does not start: {error}", program.command));
        let name = format!("{} ({})", program.function, program.name);
        let mut process = Self { child, name, give, calls, api: serving.abort_handle() };
        process.until_next().await;
        process
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Hands over an event and waits until the next one is asked for. Returns how long the answer took.
    pub(crate) async fn invoke(&mut self, event: &str) -> Duration {
        let start = Instant::now();
        self.give.send(event.to_owned()).expect("the Runtime API runs");
        let Call::Answered(at) = self.call().await else { panic!("{} asks for an event too many", self.name) };
        self.until_next().await;
        at - start
    }

    async fn until_next(&mut self) {
        assert!(matches!(self.call().await, Call::Next), "{} answers what it was not asked", self.name);
    }

    async fn call(&mut self) -> Call {
        let call = tokio::time::timeout(PATIENCE, self.calls.recv()).await;
        match call.unwrap_or_else(|_| panic!("{} has not called for {PATIENCE:?}", self.name)) {
            Some(Call::Failed(error)) => panic!("{} failed: {error}", self.name),
            Some(call) => call,
            None => unreachable!("the Runtime API runs"),
        }
    }

    /// The CPU time of all its threads so far. Source: proc(5), and the kernel's `Documentation/scheduler/sched-stats.rst`
    /// for `schedstat`, whose first number is the time on the CPU in nanoseconds.
    pub(crate) async fn cpu(&self) -> Duration {
        tokio::time::sleep(REST).await;
        let threads = fs::read_dir(format!("/proc/{}/task", self.id()));
        let threads = threads.unwrap_or_else(|error| panic!("{} is gone, or this is no Linux: {error}", self.name));
        let on_cpu = threads.filter_map(|thread| {
            let statistics = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            statistics.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(on_cpu.sum())
    }

    /// The most memory that it ever had resident, in bytes.
    pub(crate) fn most_resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it uses memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("kilobytes") * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.api.abort();
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("the process ends");
    }
}

async fn next(State(api): State<Api>) -> Response {
    let told = api.called.send(Call::Next);
    let event = api.events.lock().await.recv().await;
    let (Ok(()), Some(event)) = (told, event) else { return StatusCode::GONE.into_response() };
    let deadline = SystemTime::now() + Duration::from_mins(1);
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:f".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0".to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, event).into_response()
}

async fn response(State(api): State<Api>, _: String) -> StatusCode {
    told(api.called.send(Call::Answered(Instant::now())).is_ok())
}

async fn failed(State(api): State<Api>, error: String) -> StatusCode {
    told(api.called.send(Call::Failed(error)).is_ok())
}

fn told(told: bool) -> StatusCode {
    if told { StatusCode::ACCEPTED } else { StatusCode::GONE }
}
