//! The order system on one machine: an AppSync-compatible server, Lambda, an embedded DynamoDB and its stream.
//!
//! | module | stands in for |
//! | --- | --- |
//! | [`lambda`] | AWS Lambda: invokes the very handlers that are deployed, behind a JSON boundary |

pub mod lambda;
