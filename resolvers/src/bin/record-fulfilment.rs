//! Appends what the warehouse reports later.

use lambda_runtime::{Error, run, service_fn};
use resolvers::environment::Environment;
use resolvers::handlers::record_fulfilment::RecordFulfilment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    resolvers::telemetry::init();
    let function = RecordFulfilment::new(&Environment::of_process())?;
    function.connect().await;
    run(service_fn(|event| function.handle(event))).await
}
