//! Where answers go: standard output, which somebody may stop reading, or a file that is whole or not there.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Error;
use crate::files;

/// Where answers go.
pub(super) enum Output {
    /// Standard output.
    Standard(BufWriter<io::Stdout>),
    /// A file that gets its name at the end.
    File(BufWriter<NamedTempFile>, PathBuf),
}

impl Output {
    /// That file, or standard output.
    pub(super) fn new(path: Option<&Path>) -> Result<Self, Error> {
        Ok(match path {
            None => Self::Standard(BufWriter::new(io::stdout())),
            Some(path) => {
                let path = files::replaceable(path).map_err(Error::write(path))?;
                let file = NamedTempFile::new_in(files::directory_of(&path)).map_err(Error::write(&path))?;
                Self::File(BufWriter::new(file), path)
            }
        })
    }

    /// Writes some of the answer; false if nobody reads it any more, such as `head` after a few lines.
    pub(super) fn write(&mut self, text: &[u8]) -> Result<bool, Error> {
        match self {
            Self::Standard(output) => read_by_somebody(output.write_all(text)),
            Self::File(file, path) => file.write_all(text).map(|()| true).map_err(Error::write(path)),
        }
    }

    /// Ends the answer.
    pub(super) fn finish(self) -> Result<(), Error> {
        match self {
            Self::Standard(mut output) => read_by_somebody(output.flush()).map(|_| ()),
            Self::File(file, path) => {
                let finish = || {
                    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                    file.persist(&path)?;
                    Ok(())
                };
                finish().map_err(Error::write(&path))
            }
        }
    }
}

fn read_by_somebody(written: io::Result<()>) -> Result<bool, Error> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::Output(error)),
    }
}
