//! The processes of one function: started when an invocation needs one, one event at a time each, kept for a while when
//! there is nothing to do, killed when their time is up.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use lambda_runtime::Diagnostic;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::Settings;
use super::exchange::Event;
use super::keeper::Keeper;
use super::process::{Ended, Outcome, Process, Started};
use crate::lambda::{deadline, failure, timed_out};

/// How many processes a function has and how long they may take, and be idle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) processes: usize,
    /// From its start until it asks for its first event.
    pub(super) start: Duration,
    pub(super) idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { processes: 10, start: Duration::from_secs(10), idle: Duration::from_mins(5) }
    }
}

pub(in crate::lambda) struct Pool {
    settings: Settings,
    program: PathBuf,
    limits: Limits,
    keeper: Arc<Keeper>,
    /// One for each process that works.
    permits: Semaphore,
    processes: Mutex<Processes>,
}

#[derive(Default)]
struct Processes {
    /// The one that was idle for the shortest time is last.
    idle: Vec<(Instant, Arc<Process>)>,
    all: Vec<Weak<Process>>,
    stopped: bool,
}

impl Pool {
    /// Must be called on a runtime.
    pub(super) fn new(settings: Settings, program: PathBuf, limits: Limits, keeper: Arc<Keeper>) -> Arc<Self> {
        let most = settings.reserved_concurrency.unwrap_or(limits.processes);
        let (permits, processes) = (Semaphore::new(most), Mutex::default());
        let pool = Arc::new(Self { settings, program, limits, keeper, permits, processes });
        tokio::spawn(end_the_idle(Arc::downgrade(&pool), limits.idle));
        pool
    }

    fn processes(&self) -> MutexGuard<'_, Processes> {
        // No code panics while it holds this.
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands an event to a process and waits for its answer.
    ///
    /// When all are at work, the invocation waits for one, as long as it may take itself: how many there may be says
    /// something of this machine, and nothing of the load that the function takes in AWS. Only then it is throttled,
    /// which an event source takes for a reason to try again.
    pub(in crate::lambda) async fn invoke(&self, payload: Vec<u8>, request_id: &str) -> Result<Vec<u8>, Diagnostic> {
        let Settings { name, timeout: limit, .. } = &self.settings;
        let Ok(Ok(_permit)) = timeout(*limit, self.permits.acquire()).await else {
            tracing::warn!(function = name, "all its processes were at work for {limit:?}");
            return Err(failure("Lambda:TooManyRequestsException", "Rate Exceeded.".to_owned()));
        };
        let payload = payload.into();
        let mut event = Event { request_id: request_id.to_owned(), deadline: 0, payload };
        loop {
            let kept = self.take_idle();
            let was_kept = kept.is_some();
            let process = match kept {
                Some(process) => process,
                None => self.start(request_id).await?,
            };
            event.deadline = deadline(*limit);
            match timeout(*limit, process.invoke(event.clone())).await {
                Ok(Outcome::Answered(answer)) => {
                    self.keep(process);
                    return answer.map(Into::into);
                }
                // It ended while it was idle, and nobody had noticed yet.
                Ok(Outcome::Ended { taken: false, .. }) if was_kept => {}
                Ok(Outcome::Ended { ended, .. }) => return Err(self.exited(ended, request_id)),
                // Dropped, and so killed.
                Err(_) => return Err(timed_out(name, *limit, request_id)),
            }
        }
    }

    fn take_idle(&self) -> Option<Arc<Process>> {
        let idle = &mut self.processes().idle;
        std::iter::from_fn(|| idle.pop()).map(|(_, process)| process).find(|process| process.is_alive())
    }

    fn keep(&self, process: Arc<Process>) {
        let mut processes = self.processes();
        if !processes.stopped {
            processes.idle.push((Instant::now(), process));
        }
    }

    /// A new process that is ready for its first event.
    async fn start(&self, request_id: &str) -> Result<Arc<Process>, Diagnostic> {
        let name = &self.settings.name;
        let (process, started) = match Process::start(&self.settings, &self.program, &self.keeper).await {
            Ok((process, started)) => (Arc::new(process), started),
            Err(error) => {
                let message = format!("fork/exec {}: {error}", self.program.display());
                tracing::error!(function = name, request_id, "{message}");
                return Err(failure("Runtime.InvalidEntrypoint", format!("RequestId: {request_id} Error: {message}")));
            }
        };
        {
            let mut processes = self.processes();
            if processes.stopped {
                process.kill();
            }
            processes.all.retain(|process| process.strong_count() > 0);
            processes.all.push(Arc::downgrade(&process));
        }
        match timeout(self.limits.start, process.has_started(started)).await {
            Ok(Started::Ready) => Ok(process),
            Ok(Started::Failed(error)) => {
                tracing::error!(
                    function = name,
                    request_id,
                    error_type = error.error_type,
                    "it cannot start: {}",
                    error.error_message
                );
                Err(error)
            }
            Ok(Started::Ended(ended)) => Err(self.exited(ended, request_id)),
            Err(_) => Err(timed_out(name, self.limits.start, request_id)),
        }
    }

    fn exited(&self, ended: Ended, request_id: &str) -> Diagnostic {
        // Whoever stops the processes need not be told that they are gone.
        if !self.processes().stopped {
            tracing::error!(function = self.settings.name, request_id, "{ended}");
        }
        failure("Runtime.ExitError", format!("RequestId: {request_id} Error: {ended}"))
    }

    /// Kills all processes and waits until they are gone. None is kept any more.
    pub(in crate::lambda) async fn stop(&self) {
        let all: Vec<_> = {
            let mut processes = self.processes();
            processes.stopped = true;
            processes.idle.clear();
            processes.all.iter().filter_map(Weak::upgrade).collect()
        };
        for process in &all {
            process.kill();
        }
        for process in all {
            process.until_ended().await;
        }
    }
}

/// Ends what was idle for too long, until the pool is gone.
async fn end_the_idle(pool: Weak<Pool>, longest: Duration) {
    loop {
        tokio::time::sleep(longest / 2).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.processes().idle.retain(|(since, process)| since.elapsed() < longest && process.is_alive());
    }
}
