//! Files of the service: what runs write, what clients send, and which files runs may read.
//!
//! A file appears under its own name only when it is whole: it is written elsewhere and renamed. This room knows
//! paths and bytes; it must not know the store, processes and HTTP.

mod hash;
mod lock;
mod publish;
mod roots;
mod upload;

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

pub use hash::{Hasher, hash_file};
pub use lock::DataLock;
pub use publish::{Published, publish};
pub use roots::{Roots, plain_name, real_path};
pub use upload::{Arrived, UploadFile};

use crate::failure::Failure;

/// Where things lie below the data directory.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Creates the directories.
    ///
    /// # Errors
    /// `permission-denied`, `disk-full`, `io`.
    pub fn create(root: &Path) -> Result<Self, Failure> {
        // Not for everyone: what one user's runs write is no business of others on the same machine.
        let made = fs::DirBuilder::new().recursive(true).mode(0o750).create(root);
        let made = made.and_then(|()| root.canonicalize());
        let root = made.map_err(|e| Failure::io("create the data directory", root, &e))?;
        let layout = Self { root };
        for dir in [layout.runs(), layout.uploads()] {
            fs::create_dir_all(&dir).map_err(|e| Failure::io("create", &dir, &e))?;
        }
        Ok(layout)
    }

    /// Whether there is nothing of any run or upload.
    pub fn is_empty(&self) -> bool {
        let has_none = |dir: PathBuf| fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none());
        has_none(self.runs()) && has_none(self.uploads())
    }

    /// Keeps everything of all runs and uploads under another name, and begins anew; returns that name.
    ///
    /// # Errors
    /// `permission-denied`, `disk-full`, `io`.
    pub fn set_aside(&self) -> Result<PathBuf, Failure> {
        let aside = (1..).map(|n| self.root.join(format!("lost-{n}"))).find(|dir| !dir.exists());
        let aside = aside.unwrap_or_else(|| self.root.join("lost"));
        fs::create_dir(&aside).map_err(|e| Failure::io("create", &aside, &e))?;
        for (dir, name) in [(self.runs(), "runs"), (self.uploads(), "uploads")] {
            let moved = fs::rename(&dir, aside.join(name)).and_then(|()| fs::create_dir(&dir));
            moved.map_err(|e| Failure::io("set aside", &dir, &e))?;
        }
        Ok(aside)
    }

    /// The data directory, with links resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The SQLite file.
    pub fn store(&self) -> PathBuf {
        self.root.join("store.db")
    }

    /// Everything of all runs.
    pub fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// All uploads.
    pub fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    /// Everything of one run. `id` must be one that this service made.
    pub fn run(&self, id: &str) -> PathBuf {
        self.runs().join(id)
    }

    /// Where the worker of a run writes.
    pub fn work(&self, id: &str) -> PathBuf {
        self.run(id).join("work")
    }

    /// The finished files of a run.
    pub fn artifacts(&self, id: &str) -> PathBuf {
        self.run(id).join("artifacts")
    }

    /// One finished file.
    pub fn artifact(&self, run: &str, name: &str) -> PathBuf {
        self.artifacts(run).join(name)
    }

    /// The directory of one upload.
    pub fn upload(&self, id: &str) -> PathBuf {
        self.uploads().join(id)
    }

    /// An empty working directory of a run; what an earlier attempt left or finished is removed.
    ///
    /// # Errors
    /// `permission-denied`, `disk-full`, `io`.
    pub fn begin_work(&self, id: &str) -> Result<PathBuf, Failure> {
        remove_dir(&self.run(id))?;
        let work = self.work(id);
        fs::create_dir_all(&work).map_err(|e| Failure::io("create", &work, &e))?;
        Ok(work)
    }

    /// Removes a working directory, and the directory of a run that has nothing else.
    ///
    /// # Errors
    /// `permission-denied`, `io`.
    pub fn end_work(&self, id: &str) -> Result<(), Failure> {
        remove_dir(&self.work(id))?;
        // Fails when there are artifacts, as it should.
        let _ = fs::remove_dir(self.run(id));
        Ok(())
    }
}

/// Removes a directory with everything in it; absent is fine.
///
/// # Errors
/// `permission-denied`, `io`.
pub fn remove_dir(dir: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Failure::io("remove", dir, &e)),
        _ => Ok(()),
    }
}

/// Bytes of all files below a directory; what cannot be read counts nothing.
pub fn size_of(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else {
        return 0;
    };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size_of(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
