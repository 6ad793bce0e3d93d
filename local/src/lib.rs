//! The order system on one machine: an AppSync-compatible server, Lambda, an embedded DynamoDB and its stream.
//!
//! | module | stands in for |
//! | --- | --- |
//! | [`appsync`] | AWS AppSync: the GraphQL API over HTTP, its callers, and its Direct Lambda resolvers |
//! | [`lambda`] | AWS Lambda: invokes the very handlers that are deployed, behind a JSON boundary |
//! | [`dynamodb`] | Amazon DynamoDB: tables, their HTTP API and their streams, in a data directory |
//! | [`event_source`] | Lambda's event source mapping: reads streams and invokes functions with batches of their records |
//! | [`schedule`] | Amazon EventBridge: invokes a function at a rate |

mod arn;
pub mod dynamodb;
pub mod event_source;
pub mod appsync;
pub mod lambda;
pub mod schedule;
#[cfg(test)]
mod testing;
