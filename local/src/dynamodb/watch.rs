//! Tells readers of streams that something was written, without a fixed polling interval.
//!
//! The embedded database notifies nobody of a change, but SQLite counts them: `PRAGMA data_version`, asked on a
//! connection that itself writes nothing, changes with every commit of every other connection and costs about a
//! microsecond. A thread of its own asks often while there is traffic and seldom when there is none, and at once
//! when it is woken.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::watch;

use super::{Error, connect};

/// The pause between two looks right after a change or a [`Wake::wake`].
const SHORTEST: Duration = Duration::from_micros(100);
/// The pause between two looks when nothing has happened for a while: what a writer that wakes nobody may have to wait.
const LONGEST: Duration = Duration::from_millis(25);
/// The pause grows with the time that nothing has happened, as this part of it.
const PART_OF_QUIET_TIME: u32 = 100;
/// The pause between two looks while the database cannot be asked.
const AFTER_AN_ERROR: Duration = Duration::from_millis(100);

/// Makes the stack look for stream records now.
///
/// Call it after anything that may have written, for instance when an invocation has returned. It may be called from
/// anywhere, costs each reader a look at the end of its stream, and is never lost: a call during a look leads to
/// another. Called before a write, it makes the write be noticed sooner than otherwise.
#[derive(Clone, Debug)]
pub struct Wake {
    shared: Arc<Shared>,
    thread: Thread,
}

impl Wake {
    /// Looks for changes at once.
    pub fn wake(&self) {
        // Readers are told here and now, which spares them the time it takes to wake the thread. The thread is woken
        // all the same, to look often for a while: the write may still be to come.
        self.shared.changes.send_replace(());
        self.shared.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

#[derive(Debug)]
struct Shared {
    changes: watch::Sender<()>,
    woken: AtomicBool,
    stopped: AtomicBool,
}

/// The thread that looks. Dropping it ends the thread.
#[derive(Debug)]
pub(super) struct Watcher {
    wake: Wake,
    thread: Option<thread::JoinHandle<()>>,
}

impl Watcher {
    pub(super) fn start(path: &Path) -> Result<Self, Error> {
        let connection = connect(path)?;
        let seen = data_version(&connection).map_err(|source| Error::Sqlite { path: path.to_owned(), source })?;
        let shared = Arc::new(Shared {
            changes: watch::Sender::new(()),
            woken: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        });
        let thread = thread::Builder::new()
            .name("dynamodb-stream".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || look(&connection, seen, &shared)
            })
            .map_err(|source| Error::Serve { source })?;
        let wake = Wake { shared, thread: thread.thread().clone() };
        Ok(Self { wake, thread: Some(thread) })
    }

    pub(super) fn wake(&self) -> Wake {
        self.wake.clone()
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.wake.shared.changes.subscribe()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.wake.shared.stopped.store(true, Ordering::Release);
        self.wake.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that watches for stream records panicked");
        }
    }
}

fn look(connection: &Connection, mut seen: i64, shared: &Shared) {
    let mut last = Instant::now();
    let mut failing = false;
    while !shared.stopped.load(Ordering::Acquire) {
        if shared.woken.swap(false, Ordering::AcqRel) {
            last = Instant::now();
        }
        let pause = match data_version(connection) {
            Ok(version) => {
                failing = false;
                if version != seen {
                    seen = version;
                    last = Instant::now();
                    shared.changes.send_replace(());
                }
                (last.elapsed() / PART_OF_QUIET_TIME).clamp(SHORTEST, LONGEST)
            }
            Err(error) => {
                if !failing {
                    tracing::error!("cannot see whether the database changed, reading streams regularly: {error}");
                }
                failing = true;
                shared.changes.send_replace(());
                AFTER_AN_ERROR
            }
        };
        // A wake that came since the flag was read makes this return at once.
        thread::park_timeout(pause);
    }
}

fn data_version(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}
