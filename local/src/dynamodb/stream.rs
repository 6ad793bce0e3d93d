//! A table's stream, read and trimmed where the embedded database keeps it: in the table `_stream_records`.
//!
//! The database itself never removes a stream record and looks for the last one by scanning all of them, at every
//! write. So there is an index, and what has been acknowledged is removed. One record always stays, the last one of
//! each table: sequence numbers are counted on from it, and would otherwise depend on the clock alone.

use std::path::PathBuf;

use rusqlite::{Connection, params};

use super::{Error, StreamViewType, connect};

/// What turns a stored sequence number into the 21 digits that clients see, as text in front of 20 digits.
/// Source: `dynoxide-rs` 3.2.0, `streams.rs`, `SEQUENCE_NUMBER_OFFSET`.
const SEQUENCE_NUMBER_PREFIX: char = '1';

/// How many records one step of trimming removes: few enough that a write waiting for it hardly notices.
const TRIM_STEP: usize = 256;

const CREATE_INDEX: &str = "CREATE INDEX IF NOT EXISTS _stream_records_by_sequence_number
    ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

pub(super) const READ: &str = "SELECT CAST(sequence_number AS INTEGER), created_at, event_id, event_name,
        keys_json, new_image, old_image, user_identity
    FROM _stream_records
    WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) > ?2
    ORDER BY CAST(sequence_number AS INTEGER) LIMIT ?3";

pub(super) const LATEST: &str =
    "SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = ?1";

pub(super) const TRIM: &str = "DELETE FROM _stream_records WHERE id IN (
    SELECT id FROM _stream_records
    WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) <= ?2 AND created_at < ?3
      AND CAST(sequence_number AS INTEGER) < (
          SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = ?1)
    ORDER BY CAST(sequence_number AS INTEGER) LIMIT ?4)";

/// Creates the index that keeps writes and reads fast however many records there are.
pub(super) fn create_index(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.execute_batch(CREATE_INDEX)
}

/// Removes what a deleted table of this name left behind, before a new one is created.
pub(super) fn forget(connection: &Connection, table: &str) -> Result<usize, rusqlite::Error> {
    connection.execute("DELETE FROM _stream_records WHERE table_name = ?1", [table])
}

/// The sequence number as clients know it.
pub(crate) fn sequence_number(stored: i64) -> String {
    format!("{SEQUENCE_NUMBER_PREFIX}{stored:020}")
}

/// One change of one item, as stored: images and keys are DynamoDB's JSON.
#[derive(Debug)]
pub(crate) struct StreamRecord {
    pub(crate) sequence: i64,
    /// In whole seconds since 1970.
    pub(crate) created_at: i64,
    pub(crate) event_id: Option<String>,
    pub(crate) event_name: String,
    pub(crate) keys: String,
    pub(crate) new_image: Option<String>,
    pub(crate) old_image: Option<String>,
    pub(crate) user_identity: Option<String>,
}

impl StreamRecord {
    /// How many bytes of JSON it holds.
    pub(crate) fn size(&self) -> usize {
        self.keys.len()
            + self.new_image.as_ref().map_or(0, String::len)
            + self.old_image.as_ref().map_or(0, String::len)
    }
}

/// The stream of one table, on a connection of its own.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    /// The table that it is the stream of.
    pub(crate) table: String,
    /// What tells this stream from one of an earlier table of the same name.
    pub(crate) label: String,
    pub(crate) view_type: StreamViewType,
    pub(crate) partition_key: String,
}

impl Stream {
    /// The one shard that a stream has here, under the name that clients of the streams API see.
    pub(crate) fn shard_id(&self) -> String {
        dynoxide::streams::shard_id(&self.table)
    }

    /// The records after a position, in order: at most so many, and none after so many bytes are reached.
    pub(crate) fn read_after(&self, position: i64, records: usize, bytes: usize) -> Result<Vec<StreamRecord>, Error> {
        let read = || {
            let mut statement = self.connection.prepare_cached(READ)?;
            let mut rows =
                statement.query(params![self.table, position, i64::try_from(records).unwrap_or(i64::MAX)])?;
            let mut found = Vec::new();
            let mut size = 0;
            while size < bytes
                && let Some(row) = rows.next()?
            {
                let record = StreamRecord {
                    sequence: row.get(0)?,
                    created_at: row.get(1)?,
                    event_id: row.get(2)?,
                    event_name: row.get(3)?,
                    keys: row.get(4)?,
                    new_image: row.get(5)?,
                    old_image: row.get(6)?,
                    user_identity: row.get(7)?,
                };
                size += record.size();
                found.push(record);
            }
            Ok(found)
        };
        read().map_err(|source| Error::Sqlite { path: self.path.clone(), source })
    }

    /// The last record's sequence number; zero if there has never been one.
    pub(crate) fn latest(&self) -> Result<i64, Error> {
        self.connection
            .query_row(LATEST, [&self.table], |row| row.get::<_, Option<i64>>(0))
            .map(Option::unwrap_or_default)
            .map_err(|source| Error::Sqlite { path: self.path.clone(), source })
    }
}

/// Removes stream records, on a connection of its own.
#[derive(Debug)]
pub(crate) struct Trimmer {
    connection: Connection,
    path: PathBuf,
}

impl Trimmer {
    pub(super) fn new(path: PathBuf) -> Result<Self, Error> {
        let connection = connect(&path)?;
        // Moving pages from the log to the file is left to the writers' connection. A trim that is lost with the
        // power only leaves records that are trimmed again.
        connection
            .execute_batch("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;")
            .map_err(|source| Error::Sqlite { path: path.clone(), source })?;
        Ok(Self { connection, path })
    }

    /// Removes a few records of a table up to a sequence number that were created before a time (seconds since 1970),
    /// oldest first. Says whether there may be more.
    pub(crate) fn step(&self, table: &str, up_to: i64, created_before: i64) -> Result<bool, Error> {
        let step = i64::try_from(TRIM_STEP).unwrap_or(i64::MAX);
        self.connection
            .prepare_cached(TRIM)
            .and_then(|mut statement| statement.execute(params![table, up_to, created_before, step]))
            .map(|removed| removed == TRIM_STEP)
            .map_err(|source| Error::Sqlite { path: self.path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_are_the_ones_that_the_streams_api_gives() {
        assert_eq!(sequence_number(1_761_000_000_000_000), "100001761000000000000");
        assert_eq!(sequence_number(i64::MAX).len(), 21);
    }
}
