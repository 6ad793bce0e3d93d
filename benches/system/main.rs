//! How fast the system on one machine is, beside Amplify's simulator of AppSync in the same run.
//!
//! `cargo bench --workspace --bench system --profile dev` measures what `cargo run` runs. What else there is to say is
//! in `docs/performance.md`, options are below. Everything is measured from outside: the server is a process of its own,
//! its CPU time and memory are what Linux says of that process, and times are those of a client on the same machine.

mod figures;
mod load;
#[path = "../plot.rs"]
mod plot;
mod server;
mod subscribers;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use figures::Figures;
use load::Load;
use server::{Kind, Server};

/// What measures these servers and prints a table.
type Measure = fn(&[Kind], &Options);

/// How much is measured.
struct Options {
    /// Each figure is taken so many times, the servers taking turns; the spread is that between the rounds.
    rounds: usize,
    /// Requests in each round, times as many at 32 connections as this says at one.
    requests: usize,
    /// The most subscribers.
    subscribers: usize,
    /// One of the tables: `requests`, `events`, `starts` or `fan-out`.
    only: Option<String>,
    /// Where npm has installed the simulator; without it there is no peer.
    peer: Option<PathBuf>,
    /// The release build of the server.
    release: Option<PathBuf>,
    /// Another build of the server, such as that of an earlier commit.
    other: Option<PathBuf>,
}

impl Options {
    fn of_command_line() -> Self {
        let arguments: Vec<_> = std::env::args().collect();
        let given = |name: &str| arguments.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1].clone());
        let number = |name: &str, default| given(name).map_or(default, |text| text.parse().expect("a number"));
        Self {
            rounds: number("--rounds", 5),
            requests: number("--requests", 400),
            subscribers: number("--subscribers", 10_000),
            only: given("--only"),
            peer: given("--peer").map(PathBuf::from),
            release: given("--release").map(PathBuf::from),
            other: given("--other").map(PathBuf::from),
        }
    }

    /// Everything that is compared, in the order of the tables.
    fn kinds(&self) -> Vec<Kind> {
        let this = Some(PathBuf::from(env!("CARGO_BIN_EXE_local")));
        let builds = [
            (["this, `--memory`", "this, durable"], this),
            (["release, `--memory`", "release, durable"], self.release.clone()),
            (["other, `--memory`", "other, durable"], self.other.clone()),
        ];
        let mut kinds = Vec::new();
        for ([memory, durable], program) in builds {
            let Some(program) = program else { continue };
            kinds.push(Kind::Local { name: memory, program: program.clone(), durable: false });
            kinds.push(Kind::Local { name: durable, program, durable: true });
        }
        kinds.extend(self.peer.clone().map(Kind::Simulator));
        kinds
    }
}

fn main() {
    let options = Options::of_command_line();
    let kinds = options.kinds();
    println!("{} rounds; median of the rounds (lowest–highest)\n", options.rounds);
    let parts: [(&str, Measure); 4] =
        [("requests", requests), ("events", events), ("starts", starts), ("fan-out", fan_out)];
    for (_, measure) in parts.iter().filter(|(name, _)| options.only.as_deref().is_none_or(|only| only == *name)) {
        measure(&kinds, &options);
    }
}

/// CPU time and latency of `order` and `placeOrder`, at 1 and at 32 connections.
fn requests(kinds: &[Kind], options: &Options) {
    let mut servers: Vec<_> = kinds.iter().map(Server::start).collect();
    let placed: Vec<_> = servers.iter_mut().map(|server| placed(server, 200)).collect();
    println!(
        "| request | connections | server | CPU µs a request | median ms | p99 ms | CPU, as a share of the simulator's |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let mut bars = Vec::new();
    for (operation, connections) in [("order", 1), ("order", 32), ("placeOrder", 1), ("placeOrder", 32)] {
        let mut figures: Vec<[Figures; 3]> = servers.iter().map(|_| Default::default()).collect();
        for round in 0..=options.rounds {
            for ((server, ids), [cpu, median, p99]) in servers.iter_mut().zip(&placed).zip(&mut figures) {
                let count = options.requests * if connections == 1 { 1 } else { 2 };
                let load = match operation {
                    "order" => Load::orders(ids, count),
                    _ => Load::places(count),
                };
                let before = server.cpu();
                let times = load.run(server, connections);
                if operation == "placeOrder" {
                    server.until_announced(count);
                }
                let spent = server.cpu().saturating_sub(before);
                // The first round warms up.
                if round > 0 {
                    cpu.add(spent.as_secs_f64() * 1e6 / load::as_f64(count));
                    median.add(figures::at(&times, 50).as_secs_f64() * 1e3);
                    p99.add(figures::at(&times, 99).as_secs_f64() * 1e3);
                }
            }
        }
        let simulator = kinds.iter().position(Kind::is_simulator).map(|at| figures[at][0].median());
        for (group, (kind, [cpu, median, p99])) in kinds.iter().zip(&figures).enumerate() {
            let share = simulator.map_or_else(String::new, |whole| format!("{:.2}", cpu.median() / whole));
            println!(
                "| `{operation}` | {connections} | {} | {cpu:.0} | {median:.2} | {p99:.2} | {share} |",
                kind.name()
            );
            bars.push(
                cpu.bar(format!("{operation}, {connections} at a time: {}", kind.name().replace('`', "")), group),
            );
        }
    }
    println!();
    drawn("system-requests", "CPU time of the server for a request", "µs", &bars);
}

/// Says where a plot is.
fn drawn(name: &str, title: &str, unit: &str, bars: &[plot::Bar]) {
    let file = plot::bars(name, title, unit, bars).expect("target/ can be written to");
    println!("Drawn in {}\n", file.display());
}

/// Places orders, waits until nothing more happens to them, and gives their ids.
fn placed(server: &mut Server, count: usize) -> Vec<String> {
    let ids = load::place(server, count);
    server.until_announced(count);
    ids
}

/// From the request that places an order to the answer, and to the event at somebody who is subscribed.
fn events(kinds: &[Kind], options: &Options) {
    println!(
        "| server | placed → answered, median ms | p99 ms | placed → event of its fulfilment, median ms | p99 ms |"
    );
    println!("| --- | --- | --- | --- | --- |");
    let mut servers: Vec<_> = kinds.iter().map(Server::start).collect();
    let mut listeners: Vec<_> = servers.iter().map(|server| subscribers::Listener::start(server, 1)).collect();
    let mut figures: Vec<[Figures; 4]> = servers.iter().map(|_| Default::default()).collect();
    for round in 0..=options.rounds {
        for ((server, listener), figures) in servers.iter_mut().zip(&mut listeners).zip(&mut figures) {
            let times: Vec<_> = (0..options.requests / 2).map(|_| listener.place(server).expect("an event")).collect();
            let times = [times.iter().map(|time| time.0).collect(), times.iter().map(|time| time.1).collect()];
            if round > 0 {
                for (times, [median, p99]) in times.into_iter().zip(figures.as_chunks_mut().0) {
                    let times: Vec<Duration> = figures::sorted(times);
                    median.add(figures::at(&times, 50).as_secs_f64() * 1e3);
                    p99.add(figures::at(&times, 99).as_secs_f64() * 1e3);
                }
            }
        }
    }
    let mut bars = Vec::new();
    for (group, (kind, [answered, slowest_answers, told, slowest_events])) in kinds.iter().zip(&figures).enumerate() {
        let name = kind.name();
        bars.push(told.bar(name.replace('`', ""), group));
        println!("| {name} | {answered:.2} | {slowest_answers:.2} | {told:.2} | {slowest_events:.2} |");
    }
    println!();
    drawn("system-events", "From placing an order to the event of its fulfilment", "ms", &bars);
}

/// From the start of the program to its first answer.
fn starts(kinds: &[Kind], options: &Options) {
    println!("| server | data directory | start → first answer, ms |\n| --- | --- | --- |");
    let mut bars = Vec::new();
    for again in [false, true] {
        let mut figures: Vec<Figures> = kinds.iter().map(|_| Figures::default()).collect();
        for _ in 0..options.rounds {
            for (kind, figures) in kinds.iter().zip(&mut figures) {
                let directory = tempfile::tempdir().expect("a directory for temporary files");
                if again {
                    drop(Server::start_in(kind, directory.path()));
                }
                let start = Instant::now();
                let server = Server::start_in(kind, directory.path());
                Load::orders(&["none".to_owned()], 1).run(&server, 1);
                figures.add(start.elapsed().as_secs_f64() * 1e3);
            }
        }
        let all = kinds.iter().zip(&figures).enumerate();
        for (group, (kind, figures)) in all.filter(|(_, (kind, _))| !again || kind.keeps_data()) {
            let directory = match (kind.keeps_data(), again) {
                (false, _) => "none",
                (true, false) => "new",
                (true, true) => "there already",
            };
            println!("| {} | {directory} | {figures:.0} |", kind.name());
            bars.push(figures.bar(format!("{}, data: {directory}", kind.name().replace('`', "")), group));
        }
    }
    println!();
    drawn("system-starts", "From the start of the program to its first answer", "ms", &bars);
}

/// From the request that places an order to the event at the last of many, each with a connection of its own, and
/// the memory that they take while nothing happens.
fn fan_out(kinds: &[Kind], options: &Options) {
    println!("| server | subscribers | resident MB | KB for each | placed → event at the last, median ms | p99 ms |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for count in [1, 100, options.subscribers] {
        for kind in kinds.iter().filter(|kind| !kind.keeps_data()) {
            let mut server = Server::start(kind);
            placed(&mut server, 50);
            let before = server.resident();
            let mut listener = subscribers::Listener::start(&server, count);
            let resident = server.resident();
            let each = resident.saturating_sub(before) / 1024 / count;
            let events: Result<Vec<_>, _> = (0..40).map(|_| listener.place(&mut server)).collect();
            let times = events.map(|times| figures::sorted(times.into_iter().skip(5).map(|(_, told)| told).collect()));
            let [median, p99] = [50, 99].map(|share| match &times {
                Ok(times) => format!("{:.2}", figures::at(times, share).as_secs_f64() * 1e3),
                Err(missing) => format!("{missing} of them are told nothing"),
            });
            println!("| {} | {count} | {} | {each} | {median} | {p99} |", kind.name(), resident / 1_000_000);
        }
    }
    println!();
}
