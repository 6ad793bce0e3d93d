//! `cargo run`: the order system on this machine.

use std::process::ExitCode;

use clap::Parser as _;
use local::command_line::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    local::console::init();
    match local::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
