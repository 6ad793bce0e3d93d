//! One process of a function, from its start to its end.

use std::fmt;
use std::future;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use lambda_runtime::Diagnostic;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;

use super::exchange::{Answer, Event, Exchange};
use super::keeper::Keeper;
use super::{Settings, environment, log, runtime_api};
use crate::net;

/// A process. Dropping it kills it and all that it has started.
pub(super) struct Process {
    exchange: Arc<Exchange>,
    life: Arc<Life>,
    ended: watch::Receiver<Option<Ended>>,
    /// Its Runtime API.
    api: AbortHandle,
}

/// How a process ended, in the words of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Code(i32),
    Signal(i32),
}

/// What became of an event.
#[derive(Debug)]
pub(super) enum Outcome {
    Answered(Answer),
    /// The process is gone. Only if it had taken the event, it may have begun with it.
    Ended {
        ended: Ended,
        taken: bool,
    },
}

/// Whether a process has started.
pub(super) enum Started {
    Ready,
    /// It has said that it cannot.
    Failed(Diagnostic),
    Ended(Ended),
}

/// The group of a process for as long as that number is its own.
struct Life(Mutex<Option<Pid>>);

impl Process {
    /// Starts a process. It is not ready yet: see what comes back beside it.
    pub(super) async fn start(
        settings: &Settings,
        program: &Path,
        keeper: &Arc<Keeper>,
    ) -> std::io::Result<(Self, oneshot::Receiver<Result<(), Diagnostic>>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let task_root = program.parent().unwrap_or(Path::new("/"));
        let mut command = Command::new(program);
        command.env_clear().envs(environment::of(settings, task_root, &listener.local_addr()?.to_string()));
        // A group of its own: Ctrl-C in a terminal is not meant for it, and what it starts can be killed with it.
        command.current_dir(task_root).process_group(0).stdin(Stdio::null());
        let (output, input) = std::io::pipe()?;
        command.stdout(input.try_clone()?).stderr(input);
        let child = command.spawn()?;
        // The command holds the pipe's other end, which only the process must hold.
        drop(command);
        let group = child.id();
        keeper.add(group);

        let life = Arc::new(Life(Mutex::new(i32::try_from(group).ok().and_then(Pid::from_raw))));
        let (end, ended) = watch::channel(None);
        let (exchange, started) = Exchange::new();
        let exchange = Arc::new(exchange);
        let router = runtime_api::router(Arc::clone(&exchange), &settings.arn);
        // While the process works on an event it asks for nothing, and its connection is no less in use.
        let head_timeout = net::HEAD_TIMEOUT + settings.timeout;
        let serve = net::serve_until(future::pending(), net::prompt(listener), router, head_timeout);
        let api = tokio::spawn(serve).abort_handle();
        tracing::debug!(function = settings.name, process = group, "started");
        let process = Self { exchange, life: Arc::clone(&life), ended, api };

        let (function, keeper) = (settings.name.clone(), Arc::clone(keeper));
        std::thread::Builder::new().name(format!("end of {function}")).spawn({
            let function = function.clone();
            move || {
                let ended = wait(child, &life, &keeper);
                tracing::debug!(function, process = group, "ended: {ended}");
                end.send_replace(Some(ended));
            }
        })?;
        std::thread::Builder::new().name(format!("log of {function}")).spawn(move || log::follow(&function, output))?;
        Ok((process, started))
    }

    /// Waits until a process that was just started asks for its first event.
    pub(super) async fn has_started(&self, started: oneshot::Receiver<Result<(), Diagnostic>>) -> Started {
        tokio::select! {
            biased;
            Ok(started) = started => started.map_or_else(Started::Failed, |()| Started::Ready),
            ended = self.until_ended() => Started::Ended(ended),
        }
    }

    /// Hands an event over and waits for what becomes of it.
    pub(super) async fn invoke(&self, event: Event) -> Outcome {
        let answer = self.exchange.offer(event);
        tokio::select! {
            biased;
            Ok(answer) = answer => Outcome::Answered(answer),
            ended = self.until_ended() => Outcome::Ended { ended, taken: self.exchange.is_taken() },
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.ended.borrow().is_none()
    }

    /// Kills it and all that it has started.
    pub(super) fn kill(&self) {
        self.life.kill();
    }

    pub(super) async fn until_ended(&self) -> Ended {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await.ok().and_then(|ended| *ended) {
            Some(ended) => ended,
            // The thread that waits for the process tells before it ends.
            None => future::pending().await,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        self.api.abort();
    }
}

impl Life {
    fn kill(&self) {
        if let Some(group) = *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            kill(group);
        }
    }
}

fn kill(group: Pid) {
    match kill_process_group(group, Signal::KILL) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => tracing::warn!(%error, "the processes of a function cannot be killed"),
    }
}

/// Waits for the end of a process and ends what it leaves behind.
fn wait(mut child: Child, life: &Life, keeper: &Keeper) -> Ended {
    let mut group = life.0.lock().unwrap_or_else(PoisonError::into_inner).to_owned();
    if let Some(pid) = group {
        // It stays a zombie, so that nothing else gets its number while it may still be killed.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), options) {}
        group = life.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
    if let Some(group) = group {
        kill(group);
    }
    // Before anything else may get its number.
    keeper.remove(child.id());
    match child.wait() {
        Ok(status) => Ended::of(status),
        Err(error) => {
            tracing::warn!(%error, "the end of a function's process was missed");
            Ended::Signal(0)
        }
    }
}

impl Ended {
    fn of(status: ExitStatus) -> Self {
        status.code().map_or_else(|| Self::Signal(status.signal().unwrap_or_default()), Self::Code)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signal = match *self {
            Self::Code(0) => return f.write_str("Runtime exited without providing a reason"),
            Self::Code(code) => return write!(f, "Runtime exited with error: exit status {code}"),
            Self::Signal(signal) => signal,
        };
        let name = match signal {
            1 => "hangup",
            2 => "interrupt",
            3 => "quit",
            4 => "illegal instruction",
            5 => "trace/breakpoint trap",
            6 => "aborted",
            8 => "floating point exception",
            9 => "killed",
            11 => "segmentation fault",
            13 => "broken pipe",
            14 => "alarm clock",
            15 => "terminated",
            other => return write!(f, "Runtime exited with error: signal {other}"),
        };
        write!(f, "Runtime exited with error: signal: {name}")
    }
}
