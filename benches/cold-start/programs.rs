//! The programs that are measured, and how they are built.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::Options;
use crate::events::FUNCTIONS;

/// One function, as somebody has written and built it.
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) function: String,
    pub(crate) command: Vec<String>,
    pub(crate) size: Size,
}

/// What is uploaded, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) file: u64,
    pub(crate) zipped: u64,
}

/// The functions that are asked for.
pub(crate) fn functions(options: &Options) -> Vec<&'static str> {
    let asked_for =
        |function: &&str| options.function.is_empty() || options.function.iter().any(|name| name == function);
    FUNCTIONS.into_iter().filter(asked_for).collect()
}

/// Builds what is to be measured, peers first.
pub(crate) fn all(options: &Options) -> Vec<Program> {
    let functions = functions(options);
    let target = root().join("target/cold-start");
    fs::create_dir_all(&target).expect("target/ can be written to");
    let mut programs = Vec::new();
    if !options.without_peers {
        programs.extend(node(&target, &functions));
        if functions.contains(&"place-order") {
            programs.extend(rust(&target));
        }
    }
    for also in &options.also {
        let (name, folder) = also.split_once('=').expect("--also takes NAME=FOLDER");
        programs.extend(shipped(name, Path::new(folder), &functions));
    }
    let folder = options.bootstraps.clone().unwrap_or_else(|| {
        run("infra/build", &[std::env::consts::ARCH.replace("aarch64", "arm64").as_str()], &root());
        root().join("target/lambda")
    });
    programs.extend(shipped("this", &folder, &functions));
    programs
}

/// The handlers in Node.js, each bundled into one file.
fn node(target: &Path, functions: &[&str]) -> Vec<Program> {
    let folder = root().join("benches/cold-start/peers/node");
    run("npm", &["ci", "--no-audit", "--no-fund"], &folder);
    run("npm", &["run", "bundle"], &folder);
    let program = |function: &&str| {
        let bundle = target.join("node").join(format!("{function}.cjs"));
        Program {
            name: "Node.js".to_owned(),
            function: (*function).to_owned(),
            size: Size::of(&bundle),
            command: vec![where_is("node"), text(&bundle)],
        }
    };
    functions.iter().map(program).collect()
}

/// `place-order` in Rust with every default; with the profile and the threads that the shipped one has; with TLS on ring as
/// well, and a client built by hand; and without the SDK or any runtime, which is the least that the work takes.
fn rust(target: &Path) -> [Program; 4] {
    let folder = root().join("benches/cold-start/peers/rust");
    let target = target.join("rust");
    let builds = [
        ("Rust, every default", "every-default", "release"),
        ("+ profile, one thread", "current-thread", "lean"),
        ("+ ring, built by hand", "by-hand", "lean"),
        ("floor: sockets and rustls", "floor", "lean"),
    ];
    builds.map(|(name, binary, profile)| {
        let options = ["build", "--locked", "--bin", binary, "--profile", profile, "--target-dir"];
        run("cargo", &[&options[..], &[&text(&target)]].concat(), &folder);
        let file = target.join(profile).join(binary);
        Program::new(name, "place-order", &file)
    })
}

/// The shipped functions in a folder as `infra/build` leaves it.
fn shipped(name: &str, folder: &Path, functions: &[&str]) -> Vec<Program> {
    let program = |function: &&str| Program::new(name, function, &folder.join(function).join("bootstrap"));
    functions.iter().map(program).collect()
}

impl Program {
    fn new(name: &str, function: &str, file: &Path) -> Self {
        let file = std::path::absolute(file).expect("a path");
        let size = Size::of(&file);
        Self { name: name.to_owned(), function: function.to_owned(), command: vec![text(&file)], size }
    }
}

impl Size {
    fn of(file: &Path) -> Self {
        let bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bytes).expect("memory");
        let zipped = encoder.finish().expect("memory").len();
        Self { file: bytes.len() as u64, zipped: zipped as u64 }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path that is text").to_owned()
}

/// The file that a command is: processes are started with nothing in their environment that would lead there.
fn where_is(command: &str) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(command)).find(|file| file.exists());
    text(&found.unwrap_or_else(|| panic!("{command} is needed: install Node.js 20 or newer")))
}

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let mut command =
        Command::new(if program.contains('/') { text(&root().join(program)) } else { program.to_owned() });
    // What cargo says to a bench is not meant for another cargo.
    command.args(arguments).current_dir(folder).env_remove("CARGO_TARGET_DIR").stdout(std::io::stderr());
    let status = command.status().unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    assert!(status.success(), "{program} {} failed in {}", arguments.join(" "), folder.display());
}
