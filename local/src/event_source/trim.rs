//! Removes from the streams what nobody needs any more, a little at a time.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{blocking, lowest};
use crate::dynamodb::stream::Trimmer;

/// How long a stream keeps what no enabled mapping waits for. Source: DynamoDB Streams.
const RETENTION: Duration = Duration::from_hours(24);
/// How often to look for records past their retention.
const RETENTION_CHECK: Duration = Duration::from_hours(1);
/// How long to let acknowledged records pile up, so that a steady flow of orders is not met by one of deletions.
const PILE_UP: Duration = Duration::from_millis(500);
/// The pause between two steps, which leaves room for writes.
const BETWEEN_STEPS: Duration = Duration::from_millis(2);

/// A mapping, as far as trimming is concerned.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) table: String,
    pub(super) enabled: bool,
    /// The sequence number up to which it has finished.
    pub(super) acknowledged: Arc<AtomicI64>,
}

/// Trims the given tables' streams whenever told of progress.
pub(super) async fn run(mut trimmer: Trimmer, tables: Vec<String>, readers: Vec<Reader>, progress: Arc<Notify>) {
    let mut retention = interval(RETENTION_CHECK);
    retention.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let check_retention = tokio::select! {
            () = progress.notified() => {
                sleep(PILE_UP).await;
                false
            }
            _ = retention.tick() => true,
        };
        for table in &tables {
            let of_table = |enabled| {
                let readers = readers.iter().filter(move |reader| reader.table == *table && reader.enabled == enabled);
                lowest(readers.map(|reader| &*reader.acknowledged))
            };
            let (enabled, disabled) = (of_table(true), of_table(false));
            if let Some(up_to) = enabled.into_iter().chain(disabled).min() {
                trimmer = trim(trimmer, table, up_to, i64::MAX).await;
            }
            if check_retention {
                trimmer = trim(trimmer, table, enabled.unwrap_or(i64::MAX), retained_since()).await;
            }
        }
    }
}

async fn trim(mut trimmer: Trimmer, table: &str, up_to: i64, created_before: i64) -> Trimmer {
    loop {
        let name = table.to_owned();
        let more;
        (trimmer, more) = blocking(move || {
            let more = trimmer.step(&name, up_to, created_before);
            (trimmer, more)
        })
        .await;
        match more {
            Ok(true) => sleep(BETWEEN_STEPS).await,
            Ok(false) => return trimmer,
            Err(error) => {
                tracing::error!(table, "stream records cannot be removed, trying again later: {error}");
                return trimmer;
            }
        }
    }
}

fn retained_since() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_sub(RETENTION).as_secs()).unwrap_or(i64::MAX)
}
