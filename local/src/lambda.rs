//! AWS Lambda on one machine: functions are invoked with JSON bytes and answer with JSON bytes or a function error.
//!
//! Handlers run in this process, but nothing but bytes passes in and out, each has an environment of its own, a
//! panic is a function error, and what takes longer than the function's timeout is dropped.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Lambda's limit on the payload of a synchronous invocation, either way, in bytes.
/// Source: AWS Lambda quotas.
pub const PAYLOAD_LIMIT: usize = 6 * 1024 * 1024;

type Handler = Arc<dyn Fn(Vec<u8>, Context) -> BoxFuture<'static, Result<Vec<u8>, Diagnostic>> + Send + Sync>;

/// One function: its name, its timeout and the handler behind it.
#[derive(Clone)]
pub struct Function {
    name: String,
    timeout: Duration,
    handler: Handler,
}

impl Function {
    /// A function whose handler takes and returns what `handler` does, as JSON.
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
        let handler = Arc::new(handler);
        Self {
            name: name.into(),
            timeout,
            handler: Arc::new(move |payload, context| {
                let handler = Arc::clone(&handler);
                async move {
                    let event = serde_json::from_slice(&payload)
                        .map_err(|error| failure("Runtime.DeserializeError", error.to_string()))?;
                    let answer = handler(LambdaEvent::new(event, context)).await.map_err(Into::into)?;
                    serde_json::to_vec(&answer).map_err(|error| failure("Runtime.SerializeError", error.to_string()))
                }
                .boxed()
            }),
        }
    }
}

/// The functions of the stack, by name.
#[derive(Clone, Default)]
pub struct Functions {
    by_name: Arc<HashMap<String, Function>>,
    after_each: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Functions {
    /// The given functions, each under its own name.
    pub fn new(functions: impl IntoIterator<Item = Function>) -> Self {
        let by_name = functions.into_iter().map(|function| (function.name.clone(), function)).collect();
        Self { by_name: Arc::new(by_name), after_each: None }
    }

    /// The same functions; `hook` is called whenever one of them has answered, and may have written something.
    #[must_use]
    pub fn after_each(self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        Self { after_each: Some(Arc::new(hook)), ..self }
    }

    /// Invokes a function and waits for its answer.
    ///
    /// # Errors
    /// The function error that AWS Lambda would report: what the handler returned, `Runtime.ExitError` after a
    /// panic, `Sandbox.Timedout` when the timeout has passed, `Function.ResponseSizeTooLarge` over [`PAYLOAD_LIMIT`],
    /// and `Lambda:…` when the function was not reached at all.
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
        let request_id = uuid::Uuid::new_v4().to_string();
        let context = context(&request_id, function.timeout);
        let work = AssertUnwindSafe((function.handler)(payload, context)).catch_unwind();
        let (timeout, after_each) = (function.timeout, self.after_each.clone());
        // A task of its own: an invocation that nobody waits for any more goes on, and ends in time all the same.
        let invocation = tokio::spawn(async move {
            let answer = tokio::time::timeout(timeout, work).await;
            if let Some(hook) = after_each {
                hook();
            }
            answer
        });
        let answer = match invocation.await {
            Ok(Ok(Ok(answer))) => answer?,
            Ok(Ok(Err(_))) | Err(_) => {
                tracing::error!(function = name, request_id, "the function panicked");
                return Err(failure(
                    "Runtime.ExitError",
                    format!("RequestId: {request_id} Error: Runtime exited with error: exit status 101"),
                ));
            }
            Ok(Err(_)) => {
                let seconds = function.timeout.as_secs_f64();
                tracing::error!(function = name, request_id, "timed out after {seconds:.2} seconds");
                return Err(failure(
                    "Sandbox.Timedout",
                    format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds"),
                ));
            }
        };
        if answer.len() > PAYLOAD_LIMIT {
            return Err(failure(
                "Function.ResponseSizeTooLarge",
                format!("Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."),
            ));
        }
        Ok(answer)
    }
}

fn failure(error_type: &str, error_message: String) -> Diagnostic {
    Diagnostic { error_type: error_type.to_owned(), error_message }
}

fn context(request_id: &str, timeout: Duration) -> Context {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut context = Context::default();
    request_id.clone_into(&mut context.request_id);
    context.deadline = u64::try_from((now + timeout).as_millis()).unwrap_or(u64::MAX);
    context
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
