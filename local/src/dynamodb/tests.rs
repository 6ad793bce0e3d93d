//! The embedded database as its users see it.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use dynoxide::actions::get_item::GetItemRequest;

use super::{
    Durability, DynamoDb, Error, Gate, GlobalSecondaryIndex, Key, Projection, Settings, StreamViewType, Table, stream,
};
use crate::testing::{Directory, open, orders, put, sqlite, stream_records};

fn open_with(directory: &Path, table: Table) -> Result<DynamoDb, Error> {
    let settings = Settings { directory: directory.to_owned(), tables: vec![table], durability: Durability::ThrowAway };
    DynamoDb::open(settings)
}

fn has(dynamodb: &DynamoDb, id: &str) -> bool {
    let key = [("id".to_owned(), dynoxide::AttributeValue::S(id.to_owned()))].into();
    let request = GetItemRequest { table_name: "orders".to_owned(), key, ..GetItemRequest::default() };
    dynamodb.database().get_item(request).unwrap().item.is_some()
}

/// Why the directory cannot be opened with this table.
fn refusal(directory: &Path, table: Table) -> String {
    open_with(directory, table).err().expect("it was opened").to_string()
}

#[test]
fn what_was_stored_is_there_after_a_restart() {
    let directory = Directory::new();
    for durability in [Durability::Durable, Durability::ThrowAway] {
        let settings = || Settings { directory: directory.path().to_owned(), tables: vec![orders()], durability };
        put(&DynamoDb::open(settings()).unwrap(), "o1", &[]);
        assert!(has(&DynamoDb::open(settings()).unwrap(), "o1"));
    }
}

#[test]
fn a_table_that_differs_from_the_one_wanted_is_refused() {
    let index = |sort: &str, projection| GlobalSecondaryIndex {
        name: "byCustomer".to_owned(),
        key: Key { partition: "customerId".to_owned(), sort: Some(sort.to_owned()) },
        projection,
    };
    let wanted = Table {
        global_secondary_indexes: vec![index("receivedAt", Projection::Include(BTreeSet::from(["note".to_owned()])))],
        ..orders()
    };
    let directory = Directory::new();
    drop(open_with(directory.path(), wanted.clone()).unwrap());
    drop(open_with(directory.path(), wanted.clone()).unwrap());
    let with_indexes = |indexes| Table { global_secondary_indexes: indexes, ..wanted.clone() };
    let sorted = Key { partition: "id".to_owned(), sort: Some("at".to_owned()) };
    for (table, difference) in [
        (Table { key: sorted, ..wanted.clone() }, "its key is (id), wanted is (id, at)"),
        (with_indexes(vec![]), "it has an index byCustomer that is not wanted"),
        (with_indexes(vec![index("receivedAt", Projection::KeysOnly)]), "its index byCustomer has another"),
        (with_indexes(vec![index("id", Projection::Include(BTreeSet::from(["note".to_owned()])))]), "has another"),
        (Table { stream_view_type: None, ..wanted.clone() }, "its stream is NEW_IMAGE, wanted is off"),
        (
            Table { stream_view_type: Some(StreamViewType::NewAndOldImages), ..wanted.clone() },
            "its stream is NEW_IMAGE, wanted is NEW_AND_OLD_IMAGES",
        ),
    ] {
        let refusal = refusal(directory.path(), table);
        assert!(refusal.contains(difference), "{refusal}");
    }
    drop(open_with(directory.path(), wanted).unwrap());
}

#[test]
fn two_instances_cannot_share_a_directory() {
    let directory = Directory::new();
    let first = open(directory.path());
    let refused = refusal(directory.path(), orders());
    assert!(refused.contains("in use by another running instance"), "{refused}");
    drop(first);
    drop(open(directory.path()));
}

#[cfg(unix)]
#[test]
fn nobody_else_reads_what_was_stored_and_a_directory_that_was_there_stays_as_open_as_it_was() {
    use std::fs::{Permissions, metadata, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;
    let directory = Directory::new();
    let (there, new) = (directory.path().join("there"), directory.path().join("not/yet/there"));
    std::fs::create_dir(&there).unwrap();
    // As an earlier version, or a careless copy, has left it.
    std::fs::write(super::file_in(&there), "").unwrap();
    for path in [there.clone(), super::file_in(&there)] {
        set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    let mode = |path: &Path| metadata(path).unwrap().permissions().mode() & 0o777;
    for (directory, expected) in [(there, 0o755), (new, 0o700)] {
        let dynamodb = open(&directory);
        put(&dynamodb, "o1", &[]);
        assert_eq!(mode(&directory), expected, "{}", directory.display());
        for file in ["", "-wal", "-shm"].map(|end| format!("{}{end}", super::FILE)) {
            assert_eq!(mode(&directory.join(&file)), 0o600, "{file}");
        }
    }
}

#[test]
fn a_directory_that_cannot_be_used_and_a_file_that_is_no_database_are_told_apart() {
    let directory = Directory::new();
    let file = directory.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let refused = refusal(&file.join("data"), orders());
    assert!(refused.starts_with("cannot use the data directory"), "{refused}");
    std::fs::write(directory.path().join("orders.sqlite"), "this is no database, whatever its name says".repeat(50))
        .unwrap();
    let refused = refusal(directory.path(), orders());
    assert!(refused.contains("orders.sqlite is not a usable database"), "{refused}");
}

#[tokio::test]
async fn clients_are_served_and_none_of_them_can_hold_up_the_end() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    let server = dynamodb.serve(TcpListener::bind(("127.0.0.1", 0)).unwrap(), Gate::default()).unwrap();
    let request = "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\n\
        Content-Type: application/x-amz-json-1.0\r\nX-Amz-Date: 20260101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 \
        Credential=a/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0\r\n\
        Content-Length: 2\r\n\r\n";
    let address = server.address();
    let (idle, half_open) = tokio::task::spawn_blocking(move || {
        let mut idle = TcpStream::connect(address).unwrap();
        idle.write_all(request.as_bytes()).unwrap();
        idle.write_all(b"{}").unwrap();
        let mut answer = String::new();
        while !answer.ends_with(r#"{"TableNames":["orders"]}"#) {
            let mut buffer = [0; 512];
            let length = idle.read(&mut buffer).unwrap();
            assert_ne!(length, 0, "{answer}");
            answer.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        }
        let mut half_open = TcpStream::connect(address).unwrap();
        half_open.write_all(request.as_bytes()).unwrap();
        (idle, half_open)
    })
    .await
    .unwrap();
    // A connection that nobody has accepted yet would hold up nothing.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let start = Instant::now();
    server.stop().await;
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(TcpStream::connect(address).is_err());
    drop((idle, half_open));
    drop(dynamodb);
    drop(open(directory.path()));
}

#[test]
fn neither_writes_nor_reads_scan_the_stream_records() {
    let directory = Directory::new();
    let _dynamodb = open(directory.path());
    let connection = sqlite(directory.path());
    // The embedded database's own statements. Source: dynoxide-rs 3.2.0, storage.rs.
    let next = "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records \
        WHERE table_name = 'orders'";
    let get_records = "SELECT event_name FROM _stream_records WHERE table_name = 'orders' AND shard_id = 's' \
        AND CAST(sequence_number AS INTEGER) > 5 ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT 9";
    for statement in [next, get_records, stream::READ, stream::LATEST, stream::TRIM] {
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        let parameters = vec![1; explain.parameter_count()];
        let plan: Vec<String> = explain
            .query_map(rusqlite::params_from_iter(parameters), |row| row.get(3))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let steps = plan.iter().filter(|step| step.contains("_stream_records"));
        assert!(steps.clone().any(|step| step.contains("_stream_records_by_sequence_number")), "{plan:?}");
        assert!(!plan.iter().any(|step| step.contains("SCAN") || step.contains("TEMP B-TREE")), "{plan:?}");
    }
}

#[test]
fn trimming_goes_in_steps_and_the_last_record_stays_to_count_on_from() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    for number in 0..300 {
        put(&dynamodb, &number.to_string(), &[]);
    }
    let trimmer = dynamodb.trimmer().unwrap();
    let latest = dynamodb.stream("orders").unwrap().latest().unwrap();
    assert!(!trimmer.step("orders", latest, 0).unwrap(), "records were trimmed that are not that old");
    assert_eq!(stream_records(directory.path()), 300);
    assert!(trimmer.step("orders", latest, i64::MAX).unwrap());
    assert_eq!(stream_records(directory.path()), 300 - 256);
    assert!(!trimmer.step("orders", latest, i64::MAX).unwrap());
    assert_eq!(stream_records(directory.path()), 1);
    assert_eq!(dynamodb.stream("orders").unwrap().latest().unwrap(), latest);
    put(&dynamodb, "next", &[]);
    let next = dynamodb.stream("orders").unwrap().read_after(latest, 10, usize::MAX).unwrap();
    assert_eq!(next.len(), 1);
    assert!(next[0].sequence > latest);
}

#[test]
fn a_new_table_does_not_replay_what_one_of_its_name_left_behind() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    put(&dynamodb, "o1", &[]);
    let first = dynamodb.stream("orders").unwrap().label;
    let request = dynoxide::actions::delete_table::DeleteTableRequest { table_name: "orders".to_owned() };
    dynamodb.database().delete_table(request).unwrap();
    drop(dynamodb);
    assert_eq!(stream_records(directory.path()), 1, "the database cleans up by itself");
    let dynamodb = open(directory.path());
    assert_eq!(stream_records(directory.path()), 0);
    assert_ne!(dynamodb.stream("orders").unwrap().label, first);
}

#[test]
fn a_read_ends_by_count_and_by_bytes() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    for number in 0..10 {
        put(&dynamodb, &number.to_string(), &[("document", &"x".repeat(1000))]);
    }
    let stream = dynamodb.stream("orders").unwrap();
    let read = |records, bytes| stream.read_after(0, records, bytes).unwrap().len();
    assert_eq!((read(100, usize::MAX), read(4, usize::MAX), read(100, 2500), read(100, 1)), (10, 4, 3, 1));
}

#[tokio::test]
async fn every_write_is_noticed_with_and_without_being_woken() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    let mut changes = dynamodb.changes();
    for round in 0..200 {
        changes.mark_unchanged();
        put(&dynamodb, &round.to_string(), &[]);
        if round % 2 == 0 {
            dynamodb.wake().wake();
        }
        let noticed = tokio::time::timeout(Duration::from_secs(5), changes.changed()).await;
        assert!(noticed.is_ok(), "the write of round {round} was not noticed");
    }
}

#[test]
fn a_table_without_a_stream_has_none_to_read() {
    let directory = Directory::new();
    let dynamodb = open_with(directory.path(), Table { stream_view_type: None, ..orders() }).unwrap();
    assert!(matches!(dynamodb.stream("orders"), Err(Error::NoStream { .. })));
    assert!(matches!(dynamodb.stream("nothing"), Err(Error::NoStream { .. })));
    assert!(dynamodb.streams().unwrap().is_empty());
}
