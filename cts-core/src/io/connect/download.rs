//! A drive: which files, several at a time, and what became of them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::client::Client;
use super::files::{FileId, FileKind, Listing};
use super::index::Index;
use super::links::Links;
use super::meter::{Ended, Meter};
use super::place::Place;
use super::transfer::{Failure, Transfer};
use super::watch::Watch;
use crate::route::{Route, RouteSpec};
use crate::{Error, ErrorKind, Result};

/// Files that may be fetched at a time.
pub const MAX_PARALLEL: usize = 16;

/// What to download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The drive, with its dongle id, and its segments. The selector does not matter here.
    pub spec: RouteSpec,
    /// The kinds of files.
    pub files: Vec<FileKind>,
    /// Where the directory of the device goes.
    pub dest: PathBuf,
    /// Files that are fetched at a time, from 1 to [`MAX_PARALLEL`].
    pub parallel: usize,
    /// Whether to go on with what an earlier download left. Whole files are never fetched again.
    pub resume: bool,
}

impl Wanted {
    /// Four files at a time, with resuming.
    pub fn new(spec: RouteSpec, files: Vec<FileKind>, dest: impl Into<PathBuf>) -> Self {
        Self { spec, files, dest: dest.into(), parallel: 4, resume: true }
    }
}

/// What became of a download that was not stopped.
#[derive(Debug)]
pub struct Summary {
    /// The drive.
    pub route: Route,
    /// Where its segments are.
    pub dir: PathBuf,
    /// Files that were fetched.
    pub downloaded: u64,
    /// Files that were there already.
    pub skipped: u64,
    /// Bytes that came.
    pub bytes: u64,
    /// Files that could not be fetched, in order.
    pub failed: Vec<FailedFile>,
    /// Files that were asked for and are not uploaded, by kind.
    pub missing: Vec<Missing>,
}

/// A file that could not be fetched.
#[derive(Debug)]
pub struct FailedFile {
    /// Its segment, if it is known.
    pub segment: Option<u32>,
    /// Its name, or its kind if it has no name that can be used.
    pub name: String,
    /// Why not.
    pub error: Error,
}

/// Files of a kind that are not uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The kind.
    pub kind: FileKind,
    /// Their segments, ascending.
    pub segments: Vec<u32>,
}

impl Client {
    /// Fetches the files of a drive.
    ///
    /// A file that cannot be fetched is left out and told in the summary; what concerns all files ends the download.
    /// What has come by then stays, and the next download goes on with it.
    ///
    /// # Errors
    /// `not-in-connect`, also if none of the files are uploaded; `no-access`, `rate-limited`, `unreachable`,
    /// `bad-answer`; `bad-route` without a dongle id; `out-of-range`, `bad-param`; `in-use`, `io`, `canceled`.
    pub fn download(&self, wanted: &Wanted, watch: &Watch) -> Result<Summary> {
        let route = check(wanted)?;
        // Before the API is asked, which takes few calls.
        let place = Place::take(&wanted.dest, &route)?;
        let listing = self.listing(&route, watch)?;
        let plan = Plan::new(wanted, &listing, self.host())?;
        let (links, index) = (Links::new(self, route, &listing), Index::open(place.dir(), route));
        let watch = &watch.with_own_stop();
        let meter = Meter::new(watch, route, plan.files.len());
        let transfer = Transfer {
            client: self,
            links: &links,
            index: &index,
            place: &place,
            meter: &meter,
            watch,
            resume: wanted.resume,
        };
        let mut failed = fetch_all(&transfer, &plan.files, wanted.parallel)?;
        failed.extend(plan.refused);
        let (progress, dir) = (meter.progress(), place.dir().to_owned());
        let (downloaded, skipped, bytes) = (progress.downloaded, progress.skipped, progress.bytes);
        Ok(Summary { route, dir, downloaded, skipped, bytes, failed, missing: plan.missing })
    }
}

fn check(wanted: &Wanted) -> Result<Route> {
    if wanted.spec.route.dongle.is_none() {
        let reason = "comma connect needs the dongle id before the log id".to_owned();
        return Err(ErrorKind::BadRoute { text: wanted.spec.to_string(), reason }.into());
    }
    if !(1..=MAX_PARALLEL).contains(&wanted.parallel) {
        let (value, range) = (wanted.parallel.to_string(), format!("from 1 to {MAX_PARALLEL}"));
        return Err(ErrorKind::OutOfRange { name: "parallel".to_owned(), value, range }.into());
    }
    if wanted.files.is_empty() {
        let help = "name at least one kind of files".to_owned();
        return Err(ErrorKind::MissingParam { name: "files".to_owned(), help }.into());
    }
    Ok(wanted.spec.route)
}

/// What is to be done.
struct Plan {
    files: Vec<FileId>,
    refused: Vec<FailedFile>,
    missing: Vec<Missing>,
}

impl Plan {
    fn new(wanted: &Wanted, listing: &Listing, host: &str) -> Result<Self> {
        let last = listing.files.iter().map(|(id, _)| id.segment).max();
        let mut segments = wanted.spec.slice.select(last);
        segments.sort_unstable();
        let is_wanted =
            |id: &FileId| wanted.files.contains(&id.kind) && segments.binary_search(&id.segment).is_ok();
        let files: Vec<FileId> = listing.files.iter().map(|(id, _)| *id).filter(is_wanted).collect();
        let refused = listing.refused.iter().filter(|(kind, _)| wanted.files.contains(kind));
        let refused = refused.map(|(kind, reason)| {
            let error = ErrorKind::BadAnswer { host: host.to_owned(), reason: reason.clone() }.into();
            FailedFile { segment: None, name: kind.to_string(), error }
        });
        let mut refused: Vec<FailedFile> = refused.collect();
        if files.is_empty() {
            return Err(refused.pop().map_or_else(|| nothing(wanted, listing), |one| one.error));
        }
        let missing = FileKind::ALL.into_iter().filter(|kind| wanted.files.contains(kind)).map(|kind| {
            let has = |n: &u32| files.iter().any(|id| id.kind == kind && id.segment == *n);
            Missing { kind, segments: segments.iter().copied().filter(|n| !has(n)).collect() }
        });
        let missing = missing.filter(|missing| !missing.segments.is_empty()).collect();
        Ok(Self { files, refused, missing })
    }
}

#[cold]
fn nothing(wanted: &Wanted, listing: &Listing) -> Error {
    let kinds: Vec<&str> = wanted.files.iter().map(|kind| kind.name()).collect();
    let what = format!("{} of {}", kinds.join(" or "), wanted.spec);
    ErrorKind::NotInConnect { what, reason: listing.summary() }.into()
}

/// Fetches files by so many threads; gives those that failed.
fn fetch_all(transfer: &Transfer<'_>, files: &[FileId], parallel: usize) -> Result<Vec<FailedFile>> {
    let (next, failed, fatal) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(None));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(id) = files.get(number).filter(|_| transfer.watch.check().is_ok()) else { return };
            match transfer.fetch(number, *id) {
                Ok(ended) => transfer.meter.ended(number, ended),
                Err(Failure::Drive(error)) => {
                    // The first is the reason; the others follow from it.
                    lock(&fatal).get_or_insert(error);
                    transfer.watch.stop();
                    return;
                }
                Err(Failure::File(error)) => {
                    transfer.meter.ended(number, Ended::Failed);
                    let (segment, name) = (Some(id.segment), id.name.to_owned());
                    lock(&failed).push((number, FailedFile { segment, name, error }));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..parallel.min(files.len()) {
            scope.spawn(work);
        }
        work();
    });
    if let Some(error) = lock(&fatal).take() {
        return Err(error);
    }
    // A thread that saw the cancellation between two files did not tell.
    transfer.watch.check()?;
    let mut failed = std::mem::take(&mut *lock(&failed));
    failed.sort_by_key(|(number, _)| *number);
    Ok(failed.into_iter().map(|(_, file)| file).collect())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
