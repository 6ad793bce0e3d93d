//! Somebody who looks after orders, with the commands for that.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::Home;

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    /// What it told, on standard output.
    pub(crate) told: String,
    /// What went wrong, on standard error.
    pub(crate) complained: String,
}

impl Done {
    /// What it told, if nothing went wrong.
    pub(crate) fn well(self) -> String {
        assert_eq!((self.code, self.complained.as_str()), (Some(0), ""), "{}", self.told);
        self.told
    }

    /// What it told line by line, as `--json` has it.
    pub(crate) fn objects(&self) -> Vec<Value> {
        let object = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.told.lines().map(object).collect()
    }
}

/// Runs such a command to its end, beside the server that has its data in this home.
pub(crate) async fn operate(home: &Home, words: &[&str]) -> Done {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.args(words).args(["--data-dir", home.data_dir()]).current_dir(home.path(""));
    command.stdin(Stdio::null()).env_remove("RUST_LOG");
    // On a thread of its own: whom the server asks meanwhile must be able to answer.
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let output = output.expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Done { code: output.status.code(), told: text(output.stdout), complained: text(output.stderr) }
}

/// The objects that the guide for operating shows first after it names this command.
pub(crate) fn documented(command: &str) -> Vec<Value> {
    let (_, after) = include_str!("../../docs/operations.md").split_once(command).expect("the guide names it");
    let (_, example) = after.split_once("```json\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    example.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The kinds of objects there are, each by the names of its members: those of a `summary` are told with it.
pub(crate) fn members(objects: &[Value]) -> BTreeSet<Vec<String>> {
    let names = |object: &Value| object.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    let kind = |object: &Value| -> Vec<String> {
        let mut kind: Vec<String> = names(object);
        kind.extend(names(&object["summary"]));
        kind.sort();
        kind
    };
    objects.iter().map(kind).collect()
}
