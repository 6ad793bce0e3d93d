//! Small files that are written whole or not at all, for nobody else's eyes.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Result, Write as _};
use std::path::{Path, PathBuf};

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

/// Makes a directory that only its owner may enter, and whatever it is in. One that is there stays as it is: others may have
/// things in it.
pub(crate) fn make_directory(path: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// How to open a file for writing, which only its owner may read and write if it is made by that.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Lets only its owner read and write a database, which is made, empty, if it is not there. What SQLite puts beside it
/// gets the same permissions. Source: SQLite, `findCreateFileMode` in `os_unix.c`.
pub(crate) fn keep_from_others(path: &Path) -> Result<()> {
    let file = private().truncate(false).open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            return file.set_permissions(std::fs::Permissions::from_mode(0o600));
        }
    }
    drop(file);
    Ok(())
}

/// The file that is to be replaced by one beside it: where a link leads to, and nothing but a file or a place for one.
pub(crate) fn replaceable(path: &Path) -> Result<PathBuf> {
    match std::fs::metadata(path) {
        Ok(there) if there.is_file() => path.canonicalize(),
        Ok(_) => Err(std::io::Error::new(ErrorKind::InvalidInput, "it is there, and no ordinary file")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(path.to_owned()),
        Err(error) => Err(error),
    }
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

    #[cfg(unix)]
    #[test]
    fn only_files_are_replaced_and_links_are_followed() {
        let directory = tempfile::tempdir().unwrap();
        let [file, link, new] = ["file", "link", "new"].map(|name| directory.path().join(name));
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(replaceable(&link).unwrap(), file.canonicalize().unwrap());
        assert_eq!(replaceable(&new).unwrap(), new);
        assert_eq!(replaceable(Path::new("/dev/null")).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(replaceable(directory.path()).unwrap_err().kind(), ErrorKind::InvalidInput);
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
