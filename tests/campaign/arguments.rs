//! How long, from which seed, and what `cargo test` says to every test program.

use std::time::Duration;

use clap::Parser;

use crate::faults::PROFILES;
use crate::plant::Bug;

/// How few and how many orders a run places unless that is said.
const LEAST: usize = 100;
const MOST: usize = 2_000;

/// How many orders a run places for each minute that is asked for: a round of all profiles then takes about that long on
/// two cores.
const A_MINUTE: usize = 34;

/// What is asked for.
pub(crate) enum Wanted {
    /// A campaign.
    Run(Arguments),
    /// The names of the tests in here.
    List,
    /// Another test.
    Nothing,
}

/// Puts the order system through everything that may go wrong, and audits what it leads to.
#[derive(Debug, Default, Parser)]
#[command(name = "campaign")]
pub(crate) struct Arguments {
    /// For how long to go on, round after round; without it, each profile is run once
    #[arg(long, value_name = "MINUTES")]
    minutes: Option<u64>,
    /// What every decision follows from; round n has this number plus n
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Only this profile
    #[arg(long, value_name = "NAME", value_parser = names())]
    pub(crate) profile: Option<String>,
    /// How many orders each run places [default: 100; with --minutes as many as leave time for each profile, at most 2,000]
    #[arg(long, value_name = "NUMBER")]
    orders: Option<usize>,
    /// Puts a bug in, which must then be found
    #[arg(long, value_name = "BUG")]
    pub(crate) plant: Option<Bug>,
    /// Only compares how long it takes not to see an order, which is also done at the end of `--minutes`
    #[arg(long = "timing")]
    pub(crate) only_timing: bool,
}

fn names() -> Vec<&'static str> {
    PROFILES.iter().map(|profile| profile.name).collect()
}

impl Arguments {
    pub(crate) fn length(&self) -> Option<Duration> {
        self.minutes.map(|minutes| Duration::from_secs(minutes.saturating_mul(60)))
    }

    /// Whether it is compared how long it takes not to see an order. That tells something only where nothing else runs.
    pub(crate) fn compares_timing(&self) -> bool {
        self.only_timing || self.minutes.is_some()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed.unwrap_or(1)
    }

    /// Whether this is the part that every run of the tests has.
    pub(crate) fn is_bounded(&self) -> bool {
        self.minutes.is_none() && self.seed.is_none()
    }

    pub(crate) fn orders(&self) -> usize {
        let in_time = |minutes| usize::try_from(minutes).map_or(MOST, |minutes| minutes.saturating_mul(A_MINUTE));
        self.orders.unwrap_or_else(|| self.minutes.map_or(LEAST, |minutes| in_time(minutes).clamp(LEAST, MOST)))
    }
}

/// Reads the command line. What `cargo test` hands to every test program is taken as the standard harness takes it, as
/// far as it decides whether the one test in here runs.
pub(crate) fn of_process() -> Wanted {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let is_own = |argument: &String| {
        let name = argument.split('=').next().unwrap_or_default();
        ["--minutes", "--seed", "--profile", "--orders", "--plant", "--timing", "--help"].contains(&name)
    };
    if given.iter().any(is_own) {
        return Wanted::Run(Arguments::parse());
    }
    if given.iter().any(|argument| argument == "--list") {
        return Wanted::List;
    }
    let mut skipped = false;
    let mut filters = Vec::new();
    let mut arguments = given.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--ignored" => return Wanted::Nothing,
            "--skip" => skipped |= arguments.next().is_some_and(|skip| "campaign".contains(skip.as_str())),
            "--test-threads" | "--color" | "--format" | "--logfile" | "-Z" | "--shuffle-seed" => {
                arguments.next();
            }
            flag if flag.starts_with('-') => {}
            filter => filters.push(filter),
        }
    }
    let chosen = filters.is_empty() || filters.iter().any(|filter| "campaign".contains(filter));
    if chosen && !skipped { Wanted::Run(Arguments::default()) } else { Wanted::Nothing }
}
