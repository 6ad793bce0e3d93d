//! What is said of a campaign: a line for each run, the counts of all, and every finding with the story of its order.

use std::collections::BTreeMap;

use clap::ValueEnum as _;
use tokio::task::JoinError;

use crate::faults::Fault;
use crate::run::{Outcome, Plan};

/// How many findings of a run are told in full.
const IN_FULL: usize = 5;

/// The counts of all runs.
#[derive(Default)]
pub(crate) struct Summary {
    runs: usize,
    orders: usize,
    changes: usize,
    questions: usize,
    events: usize,
    given_up: usize,
    attention: usize,
    killed: usize,
    restless: usize,
    harmless: usize,
    findings: usize,
    faults: BTreeMap<Fault, usize>,
}

impl Summary {
    /// Tells of a run, or that it came to no end.
    pub(crate) fn add(&mut self, plan: Plan, outcome: &Result<Outcome, JoinError>) {
        match outcome {
            Ok(outcome) => self.add_up(plan, outcome),
            Err(error) => {
                println!("\nA run broke off: {error}. {}\n", repeat(plan));
                self.runs += 1;
                self.findings += 1;
            }
        }
    }

    fn add_up(&mut self, plan: Plan, outcome: &Outcome) {
        let Outcome {
            faults,
            stored,
            changes,
            questions,
            events,
            given_up,
            attention,
            killed,
            at_rest,
            took,
            findings,
        } = outcome;
        if self.runs == 0 {
            println!(
                "{:<14} {:>6} {:>7} {:>7} {:>8} {:>10} {:>7} {:>9} {:>10} {:>7} {:>9} {:>8}",
                "profile",
                "seed",
                "orders",
                "faults",
                "changes",
                "questions",
                "events",
                "given up",
                "attention",
                "killed",
                "findings",
                "seconds"
            );
        }
        println!(
            "{:<14} {:>6} {stored:>7} {:>7} {changes:>8} {questions:>10} {events:>7} {given_up:>9} {attention:>10} {killed:>7} {:>9} {:>8.1}",
            plan.profile.name,
            plan.seed,
            faults.values().sum::<usize>(),
            findings.len(),
            took.as_secs_f64(),
        );
        if !at_rest {
            println!("It was given up before it came to rest. {}", repeat(plan));
            self.restless += 1;
        }
        if plan.profile.processes && *killed == 0 {
            println!("It killed no process, and so shows nothing. {}", repeat(plan));
            self.harmless += 1;
        }
        for (finding, story) in findings.iter().take(IN_FULL) {
            println!("\n{finding}\n  {}", story.join("\n  "));
        }
        if !findings.is_empty() {
            println!("\n{} findings. {}\n", findings.len(), repeat(plan));
        }
        self.runs += 1;
        self.orders += stored;
        self.changes += changes;
        self.questions += questions;
        self.events += events;
        self.given_up += given_up;
        self.attention += attention;
        self.killed += killed;
        self.findings += findings.len();
        for (fault, count) in faults {
            *self.faults.entry(*fault).or_default() += count;
        }
    }

    /// Tells of all of them. Whether nothing was found, every run came to rest, and each that is to kill processes has
    /// killed some.
    pub(crate) fn close(&self) -> bool {
        println!("\n{:<28} {:>9}", "in all", "");
        let counts = [
            ("runs", self.runs),
            ("orders", self.orders),
            ("changes", self.changes),
            ("questions to the warehouse", self.questions),
            ("events", self.events),
            ("orders given up and redriven", self.given_up),
            ("orders needing attention", self.attention),
            ("Lambdas killed at work", self.killed),
            ("runs that never came to rest", self.restless),
            ("runs that killed no process", self.harmless),
            ("findings", self.findings),
        ];
        for (name, count) in counts {
            println!("{name:<28} {count:>9}");
        }
        for (fault, count) in &self.faults {
            println!("{:<28} {count:>9}", format!("fault {fault:?}"));
        }
        self.runs > 0 && self.restless == 0 && self.harmless == 0 && self.findings == 0
    }
}

/// How to repeat a run.
fn repeat(plan: Plan) -> String {
    let Plan { profile, seed, orders, bug } = plan;
    let bug = bug.and_then(|bug| bug.to_possible_value()).map(|bug| format!(" --plant {}", bug.get_name()));
    format!(
        "To repeat it: cargo test -p local --test campaign -- --profile {} --seed {seed} --orders {orders}{}",
        profile.name,
        bug.unwrap_or_default()
    )
}
