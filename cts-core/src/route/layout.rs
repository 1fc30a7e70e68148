//! The directory layouts in which logs lie, and a walk through them.
//!
//! | layout | who writes it |
//! |---|---|
//! | `<log id>--<N>/rlog.zst` | the device; cabana's live recordings |
//! | `<route>--<N>/rlog.zst` | openpilot tools |
//! | `<route>/<N>/rlog.zst` | openpilot tools |
//! | `<dongle id>/<log id>/<N>/rlog.zst` | cloud storage; the public data set, below `segments/` |
//! | `<route>--<N>--rlog.zst` | downloads |
//!
//! `<route>` takes `|` or `_` after the dongle id, and may be a bare log id everywhere.
//!
//! Source: openpilot `tools/lib/route.py` `Route._get_segments_local`, `tools/replay/route.cc`
//! `Route::loadFromLocal`, `tools/cabana/streams/livestream.cc`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::name::{DongleId, Route, split_route};
use super::slice::MAX_SEGMENT;
use crate::error::{Error, Result};

/// Which of a segment's two logs a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogKind {
    /// The full log.
    Rlog,
    /// The thinned log.
    Qlog,
}

/// Names of log files, the preferred first: zstd is read fastest, bzip2 by far slowest.
const NAMES: [(&str, LogKind); 7] = [
    ("rlog.zst", LogKind::Rlog),
    ("rlog", LogKind::Rlog),
    ("rlog.bz2", LogKind::Rlog),
    ("raw_log.bz2", LogKind::Rlog),
    ("qlog.zst", LogKind::Qlog),
    ("qlog", LogKind::Qlog),
    ("qlog.bz2", LogKind::Qlog),
];

/// The device keeps this file beside the logs while it writes them.
const LOCK: &str = "rlog.lock";

/// One log file. The order is the order of preference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Log {
    /// Index of the search directory.
    place: usize,
    /// Index into [`NAMES`].
    rank: usize,
    pub(super) path: PathBuf,
    pub(super) unfinished: bool,
}

/// The best logs of one segment.
#[derive(Debug, Default)]
pub(super) struct Logs {
    pub(super) rlog: Option<Log>,
    pub(super) qlog: Option<Log>,
}

impl Logs {
    fn offer(&mut self, log: Log) {
        let slot = match NAMES[log.rank].1 {
            LogKind::Rlog => &mut self.rlog,
            LogKind::Qlog => &mut self.qlog,
        };
        if slot.as_ref().is_none_or(|old| log < *old) {
            *slot = Some(log);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        other.rlog.into_iter().chain(other.qlog).for_each(|log| self.offer(log));
    }
}

/// Segments by number. A segment directory without logs is here too: it tells how long the route is.
pub(super) type Segments = BTreeMap<u32, Logs>;

/// What a walk found, by route; `None` is a route that no name tells.
pub(super) type Shelf = BTreeMap<Option<Route>, Segments>;

/// What a name in a directory stands for.
enum Entry<'a> {
    Dongle(DongleId),
    Route(Route),
    Segment(Route, u32),
    File(Route, u32, &'a str),
}

fn entry(name: &str) -> Option<Entry<'_>> {
    if let Some(dongle) = DongleId::new(name) {
        return Some(Entry::Dongle(dongle));
    }
    let (route, rest) = split_route(name)?;
    if rest.is_empty() {
        return Some(Entry::Route(route));
    }
    let tail = rest.strip_prefix("--")?;
    Some(match tail.split_once("--") {
        Some((n, file)) => Entry::File(route, number(n)?, file),
        None => Entry::Segment(route, number(tail)?),
    })
}

/// A segment number as directories have it: decimal without padding.
fn number(text: &str) -> Option<u32> {
    let padded = text.len() > 1 && text.starts_with('0');
    let plain = !padded && text.bytes().all(|c| c.is_ascii_digit());
    text.parse().ok().filter(|n| plain && *n <= MAX_SEGMENT)
}

/// The kind of a log file by its last name component; `None` for other files.
pub(super) fn file_kind(name: &str) -> Option<LogKind> {
    let plain = match entry(name) {
        Some(Entry::File(_, _, file)) => file,
        _ => name,
    };
    rank(plain).map(|rank| NAMES[rank].1)
}

fn rank(name: &str) -> Option<usize> {
    NAMES.iter().position(|(known, _)| *known == name)
}

/// The route and segment that a file or directory belongs to, as far as its path tells.
pub(super) fn place_of(path: &Path) -> (Option<Route>, Option<u32>) {
    let mut names = path.iter().rev().map(|name| name.to_str().unwrap_or_default());
    let mut name = names.next().unwrap_or_default();
    if rank(name).is_some() {
        name = names.next().unwrap_or_default();
    }
    let segment = number(name);
    if segment.is_some() {
        name = names.next().unwrap_or_default();
    }
    match entry(name) {
        Some(Entry::Route(route)) => (Some(with_dongle(route, names.next())), segment),
        Some(Entry::Segment(route, n) | Entry::File(route, n, _)) if segment.is_none() => {
            (Some(with_dongle(route, names.next())), Some(n))
        }
        _ => (None, None),
    }
}

fn with_dongle(route: Route, parent: Option<&str>) -> Route {
    Route { dongle: route.dongle.or_else(|| DongleId::new(parent?)), ..route }
}

/// A walk through directories of segments.
#[derive(Default)]
pub(super) struct Walk<'a> {
    /// The only route to look at; all if `None`.
    pub(super) want: Option<&'a Route>,
    /// Index of the search directory: files of an earlier one are preferred.
    pub(super) place: usize,
    /// What was found.
    pub(super) shelf: Shelf,
}

impl Walk<'_> {
    /// Collects the segments that `dir` holds in any layout; a directory that does not exist holds none.
    pub(super) fn search(&mut self, dir: &Path) -> Result<()> {
        let dongle = dir.file_name().and_then(|name| DongleId::new(name.to_str()?));
        self.level(dir, dongle, true)?;
        self.level(&dir.join("segments"), None, true)
    }

    /// `dongle` is what the directory itself says. Depth is fixed, so that links in a circle do no harm.
    fn level(&mut self, dir: &Path, dongle: Option<DongleId>, deeper: bool) -> Result<()> {
        for (name, path) in list(dir)? {
            match entry(&name) {
                Some(Entry::Dongle(id)) if deeper && self.wants_dongle(id) => {
                    self.level(&path, Some(id), false)?
                }
                Some(Entry::Route(route)) => {
                    if let Some(route) = self.wanted(route, dongle) {
                        self.numbered(&path, Some(route))?;
                    }
                }
                Some(Entry::Segment(route, n)) => {
                    if let Some(route) = self.wanted(route, dongle) {
                        self.segment(&path, Some(route), n)?;
                    }
                }
                Some(Entry::File(route, n, file)) => {
                    if let Some((route, rank)) = self.wanted(route, dongle).zip(rank(file)) {
                        self.file(Some(route), n, rank, path, false);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Collects the segments in the numbered directories of `dir`.
    pub(super) fn numbered(&mut self, dir: &Path, route: Option<Route>) -> Result<()> {
        for (name, path) in list(dir)? {
            if let Some(n) = number(&name) {
                self.segment(&path, route, n)?;
            }
        }
        Ok(())
    }

    fn segment(&mut self, dir: &Path, route: Option<Route>, n: u32) -> Result<()> {
        if dir.is_dir() {
            let logs = self.logs(dir)?;
            self.shelf.entry(route).or_default().entry(n).or_default().merge(logs);
        }
        Ok(())
    }

    /// The logs that lie in `dir` under their plain names.
    pub(super) fn logs(&self, dir: &Path) -> Result<Logs> {
        let entries = list(dir)?;
        let unfinished = entries.iter().any(|(name, _)| name == LOCK);
        let mut logs = Logs::default();
        for (name, path) in entries {
            if let Some(rank) = rank(&name).filter(|_| path.is_file()) {
                logs.offer(Log { place: self.place, rank, path, unfinished });
            }
        }
        Ok(logs)
    }

    fn file(&mut self, route: Option<Route>, n: u32, rank: usize, path: PathBuf, unfinished: bool) {
        if path.is_file() {
            let log = Log { place: self.place, rank, path, unfinished };
            self.shelf.entry(route).or_default().entry(n).or_default().offer(log);
        }
    }

    fn wants_dongle(&self, dongle: DongleId) -> bool {
        self.want.and_then(|want| want.dongle).is_none_or(|id| id == dongle)
    }

    /// The route with the dongle id of the directory around it, if it is one to look at.
    fn wanted(&self, route: Route, dongle: Option<DongleId>) -> Option<Route> {
        let route = Route { dongle: route.dongle.or(dongle), ..route };
        let log = self.want.is_none_or(|want| want.log == route.log);
        (log && route.dongle.is_none_or(|id| self.wants_dongle(id))).then_some(route)
    }
}

/// The entries of a directory in the order of their names; those that are no UTF-8 name no log.
///
/// What vanished meanwhile, or never was a directory, is empty: a device deletes segments while one looks.
fn list(dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let fail = |e: io::Error| Error::io("read the directory", e).path(dir);
    let entries = match std::fs::read_dir(dir) {
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries.map_err(fail)?,
    };
    let mut out = Vec::new();
    for entry in entries {
        let entry = entry.map_err(fail)?;
        if let Ok(name) = entry.file_name().into_string() {
            out.push((name, entry.path()));
        }
    }
    out.sort();
    Ok(out)
}
