//! The CPU that Lambda gives a function: one vCPU at 1,769 MB, and in proportion below.
//!
//! Source: AWS Lambda developer guide, "Configure Lambda function memory". A control group gives a process a share as
//! small: so much time in each period, after which it waits for the next one.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

const PERIOD_US: u64 = 20_000;
const QUOTA_US: u64 = PERIOD_US * 128 / 1769;

/// A control group of this process.
pub(crate) struct Share(Option<Group>);

struct Group {
    folder: PathBuf,
    /// Of the second version of control groups, in which one file holds both numbers.
    unified: bool,
}

impl Share {
    /// As much as at 128 MB, if this process may make a control group.
    pub(crate) fn of_128_mb() -> Self {
        let name = format!("cold-start-{}", std::process::id());
        let groups = [("/sys/fs/cgroup/cpu", false), ("/sys/fs/cgroup", true)];
        Self(groups.into_iter().find_map(|(root, unified)| Group::new(&Path::new(root).join(&name), unified)))
    }

    pub(crate) fn described(&self) -> String {
        match self.0 {
            Some(_) => format!("the first answer with {QUOTA_US} of every {PERIOD_US} µs of a CPU, as at 128 MB"),
            None => "the first answer with all of a CPU: this user may make no control group for a share".to_owned(),
        }
    }

    /// From now on the process gets no more than its share.
    pub(crate) fn limit(&self, process: u32) {
        if let Some(group) = &self.0 {
            fs::write(group.folder.join("cgroup.procs"), process.to_string()).expect("the process runs");
            group.set(Some(QUOTA_US)).expect("the control group is there");
        }
    }

    /// It gets all that it wants.
    pub(crate) fn lift(&self) {
        if let Some(group) = &self.0 {
            group.set(None).expect("the control group is there");
        }
    }
}

impl Group {
    fn new(folder: &Path, unified: bool) -> Option<Self> {
        fs::create_dir(folder).ok()?;
        let group = Self { folder: folder.to_owned(), unified };
        group.set(None).is_ok().then_some(group)
    }

    /// Source: the kernel's `Documentation/scheduler/sched-bwc.rst` and `Documentation/admin-guide/cgroup-v2.rst`.
    fn set(&self, quota: Option<u64>) -> io::Result<()> {
        // A file that is not there must not be made: in another file system that would be taken for a success.
        let write = |file, text: String| {
            fs::OpenOptions::new().write(true).open(self.folder.join(file))?.write_all(text.as_bytes())
        };
        if self.unified {
            let quota = quota.map_or_else(|| "max".to_owned(), |quota| quota.to_string());
            return write("cpu.max", format!("{quota} {PERIOD_US}"));
        }
        write("cpu.cfs_period_us", PERIOD_US.to_string())?;
        write("cpu.cfs_quota_us", quota.map_or_else(|| "-1".to_owned(), |quota| quota.to_string()))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.folder) {
            eprintln!("{} is left behind: {error}", self.folder.display());
        }
    }
}
