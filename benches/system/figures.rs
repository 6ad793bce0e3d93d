//! What is said of many measurements.

use std::fmt;
use std::time::Duration;

use crate::plot::Bar;

/// One figure, as each round found it.
#[derive(Default)]
pub(crate) struct Figures(Vec<f64>);

impl Figures {
    pub(crate) fn add(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_by(f64::total_cmp);
    }

    pub(crate) fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }

    fn lowest(&self) -> f64 {
        self.0[0]
    }

    fn highest(&self) -> f64 {
        self.0[self.0.len() - 1]
    }

    /// What is drawn of it.
    pub(crate) fn bar(&self, name: String, group: usize) -> Bar {
        Bar { name, group, median: self.median(), low: self.lowest(), high: self.highest() }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = formatter.precision().unwrap_or(1);
        let (lowest, highest) = (self.lowest(), self.highest());
        write!(formatter, "{:.digits$} ({lowest:.digits$}–{highest:.digits$})", self.median())
    }
}

/// The value below which this percentage of sorted times lies.
pub(crate) fn at(sorted: &[Duration], percentage: usize) -> Duration {
    sorted[(sorted.len() - 1) * percentage / 100]
}

pub(crate) fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort_unstable();
    times
}
