//! With every default.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    every_default::serve(every_default::default_client().await).await
}
