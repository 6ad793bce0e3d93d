//! The moments after a subscription has started, in which AWS has been seen to lose events.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Keeps everybody on a stage from doing anything that would be told of while a subscription is that young.
#[derive(Clone)]
pub(crate) struct Settling {
    takes: Duration,
    over: Arc<Mutex<Option<Instant>>>,
}

impl Settling {
    pub(crate) fn new(takes: Duration) -> Self {
        Self { takes, over: Arc::default() }
    }

    /// A subscription has started.
    pub(crate) fn begins(&self) {
        *self.over.lock().expect("no panic") = Some(Instant::now() + self.takes);
    }

    /// Waits until no subscription has started just now.
    pub(crate) async fn ends(&self) {
        let over = *self.over.lock().expect("no panic");
        if let Some(over) = over {
            tokio::time::sleep_until(over.into()).await;
        }
    }
}
