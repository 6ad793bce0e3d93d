//! Logs of a Lambda: one JSON object per line. They carry ids, kinds and counts, never a document, an address or an
//! e-mail: whoever reads logs need not be allowed to read orders.
//!
//! A line of [`metrics`] is an object in the embedded metric format.

use std::fmt;

use tracing::field::Field;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::metrics;

/// Sends what is traced to standard output, where Lambda picks it up. `LOG_LEVEL` sets the level of this code, `info` by
/// default. Libraries are heard only when something is wrong: in detail, they would log whole requests.
///
/// `lambda_runtime` opens a span with the `requestId` of each invocation around everything that the handler says.
pub fn init() {
    let level = std::env::var("LOG_LEVEL").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    subscriber(level, std::io::stdout).init();
}

/// What [`init`] sets up: heard at that level, written there. Metrics are not a matter of the level.
pub fn subscriber<W>(level: LevelFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    // Not `EnvFilter`: it reads a text by regular expressions, which every start and every upload would pay for.
    let targets = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("lambda_runtime", LevelFilter::INFO)
        .with_target("resolvers", level)
        .with_target(metrics::TARGET, LevelFilter::DEBUG);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false)
        .without_time()
        .with_writer(writer)
        .map_event_format(Lines);
    tracing_subscriber::registry().with(targets).with(lines)
}

/// Metrics as they are, everything else as the format inside has it.
struct Lines<F>(F);

impl<S, N, F> FormatEvent<S, N> for Lines<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if event.metadata().target() != metrics::TARGET {
            return self.0.format_event(context, writer, event);
        }
        let mut written = Ok(());
        event.record(&mut |_: &Field, line: &dyn fmt::Debug| written = writeln!(writer, "{line:?}"));
        written
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;
    use crate::environment::Environment;
    use crate::metrics::{Metric, Metrics, Unit};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Written {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// The lines that are logged at that level while something happens inside an invocation.
    fn logged(level: LevelFilter, what: impl FnOnce()) -> Vec<String> {
        let written = Written::default();
        tracing::subscriber::with_default(subscriber(level, written.clone()), || {
            tracing::info_span!("invocation", requestId = "r-1").in_scope(what);
        });
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    fn report(namespace: &str) {
        let environment: Environment = [("METRICS_NAMESPACE", namespace)].into_iter().collect();
        let metrics = [
            Metric { name: "RetriedOrders", unit: Unit::Count, value: 3 },
            Metric { name: "OldestRetry", unit: Unit::Seconds, value: u64::from(u32::MAX) },
        ];
        Metrics::new(&environment).report("2026-01-31T12:00:00.123Z".parse().unwrap(), &metrics);
    }

    #[test]
    fn metrics_are_a_line_of_their_own_beside_the_log() {
        let lines = logged(LevelFilter::INFO, || {
            tracing::info!(count = 2, "before");
            report("Orders/dev");
            tracing::info!("after");
        });
        let [before, metrics, after] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!(
            metrics,
            "{\"_aws\":{\"Timestamp\":1769860800123,\"CloudWatchMetrics\":[{\"Namespace\":\"Orders/dev\",\
             \"Dimensions\":[[]],\"Metrics\":[{\"Name\":\"RetriedOrders\",\"Unit\":\"Count\"},\
             {\"Name\":\"OldestRetry\",\"Unit\":\"Seconds\"}]}]},\"RetriedOrders\":3,\"OldestRetry\":4294967295}"
        );
        let before: Value = serde_json::from_str(before).unwrap();
        let fields = json!({ "message": "before", "count": 2 });
        assert_eq!((&before["level"], &before["fields"]), (&json!("INFO"), &fields));
        assert_eq!(before["span"]["requestId"], "r-1");
        assert!(after.contains("after"), "{after}");
    }

    #[test]
    fn metrics_are_no_matter_of_the_level_and_stay_one_line() {
        let quiet = logged(LevelFilter::OFF, || {
            tracing::error!("not heard");
            report("a \"name\"\nof two lines");
        });
        let [line] = &quiet[..] else { panic!("{quiet:?}") };
        let document: Value = serde_json::from_str(line).unwrap();
        assert_eq!(document["_aws"]["CloudWatchMetrics"][0]["Namespace"], "a \"name\"\nof two lines");
    }

    #[test]
    fn without_a_namespace_nothing_is_reported() {
        assert_eq!(logged(LevelFilter::TRACE, || report("")), [""; 0]);
    }
}
