//! Mappings at work on a real database, with functions that do as the test says.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Backoff, Error, EventSource, Mapping, StartingPosition};
use crate::dynamodb::{DynamoDb, Wake};
use crate::lambda::{Function, Functions};
use crate::testing::{Directory, eventually, open, put, sqlite, stream_records};

const STREAM_ARN: &str = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000";
const FAST: Backoff = Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(10) };

fn mapping() -> Mapping {
    Mapping {
        uuid: Uuid::from_u128(7),
        function_name: "fulfil-orders".to_owned(),
        table_name: "orders".to_owned(),
        event_source_arn: STREAM_ARN.to_owned(),
        enabled: true,
        batch_size: 100,
        maximum_batching_window: Duration::ZERO,
        parallelization_factor: 1,
        starting_position: StartingPosition::TrimHorizon,
        maximum_retry_attempts: None,
        maximum_record_age: None,
        bisect_batch_on_function_error: false,
        report_batch_item_failures: false,
        filter_patterns: Vec::new(),
        on_failure: None,
    }
}

/// The ids of the orders in an event.
fn ids(event: &Value) -> Vec<String> {
    let id = |record: &Value| record["dynamodb"]["Keys"]["id"]["S"].as_str().unwrap().to_owned();
    event["Records"].as_array().unwrap().iter().map(id).collect()
}

/// The sequence number of an order in an event.
fn number_of(event: &Value, id: &str) -> Value {
    let records = event["Records"].as_array().unwrap();
    let record = records.iter().find(|record| record["dynamodb"]["Keys"]["id"]["S"] == id).unwrap();
    record["dynamodb"]["SequenceNumber"].clone()
}

fn failing(identifiers: &[Value]) -> Value {
    let failures: Vec<_> = identifiers.iter().map(|identifier| json!({"itemIdentifier": identifier})).collect();
    json!({"batchItemFailures": failures})
}

fn error(error_type: &str) -> Diagnostic {
    Diagnostic { error_type: error_type.to_owned(), error_message: "no".to_owned() }
}

/// A function that notes every event and answers as it is told.
#[derive(Clone, Default)]
struct Fulfil {
    events: Arc<Mutex<Vec<Value>>>,
}

impl Fulfil {
    fn batches(&self) -> Vec<Vec<String>> {
        self.events.lock().unwrap().iter().map(ids).collect()
    }

    fn event(&self, number: usize) -> Value {
        self.events.lock().unwrap()[number].clone()
    }

    /// The function; `answer` is given the event and how many there were before it.
    fn functions(
        &self,
        answer: impl Fn(&Value, usize) -> Result<Value, Diagnostic> + Send + Sync + 'static,
    ) -> Functions {
        let events = Arc::clone(&self.events);
        Functions::new([Function::new("fulfil-orders", Duration::from_secs(10), move |event: LambdaEvent<Value>| {
            let mut events = events.lock().unwrap();
            let answer = answer(&event.payload, events.len());
            events.push(event.payload);
            async move { answer }
        })])
    }

    async fn saw(&self, batches: &[&[&str]]) {
        eventually(&format!("the batches were {batches:?}, they are {:?}", self.batches()), || {
            self.batches().len() >= batches.len()
        })
        .await;
        // Long enough for one delivery too many to show.
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!(self.batches(), batches);
    }
}

fn start(dynamodb: &DynamoDb, functions: &Functions, mapping: Mapping) -> EventSource {
    EventSource::start(dynamodb, functions, vec![mapping], FAST).unwrap()
}

/// The given-up batches in a folder.
fn given_up(folder: &Path) -> Vec<(PathBuf, Value)> {
    let mut folders = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if !path.file_name().unwrap().to_str().unwrap().starts_with('.') {
                let document = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                found.push((path, document));
            }
        }
    }
    found
}

/// The orders in a given-up batch, from its payload.
fn given_up_ids(document: &Value) -> Vec<String> {
    ids(&serde_json::from_str(document["payload"].as_str().unwrap()).unwrap())
}

#[tokio::test]
async fn records_from_before_the_start_come_first_and_in_the_shape_that_aws_gives_them() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    put(&dynamodb, "a", &[("document", "{\"x\": \"ä\\n\"}")]);
    let fulfil = Fulfil::default();
    let source = start(&dynamodb, &fulfil.functions(|_, _| Ok(Value::Null)), mapping());
    fulfil.saw(&[&["a"]]).await;
    put(&dynamodb, "b", &[]);
    fulfil.saw(&[&["a"], &["b"]]).await;
    put(&dynamodb, "b", &[("note", "changed")]);
    fulfil.saw(&[&["a"], &["b"], &["b"]]).await;
    assert_eq!(fulfil.event(2)["Records"][0]["eventName"], "MODIFY");

    let mut event = fulfil.event(0);
    let record = &mut event["Records"][0];
    assert!(record["eventID"].take().as_str().is_some_and(|id| id.len() == 32));
    let change = &mut record["dynamodb"];
    let created_at = change["ApproximateCreationDateTime"].take().as_f64().unwrap();
    assert!(created_at > 1.7e9 && created_at.fract() == 0.0, "{created_at}");
    assert!(change["SizeBytes"].take().is_u64());
    assert_eq!(change["SequenceNumber"].take().as_str().unwrap().len(), 21);
    assert_eq!(
        *record,
        json!({
            "eventID": null, "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
            "awsRegion": "eu-west-1", "eventSourceARN": STREAM_ARN,
            "dynamodb": {
                "ApproximateCreationDateTime": null, "SequenceNumber": null, "SizeBytes": null,
                "Keys": {"id": {"S": "a"}},
                "NewImage": {"id": {"S": "a"}, "document": {"S": "{\"x\": \"ä\\n\"}"}},
                "StreamViewType": "NEW_IMAGE",
            },
        })
    );
    source.stop().await;
}

#[tokio::test]
async fn the_streams_api_shows_the_same_records_under_the_same_numbers() {
    use dynoxide::actions::{get_records, get_shard_iterator};
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    put(&dynamodb, "a", &[]);
    let fulfil = Fulfil::default();
    let source = start(&dynamodb, &fulfil.functions(|_, _| Ok(Value::Null)), mapping());
    fulfil.saw(&[&["a"]]).await;
    let request = get_shard_iterator::GetShardIteratorRequest {
        stream_arn: STREAM_ARN.to_owned(),
        shard_id: "shardId-00000001-orders".to_owned(),
        shard_iterator_type: "TRIM_HORIZON".to_owned(),
        sequence_number: None,
    };
    let shard_iterator = dynamodb.database().get_shard_iterator(request).unwrap().shard_iterator.unwrap();
    let request = get_records::GetRecordsRequest { shard_iterator, limit: None };
    let theirs = serde_json::to_value(dynamodb.database().get_records(request).unwrap()).unwrap();
    let mut ours = fulfil.event(0)["Records"][0].clone();
    ours["awsRegion"] = json!("dynoxide");
    ours.as_object_mut().unwrap().remove("eventSourceARN");
    assert_eq!(theirs["Records"], json!([ours]));
    source.stop().await;
}

#[tokio::test]
async fn batches_are_in_order_and_no_larger_than_asked_for() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    for number in 0..10 {
        put(&dynamodb, &number.to_string(), &[]);
    }
    let fulfil = Fulfil::default();
    let source = start(&dynamodb, &fulfil.functions(|_, _| Ok(Value::Null)), Mapping { batch_size: 4, ..mapping() });
    fulfil.saw(&[&["0", "1", "2", "3"], &["4", "5", "6", "7"], &["8", "9"]]).await;
    source.stop().await;
}

#[tokio::test]
async fn a_batch_never_exceeds_the_invocation_payload() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    let large = "x".repeat(390_000);
    for number in 0..40 {
        put(&dynamodb, &number.to_string(), &[("document", &large)]);
    }
    let fulfil = Fulfil::default();
    let source = start(&dynamodb, &fulfil.functions(|_, _| Ok(Value::Null)), mapping());
    eventually("all came", || fulfil.batches().concat().len() == 40).await;
    let expected: Vec<_> = (0..40).map(|number: i32| number.to_string()).collect();
    assert_eq!(fulfil.batches().concat(), expected);
    assert_eq!(fulfil.batches()[0].len(), 16, "6 MB hold sixteen of these");
    source.stop().await;
}

#[tokio::test]
async fn a_batching_window_waits_for_more_but_not_once_the_batch_is_full() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    let fulfil = Fulfil::default();
    let window = Duration::from_millis(400);
    let settings = Mapping { batch_size: 3, maximum_batching_window: window, ..mapping() };
    let source = start(&dynamodb, &fulfil.functions(|_, _| Ok(Value::Null)), settings);
    let started = Instant::now();
    for id in ["a", "b", "c", "d"] {
        put(&dynamodb, id, &[]);
    }
    eventually("the full batch came", || fulfil.batches().len() == 1).await;
    assert!(started.elapsed() < window, "{:?}", started.elapsed());
    eventually("the rest came", || fulfil.batches().len() == 2).await;
    assert!(started.elapsed() >= window, "{:?}", started.elapsed());
    fulfil.saw(&[&["a", "b", "c"], &["d"]]).await;
    source.stop().await;
}

#[tokio::test]
async fn what_the_filters_do_not_want_is_passed_over() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    let fulfil = Fulfil::default();
    let settings = || Mapping { filter_patterns: vec![r#"{"eventName": ["INSERT"]}"#.to_owned()], ..mapping() };
    let functions = fulfil.functions(|_, _| Ok(Value::Null));
    let source = start(&dynamodb, &functions, settings());
    put(&dynamodb, "a", &[]);
    fulfil.saw(&[&["a"]]).await;
    for _ in 0..5 {
        put(&dynamodb, "a", &[]);
    }
    eventually("the changes were passed and trimmed", || stream_records(directory.path()) == 1).await;
    put(&dynamodb, "b", &[]);
    fulfil.saw(&[&["a"], &["b"]]).await;
    source.stop().await;
}

#[tokio::test]
async fn a_batch_that_fails_is_tried_again_whole_and_holds_up_the_rest() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    for id in ["a", "b", "c"] {
        put(&dynamodb, id, &[]);
    }
    let fulfil = Fulfil::default();
    let functions = fulfil.functions(|_, before| if before < 3 { Err(error("Oops")) } else { Ok(Value::Null) });
    let source = start(&dynamodb, &functions, Mapping { batch_size: 2, ..mapping() });
    fulfil.saw(&[&["a", "b"], &["a", "b"], &["a", "b"], &["a", "b"], &["c"]]).await;
    source.stop().await;
}

#[tokio::test]
async fn a_partial_failure_is_tried_again_from_the_lowest_with_all_that_follows() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    for id in ["a", "b", "c", "d"] {
        put(&dynamodb, id, &[]);
    }
    let fulfil = Fulfil::default();
    let functions = fulfil.functions(|event, before| {
        Ok(if before == 0 { failing(&[number_of(event, "d"), number_of(event, "b")]) } else { Value::Null })
    });
    let source = start(&dynamodb, &functions, Mapping { report_batch_item_failures: true, ..mapping() });
    fulfil.saw(&[&["a", "b", "c", "d"], &["b", "c", "d"]]).await;
    source.stop().await;
}

#[tokio::test]
async fn a_partial_failure_means_nothing_to_a_mapping_that_did_not_ask_for_it() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    put(&dynamodb, "a", &[]);
    let fulfil = Fulfil::default();
    let functions = fulfil.functions(|event, _| Ok(failing(&[number_of(event, "a")])));
    let source = start(&dynamodb, &functions, mapping());
    fulfil.saw(&[&["a"]]).await;
    source.stop().await;
}

#[tokio::test]
async fn an_identifier_of_no_record_fails_the_whole_batch() {
    for identifier in [json!(""), json!(null), json!("100000000000000000001")] {
        let directory = Directory::new();
        let dynamodb = open(directory.path());
        put(&dynamodb, "a", &[]);
        put(&dynamodb, "b", &[]);
        let fulfil = Fulfil::default();
        let functions = fulfil.functions(move |event, before| {
            Ok(if before == 0 { failing(&[number_of(event, "b"), identifier.clone()]) } else { Value::Null })
        });
        let source = start(&dynamodb, &functions, Mapping { report_batch_item_failures: true, ..mapping() });
        fulfil.saw(&[&["a", "b"], &["a", "b"]]).await;
        source.stop().await;
    }
}

#[tokio::test]
async fn attempts_are_limited_and_what_is_given_up_is_kept_whole() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    for id in ["a", "b", "c"] {
        put(&dynamodb, id, &[("document", "{\"quoted\": \"\\\"\"}")]);
    }
    let folder = directory.path().join("given up");
    let fulfil = Fulfil::default();
    let functions = fulfil
        .functions(|event, _| if ids(event).contains(&"a".to_owned()) { Err(error("Oops")) } else { Ok(Value::Null) });
    let settings =
        Mapping { batch_size: 2, maximum_retry_attempts: Some(2), on_failure: Some(folder.clone()), ..mapping() };
    let source = start(&dynamodb, &functions, settings);
    fulfil.saw(&[&["a", "b"], &["a", "b"], &["a", "b"], &["c"]]).await;
    source.stop().await;

    let [(path, document)] = &mut given_up(&folder)[..] else { panic!("not one file") };
    let event = fulfil.event(0);
    assert_eq!(serde_json::from_str::<Value>(document["payload"].take().as_str().unwrap()).unwrap(), event);
    document["requestContext"]["requestId"].take().as_str().unwrap().parse::<Uuid>().unwrap();
    let timestamp = document["timestamp"].take();
    assert!(timestamp.as_str().unwrap().len() == 24 && timestamp.as_str().unwrap().ends_with('Z'), "{timestamp}");
    let info = &mut document["DDBStreamBatchInfo"];
    for arrival in ["approximateArrivalOfFirstRecord", "approximateArrivalOfLastRecord"] {
        assert_eq!(info[arrival].take().as_str().unwrap().len(), "2019-11-14T00:13:19Z".len());
    }
    assert_eq!(
        *document,
        json!({
            "requestContext": {
                "requestId": null, "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 3,
                "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:fulfil-orders",
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0", "timestamp": null, "payload": null,
            "DDBStreamBatchInfo": {
                "shardId": "shardId-00000001-orders", "batchSize": 2, "streamArn": STREAM_ARN,
                "startSequenceNumber": number_of(&event, "a"), "endSequenceNumber": number_of(&event, "b"),
                "approximateArrivalOfFirstRecord": null, "approximateArrivalOfLastRecord": null,
            },
        })
    );
    let day = timestamp.as_str().unwrap()[..10].replace('-', "/");
    let expected = folder.join(format!("aws/lambda/{}/shardId-00000001-orders/{day}", Uuid::from_u128(7)));
    assert_eq!(path.parent().unwrap(), expected);
    let name = path.file_name().unwrap().to_str().unwrap();
    let (time, id) = name.split_at(19);
    assert_eq!(time, timestamp.as_str().unwrap()[..19].replace(':', "."));
    id.strip_prefix('-').unwrap().parse::<Uuid>().unwrap();
}

#[tokio::test]
async fn no_retries_means_one_attempt() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    put(&dynamodb, "a", &[]);
    put(&dynamodb, "b", &[]);
    let fulfil = Fulfil::default();
    let functions = fulfil.functions(|_, _| Err(error("Oops")));
    let settings = Mapping { batch_size: 1, maximum_retry_attempts: Some(0), ..mapping() };
    let source = start(&dynamodb, &functions, settings);
    fulfil.saw(&[&["a"], &["b"]]).await;
    source.stop().await;
}

#[tokio::test]
async fn bisecting_gives_up_the_poison_record_alone_and_delivers_the_rest_in_order() {
    for reporting in [false, true] {
        let directory = Directory::new();
        let dynamodb = open(directory.path());
        let orders = ["a", "b", "c", "poison", "e", "f", "g"];
        for id in orders {
            put(&dynamodb, id, &[]);
        }
        let folder = directory.path().join("given up");
        let fulfil = Fulfil::default();
        let done = Arc::<Mutex<Vec<String>>>::default();
        let functions = fulfil.functions({
            let done = Arc::clone(&done);
            move |event, _| {
                let ids = ids(event);
                let poison = ids.iter().position(|id| id == "poison");
                if poison.is_none() || reporting {
                    done.lock().unwrap().extend(ids[..poison.unwrap_or(ids.len())].iter().cloned());
                }
                match poison {
                    Some(_) if reporting => Ok(failing(&[number_of(event, "poison")])),
                    Some(_) => Err(error("Oops")),
                    None => Ok(Value::Null),
                }
            }
        });
        let settings = Mapping {
            bisect_batch_on_function_error: true,
            report_batch_item_failures: reporting,
            maximum_retry_attempts: Some(1),
            on_failure: Some(folder.clone()),
            ..mapping()
        };
        let source = start(&dynamodb, &functions, settings);
        eventually("the rest was delivered", || done.lock().unwrap().len() == 6).await;
        assert_eq!(*done.lock().unwrap(), ["a", "b", "c", "e", "f", "g"]);
        source.stop().await;
        let documents = given_up(&folder);
        assert_eq!(documents.len(), 1);
        assert_eq!(given_up_ids(&documents[0].1), ["poison"]);
        let attempts = fulfil.batches().iter().filter(|batch| batch == &&["poison"]).count();
        assert_eq!(attempts, 2, "splitting consumes no attempt");
        if reporting {
            assert_eq!(fulfil.batches()[1], ["poison", "e", "f", "g"], "split where the function said");
        } else {
            assert_eq!(fulfil.batches()[1], ["a", "b", "c"], "split in halves");
        }
    }
}

#[tokio::test]
async fn a_record_that_is_too_old_is_given_up_without_the_younger_ones() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    for id in ["old", "young"] {
        put(&dynamodb, id, &[]);
    }
    sqlite(directory.path())
        .execute("UPDATE _stream_records SET created_at = created_at - 120 WHERE keys_json LIKE '%old%'", [])
        .unwrap();
    let folder = directory.path().join("given up");
    let fulfil = Fulfil::default();
    let settings =
        Mapping { maximum_record_age: Some(Duration::from_mins(1)), on_failure: Some(folder.clone()), ..mapping() };
    let source = start(&dynamodb, &fulfil.functions(|_, _| Ok(Value::Null)), settings);
    fulfil.saw(&[&["young"]]).await;
    source.stop().await;
    let documents = given_up(&folder);
    assert_eq!(documents.len(), 1);
    let document = &documents[0].1;
    assert_eq!(given_up_ids(document), ["old"]);
    assert_eq!(document["requestContext"]["condition"], "RecordAgeExceeded");
    assert_eq!(document["requestContext"]["approximateInvokeCount"], 0);
    assert_eq!(document.get("responseContext"), None);
}

#[tokio::test]
async fn being_throttled_consumes_no_attempt() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    put(&dynamodb, "a", &[]);
    let fulfil = Fulfil::default();
    let functions = fulfil.functions(|_, before| match before {
        0..5 => Err(error("Lambda:TooManyRequestsException")),
        5..7 => Err(error("Oops")),
        _ => Ok(Value::Null),
    });
    let folder = directory.path().join("given up");
    let settings = Mapping { maximum_retry_attempts: Some(2), on_failure: Some(folder.clone()), ..mapping() };
    let source = start(&dynamodb, &functions, settings);
    fulfil.saw(&[["a"].as_slice(); 8]).await;
    source.stop().await;
    assert!(given_up(&folder).is_empty());
}

#[tokio::test]
async fn a_batch_that_cannot_be_written_down_is_not_let_go() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    put(&dynamodb, "a", &[]);
    put(&dynamodb, "b", &[]);
    let folder = directory.path().join("given up");
    std::fs::write(&folder, "in the way").unwrap();
    let fulfil = Fulfil::default();
    let functions = fulfil.functions(|_, _| Err(error("Oops")));
    let settings =
        Mapping { batch_size: 1, maximum_retry_attempts: Some(0), on_failure: Some(folder.clone()), ..mapping() };
    let source = start(&dynamodb, &functions, settings.clone());
    fulfil.saw(&[&["a"]]).await;
    source.stop().await;
    std::fs::remove_file(&folder).unwrap();
    let source = start(&dynamodb, &functions, settings);
    fulfil.saw(&[&["a"], &["a"], &["b"]]).await;
    source.stop().await;
    assert_eq!(given_up(&folder).len(), 2);
}

#[tokio::test]
async fn a_restart_goes_on_where_the_checkpoint_is() {
    let directory = Directory::new();
    let first = Fulfil::default();
    {
        let dynamodb = open(directory.path());
        for id in ["a", "b", "c", "d"] {
            put(&dynamodb, id, &[]);
        }
        let functions = first.functions(|event, _| {
            if ids(event).contains(&"c".to_owned()) { Ok(failing(&[number_of(event, "c")])) } else { Ok(Value::Null) }
        });
        let settings = Mapping { report_batch_item_failures: true, batch_size: 3, ..mapping() };
        let source = start(&dynamodb, &functions, settings);
        eventually("b was finished and c is being retried", || {
            first.batches().iter().filter(|batch| batch == &&["c"]).count() > 2
        })
        .await;
        source.stop().await;
    }
    let dynamodb = open(directory.path());
    put(&dynamodb, "e", &[]);
    let second = Fulfil::default();
    let functions = second.functions(|_, _| Ok(Value::Null));
    let source = start(&dynamodb, &functions, mapping());
    second.saw(&[&["c", "d", "e"]]).await;
    source.stop().await;
    let source = start(&dynamodb, &functions, mapping());
    second.saw(&[&["c", "d", "e"]]).await;
    source.stop().await;
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_retry_pause_or_an_invocation() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    put(&dynamodb, "a", &[]);
    let fulfil = Fulfil::default();
    let slow = Backoff { first: Duration::from_mins(1), longest: Duration::from_mins(1) };
    let functions = fulfil.functions(|_, _| Err(error("Oops")));
    let source = EventSource::start(&dynamodb, &functions, vec![mapping()], slow).unwrap();
    fulfil.saw(&[&["a"]]).await;
    let before = Instant::now();
    source.stop().await;
    let began = Arc::new(AtomicUsize::new(0));
    let functions = Functions::new([Function::new("fulfil-orders", Duration::from_mins(1), {
        let began = Arc::clone(&began);
        move |_: LambdaEvent<Value>| {
            began.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<Result<Value, Diagnostic>>()
        }
    })]);
    let source = EventSource::start(&dynamodb, &functions, vec![mapping()], slow).unwrap();
    eventually("the function runs", || began.load(Ordering::SeqCst) == 1).await;
    source.stop().await;
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
}

#[tokio::test]
async fn latest_starts_after_what_is_there_and_loses_nothing_that_comes_later() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    put(&dynamodb, "before", &[]);
    let fulfil = Fulfil::default();
    let functions = fulfil.functions(|_, _| Ok(Value::Null));
    let settings = || Mapping { starting_position: StartingPosition::Latest, ..mapping() };
    start(&dynamodb, &functions, settings()).stop().await;
    put(&dynamodb, "while stopped", &[]);
    let source = start(&dynamodb, &functions, settings());
    fulfil.saw(&[&["while stopped"]]).await;
    put(&dynamodb, "after", &[]);
    fulfil.saw(&[&["while stopped"], &["after"]]).await;
    source.stop().await;
}

#[tokio::test]
async fn a_fresh_database_is_read_from_its_start_whatever_the_checkpoint_of_the_old_one() {
    let directory = Directory::new();
    let fulfil = Fulfil::default();
    let functions = fulfil.functions(|_, _| Ok(Value::Null));
    let dynamodb = open(directory.path());
    put(&dynamodb, "a", &[]);
    let source = start(&dynamodb, &functions, mapping());
    fulfil.saw(&[&["a"]]).await;
    source.stop().await;
    drop(dynamodb);
    for file in ["orders.sqlite", "orders.sqlite-wal", "orders.sqlite-shm"] {
        let path = directory.path().join(file);
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }
    let dynamodb = open(directory.path());
    put(&dynamodb, "b", &[]);
    put(&dynamodb, "c", &[]);
    // As if the clock had been behind at first, so that the old checkpoint lies between the two.
    sqlite(directory.path())
        .execute("UPDATE _stream_records SET sequence_number = '5' WHERE keys_json LIKE '%\"b\"%'", [])
        .unwrap();
    let source = start(&dynamodb, &functions, mapping());
    fulfil.saw(&[&["a"], &["b", "c"]]).await;
    source.stop().await;
}

#[tokio::test]
async fn a_stream_that_ends_before_the_checkpoint_is_read_again_rather_than_skipped() {
    let directory = Directory::new();
    let fulfil = Fulfil::default();
    let functions = fulfil.functions(|_, _| Ok(Value::Null));
    let dynamodb = open(directory.path());
    put(&dynamodb, "a", &[]);
    let source = start(&dynamodb, &functions, mapping());
    fulfil.saw(&[&["a"]]).await;
    source.stop().await;
    // As a file restored from a backup would look, on a clock that was put back.
    sqlite(directory.path()).execute("UPDATE _stream_records SET sequence_number = '5'", []).unwrap();
    let source = start(&dynamodb, &functions, mapping());
    fulfil.saw(&[&["a"], &["a"]]).await;
    source.stop().await;
}

#[tokio::test]
async fn what_is_acknowledged_is_trimmed_and_what_a_mapping_still_needs_is_not() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    for number in 0..1000 {
        put(&dynamodb, &number.to_string(), &[]);
    }
    let fulfil = Fulfil::default();
    let functions = fulfil.functions(|_, _| Ok(Value::Null));
    let disabled = Mapping { uuid: Uuid::from_u128(8), enabled: false, ..mapping() };
    let mappings = vec![mapping(), disabled];
    let source = EventSource::start(&dynamodb, &functions, mappings, FAST).unwrap();
    eventually("all came", || fulfil.batches().concat().len() == 1000).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(stream_records(directory.path()), 1000, "the disabled mapping has a day to be enabled");
    source.stop().await;

    sqlite(directory.path())
        .execute("UPDATE _stream_records SET created_at = created_at - 100000 WHERE id <= 600", [])
        .unwrap();
    let disabled = Mapping { uuid: Uuid::from_u128(8), enabled: false, ..mapping() };
    let mappings = vec![mapping(), disabled];
    let source = EventSource::start(&dynamodb, &functions, mappings, FAST).unwrap();
    eventually("what is older than a day is gone", || stream_records(directory.path()) == 400).await;
    source.stop().await;

    let source = start(&dynamodb, &functions, mapping());
    put(&dynamodb, "one more", &[]);
    eventually("it came", || fulfil.batches().concat().len() == 1001).await;
    eventually("all but the last record is gone", || stream_records(directory.path()) == 1).await;
    source.stop().await;
}

#[tokio::test]
async fn a_long_backlog_is_delivered_in_large_batches_and_gone_afterwards() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    let id = |number: usize| [("id".to_owned(), dynoxide::AttributeValue::S(number.to_string()))].into();
    let options = dynoxide::ImportOptions { record_streams: true, ..Default::default() };
    dynamodb.database().import_items("orders", (0..20_000).map(id).collect(), options).unwrap();
    assert_eq!(stream_records(directory.path()), 20_000);
    let fulfil = Fulfil::default();
    let functions = fulfil.functions(|_, _| Ok(Value::Null));
    let source = start(&dynamodb, &functions, Mapping { batch_size: 10_000, ..mapping() });
    eventually("all but the last record is gone", || stream_records(directory.path()) == 1).await;
    assert_eq!(fulfil.batches().iter().map(Vec::len).collect::<Vec<_>>(), [10_000, 10_000]);
    source.stop().await;
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_not_skipped_and_holds_up_no_batch_in_flight() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    put(&dynamodb, "a", &[]);
    let fulfil = Fulfil::default();
    let functions = fulfil.functions(|_, before| if before < 20 { Err(error("Oops")) } else { Ok(Value::Null) });
    let source = start(&dynamodb, &functions, Mapping { batch_size: 1, parallelization_factor: 2, ..mapping() });
    eventually("it is being retried", || !fulfil.batches().is_empty()).await;
    put(&dynamodb, "b", &[]);
    let damage = "UPDATE _stream_records SET keys_json = ?1 || keys_json WHERE keys_json LIKE '%b%'";
    source.stop().await;
    sqlite(directory.path()).execute(damage, ["{"]).unwrap();
    let source = start(&dynamodb, &functions, Mapping { batch_size: 1, parallelization_factor: 2, ..mapping() });
    eventually("the sound record is delivered", || fulfil.batches().len() > 20).await;
    assert_eq!(fulfil.batches().concat().iter().filter(|id| *id != "a").count(), 0);
    sqlite(directory.path())
        .execute("UPDATE _stream_records SET keys_json = substr(keys_json, 2) WHERE keys_json LIKE '{{%'", [])
        .unwrap();
    eventually("the mended record is delivered", || fulfil.batches().concat().contains(&"b".to_owned())).await;
    source.stop().await;
}

#[tokio::test]
async fn what_an_enabled_mapping_has_not_finished_stays_for_longer_than_a_day() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    put(&dynamodb, "a", &[]);
    put(&dynamodb, "b", &[]);
    sqlite(directory.path()).execute("UPDATE _stream_records SET created_at = 1000", []).unwrap();
    let fulfil = Fulfil::default();
    let functions = fulfil.functions(|_, _| Err(error("Oops")));
    let source = start(&dynamodb, &functions, mapping());
    eventually("it is being retried", || fulfil.batches().len() > 3).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(stream_records(directory.path()), 2);
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_run_side_by_side_but_the_records_of_one_key_in_order() {
    const KEYS: usize = 7;
    const ROUNDS: usize = 30;
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    for round in 0..ROUNDS {
        for key in 0..KEYS {
            put(&dynamodb, &key.to_string(), &[("round", &round.to_string())]);
        }
    }
    let busy = Arc::<Mutex<HashSet<String>>>::default();
    let most = Arc::new(AtomicUsize::new(0));
    let running = Arc::new(AtomicUsize::new(0));
    let seen = Arc::<Mutex<HashMap<String, Vec<usize>>>>::default();
    let invocations = Arc::new(AtomicUsize::new(0));
    let functions = Functions::new([Function::new("fulfil-orders", Duration::from_secs(10), {
        let (most, seen) = (Arc::clone(&most), Arc::clone(&seen));
        move |event: LambdaEvent<Value>| {
            let (busy, most, running, seen) =
                (Arc::clone(&busy), Arc::clone(&most), Arc::clone(&running), Arc::clone(&seen));
            let fails = invocations.fetch_add(1, Ordering::SeqCst) % 5 == 4;
            async move {
                let keys: HashSet<_> = ids(&event.payload).into_iter().collect();
                for key in &keys {
                    assert!(busy.lock().unwrap().insert(key.clone()), "two batches hold the key {key}");
                }
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(3)).await;
                if !fails {
                    for record in event.payload["Records"].as_array().unwrap() {
                        let image = &record["dynamodb"]["NewImage"];
                        let round = image["round"]["S"].as_str().unwrap().parse().unwrap();
                        let key = image["id"]["S"].as_str().unwrap().to_owned();
                        seen.lock().unwrap().entry(key).or_default().push(round);
                    }
                }
                running.fetch_sub(1, Ordering::SeqCst);
                for key in &keys {
                    busy.lock().unwrap().remove(key);
                }
                if fails { Err(error("Oops")) } else { Ok(Value::Null) }
            }
        }
    })]);
    let settings = Mapping { batch_size: 3, parallelization_factor: 3, ..mapping() };
    let source = start(&dynamodb, &functions, settings);
    let total = || seen.lock().unwrap().values().map(Vec::len).sum::<usize>();
    eventually("all came", || total() == KEYS * ROUNDS).await;
    for (key, rounds) in &*seen.lock().unwrap() {
        assert_eq!(*rounds, (0..ROUNDS).collect::<Vec<_>>(), "key {key}");
    }
    assert!(matches!(most.load(Ordering::SeqCst), 2..=3), "{most:?} batches at a time");
    eventually("all was acknowledged and trimmed", || stream_records(directory.path()) == 1).await;
    source.stop().await;
}

#[tokio::test]
async fn the_checkpoint_stays_before_the_first_batch_that_is_not_finished() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    for id in ["stuck", "b", "c"] {
        put(&dynamodb, id, &[]);
    }
    let first = Fulfil::default();
    let functions =
        first.functions(|event, _| if ids(event) == ["stuck"] { Err(error("Oops")) } else { Ok(Value::Null) });
    let settings = Mapping { batch_size: 1, parallelization_factor: 2, ..mapping() };
    let source = start(&dynamodb, &functions, settings);
    eventually("the others overtook it", || first.batches().contains(&vec!["c".to_owned()])).await;
    source.stop().await;
    let second = Fulfil::default();
    let source = start(&dynamodb, &second.functions(|_, _| Ok(Value::Null)), mapping());
    second.saw(&[&["stuck", "b", "c"]]).await;
    source.stop().await;
}

#[tokio::test]
async fn a_mapping_that_cannot_be_is_refused() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    let refusal = |mappings: Vec<Mapping>| {
        EventSource::start(&dynamodb, &Functions::default(), mappings, FAST).unwrap_err().to_string()
    };
    for (mapping, problem) in [
        (Mapping { batch_size: 0, ..mapping() }, "BatchSize is 0"),
        (Mapping { batch_size: 10_001, ..mapping() }, "BatchSize is 10001"),
        (Mapping { maximum_batching_window: Duration::from_secs(301), ..mapping() }, "MaximumBatchingWindow"),
        (Mapping { parallelization_factor: 11, ..mapping() }, "ParallelizationFactor is 11"),
        (Mapping { maximum_retry_attempts: Some(10_001), ..mapping() }, "MaximumRetryAttempts"),
        (Mapping { maximum_record_age: Some(Duration::from_secs(59)), ..mapping() }, "MaximumRecordAge"),
        (Mapping { event_source_arn: "orders".to_owned(), ..mapping() }, "is not the ARN of a DynamoDB stream"),
        (Mapping { filter_patterns: vec!["{".to_owned()], ..mapping() }, "a filter pattern that is not valid"),
        (Mapping { table_name: "nothing".to_owned(), ..mapping() }, "does not exist or has no stream"),
    ] {
        let refusal = refusal(vec![mapping]);
        assert!(refusal.contains(problem), "{refusal}");
    }
    let twins = refusal(vec![mapping(), mapping()]);
    assert!(twins.contains("another mapping has its uuid"), "{twins}");
    let checkpoints = directory.path().join("checkpoints.sqlite");
    for file in ["checkpoints.sqlite", "checkpoints.sqlite-wal", "checkpoints.sqlite-shm"] {
        let path = directory.path().join(file);
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }
    std::fs::write(&checkpoints, "this is no database, whatever its name says".repeat(50)).unwrap();
    let unusable = EventSource::start(&dynamodb, &Functions::default(), vec![mapping()], FAST).unwrap_err();
    assert!(matches!(unusable, Error::Checkpoint(_)), "{unusable}");
}

/// How long a record waits between its write and the start of its invocation, and what waiting for one costs.
/// Run by hand: `cargo test -p local --lib --release -- --ignored --nocapture latency`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn latency_and_idle_cost() {
    let directory = Directory::new();
    let dynamodb = open(directory.path());
    let (sender, mut began) = tokio::sync::mpsc::unbounded_channel();
    let functions =
        Functions::new([Function::new("fulfil-orders", Duration::from_secs(1), move |_: LambdaEvent<Value>| {
            let sent = sender.send(Instant::now());
            async move {
                sent.unwrap();
                Ok::<_, Diagnostic>(Value::Null)
            }
        })]);
    let source = start(&dynamodb, &functions, mapping());
    let wakes: [(&str, Option<Wake>); 2] = [("woken", Some(dynamodb.wake())), ("not woken", None)];
    for (how, wake) in wakes {
        for quiet in [1, 50, 1000] {
            let mut waits = Vec::new();
            for number in 0..if quiet == 1000 { 9 } else { 101 } {
                tokio::time::sleep(Duration::from_millis(quiet)).await;
                put(&dynamodb, &format!("{how}{quiet}{number}"), &[]);
                let written = Instant::now();
                if let Some(wake) = &wake {
                    wake.wake();
                }
                waits.push(began.recv().await.unwrap().saturating_duration_since(written));
            }
            waits.sort();
            let (median, longest) = (waits[waits.len() / 2], waits[waits.len() - 1]);
            println!("{how}, after {quiet} ms of quiet: median {median:?}, longest {longest:?}");
        }
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let cpu = || {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let ticks: Vec<u64> = stat.split_whitespace().skip(13).take(2).map(|ticks| ticks.parse().unwrap()).collect();
        ticks.iter().sum::<u64>()
    };
    let before = cpu();
    tokio::time::sleep(Duration::from_secs(20)).await;
    println!("idle for 20 s: {} hundredths of a second of CPU", cpu() - before);
    source.stop().await;
}
