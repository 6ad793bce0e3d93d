//! Somebody asks what this build makes of everything that was ever received: of exports, and of what a server keeps.
//!
//! | file | holds |
//! | --- | --- |
//! | `answers` | what is told of good exports |
//! | `damage` | exports that are damaged, or are none |
//! | `running` | the command at work: on a terminal, in a pipe, beside a server, asked wrongly |

mod answers;
mod damage;
mod running;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::support::{Home, corpus};

const ORDERS: u64 = 240;

/// Two exports, and a directory for whatever else there is.
struct Given {
    home: Arc<Home>,
    orders: PathBuf,
    changes: PathBuf,
}

/// What the program said and how it ended.
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn said(output: Output) -> Said {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let said = Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
    said
}

fn rethink(home: &Home, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.arg("rethink").args(words).current_dir(home.path("")).stdin(Stdio::null());
    command
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

impl Given {
    fn exports() -> Self {
        Self::of(ORDERS)
    }

    fn of(orders: u64) -> Self {
        let home = Home::new();
        let [orders, changes] = corpus::write(&home.path(""), orders, 2);
        Self { home, orders, changes }
    }

    /// What `rethink` says with these exports.
    fn rethink(&self, words: &[&str]) -> Said {
        let exports = ["--orders", text(&self.orders), "--changes", text(&self.changes)];
        said(rethink(&self.home, &[words, &exports].concat()).output().expect("the program"))
    }

    /// It gives no answer, with a code that no finding has, and says why in one sentence that has these words.
    fn refuses(&self, words: &[&str]) {
        let record = self.home.path("refused.gz");
        for command in [&["record", "refused.gz"][..], &["open"]] {
            let Said { code, stdout, stderr } = self.rethink(command);
            assert_eq!((code, stdout.as_str()), (Some(3), ""), "{stderr}");
            let [error] = stderr.lines().collect::<Vec<_>>()[..] else { panic!("one line: {stderr}") };
            assert!(error.starts_with("error: "), "{error}");
            assert!(words.iter().all(|word| error.contains(word)), "{words:?} in: {error}");
            assert!(!record.exists(), "nothing looks like a record");
        }
    }

    /// A data file of an export, the first one that its manifest names.
    fn data_file(export: &Path) -> PathBuf {
        let files = fs::read_to_string(export.join("manifest-files.json")).expect("a manifest");
        let first: Value = serde_json::from_str(files.lines().next().expect("a line")).expect("JSON");
        let key = first["dataFileS3Key"].as_str().expect("a key");
        export.join("data").join(key.rsplit('/').next().expect("a name"))
    }
}

fn unzipped(path: &Path) -> Vec<String> {
    let mut text = String::new();
    MultiGzDecoder::new(File::open(path).expect("a file")).read_to_string(&mut text).expect("text");
    text.lines().map(str::to_owned).collect()
}

fn zip(path: &Path, lines: &[String]) {
    let mut gzip = GzEncoder::new(File::create(path).expect("a file"), Compression::fast());
    for line in lines {
        writeln!(gzip, "{line}").expect("a line");
    }
    gzip.finish().expect("a file");
}
