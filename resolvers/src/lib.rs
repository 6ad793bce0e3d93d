//! Everything that runs in Lambda.
//!
//! * [`order`]: the domain. Pure functions over values; it knows no cloud.
//! * [`tables`]: orders, changes and attention in DynamoDB.
//! * [`handlers`]: the four Lambdas as ordinary async functions. `src/bin` holds a thin `main` for each.
//! * At the edge, each a small type named after what it is: [`warehouse`], [`publisher`], [`secret`], and what they
//!   share, [`http`] and [`aws`].
//! * [`telemetry`] and [`metrics`]: what operators are told.
//! * [`caller`] and [`error`]: who may do what, and what a caller is told.
//!
//! An order is placed by [`handlers::place_order`], comes back over the stream to [`handlers::fulfil_orders`], is
//! announced through [`publisher`], and is read by [`handlers::order`].

pub mod appsync;
pub mod aws;
pub mod caller;
pub mod environment;
pub mod error;
#[cfg(feature = "graphql")]
pub mod graphql;
pub mod handlers;
pub mod http;
pub mod metrics;
pub mod order;
pub mod publisher;
pub mod secret;
pub mod tables;
pub mod telemetry;
pub mod warehouse;
