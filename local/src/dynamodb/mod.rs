//! DynamoDB on one machine: an embedded database in a data directory, its HTTP API, and its streams.
//!
//! The database proper is `dynoxide`: one SQLite file. What it lacks for this purpose happens here, over connections
//! of our own to the same file: an index and trimming for the stream records (`stream`), and word of every change
//! (`watch`). That nobody does what they may not is seen to by a `gate` before it.

mod direct;
mod gate;
mod server;
pub(crate) mod stream;
mod table;
#[cfg(test)]
mod tests;
mod watch;

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dynoxide::{Database, DynoxideError};
use rusqlite::{Connection, ErrorCode};

pub use gate::Gate;
pub use server::Server;
use stream::{Stream, Trimmer};
pub use table::{AttributeType, GlobalSecondaryIndex, Key, Projection, StreamViewType, Table};
pub use watch::Wake;

use crate::files;

/// The database's file in the data directory.
pub(crate) const FILE: &str = "orders.sqlite";
/// Whoever holds the lock on this file owns the data directory.
const LOCK: &str = "lock";
/// How long one connection waits for another's write to finish.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How to open a database.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the data is. It is created if it is not there, and nobody else on the machine may read what it holds.
    pub directory: PathBuf,
    /// The tables there are to be; those that do not exist are created.
    pub tables: Vec<Table>,
    /// What a write survives.
    pub durability: Durability,
}

/// What a write survives once it is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A loss of power: every write waits for the disk.
    #[default]
    Durable,
    /// The end of this process, however it comes, but not a loss of power. About six times as many writes a second;
    /// for tests and trials.
    ThrowAway,
}

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data directory, or a file in it, cannot be created or written.
    #[error("cannot use the data directory {}: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another process has the data directory open.
    #[error("the data directory {} is in use by another running instance: stop that one, or choose another directory", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The file is not a database, or a damaged one.
    #[error("{} is not a usable database: move it away to start afresh, or restore it from a backup", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
    },
    /// The file holds a table of this name that is another one.
    #[error(
        "the table {table} in {} is not the one wanted: {difference}; choose another data directory, or move this one away",
        path.display()
    )]
    TableDiffers {
        /// The table.
        table: String,
        /// The data directory.
        path: PathBuf,
        /// In what it differs.
        difference: String,
    },
    /// A stream was asked for that does not exist.
    #[error("the table {table} does not exist or has no stream")]
    NoStream {
        /// The table.
        table: String,
    },
    /// SQLite refused.
    #[error("cannot use the database {}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: rusqlite::Error,
    },
    /// The embedded database refused.
    #[error("cannot use the database {}: {source}", path.display())]
    Dynoxide {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: DynoxideError,
    },
    /// A thread or a socket of the server could not be had.
    #[error("cannot start serving DynamoDB: {source}")]
    Serve {
        /// What the operating system says.
        source: io::Error,
    },
}

/// A data directory that nobody else can use until this is dropped.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    lock: File,
}

impl DataDirectory {
    /// Takes a data directory, which is made if it is not there.
    ///
    /// # Errors
    /// If the directory cannot be written or is in use.
    pub fn take(path: &Path) -> Result<Self, Error> {
        Ok(Self { path: path.to_owned(), lock: lock(path)? })
    }
}

/// An open database. Nobody else can open the same directory until it is dropped.
pub struct DynamoDb {
    directory: PathBuf,
    database: Database,
    watcher: watch::Watcher,
    // Held for as long as the rest is there: fields are dropped in this order.
    _lock: File,
}

impl DynamoDb {
    /// Opens the database of a data directory and creates the tables that are not there yet.
    ///
    /// # Errors
    /// If the directory cannot be written or is in use, if its file is no database, or if a table in it has other
    /// keys, indexes or another stream than the one wanted.
    pub fn open(settings: Settings) -> Result<Self, Error> {
        let Settings { directory, tables, durability } = settings;
        Self::open_in(DataDirectory::take(&directory)?, &tables, durability)
    }

    /// The same, in a data directory that is taken already.
    ///
    /// # Errors
    /// If its file is no database, or if a table in it has other keys, indexes or another stream than the one wanted.
    pub fn open_in(directory: DataDirectory, tables: &[Table], durability: Durability) -> Result<Self, Error> {
        let DataDirectory { path: directory, lock } = directory;
        let path = file_in(&directory);
        let text = path.to_str().ok_or_else(|| Error::Directory {
            path: directory.clone(),
            source: io::Error::new(io::ErrorKind::InvalidFilename, "its name is not Unicode"),
        })?;
        files::keep_from_others(&path).map_err(|source| Error::Directory { path: directory.clone(), source })?;
        // Asked first, so that a file that is no database is told from any other trouble.
        readable(&path)?;
        let refused = |source| refused(&path, source);
        // `disable_bulk_loading` is no way back to the default: it leaves writes that a loss of power takes away.
        let database = Database::new(text).map_err(refused)?;
        if durability == Durability::ThrowAway {
            database.enable_bulk_loading().map_err(refused)?;
        }
        let connection = connect(&path)?;
        let sqlite = |source| Error::Sqlite { path: path.clone(), source };
        stream::create_index(&connection).map_err(sqlite)?;
        for table in tables {
            if let Some(stored) = database.get_table_metadata(&table.name).map_err(refused)? {
                let difference = table.difference(&stored).map_err(|_| Error::Corrupt { path: path.clone() })?;
                if let Some(difference) = difference {
                    return Err(Error::TableDiffers { table: table.name.clone(), path: directory, difference });
                }
            } else {
                stream::forget(&connection, &table.name).map_err(sqlite)?;
                database.create_table(table.create()).map_err(refused)?;
            }
        }
        let watcher = watch::Watcher::start(&path)?;
        Ok(Self { directory, database, watcher, _lock: lock })
    }

    /// The database's own interface, for whoever needs no network.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// The data directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes streams be read now, rather than when a change is noticed.
    #[must_use]
    pub fn wake(&self) -> Wake {
        self.watcher.wake()
    }

    /// Serves the HTTP API on a listener, in threads of its own, to whomever the gate lets through, until the server is
    /// stopped or dropped.
    ///
    /// # Errors
    /// If the listener cannot be used or threads cannot be started.
    pub fn serve(&self, listener: TcpListener, gate: Gate) -> Result<Server, Error> {
        Server::start(listener, gate, self.database.clone(), self.wake())
    }

    /// Something has changed since this was last asked. A change between two waits is not lost.
    pub(crate) fn changes(&self) -> tokio::sync::watch::Receiver<()> {
        self.watcher.changes()
    }

    /// The stream of a table.
    pub(crate) fn stream(&self, table: &str) -> Result<Stream, Error> {
        let path = self.file();
        let no_stream = || Error::NoStream { table: table.to_owned() };
        let stored = self.database.get_table_metadata(table).map_err(|source| refused(&path, source))?;
        let stored = stored.filter(|stored| stored.stream_enabled).ok_or_else(no_stream)?;
        let (Some(label), Some(view_type)) = (stored.stream_label, stored.stream_view_type) else {
            return Err(no_stream());
        };
        let view_type = StreamViewType::from_name(&view_type).ok_or_else(no_stream)?;
        let key: Vec<dynoxide::types::KeySchemaElement> =
            serde_json::from_str(&stored.key_schema).map_err(|_| Error::Corrupt { path: path.clone() })?;
        let partition_key = key.into_iter().find(|element| element.key_type == dynoxide::types::KeyType::HASH);
        let partition_key = partition_key.ok_or_else(|| Error::Corrupt { path: path.clone() })?.attribute_name;
        let connection = connect(&path)?;
        Ok(Stream { connection, path, table: table.to_owned(), label, view_type, partition_key })
    }

    /// The tables that have a stream.
    pub(crate) fn streams(&self) -> Result<Vec<String>, Error> {
        self.list("SELECT table_name FROM _tables WHERE stream_enabled = 1 ORDER BY table_name")
    }

    /// All tables that there are, also those that nobody asked for.
    pub(crate) fn tables(&self) -> Result<Vec<String>, Error> {
        self.list("SELECT table_name FROM _tables ORDER BY table_name")
    }

    fn list(&self, query: &str) -> Result<Vec<String>, Error> {
        let path = self.file();
        let list = || {
            connect(&path)?
                .prepare(query)
                .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
                .map_err(|source| Error::Sqlite { path: path.clone(), source })
        };
        list()
    }

    /// What removes stream records.
    pub(crate) fn trimmer(&self) -> Result<Trimmer, Error> {
        Trimmer::new(self.file())
    }

    fn file(&self) -> PathBuf {
        file_in(&self.directory)
    }
}

/// The database's file in a data directory.
pub(crate) fn file_in(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

fn lock(directory: &Path) -> Result<File, Error> {
    let unusable = |source| Error::Directory { path: directory.to_owned(), source };
    files::make_directory(directory).map_err(unusable)?;
    let path = directory.join(LOCK);
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { path: directory.to_owned() }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// A connection of our own to the database.
fn connect(path: &Path) -> Result<Connection, Error> {
    let open = || {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(connection)
    };
    open().map_err(|source| sqlite_refused(path, source))
}

fn readable(path: &Path) -> Result<(), Error> {
    connect(path)?
        .query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(()))
        .map_err(|source| sqlite_refused(path, source))
}

fn refused(path: &Path, source: DynoxideError) -> Error {
    match source {
        DynoxideError::SqliteError(source) => sqlite_refused(path, source),
        source => Error::Dynoxide { path: path.to_owned(), source },
    }
}

/// What is wrong with a database that SQLite refuses.
pub(crate) fn sqlite_refused(path: &Path, source: rusqlite::Error) -> Error {
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Error::Corrupt { path: path.to_owned() },
        _ => Error::Sqlite { path: path.to_owned(), source },
    }
}
