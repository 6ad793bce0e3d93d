//! What a process finds in its environment: what AWS documents for a runtime of its own, the function's variables and
//! the credentials of its role. Nothing of this process's environment.
//!
//! Source: "Defined runtime environment variables" in the AWS Lambda developer guide.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use uuid::Uuid;

use super::Settings;

/// The environment of a new process that lives in `task_root` and finds its Runtime API at `api`.
pub(super) fn of(settings: &Settings, task_root: &Path, api: &str) -> BTreeMap<String, String> {
    let task_root = task_root.display().to_string();
    let started = Timestamp::now().strftime("%Y/%m/%d");
    let libraries = "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib";
    // Those that a function may set itself.
    let defaults = [
        ("LANG", "en_US.UTF-8".to_owned()),
        ("TZ", ":UTC".to_owned()),
        ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin".to_owned()),
        ("LD_LIBRARY_PATH", format!("{libraries}:{task_root}:{task_root}/lib:/opt/lib")),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR".to_owned()),
        ("AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129:2000".to_owned()),
    ];
    let reserved = [
        ("_HANDLER", settings.handler.clone()),
        ("LAMBDA_TASK_ROOT", task_root.clone()),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime".to_owned()),
        ("AWS_LAMBDA_RUNTIME_API", api.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", settings.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", settings.memory_size.to_string()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", settings.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("{started}/[$LATEST]{}", Uuid::new_v4().simple())),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
    ];
    let given = settings.environment.clone();
    let region = given.get("AWS_REGION").map(|region| ("AWS_DEFAULT_REGION".to_owned(), region.clone()));
    let owned = |(name, value): (&str, String)| (name.to_owned(), value);
    defaults.map(owned).into_iter().chain(given).chain(reserved.map(owned)).chain(region).collect()
}
