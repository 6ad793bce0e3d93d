//! What a Lambda costs: its start, its first invocation, each one after that, and the room it takes.
//!
//! Every program is started as Lambda starts it, behind a stand-in for the Runtime API, and finds DynamoDB and AppSync
//! over TLS. The shipped functions are measured beside peers, in turns, so that whatever else the machine does is shared
//! by all: the same handlers in Node.js, and `place-order` in Rust, from every default to no framework at all.
//!
//! `cargo bench -p local --bench cold-start --profile dev` builds everything and prints a table; `-- --help` lists the
//! options. It needs Linux, Node.js 20 and npm.
//!
//! | figure | is |
//! | --- | --- |
//! | init | CPU time of the process until it asks for its first event |
//! | first | CPU time from the first event until the second is asked for; and the time to the answer, with as much CPU as Lambda gives at 128 MB |
//! | warm | CPU time for each event after that |
//! | RSS | the most that was ever resident |
//! | zipped | what is uploaded: deflated, as in a zip archive |

mod edge;
mod events;
mod figures;
#[path = "../plot.rs"]
mod plot;
mod process;
mod programs;
mod share;

use std::path::PathBuf;

use clap::Parser;

use edge::Edge;
use figures::{Figures, Row};
use process::Process;
use programs::Program;
use share::Share;

/// What to measure.
#[derive(Debug, Parser)]
struct Options {
    /// How often each program is started
    #[arg(long, default_value_t = 11)]
    runs: usize,

    /// How many events each process is given after its first
    #[arg(long, default_value_t = 1000)]
    invocations: u32,

    /// Only these functions [default: all four]
    #[arg(long, value_name = "NAME")]
    function: Vec<String>,

    /// The shipped programs, as `infra/build` leaves them, in place of building them now
    #[arg(long, value_name = "FOLDER")]
    bootstraps: Option<PathBuf>,

    /// Another build of them to measure in the same run
    #[arg(long, value_name = "NAME=FOLDER")]
    also: Vec<String>,

    /// Leave the peers out
    #[arg(long)]
    without_peers: bool,

    /// What `cargo bench` says
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("threads").block_on(measure(&options));
}

async fn measure(options: &Options) {
    let programs = programs::all(options);
    let edge = Edge::start().await;
    let share = Share::of_128_mb();
    println!("{} starts, {} events after the first; median (quartiles)", options.runs, options.invocations);
    println!("{}\n", share.described());
    for function in programs::functions(options) {
        let programs: Vec<_> = programs.iter().filter(|program| program.function == function).collect();
        let mut figures = vec![Figures::default(); programs.len()];
        for _ in 0..options.runs {
            for (program, figures) in programs.iter().zip(&mut figures) {
                figures.add(&start(program, &edge, &share, options.invocations).await);
            }
        }
        println!("{}", Row::head(function));
        let [mut first, mut warm] = [Vec::new(), Vec::new()];
        for (group, (program, figures)) in programs.iter().zip(&figures).enumerate() {
            println!("{}", Row::of(&program.name, figures, program.size));
            first.push(figures.first_wall().bar(&program.name, group));
            warm.push(figures.warm().bar(&program.name, group));
        }
        println!();
        for (what, title, unit, bars) in [
            ("first", "First answer with the CPU of 128 MB", "ms", first),
            ("warm", "CPU time for each event after the first", "µs", warm),
        ] {
            let (name, title) = (format!("cold-start-{function}-{what}"), format!("{function}: {title}"));
            let file = plot::bars(&name, &title, unit, &bars).expect("target/ can be written to");
            println!("Drawn in {}", file.display());
        }
        println!();
    }
}

/// One process from its start to its end.
async fn start(program: &Program, edge: &Edge, share: &Share, invocations: u32) -> figures::Run {
    let event = events::of(&program.function);
    let mut process = Process::start(program, edge).await;
    let init = process.cpu().await;
    share.limit(process.id());
    let first_wall = process.invoke(&event).await;
    share.lift();
    let first = process.cpu().await;
    for _ in 0..invocations {
        process.invoke(&event).await;
    }
    let warm = process.cpu().await.saturating_sub(first).checked_div(invocations);
    let rss = process.most_resident();
    figures::Run { init, first: first.saturating_sub(init), first_wall, warm, rss }
}
