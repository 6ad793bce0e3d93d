//! Small files that are written whole or not at all, for nobody else's eyes.

use std::fs::File;
use std::io::{ErrorKind, Result, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

/// Keeps what is made only once: it is on disk when this returns, and a file that is there already stays as it is.
/// Tells whether it was written.
pub(crate) fn keep(path: &Path, content: &[u8]) -> Result<bool> {
    let new = beside(path, content)?;
    new.as_file().sync_all()?;
    match new.persist_noclobber(path) {
        Ok(_) => {
            // The name, too, has to reach the disk.
            File::open(directory_of(path))?.sync_all()?;
            Ok(true)
        }
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// Writes what every start writes anew, which is why it does not wait for the disk.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<()> {
    beside(path, content)?.persist(path)?;
    Ok(())
}

/// Where a file is, or is to be.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file in the same directory, so that it can take its place in one step. Only its owner may read it.
fn beside(path: &Path, content: &[u8]) -> Result<NamedTempFile> {
    let mut file = NamedTempFile::new_in(directory_of(path))?;
    file.write_all(content)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn what_is_kept_stays_and_what_is_replaced_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("it");
        assert!(keep(&path, b"first").unwrap());
        assert!(!keep(&path, b"second").unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        replace(&path, b"third").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"third");
        assert_eq!(names(directory.path()), ["it"], "nothing else is left behind");
        assert!(keep(&directory.path().join("no/such/it"), b"").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn only_their_owner_may_read_them() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let (kept, replaced) = (directory.path().join("kept"), directory.path().join("replaced"));
        keep(&kept, b"").unwrap();
        replace(&replaced, b"").unwrap();
        for path in [kept, replaced] {
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
