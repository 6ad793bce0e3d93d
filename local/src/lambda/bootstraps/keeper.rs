//! Sees to it that no process of a function outlives this one, however this one ends: Ctrl-C, a crash, `kill -9`.
//!
//! A process that is killed cannot clean up, so somebody else has to. A shell reads from a pipe which process groups there
//! are. When the pipe closes, and it does as soon as this process is no more, the shell kills all that are left.
//! A bootstrap in Rust ends by itself once it has lost the Runtime API, but not before it is done with its event.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// `+7` and `-7` come and go; each group stands between blanks.
const SCRIPT: &str = r#"
groups=' '
while read -r change; do
    case $change in
        +*) groups="$groups${change#+} " ;;
        -*) groups="${groups%% ${change#-} *} ${groups#* ${change#-} }" ;;
    esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
"#;

#[derive(Debug)]
pub(super) struct Keeper {
    pipe: Mutex<Option<ChildStdin>>,
    shell: Mutex<Child>,
}

impl Keeper {
    pub(super) fn start() -> std::io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT]).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Ctrl-C in a terminal goes to the whole group of this process; it must not reach the shell.
        let mut shell = command.process_group(0).spawn()?;
        Ok(Self { pipe: Mutex::new(shell.stdin.take()), shell: Mutex::new(shell) })
    }

    /// This process group has to go when this process does.
    pub(super) fn add(&self, group: u32) {
        self.tell(&format!("+{group}\n"));
    }

    /// This process group is no more; another may come to have its number.
    pub(super) fn remove(&self, group: u32) {
        self.tell(&format!("-{group}\n"));
    }

    fn tell(&self, change: &str) {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        // One write: a line is shorter than what a pipe takes in one piece.
        if let Some(Err(error)) = pipe.as_mut().map(|pipe| pipe.write_all(change.as_bytes())) {
            tracing::warn!(%error, "the shell is gone that ends the bootstraps should this process be killed");
            *pipe = None;
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        *self.pipe.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        if let Err(error) = self.shell.get_mut().unwrap_or_else(PoisonError::into_inner).wait() {
            tracing::debug!(%error, "a shell was not waited for");
        }
    }
}
