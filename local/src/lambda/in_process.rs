//! A handler that runs in this process. Nothing but bytes passes in and out, each has an environment of its own, a panic
//! is a function error, and what takes longer than the function's timeout is dropped.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{deadline, failure, timed_out};

type Handle = dyn Fn(Vec<u8>, Context) -> BoxFuture<'static, Result<Vec<u8>, Diagnostic>> + Send + Sync;

#[derive(Clone)]
pub(super) struct Handler(Arc<Handle>);

impl Handler {
    pub(super) fn new<Event, Answer, Failure, Fut>(
        handler: impl Fn(LambdaEvent<Event>) -> Fut + Send + Sync + 'static,
    ) -> Self
    where
        Event: DeserializeOwned + Send + 'static,
        Answer: Serialize,
        Failure: Into<Diagnostic>,
        Fut: Future<Output = Result<Answer, Failure>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        Self(Arc::new(move |payload, context| {
            let handler = Arc::clone(&handler);
            async move {
                let event = serde_json::from_slice(&payload)
                    .map_err(|error| failure("Runtime.DeserializeError", error.to_string()))?;
                let answer = handler(LambdaEvent::new(event, context)).await.map_err(Into::into)?;
                serde_json::to_vec(&answer).map_err(|error| failure("Runtime.SerializeError", error.to_string()))
            }
            .boxed()
        }))
    }

    pub(super) async fn invoke(
        &self,
        function: &str,
        timeout: Duration,
        payload: Vec<u8>,
        request_id: &str,
    ) -> Result<Vec<u8>, Diagnostic> {
        let mut context = Context::default();
        request_id.clone_into(&mut context.request_id);
        context.deadline = deadline(timeout);
        let work = AssertUnwindSafe((self.0)(payload, context)).catch_unwind();
        match tokio::time::timeout(timeout, work).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => {
                tracing::error!(function, request_id, "the function panicked");
                let message = format!("RequestId: {request_id} Error: Runtime exited with error: exit status 101");
                Err(failure("Runtime.ExitError", message))
            }
            Err(_) => Err(timed_out(function, timeout, request_id)),
        }
    }
}
