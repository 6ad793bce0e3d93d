//! Where a batch goes that is given up: whole, into a file, as an S3 destination would keep it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::record::{Record, event};
use crate::files;

/// Why a batch is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Condition {
    RetryAttemptsExhausted,
    RecordAgeExceeded,
}

/// How the function answered last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastResponse {
    /// With a function error.
    FunctionError,
    /// With an answer that left records undone.
    ItemFailures,
}

/// A batch that is given up.
#[derive(Debug)]
pub(super) struct GivenUp<'a> {
    pub(super) mapping: Uuid,
    pub(super) function_arn: &'a str,
    pub(super) stream_arn: &'a str,
    pub(super) shard_id: &'a str,
    pub(super) batch: &'a [Record],
    pub(super) condition: Condition,
    pub(super) invocations: u32,
    /// `None` if the function was never reached.
    pub(super) last_response: Option<LastResponse>,
}

impl GivenUp<'_> {
    /// Writes the file and returns its path once the disk has it.
    pub(super) fn keep(&self, folder: &Path) -> io::Result<PathBuf> {
        let now = Timestamp::now();
        let id = Uuid::new_v4();
        let directory = folder
            .join("aws/lambda")
            .join(self.mapping.to_string())
            .join(self.shard_id)
            .join(now.strftime("%Y/%m/%d").to_string());
        let name = format!("{}-{id}", now.strftime("%Y-%m-%dT%H.%M.%S"));
        let document = serde_json::to_vec(&self.document(now))?;
        create_durably(&directory)?;
        let path = directory.join(&name);
        let temporary = directory.join(format!(".{name}"));
        let mut file = files::private().truncate(true).open(&temporary)?;
        file.write_all(&document)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        sync_directory(&directory)?;
        Ok(path)
    }

    fn document(&self, now: Timestamp) -> Document<'_> {
        let (first, last) = (self.batch.first(), self.batch.last());
        let number = |record: Option<&Record>| record.map(Record::sequence_number);
        let arrival = |record: Option<&Record>| {
            record.and_then(|record| Timestamp::from_second(record.created_at).ok()).map(|at| at.to_string())
        };
        Document {
            request_context: RequestContext {
                request_id: Uuid::new_v4().to_string(),
                function_arn: self.function_arn,
                condition: self.condition,
                approximate_invoke_count: self.invocations,
            },
            response_context: self.last_response.map(|response| ResponseContext {
                status_code: 200,
                executed_version: "$LATEST",
                function_error: (response == LastResponse::FunctionError).then_some("Unhandled"),
            }),
            version: "1.0",
            timestamp: now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            batch_info: BatchInfo {
                shard_id: self.shard_id,
                start_sequence_number: number(first),
                end_sequence_number: number(last),
                approximate_arrival_of_first_record: arrival(first),
                approximate_arrival_of_last_record: arrival(last),
                batch_size: self.batch.len(),
                stream_arn: self.stream_arn,
            },
            payload: event(self.batch),
        }
    }
}

/// Creates a directory such that it, and all that had to be created on the way to it, survives a loss of power.
fn create_durably(directory: &Path) -> io::Result<()> {
    // The parent of a relative path's first part is the empty path.
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    let Some(parent) = directory.parent() else { return fs::create_dir(directory) };
    create_durably(parent)?;
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_directory(parent),
    }
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    File::open(directory)?.sync_all()
}

/// Only Unix lets a directory be opened and synced; elsewhere the file system is relied on.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature everywhere")]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    request_context: RequestContext<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_context: Option<ResponseContext<'a>>,
    version: &'a str,
    timestamp: String,
    #[serde(rename = "DDBStreamBatchInfo")]
    batch_info: BatchInfo<'a>,
    payload: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    request_id: String,
    function_arn: &'a str,
    condition: Condition,
    approximate_invoke_count: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseContext<'a> {
    status_code: u16,
    executed_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_error: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchInfo<'a> {
    shard_id: &'a str,
    start_sequence_number: Option<String>,
    end_sequence_number: Option<String>,
    approximate_arrival_of_first_record: Option<String>,
    approximate_arrival_of_last_record: Option<String>,
    batch_size: usize,
    stream_arn: &'a str,
}
