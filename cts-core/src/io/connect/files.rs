//! The files of a drive, as the API lists them.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::fault::words;
use crate::error::nearest;
use crate::route::{MAX_SEGMENT, Route};
use crate::{Error, ErrorKind, Result};

/// A kind of file; the API lists each on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// rlogs.
    Logs,
    /// qlogs.
    Qlogs,
    /// Video of the road camera.
    Cameras,
    /// Video of the driver camera.
    Dcameras,
    /// Video of the wide road camera.
    Ecameras,
    /// Small video of the road camera.
    Qcameras,
}

impl FileKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Logs, Self::Qlogs, Self::Cameras, Self::Dcameras, Self::Ecameras, Self::Qcameras];

    /// Its name, as the API has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Qlogs => "qlogs",
            Self::Cameras => "cameras",
            Self::Dcameras => "dcameras",
            Self::Ecameras => "ecameras",
            Self::Qcameras => "qcameras",
        }
    }

    /// The names that its files have, those of old firmware included.
    ///
    /// Source: openpilot `tools/lib/route.py` `FileName`.
    fn files(self) -> &'static [&'static str] {
        match self {
            Self::Logs => &["rlog.zst", "rlog.bz2", "rlog", "raw_log.bz2"],
            Self::Qlogs => &["qlog.zst", "qlog.bz2", "qlog"],
            Self::Cameras => &["fcamera.hevc", "video.hevc"],
            Self::Dcameras => &["dcamera.hevc"],
            Self::Ecameras => &["ecamera.hevc"],
            Self::Qcameras => &["qcamera.ts"],
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FileKind {
    type Err = Error;

    /// # Errors
    /// `bad-param`.
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            let near =
                nearest(text, names).map_or(String::new(), |near| format!(" (did you mean `{near}`?)"));
            let expected = format!("one of {}{near}", names.join(", "));
            ErrorKind::BadParam { name: "files".to_owned(), value: text.to_owned(), expected }.into()
        })
    }
}

/// One file, with a name that is one of the known ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FileId {
    pub(super) segment: u32,
    pub(super) name: &'static str,
    pub(super) kind: FileKind,
}

/// What the API lists.
#[derive(Default)]
pub(super) struct Listing {
    /// Files with their signed addresses, ascending.
    pub(super) files: Vec<(FileId, String)>,
    /// Entries that name no file of the drive, and why.
    pub(super) refused: Vec<(FileKind, String)>,
}

impl Listing {
    /// Reads the answer of `/files`. An entry that does not lead into the drive's own directory is refused.
    pub(super) fn read(answer: &Value, route: &Route, allow_plain: bool) -> Self {
        let (mut listing, mut seen) = (Self::default(), HashSet::new());
        for kind in FileKind::ALL {
            for entry in answer[kind.name()].as_array().into_iter().flatten() {
                let url = entry.as_str().unwrap_or_default();
                match file_of(url, kind, route, allow_plain) {
                    // Listed twice, it is still one file.
                    Ok(id) if seen.insert(id) => listing.files.push((id, url.to_owned())),
                    Ok(_) => {}
                    Err(reason) => listing.refused.push((kind, reason)),
                }
            }
        }
        listing.files.sort();
        listing
    }

    /// How many files of each kind there are, for words.
    pub(super) fn summary(&self) -> String {
        let count = |kind| self.files.iter().filter(|(id, _)| id.kind == kind).count();
        let counts =
            FileKind::ALL.into_iter().map(|kind| (kind, count(kind))).filter(|(_, count)| *count > 0);
        let words: Vec<String> = counts.map(|(kind, count)| format!("{count} {kind}")).collect();
        if words.is_empty() {
            "nothing is uploaded".to_owned()
        } else {
            format!("uploaded are {}", words.join(", "))
        }
    }
}

/// The file of `https://host/…/<dongle id>/<log id>/<segment>/<name>?signature`; the error is the reason.
fn file_of(url: &str, kind: FileKind, route: &Route, allow_plain: bool) -> Result<FileId, String> {
    // The query is a secret, and no part of the name.
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    let path = match plain.split_once("://") {
        Some(("https", rest)) => rest,
        Some(("http", rest)) if allow_plain => rest,
        _ => return Err(format!("`{}` is no https address", words(plain))),
    };
    let mut parts = path.rsplit('/');
    let mut next = || parts.next().unwrap_or_default();
    let (name, segment, log, dongle) = (next(), next(), next(), next());
    let name = kind.files().iter().find(|known| **known == name).copied();
    let name = name.ok_or_else(|| format!("`{}` names no file of {kind}", words(path)))?;
    let own = route.dongle.is_some_and(|id| id.to_string() == dongle) && route.log.to_string() == log;
    if !own {
        return Err(format!("`{}` is of another drive", words(path)));
    }
    let number = segment.parse::<u32>().ok().filter(|n| *n <= MAX_SEGMENT && n.to_string() == segment);
    let segment = number.ok_or_else(|| format!("`{}` has no segment number", words(path)))?;
    Ok(FileId { segment, name, kind })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn listing(urls: &[&str]) -> Listing {
        let route = "a2a0ccea32023010|2023-07-27--13-01-19".parse().unwrap();
        let at = |url: &&str| url.replace('@', "a2a0ccea32023010/2023-07-27--13-01-19");
        let urls: Vec<String> = urls.iter().map(at).collect();
        Listing::read(&json!({ "logs": urls, "qcameras": null, "more": [1] }), &route, false)
    }

    #[test]
    fn files_are_told_by_the_end_of_their_path() {
        let listing = listing(&[
            "https://h/c/@/10/rlog.zst?sig=a/b/../c",
            "https://h/c/@/9/rlog.bz2#x",
            "https://h/c/@/10/rlog.zst?sig=other",
        ]);
        let files: Vec<_> = listing.files.iter().map(|(id, _)| (id.segment, id.name)).collect();
        assert_eq!(files, [(9, "rlog.bz2"), (10, "rlog.zst")]);
        assert_eq!(listing.summary(), "uploaded are 2 logs");
        assert!(listing.refused.is_empty());
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for url in [
            "https://h/@/0/../../../../etc/passwd",
            "https://h/@/0/..",
            "https://h/@/0/rlog.zst/",
            "https://h/@/0/rlog.zst%2f..%2fx",
            "https://h/@/0/qlog.zst",
            "https://h/@/00/rlog.zst",
            "https://h/@/+1/rlog.zst",
            "https://h/@/100000/rlog.zst",
            "https://h/@/../rlog.zst",
            "https://h/a2a0ccea32023010/2023-07-27--13-01-20/0/rlog.zst",
            "https://h/b2a0ccea32023010/2023-07-27--13-01-19/0/rlog.zst",
            "https://h/x?/@/0/rlog.zst",
            "http://h/@/0/rlog.zst",
            "file:///@/0/rlog.zst",
            "",
        ] {
            let listing = listing(&[url]);
            assert_eq!((listing.files.len(), listing.refused.len()), (0, 1), "{url}");
            assert!(!listing.refused[0].1.contains("sig="), "{url}");
        }
    }

    #[test]
    fn names_of_kinds_are_read() {
        for kind in FileKind::ALL {
            assert_eq!(kind.name().parse::<FileKind>().unwrap(), kind);
        }
        let error = "qlog".parse::<FileKind>().unwrap_err().to_string();
        assert!(error.contains("did you mean `qlogs`?"), "{error}");
    }
}
