//! From what each run shows to a row of the table.

use std::fmt;
use std::time::Duration;

use crate::plot::Bar;
use crate::programs::Size;

/// What one process has shown.
pub(crate) struct Run {
    pub(crate) init: Duration,
    pub(crate) first: Duration,
    pub(crate) first_wall: Duration,
    /// For each event after the first; nothing if there was none.
    pub(crate) warm: Option<Duration>,
    /// Bytes.
    pub(crate) rss: u64,
}

/// What all processes of a program have shown.
#[derive(Clone, Default)]
pub(crate) struct Figures {
    init_ms: Vec<f64>,
    first_ms: Vec<f64>,
    first_wall_ms: Vec<f64>,
    warm_us: Vec<f64>,
    rss_mb: Vec<f64>,
}

impl Figures {
    pub(crate) fn add(&mut self, run: &Run) {
        self.init_ms.push(run.init.as_secs_f64() * 1e3);
        self.first_ms.push(run.first.as_secs_f64() * 1e3);
        self.first_wall_ms.push(run.first_wall.as_secs_f64() * 1e3);
        self.warm_us.extend(run.warm.map(|warm| warm.as_secs_f64() * 1e6));
        self.rss_mb.push(megabytes(run.rss));
    }

    /// The time to the first answer, in milliseconds.
    pub(crate) fn first_wall(&self) -> Spread {
        Spread::of(&self.first_wall_ms)
    }

    /// The CPU time of later events, in microseconds.
    pub(crate) fn warm(&self) -> Spread {
        Spread::of(&self.warm_us)
    }
}

/// The median of many values, and their quartiles.
pub(crate) struct Spread {
    low: f64,
    median: f64,
    high: f64,
}

/// A row of a table in Markdown.
pub(crate) struct Row(Vec<String>);

impl Row {
    pub(crate) fn head(function: &str) -> String {
        let columns = [
            &format!("`{function}`"),
            "init CPU ms",
            "first CPU ms",
            "first wall ms",
            "warm CPU µs",
            "RSS MB",
            "size MB",
            "zipped MB",
        ];
        let row = |texts: &[&str]| Self(texts.iter().map(ToString::to_string).collect());
        format!("{}\n{}", row(&columns), row(&["---"; 8]))
    }

    pub(crate) fn of(name: &str, figures: &Figures, size: Size) -> Self {
        Self(vec![
            name.to_owned(),
            spread(&figures.init_ms),
            spread(&figures.first_ms),
            spread(&figures.first_wall_ms),
            spread(&figures.warm_us),
            spread(&figures.rss_mb),
            format!("{:.2}", megabytes(size.file)),
            format!("{:.2}", megabytes(size.zipped)),
        ])
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {} |", self.0.join(" | "))
    }
}

impl Spread {
    /// Nothing but noughts if there are no values.
    fn of(values: &[f64]) -> Self {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        let at = |quarter: usize| {
            let last = values.len().saturating_sub(1);
            values.get((last * quarter + 2) / 4).copied().unwrap_or_default()
        };
        Self { low: at(1), median: at(2), high: at(3) }
    }

    pub(crate) fn bar(&self, name: &str, group: usize) -> Bar {
        Bar { name: name.to_owned(), group, median: self.median, low: self.low, high: self.high }
    }
}

/// The median and, in brackets, the quartiles.
fn spread(values: &[f64]) -> String {
    if values.is_empty() {
        return "–".to_owned();
    }
    let digits = |value: f64| {
        if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
    };
    let Spread { low, median, high } = Spread::of(values);
    let [low, median, high] = [low, median, high].map(digits);
    format!("{median} ({low}–{high})")
}

#[allow(clippy::cast_precision_loss, reason = "it is shown with two digits")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
