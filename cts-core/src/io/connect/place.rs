//! Where the files of a drive go, and that only one download at a time writes there.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::route::Route;
use crate::{Error, ErrorKind, Result};

/// Held while a download goes on, and removed at its end.
const LOCK: &str = ".lock";

/// The directory of one drive, held until it is dropped. One that is empty then is removed.
pub(super) struct Place {
    root: PathBuf,
    dir: PathBuf,
    _lock: File,
}

impl Drop for Place {
    fn drop(&mut self) {
        // While it is still locked: whoever has it open by now finds that it is not the one with the name.
        let _ = fs::remove_file(self.dir.join(LOCK));
        // Each fails when something is left, as it should.
        let _ = fs::remove_dir(&self.dir);
        let _ = self.dir.parent().map(fs::remove_dir);
    }
}

impl Place {
    /// Makes `<dest>/<dongle id>/<log id>` and takes it.
    ///
    /// # Errors
    /// `in-use`; `bad-param` if a link leads out of `dest`; `io`.
    pub(super) fn take(dest: &Path, route: &Route) -> Result<Self> {
        fs::create_dir_all(dest).map_err(|e| Error::io("create", e).path(dest))?;
        let root = dest.canonicalize().map_err(|e| Error::io("open", e).path(dest))?;
        let device = route.dongle.map(|id| id.to_string()).unwrap_or_default();
        let dir = make(&root, &root.join(device).join(route.log.to_string()))?;
        let lock = lock(&dir.join(LOCK))?;
        Ok(Self { root, dir, _lock: lock })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes the directory of a segment.
    ///
    /// # Errors
    /// `bad-param`, `io`.
    pub(super) fn segment(&self, segment: u32) -> Result<PathBuf> {
        make(&self.root, &self.dir.join(segment.to_string()))
    }
}

/// Makes a directory, which must lie in `root` when links are resolved.
fn make(root: &Path, dir: &Path) -> Result<PathBuf> {
    fs::create_dir_all(dir).map_err(|e| Error::io("create", e).path(dir))?;
    let real = dir.canonicalize().map_err(|e| Error::io("open", e).path(dir))?;
    if real.starts_with(root) {
        return Ok(real);
    }
    let value = dir.display().to_string();
    let expected = format!("a directory without links that lead out of {}", root.display());
    Err(ErrorKind::BadParam { name: "dest".to_owned(), value, expected }.into())
}

fn lock(path: &Path) -> Result<File> {
    let failed = |e| Error::io("lock", e).path(path);
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) if is_at(&file, path) => Ok(file),
        Ok(()) | Err(TryLockError::WouldBlock) => Err(Error::from(ErrorKind::InUse).path(path)),
        // Some network file systems know no locks.
        Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(e)) => Err(failed(e)),
    }
}

/// Whether the open file is the one of that name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |meta: fs::Metadata| (meta.dev(), meta.ino());
    file.metadata().ok().map(id) == fs::metadata(path).ok().map(id)
}

/// Elsewhere a file that is open cannot be removed.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// Puts a whole file in its place, so that it is there after a power failure, too.
///
/// # Errors
/// `io`.
pub(super) fn publish(part: &Path, target: &Path) -> Result<()> {
    let done = File::options().write(true).open(part).and_then(|file| file.sync_all());
    done.and_then(|()| fs::rename(part, target)).map_err(|e| Error::io("rename", e).path(part))?;
    // Where directories cannot be opened, the system sees to it.
    if let Some(Ok(dir)) = target.parent().map(File::open) {
        let _ = dir.sync_all();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route() -> Route {
        "a2a0ccea32023010|2023-07-27--13-01-19".parse().unwrap()
    }

    #[test]
    fn a_place_is_taken_once() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::take(dir.path(), &route()).unwrap();
        assert!(place.segment(3).unwrap().ends_with("a2a0ccea32023010/2023-07-27--13-01-19/3"));
        assert_eq!(Place::take(dir.path(), &route()).err().unwrap().code(), "in-use");
        fs::write(place.dir().join("index.json"), "").unwrap();
        drop(place);
        assert!(!dir.path().join("a2a0ccea32023010/2023-07-27--13-01-19/.lock").exists());
        Place::take(dir.path(), &route()).unwrap();
    }

    #[test]
    fn a_place_where_nothing_came_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop(Place::take(dir.path(), &route()).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let (dest, other) = (dir.path().join("dest"), dir.path().join("other"));
        fs::create_dir_all(&dest).unwrap();
        fs::create_dir_all(&other).unwrap();
        std::os::unix::fs::symlink(&other, dest.join("a2a0ccea32023010")).unwrap();
        let error = Place::take(&dest, &route()).err().unwrap();
        assert!(error.to_string().contains("lead out of"), "{error}");
        fs::remove_file(dest.join("a2a0ccea32023010")).unwrap();
        let place = Place::take(&dest, &route()).unwrap();
        std::os::unix::fs::symlink(&other, place.dir().join("0")).unwrap();
        assert_eq!(place.segment(0).unwrap_err().code(), "bad-param");
    }
}
