//! `cargo run`: the order system on this machine. `cargo run -- token alice`: a token of one of its users.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser as _;
use local::command_line::{Command, CommandLine};

fn main() -> ExitCode {
    let CommandLine { server, command } = CommandLine::parse();
    let done = match command {
        None => {
            local::console::init();
            local::run(&server).map_err(|error| error.to_string())
        }
        Some(Command::Token(arguments)) => local::issuer::token(&arguments, SystemTime::now())
            .map_err(|error| error.to_string())
            .and_then(|token| writeln!(std::io::stdout(), "{token}").map_err(|error| error.to_string())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
