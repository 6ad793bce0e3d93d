//! AWS Lambda on one machine: functions are invoked with JSON bytes and answer with JSON bytes or a function error.
//!
//! | file | holds |
//! | --- | --- |
//! | `api` | the Invoke API, for whoever calls a function by its name |
//! | `in_process` | a handler that runs in this process |
//! | `bootstraps` | the very programs that are deployed, as processes of their own behind the Lambda Runtime API |

mod api;
#[cfg(unix)]
mod bootstraps;
mod in_process;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use api::Api;
#[cfg(unix)]
pub use bootstraps::{Bootstraps, Settings, Unusable};
use in_process::Handler;

/// Lambda's limit on the payload of a synchronous invocation, either way, in bytes.
/// Source: AWS Lambda quotas.
pub const PAYLOAD_LIMIT: usize = 6 * 1024 * 1024;

/// One function: its name, its timeout and what runs it.
#[derive(Clone)]
pub struct Function {
    name: String,
    timeout: Duration,
    runs: Runs,
}

#[derive(Clone)]
enum Runs {
    InProcess(Handler),
    #[cfg(unix)]
    AsBootstraps(Arc<bootstraps::Pool>),
}

impl Function {
    /// A function whose handler takes and returns what `handler` does, as JSON, in this process.
    pub fn new<Event, Answer, Failure, Fut>(
        name: impl Into<String>,
        timeout: Duration,
        handler: impl Fn(LambdaEvent<Event>) -> Fut + Send + Sync + 'static,
    ) -> Self
    where
        Event: DeserializeOwned + Send + 'static,
        Answer: Serialize,
        Failure: Into<Diagnostic>,
        Fut: Future<Output = Result<Answer, Failure>> + Send + 'static,
    {
        Self { name: name.into(), timeout, runs: Runs::InProcess(Handler::new(handler)) }
    }

    async fn invoke(&self, payload: Vec<u8>, request_id: &str) -> Result<Vec<u8>, Diagnostic> {
        match &self.runs {
            Runs::InProcess(handler) => handler.invoke(&self.name, self.timeout, payload, request_id).await,
            #[cfg(unix)]
            Runs::AsBootstraps(pool) => pool.invoke(payload, request_id).await,
        }
    }
}

/// The functions of the stack, by name.
#[derive(Clone, Default)]
pub struct Functions {
    by_name: Arc<HashMap<String, Function>>,
}

impl Functions {
    /// The given functions, each under its own name.
    pub fn new(functions: impl IntoIterator<Item = Function>) -> Self {
        let by_name = functions.into_iter().map(|function| (function.name.clone(), function)).collect();
        Self { by_name: Arc::new(by_name) }
    }

    /// Invokes a function and waits for its answer.
    ///
    /// # Errors
    /// The function error that AWS Lambda would report: what the handler returned, `Runtime.ExitError` after a
    /// panic or when the process is gone, `Sandbox.Timedout` when the timeout has passed,
    /// `Function.ResponseSizeTooLarge` over [`PAYLOAD_LIMIT`], and `Lambda:…` when the function was not reached at all.
    pub async fn invoke(&self, name: &str, payload: Vec<u8>) -> Result<Vec<u8>, Diagnostic> {
        let Some(function) = self.by_name.get(name) else {
            return Err(failure("Lambda:ResourceNotFoundException", format!("Function not found: {name}")));
        };
        if payload.len() > PAYLOAD_LIMIT {
            return Err(failure(
                "Lambda:RequestTooLargeException",
                format!(
                    "{} bytes payload is too large for the invocation, the limit is {PAYLOAD_LIMIT}",
                    payload.len()
                ),
            ));
        }
        let function = function.clone();
        // A task of its own: an invocation that nobody waits for any more goes on, and ends in time all the same.
        let invocation = tokio::spawn(async move {
            let request_id = uuid::Uuid::new_v4().to_string();
            function.invoke(payload, &request_id).await
        });
        let answer = match invocation.await {
            Ok(answer) => answer?,
            Err(_) => return Err(failure("Lambda:ServiceException", "The invocation was given up.".to_owned())),
        };
        if answer.len() > PAYLOAD_LIMIT { Err(response_too_large()) } else { Ok(answer) }
    }

    /// Ends all processes of functions, whatever they are at, and waits until they are gone.
    pub async fn stop(&self) {
        #[cfg(unix)]
        for function in self.by_name.values() {
            if let Runs::AsBootstraps(pool) = &function.runs {
                pool.stop().await;
            }
        }
    }
}

fn failure(error_type: &str, error_message: String) -> Diagnostic {
    Diagnostic { error_type: error_type.to_owned(), error_message }
}

fn timed_out(function: &str, after: Duration, request_id: &str) -> Diagnostic {
    let seconds = after.as_secs_f64();
    tracing::error!(function, request_id, "timed out after {seconds:.2} seconds");
    failure("Sandbox.Timedout", format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds"))
}

fn response_too_large() -> Diagnostic {
    let message = format!("Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes).");
    failure("Function.ResponseSizeTooLarge", message)
}

/// When an invocation that begins now must be over, in milliseconds since 1970.
fn deadline(timeout: Duration) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from((now + timeout).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn functions() -> Functions {
        let timeout = Duration::from_millis(50);
        let error = |kind: &str| failure(kind, "no".to_owned());
        Functions::new([
            Function::new(
                "echo",
                timeout,
                |event: LambdaEvent<Value>| async move { Ok::<_, Diagnostic>(event.payload) },
            ),
            Function::new("refuse", timeout, move |_: LambdaEvent<Value>| {
                let error = error("Refused");
                async move { Err::<Value, _>(error) }
            }),
            Function::new("panic", timeout, |event: LambdaEvent<Value>| async move {
                assert!(event.payload.is_null(), "on purpose");
                Ok::<_, Diagnostic>(Value::Null)
            }),
            Function::new("hang", timeout, |_: LambdaEvent<Value>| async move {
                std::future::pending::<()>().await;
                Ok::<_, Diagnostic>(Value::Null)
            }),
            Function::new("huge", timeout * 100, |_: LambdaEvent<Value>| async move {
                Ok::<_, Diagnostic>("x".repeat(PAYLOAD_LIMIT))
            }),
        ])
    }

    async fn invoke(name: &str, payload: &[u8]) -> Result<Value, String> {
        match functions().invoke(name, payload.to_vec()).await {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap()),
            Err(error) => Err(error.error_type),
        }
    }

    #[tokio::test]
    async fn an_answer_comes_back_and_every_failure_is_a_function_error() {
        assert_eq!(invoke("echo", b"{\"a\":1}").await, Ok(json!({"a": 1})));
        assert_eq!(invoke("refuse", b"{}").await, Err("Refused".to_owned()));
        assert_eq!(invoke("panic", b"{}").await, Err("Runtime.ExitError".to_owned()));
        assert_eq!(invoke("hang", b"{}").await, Err("Sandbox.Timedout".to_owned()));
        assert_eq!(invoke("huge", b"{}").await, Err("Function.ResponseSizeTooLarge".to_owned()));
        assert_eq!(invoke("echo", b"{").await, Err("Runtime.DeserializeError".to_owned()));
        assert_eq!(invoke("nobody", b"{}").await, Err("Lambda:ResourceNotFoundException".to_owned()));
        let large = vec![b' '; PAYLOAD_LIMIT + 1];
        assert_eq!(invoke("echo", &large).await, Err("Lambda:RequestTooLargeException".to_owned()));
    }
}
