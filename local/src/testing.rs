//! What several modules' tests need: a directory that goes away, a database in it, items in the database.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dynoxide::AttributeValue;
use dynoxide::actions::put_item::PutItemRequest;

use crate::dynamodb::{Durability, DynamoDb, Key, Settings, StreamViewType, Table};

/// A fresh directory, removed with all that is in it.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("local-test-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} stays behind: {error}", self.0.display());
        }
    }
}

/// A table like the one for orders.
pub(crate) fn orders() -> Table {
    Table {
        name: "orders".to_owned(),
        key: Key { partition: "id".to_owned(), sort: None },
        attribute_types: std::collections::BTreeMap::new(),
        global_secondary_indexes: Vec::new(),
        stream_view_type: Some(StreamViewType::NewImage),
    }
}

pub(crate) fn open(directory: &Path) -> DynamoDb {
    let tables = vec![orders()];
    DynamoDb::open(Settings { directory: directory.to_owned(), tables, durability: Durability::ThrowAway }).unwrap()
}

/// Stores an item: its id and other string attributes.
pub(crate) fn put(dynamodb: &DynamoDb, id: &str, attributes: &[(&str, &str)]) {
    let attribute = |(name, value): (&str, &str)| (name.to_owned(), AttributeValue::S(value.to_owned()));
    let item: HashMap<_, _> = attributes.iter().copied().chain([("id", id)]).map(attribute).collect();
    let request = PutItemRequest { table_name: "orders".to_owned(), item, ..PutItemRequest::default() };
    dynamodb.database().put_item(request).unwrap();
}

/// A connection of the test's own to the database.
pub(crate) fn sqlite(directory: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(directory.join("orders.sqlite")).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection
}

/// How many stream records there are.
pub(crate) fn stream_records(directory: &Path) -> i64 {
    sqlite(directory).query_row("SELECT COUNT(*) FROM _stream_records", [], |row| row.get(0)).unwrap()
}

/// Waits for something to come about, and fails the test if it does not.
pub(crate) async fn eventually(what: &str, come_about: impl Fn() -> bool) {
    let start = Instant::now();
    while !come_about() {
        assert!(start.elapsed() < Duration::from_secs(20), "it never came about that {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
