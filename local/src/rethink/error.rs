//! Why there is no answer. Whatever cannot be read is named, and never counted as fine.

use std::io;
use std::path::{Path, PathBuf};

use crate::dynamodb;

/// Why there is no answer. Each is one sentence that says where and what to do; none quotes an order, because logs of
/// a CI system are read by many.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each says what it is")]
pub enum Error {
    #[error("{}{}: {what}", file.display(), of_line(*line))]
    Damaged { file: PathBuf, line: Option<u64>, what: String },
    #[error("{}: {what}", path.display())]
    Refused { path: PathBuf, what: String },
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    #[error(
        "cannot keep what is read in a temporary file: {0}; it takes as much room as the tables, uncompressed: let TMPDIR name a directory that has it"
    )]
    Spill(io::Error),
    #[error("not one order of the record is among these: it was made of other tables, so there is nothing to compare")]
    NothingInCommon,
    #[error("the changes must be known: name their export with --changes, or say --without-changes")]
    NoChanges,
    #[error(
        "without the changes every order looks as if nothing had been done about it: name their export with --changes"
    )]
    OpenWithoutChanges,
    #[error("the order {id} is there twice: no table has two items with one key, so take the export again")]
    Twice { id: String },
    #[error(transparent)]
    DataDirectory(#[from] dynamodb::Error),
}

impl Error {
    /// A file, or a line of it, is not what it should be.
    pub(super) fn damaged(file: &Path, line: Option<u64>, what: impl Into<String>) -> Self {
        Self::Damaged { file: file.to_owned(), line, what: what.into() }
    }

    /// What was named is something else than what is wanted.
    pub(super) fn refused(path: &Path, what: impl Into<String>) -> Self {
        Self::Refused { path: path.to_owned(), what: what.into() }
    }

    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Read { path, source }
    }

    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Write { path, source }
    }
}

fn of_line(line: Option<u64>) -> String {
    line.map(|line| format!(", line {line}")).unwrap_or_default()
}
