//! What this machine's database keeps of an order beside its tables: the record of the stream, and what SQLite leaves in
//! its file.
//!
//! In AWS, the stream forgets by itself after a day, and DynamoDB keeps no bytes that can be got at. Here the stream is a
//! table in the same file, the last record of which always stays, and SQLite overwrites nothing before it needs the room.

use std::path::Path;
use std::time::Duration;

use resolvers::order::ErasedOrder;
use rusqlite::{Connection, OpenFlags, params};

use super::Error;
use super::batch::image;

/// How long to wait for others who write.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often, and how long apart, the log is asked to be emptied: whoever reads at that moment holds it.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// The records of one order in a table's stream; not those that hold no more than this.
const ERASE: &str = "UPDATE _stream_records SET new_image = ?3, old_image = NULL
    WHERE table_name = ?1 AND json_extract(keys_json, '$.id.S') = ?2 AND (new_image IS NOT ?3 OR old_image IS NOT NULL)";

/// Takes erased orders out of the stream of the table that held them, then rewrites the file, so that nothing of what was
/// erased is in it.
///
/// # Errors
/// If the database is in use by somebody who does not let go of it, or cannot be written.
pub(super) fn erase(file: &Path, table: &str, orders: &[ErasedOrder]) -> Result<(), Error> {
    let failed = |reason: String| Error::Database { path: file.to_owned(), reason };
    let sqlite = |error: rusqlite::Error| failed(error.to_string());
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(sqlite)?;
    connection.busy_timeout(PATIENCE).map_err(sqlite)?;
    for left in orders {
        let image = image(left).to_string();
        connection.execute(ERASE, params![table, left.id.as_str(), image]).map_err(sqlite)?;
    }
    connection.execute_batch("VACUUM").map_err(sqlite)?;
    for _ in 0..ATTEMPTS {
        let held: i64 =
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(sqlite)?;
        if held == 0 {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    Err(failed("others read it all the time".to_owned()))
}
