//! What holds for every document and for all changes, tried with documents that are nearly right.
//!
//! A failure is shrunk, and its seed kept in `resolvers/tests/regressions`, from where it is tried again each time: commit
//! it.

mod bytes;
#[allow(unreachable_pub, reason = "the fuzz targets reach it")]
mod documents;
mod interpreting;
#[allow(unreachable_pub, reason = "the fuzz targets reach it")]
mod invariants;
mod merging;
mod size;

use proptest::test_runner::{Config, FileFailurePersistence};

/// As many cases as take some seconds. `PROPTEST_CASES` asks for more.
fn config() -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(512);
    Config {
        failure_persistence: Some(Box::new(FileFailurePersistence::SourceParallel("regressions"))),
        ..Config::with_cases(cases)
    }
}
