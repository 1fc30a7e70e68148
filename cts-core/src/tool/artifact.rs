//! Files that tools write: under a temporary name until they are whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::{Error, ErrorKind, Result};

/// A file that a run has written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Artifact {
    /// Its file name; `-` for standard output.
    pub name: String,
    /// Where it is; `-` for standard output.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its media type.
    pub content_type: &'static str,
}

/// The media type of a file name: of CSV, JSON, JSON lines, HTML, PNG, SVG, Parquet and Arrow files, else
/// `application/octet-stream`.
pub fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "csv" => "text/csv",
        "json" => "application/json",
        "jsonl" => "application/x-ndjson",
        "html" => "text/html",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain",
        "parquet" => "application/vnd.apache.parquet",
        "arrow" | "feather" => "application/vnd.apache.arrow.file",
        "arrows" => "application/vnd.apache.arrow.stream",
        _ => "application/octet-stream",
    }
}

/// Writes an artifact without a buffer of its own. Dropped before it is finished, it leaves nothing behind.
pub struct ArtifactWriter {
    sink: Sink,
    artifact: Artifact,
}

enum Sink {
    /// A file in the making, renamed at the end.
    Temporary(File, Temporary),
    /// A device or pipe, or standard output.
    Direct(Box<dyn Write + Send>),
}

/// Removes the file unless it was renamed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nothing can be done about a failure; after a rename there is nothing to remove.
        let _ = fs::remove_file(&self.0);
    }
}

impl ArtifactWriter {
    /// Writes to `sink` as it comes.
    pub(super) fn direct(sink: Box<dyn Write + Send>) -> Self {
        let (name, path) = ("-".to_owned(), "-".into());
        let artifact = Artifact { name, path, bytes: 0, content_type: "text/csv" };
        Self { sink: Sink::Direct(sink), artifact }
    }

    /// Creates the file and the directories above it.
    pub(super) fn create(path: PathBuf) -> Result<Self> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let content_type = content_type(&name);
        let sink = Self::sink(&path, &name).map_err(|e| Error::io("create", e).path(&path))?;
        Ok(Self { sink, artifact: Artifact { name, path, bytes: 0, content_type } })
    }

    fn sink(path: &Path, name: &str) -> io::Result<Sink> {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => return Err(io::Error::from(io::ErrorKind::IsADirectory)),
            // A device or a pipe is written to, never replaced.
            Ok(meta) if !meta.is_file() => {
                return Ok(Sink::Direct(Box::new(File::options().write(true).open(path)?)));
            }
            _ => {}
        }
        let dir = path.parent().unwrap_or(Path::new(""));
        if !dir.as_os_str().is_empty() {
            fs::create_dir_all(dir)?;
        }
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let temporary = dir.join(format!(".{name}.{}-{next}.part", std::process::id()));
        let file = File::options().write(true).create_new(true).open(&temporary)?;
        Ok(Sink::Temporary(file, Temporary(temporary)))
    }

    /// Where the artifact will be.
    pub fn path(&self) -> &Path {
        &self.artifact.path
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// `io`.
    pub fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes).map_err(|source| self.failed("write", source))
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// `io`.
    pub(super) fn finish(mut self) -> Result<Artifact> {
        self.flush().map_err(|source| self.failed("write", source))?;
        if let Sink::Temporary(_, temporary) = &self.sink {
            // A link keeps pointing to the same place: its target is replaced.
            let target = fs::canonicalize(&self.artifact.path).unwrap_or_else(|_| self.artifact.path.clone());
            fs::rename(&temporary.0, target).map_err(|source| self.failed("rename", source))?;
        }
        Ok(self.artifact)
    }

    #[cold]
    fn failed(&self, action: &'static str, source: io::Error) -> Error {
        Error::from(ErrorKind::Io { action, source }).path(self.path())
    }
}

impl Write for ArtifactWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.sink {
            Sink::Temporary(file, _) => file.write(bytes)?,
            Sink::Direct(sink) => sink.write(bytes)?,
        };
        self.artifact.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Temporary(file, _) => file.flush(),
            Sink::Direct(sink) => sink.flush(),
        }
    }
}
