//! The order system on one machine: an AppSync-compatible server, Lambda, an embedded DynamoDB and its stream.
//!
//! | module | stands in for |
//! | --- | --- |
//! | [`appsync`] | AWS AppSync: a GraphQL API over HTTP with Direct Lambda resolvers |
//! | [`issuer`] | Amazon Cognito: a user pool, which issues the tokens of customers and staff |
//! | [`lambda`] | AWS Lambda: invokes the very handlers that are deployed, or the programs that hold them |
//! | [`dynamodb`] | Amazon DynamoDB: tables, their HTTP API and their streams, in a data directory |
//! | [`event_source`] | Lambda's event source mapping: reads streams and invokes functions with batches of their records |
//! | [`secrets_manager`] | AWS Secrets Manager: what the warehouse is to be shown |
//! | [`schedule`] | Amazon EventBridge: invokes a function at a rate |
//! | [`template`] | AWS CloudFormation: reads the template that says how these are connected |
//!
//! [`operate`] holds commands that look after orders, here and on a deployed stage.
//!
//! [`tls`] serves it all over HTTPS as well. [`stack`] starts them all on what [`machine`] has of its own, with the
//! [`handlers`]; [`command_line`], [`console`] and [`page`] are what a person sees of it. [`rethink`] reads everything
//! that was ever received with the code of today.

pub mod appsync;
mod arn;
pub mod command_line;
pub mod console;
pub mod credentials;
pub mod dynamodb;
pub mod event_source;
mod files;
pub mod handlers;
pub mod iam;
pub mod issuer;
pub mod lambda;
pub mod machine;
mod net;
pub mod operate;
pub mod page;
pub mod rethink;
pub mod schedule;
pub mod secrets_manager;
pub mod stack;
pub mod template;
#[cfg(test)]
mod testing;
pub mod tls;

/// Runs the whole system until somebody ends it.
///
/// # Errors
/// If anything cannot be started.
pub fn run(arguments: &command_line::Arguments) -> Result<(), stack::Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(stack::Error::Serve)?;
    let ended = runtime.block_on(stack::run(arguments));
    // Connections and invocations that are still open hold nothing that is needed.
    runtime.shutdown_background();
    ended
}
