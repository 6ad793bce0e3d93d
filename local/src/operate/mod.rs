//! Commands for whoever looks after orders, on this machine and on a deployed stage.
//!
//! | file | holds |
//! | --- | --- |
//! | `redrive` | `cargo run -- redrive`: sends orders through fulfilment again |
//! | `erase` | `cargo run -- erase ID`: takes an order back, but for a trace that tells of nobody |
//! | `stage` | where a command works: tables, function and kept batches of this machine or of a deployed stage |
//! | `sources` | where `redrive` takes orders from |
//! | `plan` | what sending an order through would do, and what has become of it |
//! | `invoke` | calls `fulfil-orders` by its name |
//! | `batches`, `batch` | batches of the stream that were given up and kept whole |
//! | `database` | what this machine's database keeps beside the tables |
//! | `output` | what a person, or a script, is told |

mod batch;
mod batches;
mod database;
mod erase;
mod invoke;
mod output;
mod plan;
mod redrive;
mod sources;
mod stage;

use std::path::PathBuf;

pub(crate) use erase::UNDER_WAY;

use crate::command_line::{EraseArguments, RedriveArguments};

/// Why a command was not done, or not all of it. Each is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each says what it is")]
pub enum Error {
    #[error("no server has run on {0}: start one with `cargo run`, or say where it keeps its data with --data-dir")]
    NoServer(PathBuf),
    #[error("no server answers at {url}, where one was: start it with `cargo run`")]
    NotRunning { url: String },
    #[error("{path} does not tell of a server that can be worked with ({reason}): start it anew, which writes it")]
    ServerFile { path: PathBuf, reason: String },
    #[error("{0:?} is no name of a stage: it is made of small letters, digits and hyphens, such as prod")]
    StageName(String),
    #[error("{path} is not there: `infra/outputs {stage}` writes it, and so does `infra/deploy {stage}`")]
    NoOutputs { path: PathBuf, stage: String },
    #[error("{path} cannot be used ({reason}): write it anew with `infra/outputs {stage}`")]
    Outputs { path: PathBuf, stage: String, reason: String },
    #[error("there are no credentials for AWS ({0}): name a profile with --profile, and sign in if it needs that")]
    Credentials(String),
    #[error(transparent)]
    Environment(resolvers::environment::EnvironmentError),
    #[error("the tables of {stage} cannot be read or written; the line before this one says why")]
    Tables { stage: String, source: resolvers::error::Error },
    #[error("the kept batches in {place} cannot be read or written: {reason}")]
    Batches { place: String, reason: String },
    #[error("{0} cannot be read: {1}")]
    List(String, std::io::Error),
    #[error("there is no order {}: nothing was done", .0.join(", "))]
    Unknown(Vec<String>),
    #[error(
        "the database {path} could not be rewritten ({reason}): the tables are in order; run the same again so that \
         nothing stays in the file"
    )]
    Database { path: PathBuf, reason: String },
    #[error("what was not done is named above")]
    Unfinished,
    #[error(
        "what is told cannot be written ({0}): what was told until then was done, and running the same again does the rest"
    )]
    Output(#[from] std::io::Error),
    #[error("the command cannot start: {0}")]
    Start(std::io::Error),
}

/// Sends orders through again, or says what that would do.
///
/// # Errors
/// If it cannot work there, or something was not done.
pub fn redrive(arguments: &RedriveArguments) -> Result<(), Error> {
    block_on(redrive::run(arguments))
}

/// Erases orders, or says what that would take.
///
/// # Errors
/// If it cannot work there, or there is no such order.
pub fn erase(arguments: &EraseArguments) -> Result<(), Error> {
    block_on(erase::run(arguments))
}

fn block_on(command: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Start)?;
    runtime.block_on(command)
}
