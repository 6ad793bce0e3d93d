//! The Lambdas by themselves: real handlers on a real database, and everything else around them under control.

mod by_hand;
mod cloud;
mod credential;
mod erased;
mod fixtures;
mod meter;
mod metrics;
#[path = "../support/privacy.rs"]
mod privacy;
mod reports;
mod requests;
#[path = "../support/sigv4.rs"]
mod sigv4;
mod trust;
