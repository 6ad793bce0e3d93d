//! One target for each format: bytes are tried as a document, and as a list of changes to the format's fixture. What must
//! hold stands in `resolvers/tests/properties`, where a test of the workspace tries the same for some seconds.
//!
//! ```sh
//! cargo install cargo-fuzz                  # and a nightly compiler: rustup toolchain install nightly
//! cd resolvers/fuzz
//! cargo run --example seeds                 # the fixtures' documents, as a start
//! cargo +nightly fuzz run shopify
//! ```
//!
//! `tests/fuzz` tries each target for a while, as every check does: with the stable compiler, because without a sanitizer
//! (`--sanitizer none`) `cargo fuzz` needs no other.
//!
//! A document that fails becomes a test beside the format: `cargo +nightly fuzz tmin` makes it small.

// What is fuzzed is the domain, which needs nothing of what surrounds it; the shared files call it by its crate's name.
extern crate self as resolvers;

#[path = "../../tests/properties/documents.rs"]
pub mod documents;
#[path = "../../tests/properties/invariants.rs"]
pub mod invariants;
#[path = "../../src/order/mod.rs"]
pub mod order;

pub use invariants::fuzz as try_format;
