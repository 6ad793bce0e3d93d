//! The handlers of the Lambdas that run here, the same as in `resolvers/src/bin/`: a new one is one more line.

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use resolvers::environment::{Environment, EnvironmentError};
use resolvers::handlers::fulfil_orders::FulfilOrders;
use resolvers::handlers::order::ReadOrders;
use resolvers::handlers::place_order::PlaceOrder;
use resolvers::handlers::record_fulfilment::RecordFulfilment;

use crate::lambda::Function;
use crate::template::FunctionSettings;

/// Sets a function up in its own environment.
pub type Constructor = fn(&FunctionSettings) -> Result<Function, EnvironmentError>;

macro_rules! handler {
    ($handler:ty) => {
        |settings| {
            let environment: Environment = settings.environment.iter().map(|(name, value)| (name, value)).collect();
            let handler = Arc::new(<$handler>::new(&environment)?);
            Ok(Function::new(&settings.name, settings.timeout, move |event: LambdaEvent<_>| {
                let handler = Arc::clone(&handler);
                async move { handler.handle(event).await }
            }))
        }
    };
}

/// From a function's `Handler` in the template to what sets it up.
pub const HANDLERS: &[(&str, Constructor)] = &[
    ("place-order", handler!(PlaceOrder)),
    ("order", handler!(ReadOrders)),
    ("record-fulfilment", handler!(RecordFulfilment)),
    ("fulfil-orders", handler!(FulfilOrders)),
];

/// What sets up the function with this `Handler`.
#[must_use]
pub fn find(handler: &str) -> Option<Constructor> {
    HANDLERS.iter().find(|(name, _)| *name == handler).map(|(_, constructor)| *constructor)
}
