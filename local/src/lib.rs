//! The order system on one machine: an AppSync-compatible server, Lambda, an embedded DynamoDB and its stream.
//!
//! | module | stands in for |
//! | --- | --- |
//! | [`lambda`] | AWS Lambda: invokes the very handlers that are deployed, behind a JSON boundary |
//! | [`dynamodb`] | Amazon DynamoDB: tables, their HTTP API and their streams, in a data directory |

pub mod dynamodb;
pub mod lambda;
#[cfg(test)]
mod testing;
