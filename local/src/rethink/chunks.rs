//! Lines, many at a time: some threads read files, all cores work on what they read, and little waits in between.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossbeam_channel::{Sender, bounded};
use flate2::bufread::MultiGzDecoder;
use md5::{Digest as _, Md5};

use super::Error;
use super::export::DataFile;

/// How much is handed over at a time.
const CHUNK: usize = 256 * 1024;
/// No line is longer: an item has 400 KB at most, of which JSON makes six times as much if every byte is escaped.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

/// Some whole lines of a file, each with its end.
pub(super) struct Chunk {
    /// The file that they are from.
    pub(super) file: Arc<Path>,
    /// The number of the first one, from 1.
    pub(super) first_line: u64,
    /// The lines.
    pub(super) text: Vec<u8>,
}

impl Chunk {
    /// The lines and their numbers.
    pub(super) fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let text = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
        (self.first_line..).zip(text.split(|byte| *byte == b'\n'))
    }
}

/// Where whoever reads puts what was read.
pub(super) struct Sink<'a> {
    chunks: Sender<Chunk>,
    stop: &'a AtomicBool,
}

impl Sink<'_> {
    /// Hands lines over; false if nobody wants more.
    pub(super) fn put(&self, chunk: Chunk) -> bool {
        !self.stop.load(Ordering::Relaxed) && self.chunks.send(chunk).is_ok()
    }
}

/// Has every chunk that `read` puts into its sink worked on, by all cores at once. The first error ends it all.
pub(super) fn each(
    read: impl FnOnce(&Sink<'_>) -> Result<(), Error>,
    work: impl Fn(&Chunk) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let stop = AtomicBool::new(false);
    let (sender, chunks) = bounded::<Chunk>(2 * cores());
    thread::scope(|scope| {
        let (stop, work) = (&stop, &work);
        let workers: Vec<_> = (0..cores())
            .map(|_| {
                let chunks = chunks.clone();
                scope.spawn(move || {
                    let worked = chunks.iter().try_for_each(|chunk| work(&chunk));
                    stop.fetch_or(worked.is_err(), Ordering::Relaxed);
                    // Whoever reads must not wait for room that nobody makes any more.
                    chunks.iter().for_each(drop);
                    worked
                })
            })
            .collect();
        drop(chunks);
        let read = read(&Sink { chunks: sender, stop });
        stop.fetch_or(read.is_err(), Ordering::Relaxed);
        workers.into_iter().map(joined).fold(read, Result::and)
    })
}

/// How many threads work at the same time.
pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// What a thread ended with; its panic is everybody's.
pub(super) fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Reads the data files of an export into a sink, several at a time.
pub(super) fn of_files(files: &[DataFile], sink: &Sink<'_>) -> Result<(), Error> {
    let next = AtomicUsize::new(0);
    let read = || {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            if !of_file(file, sink)? {
                break;
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let readers: Vec<_> = (0..cores().min(files.len())).map(|_| scope.spawn(read)).collect();
        readers.into_iter().map(joined).fold(Ok(()), Result::and)
    })
}

/// Reads a data file to its end and checks it against the manifest; false if nobody wants more.
fn of_file(file: &DataFile, sink: &Sink<'_>) -> Result<bool, Error> {
    let DataFile { path, items, md5 } = file;
    let opened = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            Error::damaged(path, None, "is missing, but the manifest tells of it: download the export again")
        }
        _ => Error::read(path)(error),
    })?;
    let mut raw = BufReader::with_capacity(CHUNK, Summed { inner: opened, md5: Md5::new() });
    let mut lines = 0;
    // For a partition without items there may be a file without anything, which is no gzip.
    if !io::BufRead::fill_buf(&mut raw).map_err(Error::read(path))?.is_empty() {
        let mut gzip = MultiGzDecoder::new(&mut raw);
        let mut splitter = Splitter { file: Arc::from(path.as_path()), lines: 0, rest: Vec::new() };
        loop {
            let (chunk, end) = splitter.next(&mut gzip)?;
            if !chunk.text.is_empty() && !sink.put(chunk) {
                return Ok(false);
            }
            if end {
                break;
            }
        }
        lines = splitter.lines;
    }
    if STANDARD.encode(raw.into_inner().md5.finalize()) != *md5 {
        let what = "does not agree with its checksum in the manifest: download the export again";
        return Err(Error::damaged(path, None, what));
    }
    if lines != *items {
        let what = format!("has {lines} items, but the manifest tells of {items}");
        return Err(Error::damaged(path, None, what));
    }
    Ok(true)
}

/// Cuts a stream into chunks of whole lines.
struct Splitter {
    file: Arc<Path>,
    lines: u64,
    rest: Vec<u8>,
}

impl Splitter {
    /// The next lines, and whether they are the last ones.
    fn next(&mut self, reader: &mut impl Read) -> Result<(Chunk, bool), Error> {
        let mut text = std::mem::take(&mut self.rest);
        loop {
            let wanted = CHUNK + text.len();
            let before = text.len();
            text.reserve(CHUNK);
            let read = reader.by_ref().take(CHUNK as u64).read_to_end(&mut text);
            let end = text.len() < wanted;
            if let Err(error) = read {
                let line = self.lines + 1 + newlines(&text);
                return Err(Error::damaged(&self.file, Some(line), unreadable(&error)));
            }
            let cut = if end { text.len() } else { last_newline(&text[before..]).map_or(0, |at| before + at + 1) };
            if cut == 0 && !end {
                if text.len() > LONGEST_LINE {
                    let what = "is longer than an item can be";
                    return Err(Error::damaged(&self.file, Some(self.lines + 1), what));
                }
                continue;
            }
            self.rest = text.split_off(cut);
            let first_line = self.lines + 1;
            // A last line without an end is a line as well.
            self.lines += newlines(&text) + u64::from(text.last().is_some_and(|byte| *byte != b'\n'));
            return Ok((Chunk { file: self.file.clone(), first_line, text }, end));
        }
    }
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the gzip file ends in the middle: download the export again".to_owned(),
        _ => format!("the gzip file cannot be read ({error}): download the export again"),
    }
}

fn newlines(text: &[u8]) -> u64 {
    text.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

fn last_newline(text: &[u8]) -> Option<usize> {
    text.iter().rposition(|byte| *byte == b'\n')
}

/// Sums up what is read.
struct Summed {
    inner: File,
    md5: Md5,
}

impl Read for Summed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.md5.update(&buffer[..length]);
        Ok(length)
    }
}

/// The name under which a table of a data directory is spoken of.
pub(super) fn name_of_table(file: &Path, table: &str) -> PathBuf {
    PathBuf::from(format!("{}, table {table}", file.display()))
}
