//! Finds the messages in decompressed bytes, and the next one after damage.
//!
//! The scanner does no I/O and keeps no bytes: it is shown a buffer and says how far it got. Its one hot loop does
//! per message: one segment table, one root pointer, three fields, and a look at the next message's first words.
//! Benches: `log/index`, `log/stream`.
//!
//! What it decides depends on the bytes of the log only, never on how they were cut into buffers, and a byte is
//! searched a small fixed number of times however hostile the log: see [`Scanner::search`] and [`Runs`].

use memchr::memmem;

use super::Limits;
use super::completeness::{Completeness, Damage, DamageKind};
use super::event::{self, Entry};
use crate::capnp::{Header, Message, WORD, header};

/// Root pointer of every event of every known openpilot: a struct right behind the pointer, with 2 data words and
/// 1 pointer. Source: openpilot `cereal/log.capnp` `Event`, unchanged since 2016.
const ROOT: [u8; 8] = [0, 0, 0, 0, 2, 0, 1, 0];

/// Largest segment table that the search for the next message considers: 15 segments.
const SEARCH_TABLE: usize = 64;

/// A message that claims more bytes than this is doubted: it must not have a run of good messages in its first
/// bytes, as many as these. After damage no larger message is looked for.
const LARGE: usize = 256 << 10;

/// Most bytes of each message of a run that shows that a large one is none.
const SMALL: usize = 16 << 10;

pub(super) struct Scanner {
    max_message: usize,
    /// Set while no message can be made out: where that began in the stream, and why.
    lost: Option<(u64, String)>,
    runs: Runs,
    root: memmem::Finder<'static>,
}

/// What is known of runs of good messages, by offset in the stream. It keeps many large claims, one behind the
/// other, from searching the same bytes again and again.
#[derive(Default)]
struct Runs {
    /// Where the latest run begins.
    found: Option<u64>,
    /// No run begins before this, `found` left out.
    none_before: u64,
}

enum Found {
    At(usize),
    Nowhere,
    /// Nothing yet; bytes from here on must be shown again, with more behind them.
    More(usize),
}

/// What to do about the message at the scanner's position.
enum Step {
    /// It ends here.
    Take(usize),
    /// It cannot be judged without more bytes.
    Wait,
    /// It is none: look for the next.
    Lose(&'static str),
    /// It is none, and the next one begins here.
    Resume(usize, &'static str),
    /// The log ends inside it.
    Cut,
}

impl Scanner {
    pub(super) fn new(limits: &Limits) -> Self {
        let (lost, runs) = (None, Runs::default());
        Self { max_message: limits.max_message_bytes, lost, runs, root: memmem::Finder::new(&ROOT) }
    }

    /// Notes all messages in `buf[from..]` and returns where the first unfinished one begins.
    ///
    /// `base` is the stream offset of `buf[0]`. With `last`, nothing follows `buf`: what is left over is damage.
    pub(super) fn scan(
        &mut self,
        buf: &[u8],
        from: usize,
        base: u64,
        last: bool,
        entries: &mut Vec<Entry>,
        record: &mut Completeness,
    ) -> usize {
        let mut pos = from;
        loop {
            if self.lost.is_some() {
                let (next, wait) = match self.search(buf, pos, usize::MAX, last) {
                    Found::More(keep) => (keep, true),
                    Found::At(next) => (next, false),
                    Found::Nowhere => (buf.len(), false),
                };
                if wait {
                    return next;
                }
                self.skip_to(base + next as u64, DamageKind::Framing, record);
                pos = next;
            }
            pos = self.take_usual(buf, pos, entries, record);
            if pos == buf.len() {
                return pos;
            }
            match self.step(buf, pos, base, last) {
                Step::Take(next) => {
                    self.take(&buf[pos..next], pos, base, entries, record);
                    pos = next;
                }
                Step::Wait => return pos,
                Step::Lose(reason) => self.lose(base + pos as u64, reason),
                Step::Resume(next, reason) => {
                    self.lose(base + pos as u64, reason);
                    self.skip_to(base + next as u64, DamageKind::Framing, record);
                    pos = next;
                }
                Step::Cut => {
                    self.lose(base + pos as u64, "the log ends inside a message");
                    self.skip_to(base + buf.len() as u64, DamageKind::Cut, record);
                    return buf.len();
                }
            }
        }
    }

    /// Notes messages of the usual layout for as long as the next one has it too, and returns where the first stands
    /// of which that cannot be said. Everything else is left to [`Scanner::step`], which comes to the same result.
    #[inline]
    fn take_usual(
        &self,
        buf: &[u8],
        from: usize,
        entries: &mut Vec<Entry>,
        record: &mut Completeness,
    ) -> usize {
        let most = self.max_message.min(LARGE);
        let mut pos = from;
        let mut here = usual(buf, pos, most);
        while let Some((next, data)) = here {
            here = usual(buf, next, most);
            if here.is_none() {
                break;
            }
            let (mono_time, which, valid) = event::usual_header(data);
            entries.push(Entry { mono_time, offset: pos as u32, len: (next - pos) as u32, which, valid });
            record.count(which, mono_time);
            pos = next;
        }
        pos
    }

    #[inline]
    fn step(&mut self, buf: &[u8], pos: usize, base: u64, last: bool) -> Step {
        let total = match header(&buf[pos..], self.max_message) {
            Header::Message { total, .. } => total,
            Header::NeedMore if !last => return Step::Wait,
            Header::NeedMore => return self.unfinished(buf, pos),
            Header::Bad(reason) => return Step::Lose(reason),
        };
        if !root_is_possible(&buf[pos..]) {
            return Step::Lose("no struct where a message's root should be");
        }
        if total > LARGE {
            match self.holds_run(buf, pos, base, last) {
                Some(false) => {}
                Some(true) => return Step::Lose("message size leads beyond later messages"),
                None => return Step::Wait,
            }
        }
        let next = pos + total;
        if next > buf.len() {
            return if last { self.unfinished(buf, pos) } else { Step::Wait };
        }
        match starts_message(&buf[next..], self.max_message) {
            Some(true) => Step::Take(next),
            None if !last => Step::Wait,
            // Nothing behind the message vouches for its size: it may have swallowed the next ones.
            None | Some(false) => self.swallowed(buf, pos, next, last),
        }
    }

    /// Notes one whole message as an event.
    #[inline]
    fn take(
        &mut self,
        bytes: &[u8],
        pos: usize,
        base: u64,
        entries: &mut Vec<Entry>,
        record: &mut Completeness,
    ) {
        match Message::new(bytes).and_then(Message::root) {
            Ok(root) => {
                let (mono_time, which, valid) = event::header(&root);
                let (offset, len) = (pos as u32, bytes.len() as u32);
                entries.push(Entry { mono_time, offset, len, which, valid });
                record.count(which, mono_time);
            }
            Err(fault) => {
                let start = base + pos as u64;
                self.lose(start, fault.0);
                self.skip_to(start + bytes.len() as u64, DamageKind::Root, record);
            }
        }
    }

    #[cold]
    fn lose(&mut self, at: u64, reason: &str) {
        self.lost.get_or_insert_with(|| (at, reason.to_owned()));
    }

    #[cold]
    fn skip_to(&mut self, end: u64, kind: DamageKind, record: &mut Completeness) {
        if let Some((offset, reason)) = self.lost.take() {
            let len = end.saturating_sub(offset);
            record.note(Damage { kind, offset, len, file_offset: None, event: None, reason });
        }
    }

    /// The stream ends inside the message at `pos`. One good message further on is evidence enough that only the
    /// size is damaged: the other reading is that all is lost.
    #[cold]
    fn unfinished(&self, buf: &[u8], pos: usize) -> Step {
        match self.search(buf, pos + 1, buf.len(), true) {
            Found::At(next) => Step::Resume(next, "message size leads beyond later messages"),
            _ => Step::Cut,
        }
    }

    /// The bytes behind the message at `pos` are no message, or missing.
    #[cold]
    fn swallowed(&self, buf: &[u8], pos: usize, next: usize, last: bool) -> Step {
        match self.search(buf, pos + 1, next, last) {
            Found::At(inner) => Step::Resume(inner, "message size leads into a later message"),
            Found::More(_) => Step::Wait,
            Found::Nowhere => Step::Take(next),
        }
    }

    /// Whether three small good messages in a row stand in the first bytes of the large message at `pos`; `None`
    /// when more bytes are needed.
    #[cold]
    fn holds_run(&mut self, buf: &[u8], pos: usize, base: u64, last: bool) -> Option<bool> {
        let view = match buf.get(..pos + LARGE) {
            Some(view) => view,
            None if last => buf,
            None => return None,
        };
        let first = base + pos as u64 + 1;
        if self.runs.found.is_some_and(|run| run >= first) {
            return Some(true);
        }
        let from = (self.runs.none_before.max(first) - base) as usize;
        let found = self.find(view, from, usize::MAX, |start, root| self.is_run(view, start, root));
        match found {
            Found::At(run) => self.runs.found = Some(base + run as u64),
            Found::More(keep) => self.runs.none_before = base + keep as u64,
            Found::Nowhere => self.runs.none_before = base + keep_from(view, from) as u64,
        }
        Some(matches!(found, Found::At(_)))
    }

    /// Whether three small messages follow one another from `start` on; `None` when the bytes do not reach.
    fn is_run(&self, buf: &[u8], start: usize, root: usize) -> Option<bool> {
        let (mut start, mut root) = (start, root);
        for _ in 0..3 {
            match self.is_event(buf, start, root, SMALL, false) {
                Some(true) => {}
                other => return other,
            }
            let table_at = |at: usize| match header(&buf[at..], self.max_message) {
                Header::Message { table, total } => Some((table, total)),
                _ => None,
            };
            let Some((_, total)) = table_at(start) else { return Some(false) };
            start += total;
            let Some((table, _)) = table_at(start) else { return Some(false) };
            root = start + table;
        }
        Some(true)
    }

    /// The first place in `buf[from..end]` that looks like an event and is followed by another or by the end.
    ///
    /// After damaged compression messages may start at any byte, so that no alignment is assumed. Each caller skips
    /// or accepts what was searched, so that no byte is searched often.
    fn search(&self, buf: &[u8], from: usize, end: usize, last: bool) -> Found {
        match self.find(buf, from, end, |start, root| self.is_event(buf, start, root, LARGE, last)) {
            Found::Nowhere if !last && buf.len() < end.saturating_add(SEARCH_TABLE + ROOT.len()) => {
                Found::More(keep_from(buf, from))
            }
            found => found,
        }
    }

    /// The first place in `buf[from..end]` where `is_wanted(start, root)` holds.
    #[inline]
    fn find(
        &self,
        buf: &[u8],
        from: usize,
        end: usize,
        is_wanted: impl Fn(usize, usize) -> Option<bool>,
    ) -> Found {
        let reach = end.saturating_add(SEARCH_TABLE + ROOT.len()).min(buf.len());
        let mut roots = from;
        while let Some(at) = buf.get(roots..reach).and_then(|rest| self.root.find(rest)) {
            let root = roots + at;
            roots = root + 1;
            let tables = (WORD..=SEARCH_TABLE).step_by(WORD);
            let starts = tables.map_while(|table| root.checked_sub(table).filter(|start| *start >= from));
            for start in starts.filter(|start| *start < end) {
                match is_wanted(start, root) {
                    Some(true) => return Found::At(start),
                    Some(false) => {}
                    // Longer tables of the same root have not been looked at yet.
                    None => return Found::More(root.saturating_sub(SEARCH_TABLE).max(from)),
                }
            }
        }
        Found::Nowhere
    }

    /// Whether a message of at most `most` bytes with its root pointer at `root` starts at `start`; `None` when more
    /// bytes are needed.
    fn is_event(&self, buf: &[u8], start: usize, root: usize, most: usize, last: bool) -> Option<bool> {
        let (table, total) = match buf.get(start..).map(|bytes| header(bytes, self.max_message)) {
            Some(Header::Message { table, total }) => (table, total),
            _ => return Some(false),
        };
        if start + table != root || total > most {
            return Some(false);
        }
        let Some(data) = buf.get(root + 8..root + 24) else {
            return if last { Some(false) } else { None };
        };
        // Bytes 11–15 of an event's data section are unused, and its clock is no older than a year.
        let unused = data[11..].iter().all(|byte| *byte == 0);
        let clock = data[7] == 0;
        if buf[root..root + 8] != ROOT || !unused || !clock {
            return Some(false);
        }
        match buf.get(start + total..) {
            Some([]) if last => Some(true),
            Some(rest) => starts_message(rest, self.max_message).or(last.then_some(false)),
            None if last => Some(false),
            None => None,
        }
    }
}

/// The end and the data section of the message at `pos`, if it has one segment of at most `most` bytes that begins
/// with [`ROOT`], as all events of real logs do.
#[inline]
fn usual(buf: &[u8], pos: usize, most: usize) -> Option<(usize, &[u8; 16])> {
    /// The least words of such a message: the root pointer, the event's data and its pointer.
    const LEAST: usize = 4;
    let (table, rest) = buf.get(pos..)?.split_first_chunk::<8>()?;
    let (root, rest) = rest.split_first_chunk::<8>()?;
    let data = rest.first_chunk::<16>()?;
    let table = u64::from_le_bytes(*table);
    let words = (table >> 32) as usize;
    let fits = table as u32 == 0 && *root == ROOT && words >= LEAST && words <= most / WORD;
    fits.then_some((pos + WORD + words * WORD, data))
}

/// Where a search that ended without a hit must go on: a root pointer may stand half in the buffer, its table before.
fn keep_from(buf: &[u8], from: usize) -> usize {
    buf.len().saturating_sub(SEARCH_TABLE + ROOT.len()).max(from)
}

/// Whether `bytes` begin with a table and a root that fit an event; `None` when there are too few to tell.
#[inline]
fn starts_message(bytes: &[u8], max_message: usize) -> Option<bool> {
    match header(bytes, max_message) {
        Header::NeedMore => None,
        Header::Bad(_) => Some(false),
        Header::Message { table, .. } if bytes.len() < table + WORD => None,
        Header::Message { .. } => Some(root_is_possible(bytes)),
    }
}

/// Whether the first word behind the segment table can be the root pointer of an event: a struct in the same
/// segment, or a far pointer to another one. True when the word is not there yet.
#[inline]
fn root_is_possible(bytes: &[u8]) -> bool {
    let Header::Message { table, .. } = header(bytes, usize::MAX) else {
        return false;
    };
    let Some(word) = bytes.get(table..).and_then(|rest| rest.first_chunk::<8>()) else {
        return true;
    };
    if *word == ROOT {
        return true;
    }
    let word = u64::from_le_bytes(*word);
    let (kind, data, pointers) = (word & 3, (word >> 32) as u16, (word >> 48) as u16);
    match kind {
        0 => (1..=64).contains(&data) && (1..=64).contains(&pointers) && (word as u32) < 1 << 16,
        2 => table > WORD,
        _ => false,
    }
}
