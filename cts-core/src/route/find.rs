//! From what a user asks for to the files to read.

use std::path::{Path, PathBuf};

use super::layout::{LogKind, Logs, Segments, Shelf, Walk, file_kind, place_of};
use super::name::{Route, split_dongle, split_route};
use super::spec::{RouteSpec, Selector};
use super::url;
use crate::error::{Error, ErrorKind, Result};

/// The logs of one drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The drive, with its dongle id if any name tells it; `None` for a file whose path names no route.
    pub route: Option<Route>,
    /// At least one, ascending by segment number.
    pub segments: Vec<SegmentFile>,
    /// Segments that were asked for and have no log of the selected kind, ascending.
    pub missing: Vec<u32>,
}

/// One log file of one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFile {
    /// The segment number; `None` if the path does not tell.
    pub segment: Option<u32>,
    /// The file.
    pub path: PathBuf,
    /// Which log it is.
    pub kind: LogKind,
    /// Whether `rlog.lock` lies beside it: the device still writes it, or crashed while it did.
    pub unfinished: bool,
}

impl SegmentFile {
    /// The log that the selector picks.
    fn pick(logs: &Logs, selector: Selector, segment: Option<u32>) -> Option<Self> {
        let rlog = logs.rlog.as_ref().map(|log| (LogKind::Rlog, log));
        let qlog = logs.qlog.as_ref().map(|log| (LogKind::Qlog, log));
        let picked = match selector {
            Selector::Rlog => rlog,
            Selector::Qlog => qlog,
            Selector::Auto => rlog.or(qlog),
        };
        let (kind, log) = picked?;
        Some(Self { segment, path: log.path.clone(), kind, unfinished: log.unfinished })
    }
}

/// Finds what `text` names: an existing file or directory, or else a route in `search_dirs`.
///
/// A given `selector` replaces the one in the text. For a single file it has no meaning.
///
/// # Errors
/// `no-such-file` if the text looks like a path and not like a route, `bad-route` if it is neither, and those of
/// [`from_path`] and [`find()`].
pub fn resolve(text: &str, selector: Option<Selector>, search_dirs: &[PathBuf]) -> Result<Found> {
    let path = Path::new(text);
    match path.try_exists() {
        Ok(true) => return from_path(path, selector.unwrap_or_default()),
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(Error::io("open", e).path(path));
        }
        _ => {}
    }
    match text.parse::<RouteSpec>() {
        Ok(spec) => {
            let selector = selector.unwrap_or(spec.selector);
            find(&RouteSpec { selector, ..spec }, search_dirs)
        }
        Err(_) if looks_like_path(text) => Err(Error::from(ErrorKind::NoSuchFile).path(path)),
        Err(e) => Err(neither(e)),
    }
}

/// Says that the text of a bad route is no path either.
fn neither(error: Error) -> Error {
    let ErrorKind::BadRoute { text, reason } = error.kind() else {
        return error;
    };
    let (text, reason) = (text.clone(), format!("no file or directory has this name, and {reason}"));
    ErrorKind::BadRoute { text, reason }.into()
}

/// Whether text that is no route was rather meant as a path.
fn looks_like_path(text: &str) -> bool {
    let name = Path::new(text).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let like_route =
        split_dongle(text).0.is_some() || split_route(text).is_some() || url::split(text).is_some();
    file_kind(name).is_some()
        || !like_route && (text.contains(['/', '\\']) || Path::new(name).extension().is_some())
}

/// Finds the logs of a route.
///
/// Each directory may hold segments in any layout and mixture. All are searched; of several logs of the same
/// segment and kind, the one in the earlier directory is taken, and within a directory `.zst` before an
/// uncompressed one before `.bz2`. Open ends and negative numbers of the slice refer to the largest segment
/// number in any of the directories, whatever the selector. Segments come in ascending order even if the slice
/// goes down: a step only picks.
///
/// # Errors
/// `no-such-route` if no log fits, `bad-route` if a bare log id fits the drives of several devices, `io` if a
/// directory cannot be read. A search directory that does not exist is no error.
pub fn find(spec: &RouteSpec, search_dirs: &[PathBuf]) -> Result<Found> {
    let mut walk = Walk { want: Some(&spec.route), ..Walk::default() };
    for (place, dir) in search_dirs.iter().enumerate() {
        walk.place = place;
        walk.search(dir)?;
    }
    let (route, all) =
        one_route(walk.shelf).map_err(|names| several(&spec.to_string(), "the name fits", &names))?;
    let last = all.last_key_value().map(|(n, _)| *n);
    let mut wanted = spec.slice.select(last);
    wanted.sort_unstable();
    let found = collect(Some(route.unwrap_or(spec.route)), &all, &wanted, spec.selector);
    found.ok_or_else(|| {
        let what = format!("{spec}{}", why_nothing(&all, &wanted, spec.selector));
        ErrorKind::NoSuchRoute { what, searched: describe(search_dirs) }.into()
    })
}

/// The logs that a path holds: a file is taken as it is, a directory must hold the segments of one route.
///
/// The directory may be one of a segment, one of a route, or one that holds segments in any layout; the selector
/// picks among its logs. Segments absent between the first and the last are missing. Names are read from the
/// path as given, or else from the one that it links to. A file of any other name is taken for an rlog.
///
/// # Errors
/// `no-such-file`; `no-such-route` if the directory holds no fitting log; `bad-route`, naming some, if it holds
/// several routes; `io` if a directory cannot be read.
pub fn from_path(path: &Path, selector: Selector) -> Result<Found> {
    let meta = std::fs::metadata(path).map_err(|e| Error::io("open", e).path(path))?;
    let (route, segment) = named_place(path);
    if !meta.is_dir() {
        return Ok(Found { route, segments: vec![single(path, segment)], missing: Vec::new() });
    }
    let mut walk = Walk::default();
    walk.search(path)?;
    let own = walk.logs(path)?;
    let is_segment = own.rlog.is_some() || own.qlog.is_some();
    if is_segment {
        let key = route.filter(|_| segment.is_some());
        walk.shelf.entry(key).or_default().entry(segment.unwrap_or(0)).or_default().merge(own);
    } else if walk.shelf.is_empty() {
        walk.numbered(path, route)?;
    }
    let text = path.display().to_string();
    let (named, all) =
        one_route(walk.shelf).map_err(|names| several(&text, "the directory holds", &names))?;
    let (route, wanted) = (named.or(route), span(&all));
    let mut found = collect(route, &all, &wanted, selector).ok_or_else(|| {
        let name = route.map_or_else(|| "any route".into(), |route| route.to_string());
        let what = name + &why_nothing(&all, &wanted, selector);
        Error::from(ErrorKind::NoSuchRoute { what, searched: format!("{path:?}") })
    })?;
    if is_segment && segment.is_none() {
        found.segments.iter_mut().for_each(|file| file.segment = None);
    }
    Ok(found)
}

/// Route and segment by the path as given, or by the real one for `.`, a bare `rlog.zst` or a link.
fn named_place(path: &Path) -> (Option<Route>, Option<u32>) {
    match place_of(path) {
        (None, _) => path.canonicalize().map_or((None, None), |real| place_of(&real)),
        (route, segment) => (route, segment),
    }
}

fn single(path: &Path, segment: Option<u32>) -> SegmentFile {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    SegmentFile {
        segment,
        path: path.to_owned(),
        kind: file_kind(name).unwrap_or(LogKind::Rlog),
        unfinished: path.with_file_name("rlog.lock").exists(),
    }
}

/// Takes the only route off the shelf, or returns all names.
///
/// Directories of one drive may name the device or not, so a nameless device is taken for the only named one.
fn one_route(mut shelf: Shelf) -> Result<(Option<Route>, Segments), Vec<Option<Route>>> {
    let names: Vec<_> = shelf.keys().copied().collect();
    for bare in names.iter().flatten().filter(|route| route.dongle.is_none()) {
        let mut same = names.iter().flatten().filter(|route| route.log == bare.log && route.dongle.is_some());
        if let (Some(full), None) = (same.next(), same.next()) {
            let segments = shelf.remove(&Some(*bare)).unwrap_or_default();
            let all = shelf.entry(Some(*full)).or_default();
            segments.into_iter().for_each(|(n, logs)| all.entry(n).or_default().merge(logs));
        }
    }
    if shelf.len() > 1 {
        return Err(shelf.into_keys().collect());
    }
    Ok(shelf.pop_first().unwrap_or_default())
}

#[cold]
fn several(text: &str, who: &str, names: &[Option<Route>]) -> Error {
    let named =
        |name: &Option<Route>| name.map_or_else(|| "one without a name".into(), |route| route.to_string());
    let has_full = |bare: &Route| names.iter().flatten().any(|r| r.log == bare.log && r.dongle.is_some());
    let doubled = |name: &Option<Route>| name.is_some_and(|r| r.dongle.is_none() && has_full(&r));
    let names: Vec<_> = names.iter().filter(|name| !doubled(name)).collect();
    let mut list: Vec<String> = names.iter().take(4).map(|name| named(name)).collect();
    if names.len() > list.len() {
        list.push("…".into());
    }
    let reason = format!("{who} {} routes ({}), name one of them", names.len(), list.join(", "));
    ErrorKind::BadRoute { text: text.to_owned(), reason }.into()
}

fn span(all: &Segments) -> Vec<u32> {
    match (all.first_key_value(), all.last_key_value()) {
        (Some((first, _)), Some((last, _))) => (*first..=*last).collect(),
        _ => Vec::new(),
    }
}

/// Picks a log of each wanted segment; `None` if there is none at all.
fn collect(route: Option<Route>, all: &Segments, wanted: &[u32], selector: Selector) -> Option<Found> {
    let mut found = Found { route, segments: Vec::new(), missing: Vec::new() };
    for &n in wanted {
        match all.get(&n).and_then(|logs| SegmentFile::pick(logs, selector, Some(n))) {
            Some(file) => found.segments.push(file),
            None => found.missing.push(n),
        }
    }
    (!found.segments.is_empty()).then_some(found)
}

/// What is there instead of the logs asked for, as an addition to the route's name.
fn why_nothing(all: &Segments, wanted: &[u32], selector: Selector) -> String {
    let (Some((first, _)), Some((last, _))) = (all.first_key_value(), all.last_key_value()) else {
        return String::new();
    };
    let mut there = wanted.iter().filter_map(|n| all.get(n)).peekable();
    if there.peek().is_none() {
        return format!(" (there are segments {first} to {last})");
    }
    let (other, letter) = if selector == Selector::Qlog { ("rlogs", "r") } else { ("qlogs", "q") };
    match there.any(|logs| logs.rlog.is_some() || logs.qlog.is_some()) {
        true => format!(" (there are {other} only: use selector {letter})"),
        false => " (its directories hold no logs)".into(),
    }
}

fn describe(dirs: &[PathBuf]) -> String {
    if dirs.is_empty() {
        return "no directory at all: give one to search".into();
    }
    let one = |dir: &PathBuf| format!("{dir:?}{}", if dir.is_dir() { "" } else { " (no directory)" });
    dirs.iter().map(one).collect::<Vec<_>>().join(", ")
}
