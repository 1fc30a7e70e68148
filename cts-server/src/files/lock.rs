//! One service per data directory.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use crate::failure::Failure;

/// Holds the data directory until it is dropped; the operating system lets go when the process ends, however it ends.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataLock {
    /// Takes the directory.
    ///
    /// # Errors
    /// `data-dir-in-use`, with the number of the process that has it; `permission-denied`, `io`.
    pub fn take(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join("lock");
        let open = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(|e| Failure::io("open the lock", &path, &e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(&mut file, dir)),
            Err(TryLockError::Error(e)) => return Err(Failure::io("lock", &path, &e)),
        }
        // The number is for people; without it the lock holds as well.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

#[cold]
fn in_use(file: &mut File, dir: &Path) -> Failure {
    let mut pid = String::new();
    // Only for the message.
    let _ = file.read_to_string(&mut pid);
    let message = format!("another service (process {}) uses the data directory: {dir:?}", pid.trim());
    Failure::system(
        "data-dir-in-use",
        message,
        "End the other service, or give this one a data directory of its own.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_taken_once() {
        let dir = tempfile::tempdir().unwrap();
        let held = DataLock::take(dir.path()).unwrap();
        let refused = DataLock::take(dir.path()).unwrap_err();
        assert_eq!(refused.code, "data-dir-in-use");
        assert!(refused.message.contains(&std::process::id().to_string()));
        drop(held);
        DataLock::take(dir.path()).unwrap();
    }
}
