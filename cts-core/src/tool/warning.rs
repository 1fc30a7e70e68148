//! What a tool has to say besides its result.

use std::fmt;
use std::path::PathBuf;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::log::InputRecord;

/// Something that the caller should know of a run that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A part of a segment could not be read.
    Damaged {
        /// The segment number.
        segment: Option<u32>,
        /// The file.
        path: Option<PathBuf>,
        /// Number of damaged places.
        places: u64,
        /// Bytes left out.
        bytes_skipped: u64,
        /// What was found first.
        first: String,
    },
    /// The reading of a segment broke off.
    Unreadable {
        /// The segment number.
        segment: Option<u32>,
        /// The file.
        path: Option<PathBuf>,
        /// Why.
        error: String,
    },
    /// Segments that were asked for and do not exist.
    Missing {
        /// Their numbers.
        segments: Vec<u32>,
    },
    /// The device had not finished a file when it was copied.
    Unfinished {
        /// The segment number.
        segment: Option<u32>,
        /// The file.
        path: Option<PathBuf>,
    },
    /// Rows so far out of time order that edges and toggles near them may be wrong.
    OutOfOrder {
        /// How many.
        rows: u64,
    },
    /// Something that the tool looks for is not in the log.
    NotSeen {
        /// What, and where it was looked for.
        what: String,
        /// What is missing in the result.
        effect: String,
    },
    /// A parameter that changes nothing.
    NoEffect {
        /// The parameter.
        name: String,
        /// Why not.
        reason: String,
    },
}

impl Warning {
    /// A stable word: `damaged`, `unreadable`, `missing`, `unfinished`, `out-of-order`, `not-seen`, `no-effect`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => "damaged",
            Self::Unreadable { .. } => "unreadable",
            Self::Missing { .. } => "missing",
            Self::Unfinished { .. } => "unfinished",
            Self::OutOfOrder { .. } => "out-of-order",
            Self::NotSeen { .. } => "not-seen",
            Self::NoEffect { .. } => "no-effect",
        }
    }

    /// What there is to say of a reading, segment by segment.
    pub fn of(record: &InputRecord) -> Vec<Self> {
        let mut list = Vec::new();
        for one in &record.segments {
            let (segment, path) = (one.segment.number, || one.segment.path.clone());
            if one.segment.unfinished {
                list.push(Self::Unfinished { segment, path: path() });
            }
            if let Some(error) = &one.error {
                list.push(Self::Unreadable { segment, path: path(), error: error.kind().to_string() });
            }
            if let Some(first) = one.completeness.damage.first() {
                let (places, bytes_skipped) = (one.completeness.damage_count, one.completeness.bytes_skipped);
                let first = format!("{} at byte {}: {}", first.kind.name(), first.offset, first.reason);
                list.push(Self::Damaged { segment, path: path(), places, bytes_skipped, first });
            }
        }
        if !record.missing.is_empty() {
            list.push(Self::Missing { segments: record.missing.clone() });
        }
        list
    }

    fn place(&self) -> (Option<u32>, Option<&PathBuf>) {
        match self {
            Self::Damaged { segment, path, .. }
            | Self::Unreadable { segment, path, .. }
            | Self::Unfinished { segment, path } => (*segment, path.as_ref()),
            Self::Missing { .. } | Self::OutOfOrder { .. } | Self::NotSeen { .. } | Self::NoEffect { .. } => {
                (None, None)
            }
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { places, bytes_skipped, first, .. } => {
                let s = if *places == 1 { "" } else { "s" };
                write!(f, "{places} damaged place{s}, {bytes_skipped} bytes left out, the first: {first}")?;
            }
            Self::Unreadable { error, .. } => write!(f, "reading broke off: {error}")?,
            Self::Missing { segments } => {
                let list: Vec<String> = segments.iter().take(10).map(u32::to_string).collect();
                let more = if segments.len() > list.len() { ", …" } else { "" };
                write!(f, "{} missing segments: {}{more}", segments.len(), list.join(", "))?;
            }
            Self::Unfinished { .. } => write!(f, "the device had not finished this file")?,
            Self::OutOfOrder { rows } => {
                write!(f, "{rows} rows are far out of time order; edges and toggles near them may be wrong")?;
            }
            Self::NotSeen { what, effect } => write!(f, "{what} is not in the log: {effect}")?,
            Self::NoEffect { name, reason } => write!(f, "parameter `{name}` has no effect: {reason}")?,
        }
        let (segment, path) = self.place();
        if let Some(segment) = segment {
            write!(f, ", segment {segment}")?;
        }
        path.map_or(Ok(()), |path| write!(f, ": {path:?}"))
    }
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", self.code())?;
        map.serialize_entry("message", &self.to_string())?;
        let (segment, path) = self.place();
        if let Some(segment) = segment {
            map.serialize_entry("segment", &segment)?;
        }
        if let Some(path) = path {
            map.serialize_entry("path", &path.display().to_string())?;
        }
        match self {
            Self::Damaged { places, bytes_skipped, .. } => {
                map.serialize_entry("places", places)?;
                map.serialize_entry("bytes_skipped", bytes_skipped)?;
            }
            Self::Missing { segments } => map.serialize_entry("segments", segments)?,
            Self::OutOfOrder { rows } => map.serialize_entry("rows", rows)?,
            Self::NoEffect { name, .. } => map.serialize_entry("parameter", name)?,
            Self::Unreadable { .. } | Self::Unfinished { .. } | Self::NotSeen { .. } => {}
        }
        map.end()
    }
}
