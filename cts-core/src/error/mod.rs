//! The one error type of the crate: what went wrong, where, and which kind of failure it is.

mod kind;

use std::fmt;
use std::path::{Path, PathBuf};

pub use kind::{Class, ErrorKind};

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure with its place.
///
/// The message reads: problem with the values involved, then the place, the path last. [`Error::code`] is a
/// stable word for programs, [`Error::class`] groups codes by what a caller can do about them.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    at: At,
}

/// The place of a failure; every part is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// The file.
    pub path: Option<PathBuf>,
    /// Segment number within a route.
    pub segment: Option<u32>,
    /// Index of the event within the log, from 0, in file order.
    pub event: Option<u64>,
    /// Byte offset: in the decompressed log, or in the file where the message says so.
    pub byte: Option<u64>,
    /// Line of a text file, from 1.
    pub line: Option<u64>,
    /// Column of a text file, from 1.
    pub column: Option<u64>,
}

impl Error {
    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Where it went wrong.
    pub fn at(&self) -> &At {
        &self.0.at
    }

    /// A stable word for this kind of failure, such as `bad-pointer`.
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// What a caller can do about it.
    pub fn class(&self) -> Class {
        self.0.kind.class()
    }

    /// An I/O failure; a missing file becomes [`ErrorKind::NoSuchFile`].
    #[cold]
    pub fn io(action: &'static str, source: std::io::Error) -> Self {
        match source.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NoSuchFile.into(),
            _ => ErrorKind::Io { action, source }.into(),
        }
    }

    /// Adds the file, unless a file is already named.
    #[must_use]
    pub fn path(mut self, path: impl AsRef<Path>) -> Self {
        self.0.at.path.get_or_insert_with(|| path.as_ref().to_owned());
        self
    }

    /// Adds the segment number.
    #[must_use]
    pub fn segment(mut self, segment: u32) -> Self {
        self.0.at.segment = Some(segment);
        self
    }

    /// Adds the event's index and byte offset.
    #[must_use]
    pub fn event(mut self, event: u64, byte: u64) -> Self {
        self.0.at.event = Some(event);
        self.0.at.byte = Some(byte);
        self
    }

    /// Adds the byte offset.
    #[must_use]
    pub fn byte(mut self, byte: u64) -> Self {
        self.0.at.byte = Some(byte);
        self
    }

    /// Adds the line of a text file, from 1.
    #[must_use]
    pub fn line(mut self, line: u64) -> Self {
        self.0.at.line = Some(line);
        self
    }

    /// Adds the column of a text file, from 1.
    #[must_use]
    pub fn column(mut self, column: u64) -> Self {
        self.0.at.column = Some(column);
        self
    }
}

impl From<ErrorKind> for Error {
    #[cold]
    fn from(kind: ErrorKind) -> Self {
        Self(Box::new(Inner { kind, at: At::default() }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0.kind, self.0.at)
    }
}

impl fmt::Display for At {
    /// Writes `, event 4812 at byte 127904, segment 3: "rlog.zst"`; nothing when no place is known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.event, self.byte) {
            (Some(event), Some(byte)) => write!(f, ", event {event} at byte {byte}")?,
            (Some(event), None) => write!(f, ", event {event}")?,
            (None, Some(byte)) => write!(f, ", at byte {byte}")?,
            (None, None) => {}
        }
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        if let Some(segment) = self.segment {
            write!(f, ", segment {segment}")?;
        }
        if let Some(path) = &self.path {
            write!(f, ": {path:?}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {self}", self.code())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            ErrorKind::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// The candidate nearest to `name`, if it is near enough to be a typing error.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let name = name.to_lowercase();
    let limit = (name.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|c| (strsim::levenshtein(&name, &c.to_lowercase()), c))
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, c)| c.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_names_problem_then_place_then_path() {
        let error = Error::from(ErrorKind::BadPointer { reason: "leaves the message" })
            .event(4812, 127_904)
            .segment(3)
            .path("rlog.zst");
        assert_eq!(
            error.to_string(),
            "bad pointer: leaves the message, event 4812 at byte 127904, segment 3: \"rlog.zst\""
        );
        assert_eq!((error.code(), error.class()), ("bad-pointer", Class::Input));
    }

    #[test]
    fn nearest_finds_typing_errors_only() {
        assert_eq!(nearest("carstate", ["carState", "can"]), Some("carState".into()));
        assert_eq!(nearest("rlog-to-cvs", ["rlog-to-csv"]), Some("rlog-to-csv".into()));
        assert_eq!(nearest("zzz", ["carState", "can"]), None);
    }
}
