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

use std::collections::BTreeSet;

use crate::audit::Wrong;
use crate::faults::PROFILES;
use crate::plant::Bug;
use crate::run::{Plan, run};
use crate::summary::Summary;

/// What is found of a bug in this weather.
async fn found(bug: Bug, weather: &str) -> BTreeSet<Wrong> {
    let profile = PROFILES.iter().find(|profile| profile.name == weather).expect("a profile of that name");
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
