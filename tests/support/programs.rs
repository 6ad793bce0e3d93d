//! The programs of the Lambdas: those in the folder that `ORDERS_BOOTSTRAPS` names, or else built as they are now.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The functions, by the names of their programs.
pub(crate) const FUNCTIONS: [&str; 4] = ["place-order", "order", "record-fulfilment", "fulfil-orders"];

/// Makes of a folder what `--bootstraps` takes: a folder for each function, with its program.
pub(crate) fn link_into(directory: &Path) {
    for function in FUNCTIONS {
        let folder = directory.join(function);
        fs::create_dir_all(&folder).expect("a folder");
        symlink(program(function), folder.join("bootstrap")).expect("a link");
    }
}

fn program(function: &str) -> PathBuf {
    match std::env::var_os("ORDERS_BOOTSTRAPS") {
        Some(bootstraps) => Path::new(&bootstraps).join(function).join("bootstrap"),
        None => built().join(function),
    }
}

/// Where the programs are, as they are now: cargo has built them once since these tests started.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory");
        let mut command = Command::new(env!("CARGO"));
        // Only these four are made, since other tests run the program that they are for. With the whole workspace, and
        // with a test, for whose sake dependencies have the features that tests want, these are built already.
        command.args(["build", "--quiet", "--workspace", "--locked", "--test", "formats", "--target-dir"]).arg(target);
        command.args(FUNCTIONS.iter().flat_map(|function| ["--bin", function]));
        command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        // What cargo tells a test of its package would have build scripts run again.
        let told = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(told) {
                command.env_remove(name);
            }
        }
        let output = command.output().expect("cargo");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        target.join("debug")
    })
}
