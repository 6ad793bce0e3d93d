//! `cargo run`: the order system on this machine.

fn main() {}
