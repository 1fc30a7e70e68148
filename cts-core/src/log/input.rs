//! What a tool reads: one file, a pipe, bytes in memory or the segments of a route, one after the other.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Batch, Codec, Completeness, Log, LogStream, ReadOptions, read_ahead};
use crate::route::{self, Found, LogKind, Route, SegmentFile, Selector};
use crate::{Error, Result};

/// One or more segments to read in order. Memory is bounded by a few batches, however long the drive is.
pub struct Input {
    name: String,
    stem: String,
    route: Option<Route>,
    parts: VecDeque<(Segment, Source)>,
    missing: Vec<u32>,
    options: ReadOptions,
    ahead: bool,
    total_bytes: Option<u64>,
    done_bytes: Arc<AtomicU64>,
}

/// Which segment is being read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Position among the segments of the input, from 0.
    pub index: usize,
    /// The segment number; `None` where nothing tells it.
    pub number: Option<u32>,
    /// The file; `None` for pipes and bytes in memory.
    pub path: Option<PathBuf>,
    /// Whether the device had not finished the file when it was copied.
    pub unfinished: bool,
}

/// What a reading of an [`Input`] delivered.
#[derive(Debug, Default)]
pub struct InputRecord {
    /// Of each segment, in order.
    pub segments: Vec<SegmentRecord>,
    /// Segments that were asked for and do not exist.
    pub missing: Vec<u32>,
    /// All segments together.
    pub total: Completeness,
}

/// What the reading of one segment delivered.
#[derive(Debug)]
pub struct SegmentRecord {
    /// Which.
    pub segment: Segment,
    /// How it was compressed; `None` if it could not be opened.
    pub codec: Option<Codec>,
    /// What was read and what had to be left out.
    pub completeness: Completeness,
    /// Why the reading of this segment broke off.
    pub error: Option<Error>,
}

/// A stream over any source of an [`Input`].
pub type SegmentStream = LogStream<Box<dyn Read + Send>>;

enum Source {
    File,
    Reader(Box<dyn Read + Send>),
}

impl InputRecord {
    /// Whether everything that was asked for was delivered.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
            && self.total.is_complete()
            && self.segments.iter().all(|segment| segment.error.is_none())
    }
}

impl Input {
    /// What `text` names: `-` is standard input, else an existing file or directory, else a route in
    /// `search_dirs`. A given `selector` replaces the one in the text.
    ///
    /// # Errors
    /// Those of [`route::resolve`].
    pub fn resolve(text: &str, selector: Option<Selector>, search_dirs: &[PathBuf]) -> Result<Self> {
        if text == "-" {
            return Ok(Self::from_reader("stdin", std::io::stdin()));
        }
        let found = route::resolve(text, selector, search_dirs)?;
        Ok(Self { name: text.to_owned(), ..Self::from_found(found, Path::new(text)) })
    }

    /// A file, or a directory that holds the segments of one route.
    ///
    /// # Errors
    /// Those of [`route::from_path`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Ok(Self::from_found(route::from_path(path, Selector::default())?, path))
    }

    /// Anything that can be read once. `name` stands for it in messages and names of outputs.
    pub fn from_reader(name: &str, reader: impl Read + Send + 'static) -> Self {
        Self::new(name, [(Segment::default(), Source::Reader(Box::new(reader)))].into())
    }

    /// A log in memory, compressed or not.
    pub fn from_bytes(name: &str, bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        let total_bytes = Some(bytes.as_ref().len() as u64);
        Self { total_bytes, ..Self::from_reader(name, Cursor::new(bytes)) }
    }

    /// The segments of a resolved route; `given` is the text or path it was found by.
    pub fn from_found(found: Found, given: &Path) -> Self {
        let stem = stem_of(&found, given);
        let sizes = found.segments.iter().map(|file| Some(std::fs::metadata(&file.path).ok()?.len()));
        let total_bytes = sizes.sum();
        let part = |(index, file): (usize, SegmentFile)| {
            let SegmentFile { segment: number, path, unfinished, .. } = file;
            (Segment { index, number, path: Some(path), unfinished }, Source::File)
        };
        let parts = found.segments.into_iter().enumerate().map(part).collect();
        let input = Self::new(&given.display().to_string(), parts);
        Self { stem, route: found.route, missing: found.missing, total_bytes, ..input }
    }

    fn new(name: &str, parts: VecDeque<(Segment, Source)>) -> Self {
        Self {
            name: name.to_owned(),
            stem: strip(name).to_owned(),
            route: None,
            parts,
            missing: Vec::new(),
            options: ReadOptions::default(),
            ahead: false,
            total_bytes: None,
            done_bytes: Arc::default(),
        }
    }

    /// Reads with these options.
    #[must_use]
    pub fn with_options(self, options: ReadOptions) -> Self {
        Self { options, ..self }
    }

    /// Whether a second thread decompresses ahead, which pays only where `work` takes about as long as the
    /// decompression and a core is free. By default it does not.
    #[must_use]
    pub fn with_read_ahead(self, ahead: bool) -> Self {
        Self { ahead, ..self }
    }

    /// The input as it was named.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A name for outputs, safe as a file name: `x` of `x.rlog.zst`, `<dongle id>_<log id>` of a route.
    pub fn stem(&self) -> &str {
        &self.stem
    }

    /// The drive, if any name tells it.
    pub fn route(&self) -> Option<Route> {
        self.route
    }

    /// The segments still to be read.
    pub fn segments(&self) -> impl ExactSizeIterator<Item = &Segment> {
        self.parts.iter().map(|(segment, _)| segment)
    }

    /// Bytes of the files read so far, compressed as they are.
    pub fn done_bytes(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.done_bytes)
    }

    /// Bytes of all files; `None` for pipes.
    pub fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }

    /// The same input once more, if it consists of files.
    pub fn again(&self) -> Option<Self> {
        let files = self.parts.iter().all(|(_, source)| matches!(source, Source::File));
        files.then(|| Self {
            name: self.name.clone(),
            stem: self.stem.clone(),
            route: self.route,
            parts: self.parts.iter().map(|(segment, _)| (segment.clone(), Source::File)).collect(),
            missing: self.missing.clone(),
            options: self.options.clone(),
            ahead: self.ahead,
            total_bytes: self.total_bytes,
            done_bytes: Arc::default(),
        })
    }

    /// The input as text, if it is one file or pipe that begins like a line of text with commas; `None`, and
    /// nothing is used up, for logs.
    ///
    /// # Errors
    /// `no-such-file`, `io`.
    pub fn take_text(&mut self) -> Result<Option<Box<dyn Read + Send>>> {
        if self.parts.len() != 1 {
            return Ok(None);
        }
        let Some((segment, source)) = self.parts.pop_front() else { return Ok(None) };
        let mut reader: Box<dyn Read + Send> = match (source, &segment.path) {
            (Source::Reader(reader), _) => reader,
            (Source::File, path) => {
                let path = path.as_deref().unwrap_or(Path::new(""));
                Box::new(File::open(path).map_err(|e| Error::io("open", e).path(path))?)
            }
        };
        let mut start = Vec::new();
        (&mut reader).take(512).read_to_end(&mut start).map_err(|e| place(Error::io("read", e), &segment))?;
        let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let text = line.contains(&b',')
            && line.iter().all(|byte| matches!(byte, b'\t' | b'\r' | 0x20..=0x7E | 0x80..));
        let whole: Box<dyn Read + Send> = Box::new(Cursor::new(start).chain(reader));
        if text {
            return Ok(Some(whole));
        }
        let source = if segment.path.is_some() { Source::File } else { Source::Reader(whole) };
        self.parts.push_front((segment, source));
        Ok(None)
    }

    /// Opens the next segment; `None` after the last. An error is that segment's own: the next may be fine.
    pub fn next_segment(&mut self) -> Option<(Segment, Result<SegmentStream>)> {
        let (segment, source) = self.parts.pop_front()?;
        let stream = self.stream(&segment, source).map_err(|e| place(e, &segment));
        Some((segment, stream))
    }

    /// Reads the next segment as a whole; `None` after the last.
    pub fn next_log(&mut self) -> Option<(Segment, Result<Log>)> {
        let (segment, read) = self.defer_log()?;
        Some((segment, read()))
    }

    /// The next segment and what reads it, to be called on any thread.
    #[expect(clippy::type_complexity, reason = "named once")]
    pub(super) fn defer_log(&mut self) -> Option<(Segment, Box<dyn FnOnce() -> Result<Log> + Send>)> {
        let (segment, source) = self.parts.pop_front()?;
        let (options, at) = (self.options.clone(), segment.clone());
        let read = move || {
            let log = match (source, &at.path) {
                (Source::File, Some(path)) => Log::open(path, &options),
                (Source::Reader(reader), _) => Log::from_reader(reader, &options),
                (Source::File, None) => Err(Error::io("open", std::io::ErrorKind::NotFound.into())),
            };
            log.map_err(|e| place(e, &at))
        };
        Some((segment, Box::new(read)))
    }

    fn stream(&self, segment: &Segment, source: Source) -> Result<SegmentStream> {
        let inner: Box<dyn Read + Send> = match (source, &segment.path) {
            (Source::Reader(reader), _) => reader,
            (Source::File, path) => Box::new(
                File::open(path.as_deref().unwrap_or(Path::new(""))).map_err(|e| Error::io("open", e))?,
            ),
        };
        let counted = Counted { inner, count: self.done_bytes() };
        LogStream::new(Box::new(counted), &self.options)
    }

    /// Calls `work` with each batch of each segment, in order. `work` may note unreadable parts of events in the
    /// record it is given.
    ///
    /// An unreadable segment among several is recorded and the next one is read.
    ///
    /// # Errors
    /// The first of `work`; that of a single segment, or of the first one if none could be read; in strict mode
    /// the first damage or unreadable segment.
    pub fn read(
        &mut self,
        mut work: impl FnMut(&Segment, &Batch, &mut Completeness) -> Result<()>,
    ) -> Result<InputRecord> {
        let several = self.parts.len() > 1;
        let mut record = InputRecord { missing: self.missing.clone(), ..InputRecord::default() };
        while let Some((segment, stream)) = self.next_segment() {
            let one = self.read_one(segment, stream, &mut work)?;
            if (self.options.strict || !several)
                && let Some(error) = one.error
            {
                return Err(error);
            }
            record.total.add(&one.completeness);
            record.segments.push(one);
        }
        match record.segments.iter_mut().all(|one| one.error.is_some()) {
            true => record.segments.first_mut().and_then(|one| one.error.take()).map_or(Ok(record), Err),
            false => Ok(record),
        }
    }

    /// Reads one segment; the outer error is that of `work`.
    fn read_one(
        &self,
        segment: Segment,
        stream: Result<SegmentStream>,
        work: &mut impl FnMut(&Segment, &Batch, &mut Completeness) -> Result<()>,
    ) -> Result<SegmentRecord> {
        let codec = stream.as_ref().ok().map(SegmentStream::codec);
        let (mut notes, mut seen, mut stopped) = (Completeness::default(), 0, false);
        let strict = self.options.strict;
        let each = |batch: &Batch| {
            seen += batch.len() as u64;
            let result = work(&segment, batch, &mut notes);
            stopped = result.is_err();
            result?;
            notes.strict_error().filter(|_| strict).map_or(Ok(()), Err)
        };
        let (mut completeness, error) = match stream.and_then(|stream| self.run(stream, each)) {
            Ok(completeness) => (completeness, None),
            Err(error) if stopped => return Err(error),
            Err(error) => {
                (Completeness { events: seen, ..Completeness::default() }, Some(place(error, &segment)))
            }
        };
        completeness.add(&notes);
        Ok(SegmentRecord { segment, codec, completeness, error })
    }

    fn run(
        &self,
        mut stream: SegmentStream,
        mut each: impl FnMut(&Batch) -> Result<()>,
    ) -> Result<Completeness> {
        if self.ahead {
            return read_ahead(stream, each);
        }
        let mut batch = Batch::default();
        while stream.next_batch(&mut batch)? {
            each(&batch)?;
        }
        Ok(stream.completeness().clone())
    }
}

fn place(error: Error, segment: &Segment) -> Error {
    let error = match segment.number {
        Some(number) => error.segment(number),
        None => error,
    };
    match &segment.path {
        Some(path) => error.path(path),
        None => error,
    }
}

/// Counts what is read, for progress.
struct Counted {
    inner: Box<dyn Read + Send>,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let got = self.inner.read(buf)?;
        self.count.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

/// A file name without the endings of logs.
fn strip(name: &str) -> &str {
    let name = [".zst", ".bz2"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    [".rlog", ".qlog"].iter().find_map(|end| name.strip_suffix(end)).filter(|s| !s.is_empty()).unwrap_or(name)
}

/// The name of a plain file, unless it is one of those that every segment has; else that of the route.
fn stem_of(found: &Found, given: &Path) -> String {
    let own = given.file_name().and_then(|name| name.to_str()).map(strip);
    let own = own.filter(|own| !own.is_empty());
    let one = match found.segments.as_slice() {
        [one] => Some(one),
        _ => None,
    };
    let usual = |own: &&str| !matches!(*own, "rlog" | "qlog");
    let is_file = one.is_some_and(|one| one.path == given);
    let name = match (own.filter(|own| is_file && usual(own)), found.route) {
        (Some(own), _) => own.to_owned(),
        (None, Some(route)) => {
            let number = one.and_then(|one| one.segment).map_or(String::new(), |n| format!("--{n}"));
            let kind = if found.segments.iter().all(|s| s.kind == LogKind::Qlog) { "--qlog" } else { "" };
            format!("{route}{number}{kind}")
        }
        (None, None) => own.unwrap_or("log").to_owned(),
    };
    name.replace(['|', '/', '\\', ':'], "_")
}
