//! A bar with rate and time left, for a person who is watching; nothing where nobody is.

use std::fmt;
use std::io::{self, IsTerminal as _};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

fn rate(state: &ProgressState, to: &mut dyn fmt::Write) {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is small, and not negative")]
    let rate = state.per_sec().round() as u64;
    // A bar that cannot be drawn is no reason to end.
    let _ = write!(to, "{}/s", HumanCount(rate));
}

/// How far it is.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// A bar on standard error, if that is a terminal.
    pub(super) fn of(what: &'static str, items: u64) -> Self {
        let target =
            if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(items), target).with_message(what);
        let template = "{msg} {wide_bar} {percent}% {human_pos} of {human_len}, {rate}, {eta} left";
        Self(match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style.with_key("rate", rate)),
            Err(_) => bar,
        })
    }

    /// That many more are done.
    pub(super) fn add(&self, items: u64) {
        self.0.inc(items);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
