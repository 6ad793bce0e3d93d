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
use std::time::Duration;

use crate::audit::Wrong;
use crate::faults::{PROFILES, Profile};
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
