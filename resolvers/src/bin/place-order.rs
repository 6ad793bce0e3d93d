//! Stores orders as they came.

use lambda_runtime::{Error, run, service_fn};
use resolvers::environment::Environment;
use resolvers::handlers::place_order::PlaceOrder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    resolvers::telemetry::init();
    let function = PlaceOrder::new(&Environment::of_process())?;
    function.connect().await;
    run(service_fn(|event| function.handle(event))).await
}
