//! Tells readers of streams that something was written, without a fixed polling interval.
//!
//! Whoever writes says so ([`Wake`]): the DynamoDB server after every request that may have written. For whoever writes
//! by other ways, SQLite counts commits: `PRAGMA data_version`, asked on a connection that itself writes nothing, changes
//! with every commit of every other connection and costs about a microsecond. A thread of its own asks now and then.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;

use super::{Error, connect};

/// The pause between two looks: what a writer that wakes nobody may have to wait.
const PAUSE: Duration = Duration::from_millis(25);
/// The pause between two looks while the database cannot be asked.
const AFTER_AN_ERROR: Duration = Duration::from_millis(100);

/// Makes the stack look for stream records now.
///
/// Call it after anything that may have written. It may be called from anywhere, costs each reader a look at the end of
/// its stream, and is never lost: a call during a look leads to another.
#[derive(Clone, Debug)]
pub struct Wake {
    changes: watch::Sender<()>,
}

impl Wake {
    /// Looks for changes at once.
    pub fn wake(&self) {
        self.changes.send_replace(());
    }
}

/// The thread that looks. Dropping it ends the thread.
#[derive(Debug)]
pub(super) struct Watcher {
    wake: Wake,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    pub(super) fn start(path: &Path) -> Result<Self, Error> {
        let connection = connect(path)?;
        let seen = data_version(&connection).map_err(|source| Error::Sqlite { path: path.to_owned(), source })?;
        let wake = Wake { changes: watch::Sender::new(()) };
        let stopped = Arc::new(AtomicBool::new(false));
        let thread = thread::Builder::new()
            .name("dynamodb-stream".to_owned())
            .spawn({
                let (wake, stopped) = (wake.clone(), Arc::clone(&stopped));
                move || look(&connection, seen, &wake, &stopped)
            })
            .map_err(|source| Error::Serve { source })?;
        Ok(Self { wake, stopped, thread: Some(thread) })
    }

    pub(super) fn wake(&self) -> Wake {
        self.wake.clone()
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.wake.changes.subscribe()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the thread that watches for stream records panicked");
            }
        }
    }
}

fn look(connection: &Connection, mut seen: i64, wake: &Wake, stopped: &AtomicBool) {
    let mut failing = false;
    while !stopped.load(Ordering::Acquire) {
        let pause = match data_version(connection) {
            Ok(version) => {
                failing = false;
                if version != seen {
                    seen = version;
                    wake.wake();
                }
                PAUSE
            }
            Err(error) => {
                if !failing {
                    tracing::error!("cannot see whether the database changed, reading streams regularly: {error}");
                }
                failing = true;
                wake.wake();
                AFTER_AN_ERROR
            }
        };
        thread::park_timeout(pause);
    }
}

fn data_version(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}
