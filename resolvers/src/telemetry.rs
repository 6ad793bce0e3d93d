//! Logs of a Lambda: one JSON object per line. They carry ids, kinds and counts, never a document, an address or an
//! e-mail: whoever reads logs need not be allowed to read orders.

use tracing_subscriber::EnvFilter;

/// Sends what is traced to standard output, where Lambda picks it up. `RUST_LOG` sets the level, `info` by default.
///
/// `lambda_runtime` opens a span with the `requestId` of each invocation around everything that the handler says.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false)
        .without_time()
        .init();
}
