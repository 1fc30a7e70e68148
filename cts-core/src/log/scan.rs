//! Finds the messages in decompressed bytes, and the next one after damage.
//!
//! The scanner does no I/O and keeps no bytes: it is shown a buffer and says how far it got. Its one hot loop does
//! per message: one segment table, one root pointer, three fields, and a look at the next message's first words.
//! Bench: `scan`.

use memchr::memmem;

use super::completeness::{Completeness, Damage, DamageKind};
use super::event::{self, Entry};
use super::Limits;
use crate::capnp::{Header, Message, WORD, header};

/// Root pointer of every event of every known openpilot: a struct right behind the pointer, with 2 data words and
/// 1 pointer. Source: openpilot `cereal/log.capnp` `Event`, unchanged since 2016.
const ROOT: [u8; 8] = [0, 0, 0, 0, 2, 0, 1, 0];

/// Largest segment table that the search for the next message considers: 15 segments.
const SEARCH_TABLE: usize = 64;

/// A message that claims to reach this far beyond the bytes at hand is doubted before more bytes are asked for.
const DOUBT: usize = 256 << 10;

pub(super) struct Scanner {
    max_message: usize,
    /// Set while no message can be made out: where that began in the stream, and why.
    lost: Option<(u64, String)>,
}

enum Found {
    At(usize),
    /// Nothing yet; bytes from here on must be shown again.
    Keep(usize),
}

impl Scanner {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { max_message: limits.max_message_bytes, lost: None }
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
                match self.search(buf, pos, buf.len(), last) {
                    Found::At(next) => {
                        self.skip_to(base + next as u64, DamageKind::Framing, record);
                        pos = next;
                    }
                    Found::Keep(keep) if !last => return keep,
                    Found::Keep(_) => {
                        self.skip_to(base + buf.len() as u64, DamageKind::Framing, record);
                        return buf.len();
                    }
                }
            }
            if pos == buf.len() {
                return pos;
            }
            let total = match header(&buf[pos..], self.max_message) {
                Header::Message { total, .. } => total,
                Header::NeedMore if !last => return pos,
                Header::NeedMore if self.is_doubtful(buf, pos, buf.len(), last) => {
                    self.lose(base + pos as u64, "segment table leads beyond later messages");
                    pos += 1;
                    continue;
                }
                Header::NeedMore => return self.cut(buf, pos, base, record),
                Header::Bad(reason) => {
                    self.lose(base + pos as u64, reason);
                    continue;
                }
            };
            if !root_is_possible(&buf[pos..]) {
                self.lose(base + pos as u64, "no struct where a message's root should be");
                continue;
            }
            let next = pos + total;
            if next > buf.len() {
                if self.is_doubtful(buf, pos, next, last) {
                    self.lose(base + pos as u64, "message size leads beyond later messages");
                    pos += 1;
                    continue;
                }
                if !last {
                    return pos;
                }
                return self.cut(buf, pos, base, record);
            }
            if let Some(inner) = self.swallowed(buf, pos, next, last) {
                match inner {
                    Found::Keep(_) => return pos,
                    Found::At(at) => {
                        self.lose(base + pos as u64, "message size leads into a later message");
                        self.skip_to(base + at as u64, DamageKind::Framing, record);
                        pos = at;
                        continue;
                    }
                }
            }
            match Message::new(&buf[pos..next]).and_then(Message::root) {
                Ok(root) => {
                    let (mono_time, which, valid) = event::header(&root);
                    let (offset, len) = (pos as u32, total as u32);
                    entries.push(Entry { mono_time, offset, len, which, valid });
                    record.count(which, mono_time);
                }
                Err(fault) => {
                    self.lose(base + pos as u64, fault.0);
                    self.skip_to(base + next as u64, DamageKind::Root, record);
                }
            }
            pos = next;
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

    /// The stream ends inside the message at `pos`.
    #[cold]
    fn cut(&mut self, buf: &[u8], pos: usize, base: u64, record: &mut Completeness) -> usize {
        self.lose(base + pos as u64, "the log ends inside a message");
        self.skip_to(base + buf.len() as u64, DamageKind::Cut, record);
        buf.len()
    }

    /// When the bytes behind a message are no message: whether the message itself is too long and swallowed the
    /// next ones. `Keep` asks for more bytes.
    #[inline]
    fn swallowed(&self, buf: &[u8], pos: usize, next: usize, last: bool) -> Option<Found> {
        match starts_message(&buf[next..], self.max_message) {
            Some(true) => None,
            None if !last => Some(Found::Keep(pos)),
            // At the end of a log nothing behind the message vouches for its size.
            None | Some(false) => self.swallowed_slow(buf, pos, next, last),
        }
    }

    #[cold]
    fn swallowed_slow(&self, buf: &[u8], pos: usize, next: usize, last: bool) -> Option<Found> {
        match self.search(buf, pos + 1, next, last) {
            Found::At(at) if at < next => Some(Found::At(at)),
            Found::Keep(at) if at < next && !last => Some(Found::Keep(pos)),
            _ => None,
        }
    }

    /// A message that reaches far beyond the buffer is doubted when several good messages stand inside it.
    fn is_doubtful(&self, buf: &[u8], pos: usize, next: usize, last: bool) -> bool {
        if !last && (next - buf.len() < DOUBT || buf.len() - pos < DOUBT / 4) {
            return false;
        }
        let mut at = pos + 1;
        let mut run = 0;
        while let Found::At(found) = self.search(buf, at, buf.len(), last) {
            match header(&buf[found..], self.max_message) {
                Header::Message { total, .. } if found + total <= buf.len() => {
                    run = if found == at { run + 1 } else { 1 };
                    at = found + total;
                }
                _ => return false,
            }
            if run == 3 {
                return true;
            }
        }
        // At the end of a log one good message is evidence enough: the other reading is that all is lost.
        last && run > 0
    }

    /// The first place in `buf[from..end]` that looks like an event and is followed by another or by the end.
    ///
    /// After damaged compression messages may start at any byte, so that no alignment is assumed.
    fn search(&self, buf: &[u8], from: usize, end: usize, last: bool) -> Found {
        let mut roots = from;
        while let Some(at) = buf.get(roots..).and_then(|rest| memmem::find(rest, &ROOT)) {
            let root = roots + at;
            roots = root + 1;
            let tables = (WORD..=SEARCH_TABLE).step_by(WORD).filter_map(|table| root.checked_sub(table));
            for start in tables.take_while(|start| *start >= from) {
                if start >= end {
                    continue;
                }
                match self.is_event(buf, start, root, last) {
                    Some(true) => return Found::At(start),
                    Some(false) => {}
                    None => return Found::Keep(start),
                }
            }
            if root >= end + SEARCH_TABLE {
                break;
            }
        }
        Found::Keep(buf.len().saturating_sub(SEARCH_TABLE + ROOT.len()).max(from))
    }

    /// Whether a message with its root pointer at `root` starts at `start`; `None` when more bytes are needed.
    fn is_event(&self, buf: &[u8], start: usize, root: usize, last: bool) -> Option<bool> {
        let Header::Message { table, total } = header(&buf[start..], self.max_message) else {
            return Some(false);
        };
        let Some(data) = buf.get(root + 8..root + 24) else {
            return if last { Some(false) } else { None };
        };
        // Bytes 11–15 of an event's data section are unused, and its clock is no older than a year.
        let unused = data[11..].iter().all(|byte| *byte == 0);
        let clock = data[7] == 0;
        if start + table != root || !unused || !clock {
            return Some(false);
        }
        let next = start + total;
        match buf.get(next..) {
            Some([]) if last => Some(true),
            Some(rest) => starts_message(rest, self.max_message).or(last.then_some(false)),
            None if last => Some(false),
            // A candidate that reaches far beyond the buffer is more likely chance than a message.
            None if next - buf.len() > DOUBT => Some(false),
            None => None,
        }
    }
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
/// segment, or a far pointer. True when the word is not there yet.
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
        2 => true,
        _ => false,
    }
}
