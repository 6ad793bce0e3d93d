//! The very programs that are deployed, run as AWS runs them: `DIR/<handler>/bootstrap`, each a process of its own that
//! asks the Lambda Runtime API for one event after the other.
//!
//! | file | holds |
//! | --- | --- |
//! | `pool` | the processes of one function: started when needed, kept while idle, killed when their time is up |
//! | `process` | one process, from its start to its end |
//! | `environment` | what a process finds in its environment |
//! | `runtime_api` | the Lambda Runtime API of one process over HTTP |
//! | `exchange` | what may be asked of that API when |
//! | `log` | what processes print |
//! | `keeper` | sees to it that no process outlives this one, however this one ends |

mod environment;
mod exchange;
mod keeper;
mod log;
mod pool;
mod process;
mod runtime_api;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Function, Runs};
use keeper::Keeper;
use pool::Limits;
pub(super) use pool::Pool;

/// A function as it is deployed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name, under which it is invoked.
    pub name: String,
    /// Its `Handler`, which is the name of its folder.
    pub handler: String,
    /// Its ARN, as it is told with each event.
    pub arn: String,
    /// Its memory in MB. It is told to the process, and not enforced.
    pub memory_size: u32,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// `ReservedConcurrentExecutions`: how many processes it may have; `None`: ten, for one machine is not AWS.
    pub reserved_concurrency: Option<usize>,
    /// Its own variables, and the region and credentials of its role.
    pub environment: BTreeMap<String, String>,
}

/// Why bootstraps cannot be run. Each is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each says what it is")]
pub enum Unusable {
    #[error("there is no {0}: build the Lambdas with infra/build, which makes target/lambda")]
    Missing(PathBuf),
    #[error("{0} is not a program that may be run: build the Lambdas with infra/build, which makes target/lambda")]
    NoProgram(PathBuf),
    #[error("sh cannot be started, which ends the bootstraps should this process be killed: {0}")]
    Keeper(std::io::Error),
}

/// A folder of bootstraps.
#[derive(Debug)]
pub struct Bootstraps {
    directory: PathBuf,
    keeper: Arc<Keeper>,
}

impl Bootstraps {
    /// The bootstraps in this folder.
    ///
    /// # Errors
    /// If there is no such folder.
    pub fn open(directory: &Path) -> Result<Self, Unusable> {
        // A process finds itself in another directory than this one's.
        let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
        if !directory.is_dir() {
            return Err(Unusable::Missing(directory));
        }
        Ok(Self { directory, keeper: Arc::new(Keeper::start().map_err(Unusable::Keeper)?) })
    }

    /// The function that runs as `<handler>/bootstrap`. Nothing is started before it is invoked.
    ///
    /// Must be called on a runtime.
    ///
    /// # Errors
    /// If there is no such program.
    pub fn function(&self, settings: Settings) -> Result<Function, Unusable> {
        self.with_limits(settings, Limits::default())
    }

    fn with_limits(&self, settings: Settings, limits: Limits) -> Result<Function, Unusable> {
        let program = self.directory.join(&settings.handler).join("bootstrap");
        match std::fs::metadata(&program) {
            Err(_) => return Err(Unusable::Missing(program)),
            Ok(file) if !file.is_file() || file.permissions().mode() & 0o111 == 0 => {
                return Err(Unusable::NoProgram(program));
            }
            Ok(_) => {}
        }
        let (name, timeout) = (settings.name.clone(), settings.timeout);
        let pool = Pool::new(settings, program, limits, Arc::clone(&self.keeper));
        Ok(Function { name, timeout, runs: Runs::AsBootstraps(pool) })
    }
}
