//! On one thread.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    every_default::serve(every_default::default_client().await).await
}
