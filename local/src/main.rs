//! `cargo run`: the order system on this machine. `cargo run -- token alice` and the like: commands beside it.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser as _;
use local::command_line::{Command, CommandLine};
use local::rethink;

fn main() -> ExitCode {
    let CommandLine { server, command } = match CommandLine::try_parse() {
        Ok(command_line) => command_line,
        Err(refused) => return refuse(&refused),
    };
    let done = match command {
        None => {
            local::console::init();
            local::run(&server).map_err(|error| error.to_string())
        }
        Some(Command::Token(arguments)) => local::issuer::token(&arguments, SystemTime::now())
            .map_err(|error| error.to_string())
            .and_then(|token| writeln!(std::io::stdout(), "{token}").map_err(|error| error.to_string())),
        Some(Command::Rethink(arguments)) => match rethink::run(&arguments) {
            Ok(finding) => return ExitCode::from(finding.exit_code()),
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::from(rethink::NO_ANSWER);
            }
        },
        Some(Command::Redrive(arguments)) => {
            local::console::init_for_a_command();
            local::operate::redrive(&arguments).map_err(|error| error.to_string())
        }
        Some(Command::Erase(arguments)) => {
            local::console::init_for_a_command();
            local::operate::erase(&arguments).map_err(|error| error.to_string())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Says what is wrong with the command line, or what was asked about it. For `rethink`, whose exit codes are findings,
/// a wrong option must not look like one.
fn refuse(refused: &clap::Error) -> ExitCode {
    let is_rethink = std::env::args_os().any(|argument| argument == "rethink");
    match refused.print() {
        Ok(()) if !refused.use_stderr() => ExitCode::SUCCESS,
        _ if is_rethink => ExitCode::from(rethink::NO_ANSWER),
        _ => ExitCode::from(2),
    }
}
