//! Logs of a Lambda: one JSON object per line. They carry ids, kinds and counts, never a document, an address or an
//! e-mail: whoever reads logs need not be allowed to read orders.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Sends what is traced to standard output, where Lambda picks it up. `LOG_LEVEL` sets the level of this code, `info` by
/// default. Libraries are heard only when something is wrong: in detail, they would log whole requests.
///
/// `lambda_runtime` opens a span with the `requestId` of each invocation around everything that the handler says.
pub fn init() {
    let level = std::env::var("LOG_LEVEL").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let filter = EnvFilter::new(format!("warn,lambda_runtime=info,resolvers={level}"));
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false)
        .without_time()
        .init();
}
