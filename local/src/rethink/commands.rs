//! What `cargo run -- rethink` does: each command is a source, something that is done with every reading, and an answer.

use std::io;
use std::time::Instant;

use resolvers::order::interpret;

use super::arguments::{self, Arguments, Command};
use super::compare::{self, Comparing, Comparison, Outcome};
use super::output::Output;
use super::readings::{Corpus, Counts, Interpreter, PART, Reading, Readings};
use super::record::{self, Reader, Writer};
use super::source::Source;
use super::{Error, open, report};

/// The exit code if there is no answer: whatever a CI system takes for a finding is none of this.
pub const NO_ANSWER: u8 = 3;

/// What a command found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Nothing that this build would read differently, or there was nothing to compare.
    Same,
    /// Some orders are read differently.
    Changed,
    /// Some orders are not understood any more.
    NoLongerUnderstood,
}

impl Finding {
    /// The exit code that tells it.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Same => 0,
            Self::Changed => 1,
            Self::NoLongerUnderstood => 2,
        }
    }

    fn of(comparison: &Comparison) -> Self {
        let found = |outcome: &Outcome| comparison.outcomes.contains_key(outcome);
        match Outcome::ALL.iter().find(|outcome| found(outcome)) {
            Some(Outcome::NoLongerUnderstood) => Self::NoLongerUnderstood,
            Some(Outcome::NewlyUnderstood | Outcome::StatusChanged | Outcome::Changed) => Self::Changed,
            Some(Outcome::Same) | None => Self::Same,
        }
    }
}

/// Does what the command line says.
///
/// # Errors
/// If what is to be read is damaged or not there, or an answer cannot be written.
pub fn run(arguments: &Arguments) -> Result<Finding, Error> {
    match &arguments.command {
        Command::Record(arguments) => record(arguments),
        Command::Compare(arguments) => compare(arguments),
        Command::Open(arguments) => list_open(arguments),
    }
}

fn record(arguments: &arguments::Record) -> Result<Finding, Error> {
    let started = Instant::now();
    let source = Source::find(&arguments.source)?;
    // Asked for before anything is read, which may take long.
    let writer = Writer::new(&arguments.file, source.names())?;
    let corpus = source.read(arguments.source.without_changes)?;
    let (counts, bytes) = recorded(&corpus, interpret, PART, writer)?;
    let taken = started.elapsed();
    let rate = u128::from(counts.orders) * 1000 / taken.as_millis().max(1);
    let file = arguments.file.display();
    eprintln!("{} in {:.1} s, {rate} a second; {file} has {bytes} bytes", told(&counts), taken.as_secs_f64());
    Ok(Finding::Same)
}

/// Records a corpus, as this interpreter reads it: what was read, and how many bytes the record has.
pub(super) fn recorded(
    corpus: &Corpus,
    interpret: Interpreter,
    part: u64,
    mut writer: Writer,
) -> Result<(Counts, u64), Error> {
    let lines = |readings: Vec<Reading>| {
        let mut lines = Vec::new();
        for reading in &readings {
            lines.append(&mut record::line(reading).map_err(unwritable)?);
            lines.push(b'\n');
        }
        record::compressed(&lines).map_err(Error::Output)
    };
    let counts = Readings { corpus, interpret, part }.each(lines, |lines| writer.append(&lines).map(|()| true))?;
    let bytes = writer.finish(counts.orders + counts.erased)?;
    Ok((counts, bytes))
}

fn compare(arguments: &arguments::Compare) -> Result<Finding, Error> {
    // A record that cannot be used is told of before anything is read.
    let record = Reader::open(&arguments.file)?;
    let source = Source::find(&arguments.source)?;
    for (before, now) in record.names().iter().zip(source.names()) {
        if *before != now {
            let name = |name: Option<&str>| name.unwrap_or("nothing").to_owned();
            let (before, now) = (name(before.as_deref()), name(now.as_deref()));
            eprintln!(
                "note: the record was made of {before}, and this is {now}: what happened in between differs as well"
            );
        }
    }
    let corpus = source.read(arguments.source.without_changes)?;
    let (counts, comparison) = compared(&corpus, interpret, PART, record, arguments.first)?;
    if comparison.outcomes.is_empty() && comparison.only_before > 0 {
        return Err(Error::NothingInCommon);
    }
    let text =
        if arguments.json { report::json_lines(&comparison).map_err(unwritable)? } else { report::text(&comparison) };
    let mut output = Output::new(None)?;
    if output.write(text.as_bytes())? {
        output.finish()?;
    }
    eprintln!("{}", told(&counts));
    Ok(Finding::of(&comparison))
}

/// Compares a corpus, as this interpreter reads it, with a record.
pub(super) fn compared(
    corpus: &Corpus,
    interpret: Interpreter,
    part: u64,
    record: Reader,
    first: usize,
) -> Result<(Counts, Comparison), Error> {
    let mut comparing = Comparing::with(record, first);
    let prepared = |readings: Vec<Reading>| {
        readings.iter().map(compare::prepared).collect::<Result<Vec<_>, _>>().map_err(unwritable)
    };
    let counts = Readings { corpus, interpret, part }
        .each(prepared, |readings| readings.iter().try_for_each(|reading| comparing.next(reading)).map(|()| true))?;
    Ok((counts, comparing.finish()?))
}

fn list_open(arguments: &arguments::Open) -> Result<Finding, Error> {
    if arguments.source.without_changes {
        return Err(Error::OpenWithoutChanges);
    }
    let source = Source::find(&arguments.source)?;
    let mut output = Output::new(arguments.output.as_deref())?;
    let corpus = source.read(false)?;
    let lines = |readings: Vec<Reading>| {
        let lines: Vec<Vec<u8>> =
            readings.iter().filter_map(open::line).collect::<Result<_, _>>().map_err(unwritable)?;
        Ok((lines.len() as u64, lines.concat()))
    };
    let mut found = 0;
    let counts = Readings { corpus: &corpus, interpret, part: PART }.each(lines, |(number, lines)| {
        found += number;
        output.write(&lines)
    })?;
    output.finish()?;
    eprintln!("{}; open: {found}", told(&counts));
    Ok(Finding::Same)
}

/// What was read, in words.
fn told(counts: &Counts) -> String {
    let Counts { orders, erased, strays } = counts;
    let erased = match erased {
        0 => String::new(),
        erased => format!(", beside them {erased} that were erased"),
    };
    let strays = match strays {
        0 => String::new(),
        strays => {
            format!(", and {strays} changes of orders that are not there: export both tables as of the same moment")
        }
    };
    format!("{orders} orders{erased}{strays}")
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::Output(io::Error::from(error))
}
