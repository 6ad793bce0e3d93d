//! What is told: lines for a person, or one JSON object in each line for a script.

use std::io::{StdoutLock, Write as _};

use serde_json::Value;

/// Where it is told.
pub(super) struct Output {
    out: StdoutLock<'static>,
    json: bool,
    failures: usize,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { out: std::io::stdout().lock(), json, failures: 0 }
    }

    /// Tells something in both ways.
    pub(super) fn say(&mut self, text: &str, object: &Value) -> std::io::Result<()> {
        if self.json { writeln!(self.out, "{object}") } else { writeln!(self.out, "{text}") }?;
        self.out.flush()
    }

    /// Tells a person what a script has no use for.
    pub(super) fn remark(&mut self, text: &str) -> std::io::Result<()> {
        if self.json {
            return Ok(());
        }
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// Tells of something that was not done. The command goes on, and ends with a failure.
    pub(super) fn fail(&mut self, text: &str) {
        self.failures += 1;
        eprintln!("error: {text}");
    }

    /// Whether everything was done.
    pub(super) fn all_done(&self) -> bool {
        self.failures == 0
    }
}

/// `one` or `many` things, with their number.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// An error of the SDK and what caused it: the last is what helps.
pub(super) fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
