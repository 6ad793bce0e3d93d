//! What `cargo run -- rethink` understands on its command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::command_line::DATA_DIRECTORY;

/// What to do with everything that was ever received.
#[derive(Clone, Debug, Args)]
#[command(
    disable_help_subcommand = true,
    after_help = "\
Examples:
  cargo run -r -- rethink record main.gz --orders exports/orders --changes exports/changes
  cargo run -r -- rethink compare main.gz --orders exports/orders --changes exports/changes
  cargo run -q -- rethink open                    what needs somebody, of the server on ./.local

Exit code: 0 if nothing changed, 1 if something did, 2 if something is no longer understood, 3 if it could not be
found out: a damaged export, a wrong option, a full disk."
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done with everything that was ever received.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Write down what this build reads in every order
    Record(Record),
    /// Tell what this build reads differently from the one that made a record
    Compare(Compare),
    /// List the orders that somebody must come back to: those that nothing was done about, and those that need attention
    Open(Open),
}

/// What to read.
#[derive(Clone, Debug, Args)]
pub struct Source {
    /// A full export of the orders table to S3, downloaded: the directory with manifest-summary.json, or one above it
    #[arg(long, value_name = "DIR", conflicts_with = "data_dir")]
    pub orders: Option<PathBuf>,

    /// The same of the changes table, of the same moment
    #[arg(long, value_name = "DIR", requires = "orders")]
    pub changes: Option<PathBuf>,

    /// Leave the changes out: no order has an outcome then
    #[arg(long, conflicts_with = "changes")]
    pub without_changes: bool,

    /// Read what a server keeps on this machine, running or not
    #[arg(long, value_name = "DIR", default_value = DATA_DIRECTORY)]
    pub data_dir: PathBuf,
}

/// `rethink record`
#[derive(Clone, Debug, Args)]
pub struct Record {
    /// Where to write the record, JSON lines with gzip; a file that is there is replaced
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// What to read.
    #[command(flatten)]
    pub source: Source,
}

/// `rethink compare`
#[derive(Clone, Debug, Args)]
pub struct Compare {
    /// The record to compare with, which another build has made
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Of how many orders of each kind to show what differs, field by field; 0 shows counts alone
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub first: usize,

    /// Print JSON lines: one for each order that is shown, then one with all counts
    #[arg(long)]
    pub json: bool,

    /// What to read.
    #[command(flatten)]
    pub source: Source,
}

/// `rethink open`
#[derive(Clone, Debug, Args)]
pub struct Open {
    /// Write the list to this file instead of standard output: whole, or not at all
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// What to read.
    #[command(flatten)]
    pub source: Source,
}
