//! The command at work: on a terminal, in a pipe, beside a server, asked wrongly.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Given, rethink, said, text};
use crate::support::{Home, PATIENCE, Server, apples_and_a_pear, gibberish, id};

#[test]
fn a_reader_who_stops_reading_does_no_harm() {
    let given = Given::of(9_000);
    let exports = ["open", "--orders", text(&given.orders), "--changes", text(&given.changes)];
    let mut child =
        rethink(&given.home, &exports).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    let mut first = String::new();
    BufReader::with_capacity(64, child.stdout.take().expect("its output")).read_line(&mut first).expect("a line");
    assert!(first.contains("\"why\""), "{first}");
    let said = said(child.wait_with_output().expect("its end"));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
}

#[test]
fn somebody_who_watches_sees_how_far_it_is() {
    let given = Given::of(3_000);
    let script = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)";
    let exports = ["--orders", text(&given.orders), "--changes", text(&given.changes)];
    let output = Command::new("python3")
        .args(["-c", script, env!("CARGO_BIN_EXE_local"), "rethink", "record", "main.gz"])
        .args(exports)
        .env("TERM", "xterm")
        .current_dir(given.home.path(""))
        .stdin(Stdio::null())
        .output()
        .expect("python3");
    let said = said(output);
    assert_eq!(said.code, Some(0), "{}", said.stdout);
    for word in ["reading", "thinking", "% ", "/s, ", " left"] {
        assert!(said.stdout.contains(word), "{word} in {}", said.stdout);
    }
}

#[test]
fn what_makes_no_sense_has_a_code_that_no_finding_has() {
    let home = Home::new();
    for (words, told) in [
        (&["compare"][..], "FILE"),
        (&["compare", "main.gz", "--first", "few"], "--first"),
        (&["record", "main.gz", "--changes", "x"], "--orders"),
        (&["frobnicate"], "frobnicate"),
        (&["compare", "no-such-record.gz"], "no-such-record.gz"),
        (&["record", "no/such/directory/main.gz", "--data-dir", "nothing"], "nothing"),
        (&["open"], "no server has ever run"),
    ] {
        let said = said(rethink(&home, words).output().expect("the program"));
        assert_eq!(said.code, Some(3), "{words:?}: {}", said.stderr);
        assert!(said.stderr.contains(told), "{told} in {}", said.stderr);
    }
    let help = said(rethink(&home, &["--help"]).output().expect("the program"));
    assert_eq!(help.code, Some(0));
    assert!(
        ["record", "compare", "open", "Exit code"].iter().all(|word| help.stdout.contains(word)),
        "{}",
        help.stdout
    );
}

#[tokio::test]
async fn a_data_directory_is_read_beside_its_server_and_after_it() {
    let home = Home::new();
    let mut server = Server::at(&home, &[]).await;
    let fulfilled = server.guest().place_for_id(apples_and_a_pear()).await;
    server.until_fulfilled(&fulfilled).await;
    let unknown = server.guest().place_for_id(gibberish()).await;
    let directory = ["--data-dir", home.data_dir()];
    let run = |words: &[&str]| said(rethink(&home, &[words, &directory].concat()).output().expect("the program"));
    let attention = async || {
        let listed = run(&["open"]);
        assert_eq!(listed.code, Some(0), "{}", listed.stderr);
        let lines: Vec<Value> = listed.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let [line] = &lines[..] else { panic!("one order is open: {}", listed.stdout) };
        assert_eq!(id(line), unknown);
        (line["why"] == "NEEDS_ATTENTION").then_some(())
    };
    server.until("the order that nobody understands has been looked at", attention).await;
    let recorded = run(&["record", "main.gz"]);
    assert_eq!(recorded.code, Some(0), "{}", recorded.stderr);
    assert!(recorded.stderr.starts_with("2 orders"), "{}", recorded.stderr);
    // The server has not been disturbed.
    let later = server.guest().place_for_id(apples_and_a_pear()).await;
    server.until_fulfilled(&later).await;
    server.interrupt();
    server.ended_within(PATIENCE).await;
    let compared = run(&["compare", "main.gz"]);
    assert_eq!(compared.code, Some(0), "{}", compared.stderr);
    let told = |name: &str| compared.stdout.lines().find(|line| line.starts_with(name)).map(str::to_owned);
    assert!(told("same").is_some_and(|line| line.ends_with(" 2")), "{}", compared.stdout);
    assert!(told("only now").is_some_and(|line| line.ends_with(" 1")), "{}", compared.stdout);
}
