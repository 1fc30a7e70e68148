//! `index.json`: what is known of the files of a drive, also of those that have not come whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::files::FileId;
use crate::route::Route;
use crate::{Error, Result};

/// More than the index of any drive.
const MAX_BYTES: u64 = 64 << 20;

/// What is known of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// Its size on the storage.
    pub(super) bytes: Option<u64>,
    /// A strong `ETag`, or else a `Last-Modified`: tells whether the file was replaced.
    pub(super) validator: Option<String>,
    /// Whether it is here as a whole.
    pub(super) complete: bool,
}

#[derive(Serialize, Deserialize)]
struct Line {
    segment: u32,
    name: String,
    #[serde(flatten)]
    known: Known,
}

#[derive(Serialize, Deserialize)]
struct Page {
    route: String,
    files: Vec<Line>,
}

/// The index of one drive. It helps to resume and is never needed: one that cannot be read counts as empty.
pub(super) struct Index {
    path: PathBuf,
    route: Route,
    files: Mutex<BTreeMap<(u32, String), Known>>,
}

impl Index {
    pub(super) fn open(dir: &Path, route: Route) -> Self {
        let path = dir.join("index.json");
        let lines = read(&path).filter(|page| page.route == route.to_string()).map(|page| page.files);
        let files = lines.unwrap_or_default().into_iter().map(|line| ((line.segment, line.name), line.known));
        Self { path, route, files: Mutex::new(files.collect()) }
    }

    pub(super) fn known(&self, file: FileId) -> Known {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.get(&(file.segment, file.name.to_owned())).cloned().unwrap_or_default()
    }

    /// Writes down what is known of a file.
    ///
    /// # Errors
    /// `io`.
    pub(super) fn note(&self, file: FileId, known: Known) -> Result<()> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let old = files.insert((file.segment, file.name.to_owned()), known.clone());
        if old.as_ref() == Some(&known) {
            return Ok(());
        }
        let line = |((segment, name), known): (&(u32, String), &Known)| Line {
            segment: *segment,
            name: name.clone(),
            known: known.clone(),
        };
        let page = Page { route: self.route.to_string(), files: files.iter().map(line).collect() };
        self.write(&page).map_err(|e| Error::io("write", e).path(&self.path))
    }

    fn write(&self, page: &Page) -> std::io::Result<()> {
        let part = self.path.with_extension("json.part");
        std::fs::write(&part, serde_json::to_vec_pretty(page)?)?;
        std::fs::rename(part, &self.path)
    }
}

fn read(path: &Path) -> Option<Page> {
    let small = std::fs::metadata(path).ok()?.len() <= MAX_BYTES;
    if small { serde_json::from_slice(&std::fs::read(path).ok()?).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::connect::FileKind;

    #[test]
    fn what_was_noted_is_known_later() {
        let dir = tempfile::tempdir().unwrap();
        let route: Route = "a2a0ccea32023010|2023-07-27--13-01-19".parse().unwrap();
        let file = FileId { segment: 3, name: "rlog.zst", kind: FileKind::Logs };
        let known = Known { bytes: Some(7), validator: Some("\"x\"".to_owned()), complete: false };
        assert_eq!(Index::open(dir.path(), route).known(file), Known::default());
        Index::open(dir.path(), route).note(file, known.clone()).unwrap();
        assert_eq!(Index::open(dir.path(), route).known(file), known);
        let other = "a2a0ccea32023010|2023-07-27--13-01-20".parse().unwrap();
        assert_eq!(Index::open(dir.path(), other).known(file), Known::default());
        std::fs::write(dir.path().join("index.json"), "{").unwrap();
        assert_eq!(Index::open(dir.path(), route).known(file), Known::default());
    }
}
