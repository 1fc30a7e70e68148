//! One file: from the storage to its name, over as many connections as it takes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ureq::Body;
use ureq::http::{HeaderMap, Method, Response, StatusCode, Uri};

use super::client::Client;
use super::fault::{Fault, words};
use super::files::FileId;
use super::headers::{content_range, length, range, validator};
use super::index::{Index, Known};
use super::links::Links;
use super::meter::{Ended, Meter};
use super::place::{Place, publish};
use super::watch::Watch;
use crate::{Error, ErrorKind, Result};

/// Bytes that are written at once, and after which cancellation is looked for.
const PIECE: usize = 256 << 10;
/// How often in a row an address may be refused, and a file begun anew.
const SECOND_CHANCES: u32 = 2;

/// What all files of a download share.
pub(super) struct Transfer<'a> {
    pub(super) client: &'a Client,
    pub(super) links: &'a Links<'a>,
    pub(super) index: &'a Index,
    pub(super) place: &'a Place,
    pub(super) meter: &'a Meter<'a>,
    pub(super) watch: &'a Watch,
    /// Whether to go on with what an earlier download left.
    pub(super) resume: bool,
}

/// A file on its way.
struct Part<'a> {
    /// Its place among all files.
    number: usize,
    id: FileId,
    target: &'a Path,
    /// Where it is until it is whole.
    path: PathBuf,
    /// Bytes that are there.
    have: u64,
    /// Bytes in all, once known.
    total: Option<u64>,
    /// Size of the file that has the name already.
    existing: Option<u64>,
}

/// How an exchange ended that did not fail.
enum Step {
    /// All bytes are there.
    Whole,
    /// The file that has the name already is the one.
    There,
    /// What is there does not fit what comes: begin anew.
    Anew(&'static str),
}

/// A failure, and how far it reaches.
pub(super) enum Failure {
    /// Other files may come all the same.
    File(Error),
    /// The others would fail, too.
    Drive(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Drive(error)
    }
}

impl Failure {
    fn map(self, change: impl FnOnce(Error) -> Error) -> Self {
        match self {
            Self::File(error) => Self::File(change(error)),
            Self::Drive(error) => Self::Drive(change(error)),
        }
    }
}

/// What did not help so far.
#[derive(Default)]
struct Tries {
    failures: u32,
    renewals: u32,
}

impl Transfer<'_> {
    /// Fetches the file of that number.
    ///
    /// # Errors
    /// `no-access`, `rate-limited`, `unreachable`, `bad-answer`, `cut-transfer`, `canceled`, `io`. What has come stays
    /// for the next time.
    pub(super) fn fetch(&self, number: usize, id: FileId) -> Result<Ended, Failure> {
        let target = self.place.segment(id.segment)?.join(id.name);
        let path = target.with_file_name(format!("{}.part", id.name));
        let existing = regular_size(&target)?;
        let have = regular_size(&path)?.filter(|_| self.resume).unwrap_or(0);
        let mut part = Part { number, id, target: &target, path, have, total: None, existing };
        let ended = match self.is_there(&part) {
            Ok(true) => Ok(Ended::Skipped),
            Ok(false) => self.bring(&mut part),
            Err(error) => Err(error.into()),
        };
        if matches!(ended, Ok(Ended::Skipped)) {
            // What an earlier download left of it is of no use; there may be nothing.
            let _ = std::fs::remove_file(&part.path);
        }
        ended.map_err(|failure| failure.map(|e| e.segment(id.segment).path(&part.path)))
    }

    /// Whether the file that has the name is the one on the storage, if the storage says so without sending it.
    fn is_there(&self, part: &Part<'_>) -> Result<bool> {
        let Some(size) = part.existing else { return Ok(false) };
        self.watch.check()?;
        let (_, url) = self.links.get(part.id);
        let Ok(response) = self.client.fetch(Method::HEAD, &url, HeaderMap::new()) else {
            // Whatever it is, it shows when the file is asked for.
            return Ok(false);
        };
        Ok(length(response.headers()) == Some(size) && self.is_same(part.id, response.headers()))
    }

    /// Whether nothing says that the file was replaced since it came.
    fn is_same(&self, id: FileId, headers: &HeaderMap) -> bool {
        match (self.index.known(id).validator, validator(headers)) {
            (Some(old), Some(new)) => old == new,
            _ => true,
        }
    }

    fn bring(&self, part: &mut Part<'_>) -> Result<Ended, Failure> {
        let (mut tries, mut restarts) = (Tries::default(), 0);
        loop {
            self.watch.check()?;
            let before = part.have;
            let (age, url) = self.links.get(part.id);
            let fault = match self.exchange(part, &url) {
                Ok(Step::Whole) => break,
                Ok(Step::There) => return Ok(Ended::Skipped),
                Ok(Step::Anew(_)) if restarts < SECOND_CHANCES => {
                    (part.have, restarts) = (0, restarts + 1);
                    continue;
                }
                Ok(Step::Anew(reason)) => Fault::Nonsense(reason.to_owned()),
                Err(fault) => fault,
            };
            if part.have > before {
                tries = Tries::default();
            }
            self.again(part, fault, &mut tries, age, &url)?;
        }
        publish(&part.path, part.target)?;
        let known = Known { complete: true, bytes: Some(part.have), ..self.index.known(part.id) };
        self.index.note(part.id, known)?;
        Ok(Ended::Downloaded)
    }

    /// Does what may make the next exchange succeed.
    fn again(
        &self,
        part: &Part<'_>,
        fault: Fault,
        tries: &mut Tries,
        age: u64,
        url: &str,
    ) -> Result<(), Failure> {
        if matches!(fault, Fault::Status { code: 401 | 403, .. }) && tries.renewals < SECOND_CHANCES {
            tries.renewals += 1;
            return Ok(self.links.renew(age, self.watch)?);
        }
        tries.failures += 1;
        if !fault.is_transient() || tries.failures >= self.client.patience().attempts {
            return Err(given_up(fault, part, url));
        }
        let pause = self.client.patience().after(tries.failures, &fault);
        let why = || format!("{} of segment {}: {}", part.id.name, part.id.segment, fault.reason());
        Ok(self.watch.wait(pause, why)?)
    }

    /// One request for what is missing.
    fn exchange(&self, part: &mut Part<'_>, url: &str) -> Result<Step, Fault> {
        let known = self.index.known(part.id);
        match self.client.fetch(Method::GET, url, range(part.have, &known)) {
            Ok(response) => self.take(part, &known, response),
            // Nothing lies beyond what is there: either that is all of it, or it is of another file.
            Err(Fault::Status { code: 416, size, .. }) if part.have > 0 => {
                Ok(self.beyond_end(part, size, url))
            }
            Err(fault) => Err(fault),
        }
    }

    fn beyond_end(&self, part: &Part<'_>, size: Option<u64>, url: &str) -> Step {
        let asked = || {
            let response = self.client.fetch(Method::HEAD, url, HeaderMap::new()).ok()?;
            length(response.headers()).filter(|_| self.is_same(part.id, response.headers()))
        };
        match size.or_else(asked) == Some(part.have) {
            true => Step::Whole,
            false => Step::Anew("it has fewer bytes than it sent"),
        }
    }

    /// Takes the bytes of an answer.
    fn take(&self, part: &mut Part<'_>, known: &Known, response: Response<Body>) -> Result<Step, Fault> {
        let headers = response.headers();
        let new = validator(headers);
        if response.status() == StatusCode::PARTIAL_CONTENT {
            let Some((first, last, total)) = content_range(headers) else {
                return Ok(Step::Anew("a part of a file does not say which"));
            };
            let other = known.bytes.is_some_and(|bytes| bytes != total)
                || known.validator.is_some() && new.is_some() && known.validator != new;
            if first != part.have || last >= total || other {
                return Ok(Step::Anew("a part of a file is not the one that was asked for"));
            }
            part.total = Some(total);
        } else {
            part.total = response.body().content_length();
            if part.have == 0
                && part.existing.is_some()
                && part.existing == part.total
                && self.is_same(part.id, headers)
            {
                return Ok(Step::There);
            }
            part.have = 0;
        }
        self.index.note(part.id, Known { bytes: part.total, validator: new, complete: false })?;
        self.write(part, response)
    }

    fn write(&self, part: &mut Part<'_>, response: Response<Body>) -> Result<Step, Fault> {
        let failed = |e: io::Error| Fault::Own(ErrorKind::Io { action: "write", source: e }.into());
        let mut file = open(&part.path, part.have).map_err(failed)?;
        let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
        let mut piece = vec![0; PIECE];
        loop {
            self.watch.check()?;
            let read = match body.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(e) => return Err(Fault::Network { reason: words(&e.to_string()), transient: true }),
            };
            file.write_all(&piece[..read]).map_err(failed)?;
            part.have += read as u64;
            self.meter.moved(part.number, read as u64, part.have, part.total);
        }
        match part.total {
            Some(total) if part.have < total => {
                Err(Fault::Network { reason: "the connection ended".to_owned(), transient: true })
            }
            Some(total) if part.have > total => Ok(Step::Anew("it sends more bytes than it says")),
            _ => Ok(Step::Whole),
        }
    }
}

/// The size of a file, `None` if there is none.
///
/// # Errors
/// `io` for anything that is no file, and no link to one.
fn regular_size(path: &Path) -> Result<Option<u64>> {
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => Ok(Some(meta.len())),
        Ok(_) => {
            let source =
                io::Error::new(io::ErrorKind::AlreadyExists, "something else has the name of the file");
            Err(Error::from(ErrorKind::Io { action: "create", source }).path(path))
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("open", e).path(path)),
    }
}

/// Opens a file for the bytes from `from` on; what is behind is cut off. A link is replaced, not followed.
fn open(path: &Path, from: u64) -> io::Result<File> {
    if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink()) {
        std::fs::remove_file(path)?;
    }
    let mut file = File::options().create(true).truncate(false).write(true).open(path)?;
    file.set_len(from)?;
    file.seek(SeekFrom::Start(from))?;
    Ok(file)
}

/// What a fault of the storage means for the caller.
#[cold]
fn given_up(fault: Fault, part: &Part<'_>, url: &str) -> Failure {
    let host = url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
    let (what, reason) = (format!("{} at {host}", part.id.name), fault.reason());
    let (got, expected) = (part.have, part.total);
    match fault {
        Fault::Own(error) => Failure::Drive(error),
        // Fresh addresses were refused just now.
        Fault::Status { code: 401 | 403, .. } => Failure::Drive(ErrorKind::NoAccess { what, reason }.into()),
        Fault::Status { code: 404 | 410, .. } => {
            Failure::File(ErrorKind::NotInConnect { what, reason }.into())
        }
        Fault::Status { code: 429, .. } => Failure::Drive(ErrorKind::RateLimited { host }.into()),
        Fault::Status { code: 408 | 409 | 500..=599, .. } => {
            Failure::File(ErrorKind::Unreachable { host, reason }.into())
        }
        Fault::Network { .. } if got > 0 => {
            Failure::File(ErrorKind::CutTransfer { got, expected, reason }.into())
        }
        Fault::Network { .. } => Failure::Drive(ErrorKind::Unreachable { host, reason }.into()),
        Fault::Status { .. } | Fault::Nonsense(_) => {
            Failure::File(ErrorKind::BadAnswer { host, reason }.into())
        }
    }
}
