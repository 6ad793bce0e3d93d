//! A record: what a build read in every order. JSON lines with gzip, sorted by the hash of the order's id:
//!
//! * a header, `{"record": 1, …}`: the version of this layout, and what was read;
//! * a line for each order, as GraphQL's `Order` without its document; `{"id": …, "erased": true}` if it was erased;
//! * a trailer, `{"end": …}`, with their number, by which a record is known to be whole.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use resolvers::order::view::OrderStatus;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::Error;
use super::readings::Reading;
use super::spill::hash;
use crate::files;

/// The version of the layout, and of the hash by which it is sorted.
const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    record: u32,
    /// The orders that were read.
    orders: Option<String>,
    /// The changes that were read.
    changes: Option<String>,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trailer {
    end: u64,
}

/// What a line says that is looked at before the rest is.
#[derive(Debug, Deserialize)]
pub(super) struct Line<'a> {
    /// The order's id.
    #[serde(borrow)]
    id: Cow<'a, str>,
    /// Which format understood it.
    #[serde(borrow, default)]
    pub(super) format: Option<Cow<'a, str>>,
    /// Where it stood.
    pub(super) status: Option<OrderStatus>,
    /// Whether it was erased.
    #[serde(default)]
    pub(super) erased: bool,
}

impl Line<'_> {
    /// Where the order stands among others.
    pub(super) fn key(&self) -> (u64, &str) {
        (hash(&self.id), &self.id)
    }
}

/// The line of a reading, without its end.
pub(super) fn line(reading: &Reading) -> Result<Vec<u8>, serde_json::Error> {
    match reading {
        Reading::Order(order) => serde_json::to_vec(order),
        Reading::Erased(id) => serde_json::to_vec(&serde_json::json!({ "id": id, "erased": true })),
    }
}

/// Some lines, compressed: gzip files one after the other are a gzip file.
pub(super) fn compressed(lines: &[u8]) -> io::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::with_capacity(lines.len() / 4), Compression::fast());
    gzip.write_all(lines)?;
    gzip.finish()
}

/// A record that is being written. Nothing has its name before it is whole.
pub(super) struct Writer {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
    bytes: u64,
}

impl Writer {
    /// Starts a record of what has these names.
    pub(super) fn new(path: &Path, [orders, changes]: [Option<String>; 2]) -> Result<Self, Error> {
        let path = files::replaceable(path).map_err(Error::write(path))?;
        let file = NamedTempFile::new_in(files::directory_of(&path)).map_err(Error::write(&path))?;
        let mut writer = Self { file: BufWriter::new(file), path, bytes: 0 };
        writer.line(&Header { record: VERSION, orders, changes })?;
        Ok(writer)
    }

    /// Appends lines that are [`compressed`].
    pub(super) fn append(&mut self, lines: &[u8]) -> Result<(), Error> {
        self.bytes += lines.len() as u64;
        self.file.write_all(lines).map_err(Error::write(&self.path))
    }

    /// Ends the record and gives it its name. The number of its bytes.
    pub(super) fn finish(mut self, lines: u64) -> Result<u64, Error> {
        self.line(&Trailer { end: lines })?;
        let Self { file, path, bytes } = self;
        let finish = || {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(bytes)
        };
        finish().map_err(Error::write(&path))
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), Error> {
        let compress = || {
            let mut line = serde_json::to_vec(value)?;
            line.push(b'\n');
            compressed(&line)
        };
        let line = compress().map_err(Error::write(&self.path))?;
        self.append(&line)
    }
}

/// A record that is being read.
pub(super) struct Reader {
    lines: BufReader<MultiGzDecoder<BufReader<File>>>,
    path: PathBuf,
    names: [Option<String>; 2],
    number: u64,
    last: Option<(u64, String)>,
    /// The line that is next; empty at the end.
    next: Vec<u8>,
}

impl Reader {
    /// Opens a record.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::read(path))?;
        let lines = BufReader::with_capacity(256 * 1024, MultiGzDecoder::new(BufReader::new(file)));
        let mut reader =
            Self { lines, path: path.to_owned(), names: [None, None], number: 0, last: None, next: Vec::new() };
        reader.read()?;
        let header: Header = serde_json::from_slice(&reader.next)
            .map_err(|_| Error::damaged(path, None, "is no record: make one with `rethink record`"))?;
        if header.record != VERSION {
            let what = format!(
                "is a record of version {}, and this build reads version {VERSION}: make both with the same version of rethink",
                header.record
            );
            return Err(Error::refused(path, what));
        }
        reader.names = [header.orders, header.changes];
        reader.advance()?;
        Ok(reader)
    }

    /// What was read when the record was made: the orders, and the changes.
    pub(super) fn names(&self) -> &[Option<String>; 2] {
        &self.names
    }

    /// The line that is next, without its end; empty at the end of the record.
    pub(super) fn next(&self) -> &[u8] {
        &self.next
    }

    /// What it says; `None` at the end of the record.
    pub(super) fn peek(&self) -> Result<Option<Line<'_>>, Error> {
        if self.next.is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(&self.next).map(Some).map_err(|_| self.damaged("is no order"))
    }

    /// Goes on to the line after it.
    pub(super) fn advance(&mut self) -> Result<(), Error> {
        self.read()?;
        if self.next.starts_with(b"{\"end\":") {
            let Trailer { end } =
                serde_json::from_slice(&self.next).map_err(|_| self.damaged("is neither an order nor the end"))?;
            if end + 2 != self.number {
                return Err(self.damaged(&format!("the record tells of {end} orders, but has {}", self.number - 2)));
            }
            self.read_end()?;
            self.next.clear();
            return Ok(());
        }
        let this = self.peek()?.map(|line| (line.key().0, line.id.into_owned()));
        if this <= self.last {
            return Err(self.damaged("is not sorted: make the record again"));
        }
        self.last = this;
        Ok(())
    }

    /// Reads a line; that there is none is damage, since a record ends with its trailer.
    fn read(&mut self) -> Result<(), Error> {
        self.number += 1;
        self.next.clear();
        let read = self.lines.read_until(b'\n', &mut self.next);
        match read {
            Ok(_) if self.next.pop_if(|last| *last == b'\n').is_some() => Ok(()),
            Ok(_) => Err(self.damaged("the record is cut off: make it again")),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.damaged("the record is cut off: make it again"))
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                Err(Error::damaged(&self.path, None, "is no record, since it is no gzip file"))
            }
            Err(error) => Err(self.damaged(&format!("cannot be read ({error}): make the record again"))),
        }
    }

    fn read_end(&mut self) -> Result<(), Error> {
        let mut more = Vec::new();
        match self.lines.read_until(b'\n', &mut more) {
            Ok(0) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.damaged("the record is cut off: make it again"))
            }
            _ => Err(self.damaged("something follows the end of the record")),
        }
    }

    /// The line that is next is not what it should be.
    pub(super) fn damaged(&self, what: &str) -> Error {
        Error::damaged(&self.path, Some(self.number), what)
    }
}
