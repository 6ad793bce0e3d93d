//! Reads orders, broadcasts them, and says who may subscribe.

use lambda_runtime::{Error, run, service_fn};
use resolvers::environment::Environment;
use resolvers::handlers::order::ReadOrders;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    resolvers::telemetry::init();
    let function = ReadOrders::new(&Environment::of_process())?;
    function.connect().await;
    run(service_fn(|event| function.handle(event))).await
}
