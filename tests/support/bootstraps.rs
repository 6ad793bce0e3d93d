//! The Lambdas as programs of their own, in the folders that `--bootstraps` takes.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::programs::{FUNCTIONS, link_into};

/// A folder of bootstraps of a test's own, so that its processes can be told from all others. It goes when this does.
pub(crate) struct Bootstraps {
    directory: TempDir,
}

impl Bootstraps {
    /// The real ones.
    pub(crate) fn new() -> Self {
        let directory = TempDir::with_prefix("bootstraps-").expect("a directory for temporary files");
        link_into(directory.path());
        Self { directory }
    }

    pub(crate) fn path(&self) -> &str {
        self.directory.path().to_str().expect("a path that is text")
    }

    /// The folder of a function.
    pub(crate) fn folder(&self, function: &str) -> PathBuf {
        self.directory.path().join(function)
    }

    /// The function is one that does as it is told: `tests/doubles/bootstrap.py`.
    pub(crate) fn replace_by_double(&self, function: &str) {
        let double = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/doubles/bootstrap.py");
        let program = self.folder(function).join("bootstrap");
        fs::remove_file(&program).expect("the real one");
        symlink(double, program).expect("a link");
    }

    /// The function finds these variables in its environment, and no other function does.
    pub(crate) fn set(&self, function: &str, variables: &[(&str, &str)]) {
        let folder = self.folder(function);
        fs::rename(folder.join("bootstrap"), folder.join("program")).expect("the program");
        let exports = variables.iter().map(|(name, value)| format!("export {name}='{value}'"));
        let exec = format!("exec '{}'\n", folder.join("program").display());
        let lines: Vec<_> = ["#!/bin/sh".to_owned()].into_iter().chain(exports).chain([exec]).collect();
        let script = lines.join("\n");
        // Somebody else's process may hold a file that this one has just written, and then it cannot be started.
        let written = folder.join("written");
        fs::write(&written, script).expect("a script");
        fs::set_permissions(&written, fs::Permissions::from_mode(0o755)).expect("a program");
        let copied = Command::new("cp").arg("-p").arg(&written).arg(folder.join("bootstrap")).status();
        assert!(copied.is_ok_and(|status| status.success()), "a copy");
    }

    /// The processes of a function, as `ps` tells of them, those that have ended aside.
    pub(crate) fn processes(&self, function: &str) -> Vec<u32> {
        let folder = format!("{}/", self.folder(function).display());
        let output = Command::new("ps").args(["-A", "-o", "pid=,stat=,args="]).output().expect("ps");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let listing = String::from_utf8_lossy(&output.stdout).into_owned();
        let process = |line: &str| {
            let (pid, rest) = line.trim_start().split_once(' ')?;
            let (stat, args) = rest.trim_start().split_once(' ')?;
            (args.contains(&folder) && !stat.starts_with('Z')).then(|| pid.parse().expect("a process id"))
        };
        listing.lines().filter_map(process).collect()
    }

    /// All processes.
    pub(crate) fn all_processes(&self) -> Vec<u32> {
        FUNCTIONS.iter().flat_map(|function| self.processes(function)).collect()
    }

    /// Kills what runs of a function, and tells whether that was anything.
    pub(crate) fn kill(&self, function: &str) -> bool {
        let processes = self.processes(function);
        for process in &processes {
            // It may have ended by itself meanwhile.
            let _ = Command::new("kill").args(["-KILL", &process.to_string()]).output();
        }
        !processes.is_empty()
    }
}
