//! Somebody who kills a function's processes at a chosen moment of its work: around one of the requests that it sends.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use super::{Bootstraps, PATIENCE, PAUSE};

/// A moment of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It never arrives.
    Sent,
    /// It has had its effect, but the answer never comes.
    Done,
    /// The answer is there, and whatever comes next has begun or not.
    Answered,
}

impl Moment {
    pub(crate) const ALL: [Self; 3] = [Self::Sent, Self::Done, Self::Answered];
}

/// Kills the processes of one function.
pub(crate) struct Killer {
    bootstraps: Arc<Bootstraps>,
    function: &'static str,
    plan: Mutex<Plan>,
}

#[derive(Default)]
struct Plan {
    /// Which request, and when.
    at: Option<(usize, Moment)>,
    /// How many requests there were.
    requests: usize,
    killed: bool,
    /// What earlier rounds were about.
    past: HashSet<String>,
}

impl Killer {
    pub(crate) fn of(bootstraps: &Arc<Bootstraps>, function: &'static str) -> Arc<Self> {
        Arc::new(Self { bootstraps: Arc::clone(bootstraps), function, plan: Mutex::default() })
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().expect("no panic")
    }

    /// Will kill once, at this moment of so many requests from now; the first is 1.
    pub(crate) fn prepare(&self, request: usize, moment: Moment) {
        let mut plan = self.plan();
        (plan.at, plan.requests, plan.killed) = (Some((request, moment)), 0, false);
    }

    /// Does nothing from now on, and takes no notice any more of requests about these ids. Whether it has killed.
    pub(crate) async fn rest(&self, ids: Vec<String>) -> bool {
        // The request is there, and its moment is about to come.
        let about_to = || {
            let plan = self.plan();
            plan.at.is_some_and(|(request, _)| plan.requests >= request)
        };
        let deadline = Instant::now() + PATIENCE;
        while about_to() {
            assert!(Instant::now() < deadline, "the moment never came");
            tokio::time::sleep(PAUSE / 10).await;
        }
        let mut plan = self.plan();
        plan.at = None;
        plan.past.extend(ids);
        plan.killed
    }

    /// A request arrives. What it is counted as, if it is about an order of this round: other work goes on beside it.
    pub(super) fn count(&self, body: &[u8]) -> Option<usize> {
        let body = String::from_utf8_lossy(body);
        let mut plan = self.plan();
        let is_id = |text: &&str| text.len() == 36 && uuid::Uuid::parse_str(text).is_ok();
        body.split('"').filter(is_id).any(|id| !plan.past.contains(id)).then(|| {
            plan.requests += 1;
            plan.requests
        })
    }

    /// Kills, if that is the moment. Whether it has.
    pub(super) fn strike(&self, request: Option<usize>, moment: Moment) -> bool {
        let mut plan = self.plan();
        let now = plan.at.is_some() && plan.at == request.map(|request| (request, moment));
        if now {
            plan.at = None;
            plan.killed = self.bootstraps.kill(self.function);
            assert!(plan.killed, "there is a process of {} to kill", self.function);
        }
        now
    }
}
