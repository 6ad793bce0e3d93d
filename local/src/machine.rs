//! What is this machine's own, whatever a template says: where it stands, and what stands in for a user pool.

use std::path::PathBuf;
use std::time::Duration;

/// The region of this machine.
pub const REGION: &str = "us-east-1";

/// The account of this machine.
pub const ACCOUNT: &str = "000000000000";

/// The partition of this machine.
pub const PARTITION: &str = "aws";

/// The name of the stack on this machine. A resource that has no name of its own is called by it and its logical id.
pub const STACK: &str = "orders-local";

/// The user pool of this machine, in the form of its ids: the region and a name.
pub const USER_POOL: &str = "us-east-1_local";

/// The client of the user pool, in the form of its ids: 26 characters. The same everywhere, so that what a frontend is
/// configured with stays true.
pub const USER_POOL_CLIENT: &str = "localclient000000000000000";

/// What is known of this machine only once it runs.
#[derive(Clone, Debug)]
pub struct Machine {
    /// AppSync over HTTP.
    pub graphql_url: String,
    /// AppSync's real-time endpoint.
    pub realtime_url: String,
    /// For guests.
    pub api_key: String,
    /// The folder that stands for the bucket of given-up batches.
    pub given_up: PathBuf,
    /// How long a minute of a schedule takes.
    pub minute: Duration,
}

/// The name of somebody who has taken a role on. `session` is what that is called: the function, or the service.
pub(crate) fn session_arn(role: &str, session: &str) -> String {
    format!("arn:{PARTITION}:sts::{ACCOUNT}:assumed-role/{role}/{session}")
}

/// The name of a resource of this machine.
pub(crate) fn arn(service: &str, resource: &str) -> String {
    format!("arn:{PARTITION}:{service}:{REGION}:{ACCOUNT}:{resource}")
}
