//! Fulfils orders from the stream, and tries again what failed.

use lambda_runtime::{Error, run, service_fn};
use resolvers::environment::Environment;
use resolvers::handlers::fulfil_orders::FulfilOrders;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    resolvers::telemetry::init();
    let function = FulfilOrders::new(&Environment::of_process())?;
    function.connect().await;
    run(service_fn(|event| function.handle(event))).await
}
