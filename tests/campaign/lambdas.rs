//! The four Lambdas as Lambda runs them: each in sandboxes that work on one event at a time and can be killed. What is in
//! a sandbox is a handler in this process, which is dropped, or the program that is deployed, which is killed for good.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use local::lambda::{Bootstraps, Functions, Settings};
use local::machine::{ACCOUNT, REGION};
use local::template::FunctionSettings;
use resolvers::environment::Environment;
use resolvers::handlers::fulfil_orders::FulfilOrders;
use resolvers::handlers::order::ReadOrders;
use resolvers::handlers::place_order::PlaceOrder;
use resolvers::handlers::record_fulfilment::RecordFulfilment;
use serde_json::value::RawValue;
use tokio::sync::{Notify, Semaphore};

/// What passes in and out: JSON, as it was written.
pub(crate) type Json = Box<RawValue>;

type Handler = Arc<dyn Fn(Json, Context) -> BoxFuture<'static, Result<Json, Diagnostic>> + Send + Sync>;

/// How many sandboxes of each function there may be.
pub(crate) const MOST: usize = 24;

/// How many of them may be at work if each is a process of its own: what these take, this machine has to have.
const MOST_PROCESSES: usize = 8;

/// The sandboxes of one function.
pub(crate) struct Sandboxes {
    settings: FunctionSettings,
    warehouse: String,
    programs: Option<Arc<Bootstraps>>,
    room: Semaphore,
    all: Vec<Arc<Sandbox>>,
    free: Mutex<Vec<Arc<Sandbox>>>,
    killed: AtomicUsize,
}

struct Sandbox {
    /// The access key that its process has, by which its requests are known.
    key: String,
    inside: Mutex<Inside>,
    killed: Notify,
}

/// What there is in a sandbox.
#[derive(Default)]
struct Inside {
    /// What is set up, if anything is.
    process: Option<Process>,
    /// Nothing is set up any more.
    closed: bool,
}

#[derive(Clone)]
enum Process {
    Here(Handler),
    /// The program, under the name of its function.
    OfItsOwn(Functions),
}

/// A sandbox that is at work; free again once this is dropped.
struct Busy<'a>(&'a Sandboxes, Arc<Sandbox>);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.free.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&self.1));
    }
}

/// The access keys of a function's sandboxes.
pub(crate) fn keys(handler: &str) -> impl Iterator<Item = String> {
    (0..MOST).map(move |number| format!("ASIA-{handler}-{number}"))
}

impl Sandbox {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn kill(&self) {
        let process = self.inside().process.take();
        match process {
            Some(Process::OfItsOwn(functions)) => functions.stop().await,
            _ => self.killed.notify_waiters(),
        }
    }
}

impl Sandboxes {
    /// Sandboxes of a function, with these settings, and with programs, if there are any. Each asks the warehouse at an
    /// address of its own below the given one.
    pub(crate) fn of(settings: FunctionSettings, warehouse: &str, programs: Option<Arc<Bootstraps>>) -> Self {
        let sandbox = |key| Arc::new(Sandbox { key, inside: Mutex::default(), killed: Notify::new() });
        let all: Vec<_> = keys(&settings.handler).map(sandbox).collect();
        Self {
            settings,
            warehouse: warehouse.to_owned(),
            room: Semaphore::new(if programs.is_some() { MOST_PROCESSES } else { MOST }),
            programs,
            free: Mutex::new(all.clone()),
            all,
            killed: AtomicUsize::new(0),
        }
    }

    /// Works on one event, unless the sandbox is killed meanwhile.
    pub(crate) async fn run(&self, event: Json, context: Context) -> Result<Json, Diagnostic> {
        self.run_for(Duration::MAX, event, context).await
    }

    /// The same, and kills the sandbox if it is still at work after such a time.
    pub(crate) async fn run_for(&self, life: Duration, event: Json, context: Context) -> Result<Json, Diagnostic> {
        let _room = self.room.acquire().await.expect("it is never closed");
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let busy = Busy(self, free.expect("as many as there is room for"));
        let sandbox = &busy.1;
        let mut work = pin!(self.work(sandbox, event, context));
        let answer = if let Ok(answer) = tokio::time::timeout(life, &mut work).await {
            answer
        } else {
            sandbox.kill().await;
            work.await
        };
        if answer.as_ref().is_err_and(|error| error.error_message.ends_with(KILLED)) {
            self.killed.fetch_add(1, Ordering::SeqCst);
        }
        answer
    }

    async fn work(&self, sandbox: &Sandbox, event: Json, context: Context) -> Result<Json, Diagnostic> {
        let process = {
            let mut inside = sandbox.inside();
            if inside.closed {
                return Err(exited(CLOSED));
            }
            inside.process.get_or_insert_with(|| self.start(&sandbox.key)).clone()
        };
        match process {
            Process::Here(handler) => tokio::select! {
                biased;
                () = sandbox.killed.notified() => Err(exited(KILLED)),
                answer = handler(event, context) => answer,
            },
            Process::OfItsOwn(functions) => {
                let answer = functions.invoke(&self.settings.name, event.get().as_bytes().to_vec()).await?;
                serde_json::from_slice(&answer).map_err(|error| failure("Runtime.SerializeError", &error.to_string()))
            }
        }
    }

    /// Kills what is at work under this access key, if it is one of this function's, and comes back once it is gone.
    pub(crate) async fn kill(&self, key: &str) {
        for sandbox in self.all.iter().filter(|sandbox| sandbox.key == key) {
            sandbox.kill().await;
        }
    }

    /// Kills all, and starts none any more, so that no process is left.
    pub(crate) async fn stop(&self) {
        for sandbox in &self.all {
            sandbox.inside().closed = true;
            sandbox.kill().await;
        }
    }

    /// How many were killed while they worked on an event.
    pub(crate) fn killed(&self) -> usize {
        self.killed.load(Ordering::SeqCst)
    }

    fn start(&self, key: &str) -> Process {
        let mut environment = self.settings.environment.clone();
        environment.insert("AWS_ACCESS_KEY_ID".to_owned(), key.to_owned());
        environment.insert("WAREHOUSE_URL".to_owned(), format!("{}/{key}", self.warehouse));
        match &self.programs {
            Some(programs) => Process::OfItsOwn(self.program(programs, environment)),
            None => Process::Here(self.handler(environment)),
        }
    }

    /// The program, as the one process that there is in a sandbox.
    fn program(&self, programs: &Bootstraps, environment: BTreeMap<String, String>) -> Functions {
        let FunctionSettings { name, handler, timeout, memory_mb, .. } = self.settings.clone();
        let settings = Settings {
            arn: format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"),
            name,
            handler,
            memory_size: memory_mb,
            timeout,
            reserved_concurrency: Some(1),
            environment,
        };
        Functions::new([programs.function(settings).unwrap_or_else(|unusable| panic!("{unusable}"))])
    }

    fn handler(&self, environment: BTreeMap<String, String>) -> Handler {
        let environment: Environment = environment.into_iter().collect();
        macro_rules! handler {
            ($handler:ty) => {{
                let handler = Arc::new(<$handler>::new(&environment).expect("a complete environment"));
                Arc::new(move |event: Json, context: Context| {
                    let handler = Arc::clone(&handler);
                    async move {
                        let event = serde_json::from_str(event.get())
                            .map_err(|error| failure("Runtime.DeserializeError", &error.to_string()))?;
                        let answer =
                            handler.handle(LambdaEvent::new(event, context)).await.map_err(Diagnostic::from)?;
                        serde_json::value::to_raw_value(&answer)
                            .map_err(|error| failure("Runtime.SerializeError", &error.to_string()))
                    }
                    .boxed()
                })
            }};
        }
        match self.settings.handler.as_str() {
            "place-order" => handler!(PlaceOrder),
            "order" => handler!(ReadOrders),
            "record-fulfilment" => handler!(RecordFulfilment),
            "fulfil-orders" => handler!(FulfilOrders),
            other => panic!("no handler {other}"),
        }
    }
}

fn failure(error_type: &str, message: &str) -> Diagnostic {
    Diagnostic { error_type: error_type.to_owned(), error_message: message.to_owned() }
}

/// How a sandbox has ended that was killed, as Lambda says it.
const KILLED: &str = "signal: killed";

/// What is said of a sandbox in which nothing is started any more.
pub(crate) const CLOSED: &str = "closed";

/// What Lambda reports of a function whose process has ended.
pub(crate) fn exited(how: &str) -> Diagnostic {
    failure("Runtime.ExitError", &format!("RequestId: campaign Error: Runtime exited with error: {how}"))
}
