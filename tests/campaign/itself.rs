//! Whether the campaign can be trusted: with a bug put in on purpose it finds just that, and the audit knows right from
//! wrong. `main.rs` tells what is in these files.

mod audit;
mod audit_tests;
mod caller;
mod cloud;
mod dice;
mod edge;
mod faults;
mod feeding;
mod lambdas;
mod passing;
mod people;
mod plant;
#[path = "../support/programs.rs"]
mod programs;
mod run;
mod subscriber;
mod summary;
mod warehouse;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use lambda_runtime::{Context, Diagnostic};
use local::lambda::Bootstraps;
use local::template::FunctionSettings;
use serde_json::value::RawValue;

use crate::audit::Wrong;
use crate::faults::{PROFILES, Profile};
use crate::lambdas::{CLOSED, Json, Sandboxes};
use crate::plant::Bug;
use crate::run::{Outcome, Plan, run};
use crate::summary::Summary;

fn profile(name: &str) -> &'static Profile {
    PROFILES.iter().find(|profile| profile.name == name).expect("a profile of that name")
}

/// What is found of a bug in this weather.
async fn found(bug: Bug, weather: &str) -> BTreeSet<Wrong> {
    let profile = profile(weather);
    let plan = Plan { profile, seed: 1, orders: 40, bug: Some(bug) };
    let outcome = tokio::spawn(run(plan)).await;
    let mut summary = Summary::default();
    summary.add(plan, &outcome);
    assert!(!summary.close(), "the campaign fails");
    outcome.expect("a run that ends").findings.into_iter().map(|(finding, _)| finding.what).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_put_without_its_condition_is_found() {
    let found = found(Bug::PutsWithoutCondition, "duplicates").await;
    assert!(found.contains(&Wrong::ChangeRewritten), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_before_the_put_is_found() {
    let found = found(Bug::PublishesBeforeThePut, "slow").await;
    assert!(found.contains(&Wrong::NeverTold), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_before_the_work_is_found() {
    let found = found(Bug::MovesTheCheckpointFirst, "duplicates").await;
    assert!(found.contains(&Wrong::Unfinished), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_acknowledged_and_not_stored_is_found() {
    let found = found(Bug::AcknowledgesWithoutStoring, "duplicates").await;
    assert!(found.contains(&Wrong::Lost), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_not_stored_as_it_was_sent_is_found() {
    assert_eq!(found(Bug::ChangesDocuments, "duplicates").await, BTreeSet::from([Wrong::Altered]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_never_announced_is_found() {
    let found = found(Bug::SwallowsAnnouncements, "duplicates").await;
    assert!(found.contains(&Wrong::NeverTold) && found.contains(&Wrong::WaitsInVain), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_put_off_and_forgotten_is_found() {
    let found = found(Bug::ForgetsRetries, "garbage").await;
    assert!(found.contains(&Wrong::Unfinished), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warehouse_that_is_made_to_ship_twice_is_found() {
    let found = found(Bug::AsksUnderNewKeys, "duplicates").await;
    assert!(found.contains(&Wrong::ShippedTwice) && found.contains(&Wrong::ChangeWithoutCause), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_given_up_and_not_kept_is_found() {
    let found = found(Bug::LosesGivenUpBatches, "stream").await;
    assert!(found.contains(&Wrong::BucketIsOff) && found.contains(&Wrong::Unfinished), "{found:?}");
}

/// Whether a campaign passes that has one run, without findings, in this weather.
fn passes(weather: &str, killed: usize, at_rest: bool) -> bool {
    let plan = Plan { profile: profile(weather), seed: 1, orders: 1, bug: None };
    let outcome = Outcome {
        faults: BTreeMap::new(),
        stored: 1,
        changes: 1,
        questions: 1,
        events: 1,
        given_up: 0,
        attention: 0,
        killed,
        at_rest,
        took: Duration::ZERO,
        findings: Vec::new(),
    };
    let mut summary = Summary::default();
    summary.add(plan, &Ok(outcome));
    summary.close()
}

#[test]
fn a_run_that_comes_to_no_rest_or_kills_none_of_the_processes_that_it_is_to_kill_fails() {
    assert!(passes("processes", 1, true) && !passes("processes", 0, true));
    assert!(passes("slow", 0, true) && !passes("slow", 0, false));
}

/// Sandboxes of a function that does as it is told: `tests/doubles/bootstrap.py`.
fn sandboxes(directory: &Path) -> Sandboxes {
    let folder = directory.join("told");
    std::fs::create_dir(&folder).expect("a folder");
    let double = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/doubles/bootstrap.py");
    symlink(double, folder.join("bootstrap")).expect("a link");
    let settings = FunctionSettings {
        logical_id: "Told".to_owned(),
        name: "told".to_owned(),
        handler: "told".to_owned(),
        timeout: Duration::from_secs(20),
        memory_mb: 128,
        reserved_concurrency: None,
        role: "told".to_owned(),
        environment: BTreeMap::new(),
    };
    let programs = Bootstraps::open(directory).expect("programs");
    Sandboxes::of(settings, "http://127.0.0.1:1", Some(Arc::new(programs)))
}

/// The processes whose programs are in this folder, as `ps` tells of them.
fn processes_of(directory: &Path) -> Vec<String> {
    let output = Command::new("ps").args(["-A", "-o", "stat=,args="]).output().expect("ps");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let directory = directory.to_str().expect("a path that is text");
    let listing = String::from_utf8_lossy(&output.stdout).into_owned();
    listing.lines().filter(|line| line.contains(directory) && !line.starts_with('Z')).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_process_is_left_of_sandboxes_that_are_stopped_while_there_are_events_for_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let sandboxes = Arc::new(sandboxes(directory.path()));
    let works = async |sandboxes: &Sandboxes| {
        let event = RawValue::from_string("{}".to_owned()).expect("JSON");
        sandboxes.run(event, Context::default()).await
    };
    let is_closed =
        |answer: &Result<Json, Diagnostic>| answer.as_ref().is_err_and(|error| error.error_message.ends_with(CLOSED));
    let events = (0..8).map(|_| {
        let sandboxes = Arc::clone(&sandboxes);
        tokio::spawn(async move { while !is_closed(&works(&sandboxes).await) {} })
    });
    let events: Vec<_> = events.collect();
    works(&sandboxes).await.expect("an answer");
    assert!(!processes_of(directory.path()).is_empty());
    sandboxes.stop().await;
    let ended = tokio::time::timeout(Duration::from_secs(20), join_all(events)).await;
    assert!(ended.is_ok_and(|all| all.iter().all(Result::is_ok)), "events are worked on all the same");
    assert_eq!(processes_of(directory.path()), Vec::<String>::new());
}
