//! `cargo run -- rethink`: what would this build make of everything that was ever received?
//!
//! The path of an order through these files:
//!
//! 1. `source` finds the tables: an export of DynamoDB to S3 (`export`) or a data directory (`snapshot`);
//! 2. `chunks` reads their lines, many at a time, and hands them to all cores;
//! 3. `item` checks each line and takes out of it what counts;
//! 4. `spill` puts it into temporary files by the hash of the order's id, so that memory does not grow with the tables;
//! 5. `readings` takes up one part after the other: today's code reads each order together with its changes;
//! 6. `record`, `compare` and `open` are what is done with that, `commands` brings it all together.

pub mod arguments;
mod chunks;
mod commands;
mod compare;
mod differences;
mod error;
mod export;
mod item;
mod open;
mod output;
mod progress;
mod readings;
mod record;
mod report;
mod snapshot;
mod source;
mod spill;
#[cfg(test)]
mod tests;

pub use commands::{Finding, NO_ANSWER, run};
pub use error::Error;
