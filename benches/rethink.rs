//! How fast `rethink record` is beside mere parsing: the same exports, unzipped and parsed line by line with `serde_json`,
//! by one thread and by all cores; then recorded. In one run, each as a process of its own, several times in turn.
//!
//! `cargo bench -p local --bench rethink -- --orders 100000` takes fewer orders than a million. The exports are made
//! once and stay in `target/`.

#[path = "../tests/support/corpus.rs"]
mod corpus;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use flate2::bufread::MultiGzDecoder;
use serde_json::Value;

const FILES: usize = 8;
const ROUNDS: usize = 3;

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let given = |name: &str| arguments.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1].clone());
    if let Some(threads) = given("--parse") {
        return parse(threads.parse().unwrap(), &given("--below").unwrap());
    }
    let orders: u64 = given("--orders").map_or(1_000_000, |orders| orders.parse().unwrap());
    let below = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("rethink-{orders}"));
    let exports = made(&below, orders);
    let items = exports.iter().flat_map(|export| data_files(export)).map(|file| lines(&file)).collect::<Vec<_>>();
    let (lines, bytes) = items.iter().fold((0, 0), |sum, file| (sum.0 + file.0, sum.1 + file.1));
    println!("{orders} orders, {lines} items with their changes, {} MB of JSON\n", bytes / 1_000_000);
    println!("| | seconds | orders a second | seconds of CPU | peak memory, MB |");
    println!("| --- | --- | --- | --- | --- |");
    let record = below.join("record.gz");
    let [orders_export, changes_export] = exports.each_ref().map(|path| path.to_str().unwrap());
    let (own, path) = (&arguments[0], below.to_str().unwrap());
    let cores = thread::available_parallelism().unwrap().to_string();
    let runs = [
        ("parse, one thread", vec![own.as_str(), "--parse", "1", "--below", path]),
        ("parse, all cores", vec![own, "--parse", &cores, "--below", path]),
        (
            "`rethink record`",
            vec![
                env!("CARGO_BIN_EXE_local"),
                "rethink",
                "record",
                record.to_str().unwrap(),
                "--orders",
                orders_export,
                "--changes",
                changes_export,
            ],
        ),
    ];
    let mut best: [Option<Cost>; 3] = [const { None }; 3];
    for _ in 0..ROUNDS {
        for ((_, command), best) in runs.iter().zip(&mut best) {
            let cost = cost(command);
            // Whatever else the machine does makes a run longer, never shorter.
            let better = best.as_ref().is_none_or(|best| cost.cpu < best.cpu);
            if better {
                *best = Some(cost);
            }
        }
    }
    let best = best.map(Option::unwrap);
    for ((name, _), Cost { taken, cpu, peak }) in runs.iter().zip(&best) {
        let (seconds, cpu, rate) =
            (taken.as_secs_f64(), cpu.as_secs_f64(), u128::from(orders) * 1000 / taken.as_millis());
        println!("| {name} | {seconds:.1} | {rate} | {cpu:.1} | {} |", peak / 1024);
    }
    let ratio = |of: fn(&Cost) -> Duration| of(&best[2]).as_secs_f64() / of(&best[1]).as_secs_f64();
    println!("\n`rethink record` takes {:.1} times the CPU of parsing,", ratio(|cost| cost.cpu));
    println!("and {:.1} times as long as parsing with all cores.", ratio(|cost| cost.taken));
}

/// What a process took.
struct Cost {
    taken: Duration,
    cpu: Duration,
    /// Peak resident set, in KB.
    peak: u64,
}

/// Runs a program to its end. Linux tells of its memory while it runs, and of its CPU until its end is taken note of.
fn cost(command: &[&str]) -> Cost {
    let start = Instant::now();
    let mut child =
        Command::new(command[0]).args(&command[1..]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let file = |name| format!("/proc/{}/{name}", child.id());
    let (times, memory) = (file("stat"), file("status"));
    let mut peak = 0;
    let (taken, fields) = loop {
        let told = fs::read_to_string(&memory).unwrap();
        let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.map_or(peak, |line| line.trim().trim_end_matches(" kB").parse().unwrap());
        let told = fs::read_to_string(&times).unwrap();
        let fields: Vec<_> = told.rsplit(')').next().unwrap().split_whitespace().map(str::to_owned).collect();
        if fields[0] == "Z" {
            break (start.elapsed(), fields);
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert!(child.wait().unwrap().success(), "{command:?}");
    // User and system time, in hundredths of a second: proc(5), fields 14 and 15.
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Cost { taken, cpu: Duration::from_millis(10 * ticks), peak }
}

/// The exports, made if they are not there.
fn made(below: &Path, orders: u64) -> [PathBuf; 2] {
    let made = below.join("made");
    if !made.exists() {
        println!("making the exports of {orders} orders in {}, once …", below.display());
        let _ = fs::remove_dir_all(below);
        let exports = corpus::write(below, orders, FILES);
        fs::write(&made, exports.each_ref().map(|path| path.to_str().unwrap()).join("\n")).unwrap();
    }
    let paths: Vec<_> = fs::read_to_string(made).unwrap().lines().map(PathBuf::from).collect();
    paths.try_into().unwrap()
}

fn data_files(export: &Path) -> Vec<PathBuf> {
    fs::read_dir(export.join("data")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// How many lines a file has, and how many bytes.
fn lines(file: &Path) -> (u64, u64) {
    let reader = BufReader::new(MultiGzDecoder::new(BufReader::new(File::open(file).unwrap())));
    reader.split(b'\n').map(Result::unwrap).fold((0, 0), |sum, line| (sum.0 + 1, sum.1 + line.len() as u64 + 1))
}

/// Unzips and parses every line.
fn parse(threads: usize, below: &str) {
    let exports = made(Path::new(below), 0);
    let files: Vec<_> = exports.iter().flat_map(|export| data_files(export)).collect();
    let files = Mutex::new(files.into_iter());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some(file) = files.lock().unwrap().next() else { return };
                    let file = BufReader::with_capacity(256 * 1024, File::open(file).unwrap());
                    let mut reader = BufReader::with_capacity(256 * 1024, MultiGzDecoder::new(file));
                    let mut line = Vec::new();
                    while reader.read_until(b'\n', &mut line).unwrap() > 0 {
                        let value: Value = serde_json::from_slice(&line).unwrap();
                        std::hint::black_box(value);
                        line.clear();
                    }
                }
            });
        }
    });
}
