//! The tables of a data directory, both as they stood at one moment. A server may be running on it: nothing is locked,
//! and nothing written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use super::Error;
use super::chunks::{Chunk, Sink, name_of_table};
use crate::dynamodb;

/// How many items are handed over at a time.
const ITEMS: usize = 200;

/// The tables of a data directory.
pub(super) struct Snapshot {
    file: PathBuf,
    connection: Connection,
    /// The orders table.
    pub(super) orders: Table,
    /// The changes table.
    pub(super) changes: Table,
}

/// A table of it.
pub(super) struct Table {
    name: String,
    /// How many items it has.
    pub(super) items: u64,
}

impl Snapshot {
    /// Opens the database of a data directory.
    pub(super) fn open(directory: &Path) -> Result<Self, Error> {
        let file = dynamodb::file_in(directory);
        if !file.exists() {
            let what = "no server has ever run on this directory: name one with --data-dir, or an export with --orders and --changes";
            return Err(Error::refused(directory, what));
        }
        let refused = |source| dynamodb::sqlite_refused(&file, source);
        let connection =
            Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
                .map_err(refused)?;
        connection.busy_timeout(dynamodb::BUSY_TIMEOUT).map_err(refused)?;
        // What is read from here on is of one moment.
        connection.execute_batch("BEGIN").map_err(refused)?;
        let orders = table(&connection, &file, &["id"])?;
        let changes = table(&connection, &file, &["orderId", "changeId"])?;
        Ok(Self { file, connection, orders, changes })
    }

    /// Where the database is.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Reads a table into a sink, each item as a line of an export.
    pub(super) fn read(&self, table: &Table, sink: &Sink<'_>) -> Result<(), Error> {
        let refused = |source| dynamodb::sqlite_refused(&self.file, source);
        let name: Arc<Path> = Arc::from(name_of_table(&self.file, &table.name));
        let query = format!("SELECT item_json FROM {}", quoted(&table.name));
        let mut statement = self.connection.prepare(&query).map_err(refused)?;
        let mut rows = statement.query([]).map_err(refused)?;
        let mut first_line = 1;
        loop {
            let mut text = Vec::new();
            let mut items = 0;
            while items < ITEMS
                && let Some(row) = rows.next().map_err(refused)?
            {
                let item = row.get_ref(0).and_then(|item| Ok(item.as_str()?)).map_err(refused)?;
                text.extend_from_slice(b"{\"Item\":");
                text.extend_from_slice(item.as_bytes());
                text.extend_from_slice(b"}\n");
                items += 1;
            }
            if items == 0 || !sink.put(Chunk { file: name.clone(), first_line, text }) {
                return Ok(());
            }
            first_line += items as u64;
        }
    }
}

/// The only table with this key.
fn table(connection: &Connection, file: &Path, key: &[&str]) -> Result<Table, Error> {
    let refused = |source| dynamodb::sqlite_refused(file, source);
    let mut statement = connection.prepare("SELECT table_name, key_schema FROM _tables").map_err(refused)?;
    let tables = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(Iterator::collect::<Result<Vec<(String, String)>, _>>)
        .map_err(refused)?;
    let has_key = |schema: &str| {
        let schema: Value = serde_json::from_str(schema).unwrap_or_default();
        let attributes = schema.as_array().into_iter().flatten().map(|element| element["AttributeName"].as_str());
        attributes.eq(key.iter().copied().map(Some))
    };
    let found: Vec<_> = tables.into_iter().filter(|(_, schema)| has_key(schema)).map(|(name, _)| name).collect();
    let [name] = <[String; 1]>::try_from(found).map_err(|found| {
        let what = format!("has {} tables with the key ({}), and one is needed", found.len(), key.join(", "));
        Error::refused(file, what)
    })?;
    let count = format!("SELECT COUNT(*) FROM {}", quoted(&name));
    let items = connection.query_row(&count, [], |row| row.get::<_, i64>(0)).map_err(refused)?;
    Ok(Table { name, items: items.unsigned_abs() })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
