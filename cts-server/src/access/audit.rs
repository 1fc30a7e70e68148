//! Who did what: one JSON object a line. Headers, queries and bodies do not get here, so no secret can.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::clock;

/// Longest text of a caller that is written, in bytes.
const MAX_TEXT: usize = 512;

/// One event.
#[derive(Clone, Debug, Serialize)]
pub struct Entry<'a> {
    /// `request`, `key-created`, `key-revoked`.
    pub event: &'a str,
    /// Who.
    pub principal: &'a str,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// The method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'a str>,
    /// The path without its query; or the key.
    pub target: &'a str,
    /// The status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a str>,
    /// The request's id, as in the log and in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<&'a str>,
}

impl<'a> Entry<'a> {
    /// An event without the parts of a request.
    pub fn new(event: &'a str, principal: &'a str, target: &'a str) -> Self {
        Self {
            event,
            principal,
            client: None,
            method: None,
            target,
            status: None,
            code: None,
            request_id: None,
        }
    }
}

/// The file; it can be moved away and opened anew while the service runs.
pub struct Audit {
    path: PathBuf,
    file: Mutex<File>,
}

impl Audit {
    /// Opens `audit.jsonl` in `dir` for appending; both are made if absent, the file for its owner and group only.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(dir: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let path = dir.join("audit.jsonl");
        let file = Mutex::new(append(&path)?);
        Ok(Self { path, file })
    }

    /// Opens the file anew, after it was moved away.
    ///
    /// # Errors
    /// Those of the file system; the old file is kept then.
    pub fn reopen(&self) -> std::io::Result<()> {
        let file = append(&self.path)?;
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = file;
        Ok(())
    }

    /// Writes one line, at once and in one piece.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn record(&self, entry: &Entry<'_>) -> std::io::Result<()> {
        let entry = Entry { target: cut(entry.target), principal: cut(entry.principal), ..entry.clone() };
        let mut line = serde_json::to_value(&entry)?;
        line["time"] = clock::text(clock::now()).into();
        let line = format!("{line}\n");
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())
    }
}

fn append(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o640).open(path)
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or(text)
}
