//! How far each mapping has come, in a small file of its own that survives the end of the process.
//!
//! A position is kept per mapping and stream: the stream's label says when its table was created, so a table that was
//! deleted, or a fresh data directory, starts from the mapping's starting position again. Losing the last positions
//! (when the power fails, since a write here does not wait for the disk) means that records are delivered once more.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::blocking;

/// The file in the data directory.
const FILE: &str = "checkpoints.sqlite";

const SCHEMA: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS checkpoint (
        mapping TEXT NOT NULL, stream TEXT NOT NULL, position INTEGER NOT NULL,
        PRIMARY KEY (mapping, stream)) WITHOUT ROWID";

/// Positions never go back, whatever order they are written in.
const SAVE: &str = "INSERT INTO checkpoint (mapping, stream, position) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET position = MAX(position, excluded.position)";

const LOAD: &str = "SELECT position FROM checkpoint WHERE mapping = ?1 AND stream = ?2";

const FORGET: &str = "DELETE FROM checkpoint WHERE mapping = ?1";

/// The checkpoints cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {}: {source}; without it every record still in a stream is delivered once more", path.display())]
pub struct Unusable {
    path: PathBuf,
    source: rusqlite::Error,
}

/// The checkpoints of all mappings.
#[derive(Clone, Debug)]
pub(super) struct Checkpoints {
    path: PathBuf,
    connection: Arc<Mutex<Connection>>,
}

impl Checkpoints {
    pub(super) fn open(directory: &Path) -> Result<Self, Unusable> {
        let path = directory.join(FILE);
        let open = || {
            let connection = Connection::open(&path)?;
            connection.busy_timeout(Duration::from_secs(5))?;
            connection.execute_batch(SCHEMA)?;
            Ok(connection)
        };
        match open() {
            Ok(connection) => Ok(Self { connection: Arc::new(Mutex::new(connection)), path }),
            Err(source) => Err(Unusable { path, source }),
        }
    }

    /// The last record that a mapping has finished; `None` if it has never read this stream.
    pub(super) fn load(&self, mapping: Uuid, stream: &str) -> Result<Option<i64>, Unusable> {
        self.with(|connection| {
            connection.query_row(LOAD, params![mapping.to_string(), stream], |row| row.get(0)).optional()
        })
    }

    /// Starts a mapping at a position, whatever it has read before.
    pub(super) fn start(&self, mapping: Uuid, stream: &str, position: i64) -> Result<(), Unusable> {
        self.with(|connection| {
            connection.execute(FORGET, [mapping.to_string()])?;
            connection.execute(SAVE, params![mapping.to_string(), stream, position]).map(drop)
        })
    }

    pub(super) async fn save(&self, mapping: Uuid, stream: &str, position: i64) -> Result<(), Unusable> {
        let checkpoints = self.clone();
        let stream = stream.to_owned();
        blocking(move || {
            checkpoints.with(|connection| {
                connection.prepare_cached(SAVE)?.execute(params![mapping.to_string(), stream, position]).map(drop)
            })
        })
        .await
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>) -> Result<T, Unusable> {
        // Nothing is half done if a thread panics here: a statement is carried out or it is not.
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        work(&connection).map_err(|source| Unusable { path: self.path.clone(), source })
    }
}
