//! The four Lambdas as Lambda runs them: each in sandboxes that work on one event at a time and can be killed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
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

/// The sandboxes of one function.
pub(crate) struct Sandboxes {
    handler: String,
    environment: BTreeMap<String, String>,
    warehouse: String,
    room: Semaphore,
    all: Vec<Arc<Sandbox>>,
    free: Mutex<Vec<Arc<Sandbox>>>,
}

struct Sandbox {
    /// The access key that its process has, by which its requests are known.
    key: String,
    /// What is set up in it, if anything is.
    process: Mutex<Option<Handler>>,
    killed: Notify,
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

impl Sandboxes {
    /// Sandboxes of the function with this `Handler`. Each asks the warehouse at an address of its own below the given one.
    pub(crate) fn of(handler: &str, environment: BTreeMap<String, String>, warehouse: &str) -> Self {
        let sandbox = |key| Arc::new(Sandbox { key, process: Mutex::default(), killed: Notify::new() });
        let all: Vec<_> = keys(handler).map(sandbox).collect();
        Self {
            handler: handler.to_owned(),
            environment,
            warehouse: warehouse.to_owned(),
            room: Semaphore::new(MOST),
            free: Mutex::new(all.clone()),
            all,
        }
    }

    /// Works on one event, unless the sandbox is killed meanwhile.
    pub(crate) async fn run(&self, event: Json, context: Context) -> Result<Json, Diagnostic> {
        let _room = self.room.acquire().await.expect("it is never closed");
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let busy = Busy(self, free.expect("as many as there is room for"));
        let sandbox = &busy.1;
        let process = sandbox.process.lock().unwrap_or_else(PoisonError::into_inner).take();
        let process = process.unwrap_or_else(|| self.start(&sandbox.key));
        tokio::select! {
            biased;
            () = sandbox.killed.notified() => Err(exited("signal: killed")),
            answer = process(event, context) => {
                *sandbox.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
                answer
            }
        }
    }

    /// Kills what is at work under this access key, if it is one of this function's.
    pub(crate) fn kill(&self, key: &str) {
        self.all.iter().filter(|sandbox| sandbox.key == key).for_each(|sandbox| sandbox.killed.notify_waiters());
    }

    fn start(&self, key: &str) -> Handler {
        let mut environment = self.environment.clone();
        environment.insert("AWS_ACCESS_KEY_ID".to_owned(), key.to_owned());
        environment.insert("WAREHOUSE_URL".to_owned(), format!("{}/{key}", self.warehouse));
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
        match self.handler.as_str() {
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

/// What Lambda reports of a function whose process has ended.
pub(crate) fn exited(how: &str) -> Diagnostic {
    failure("Runtime.ExitError", &format!("RequestId: campaign Error: Runtime exited with error: {how}"))
}
