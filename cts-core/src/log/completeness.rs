//! The record that every reading ends with: what was delivered, what was not, and why.

use std::collections::BTreeMap;

use crate::{Error, ErrorKind};

/// How many damaged places are kept with all details; further ones are only counted.
const KEPT: usize = 1000;

/// What a reading delivered and what it had to leave out.
#[derive(Clone, Debug, Default)]
pub struct Completeness {
    /// Events delivered.
    pub events: u64,
    /// Events delivered, by the number of the union member on the wire; names are the schema's business.
    pub by_which: BTreeMap<u16, u64>,
    /// Decompressed bytes seen.
    pub bytes_read: u64,
    /// Of these, bytes that belong to no delivered event.
    pub bytes_skipped: u64,
    /// The first thousand damaged places, in the order in which they were met.
    pub damage: Vec<Damage>,
    /// All damaged places.
    pub damage_count: u64,
    /// Events older than their predecessor, the start-of-drive copy `initData` left out. Loggers write events in
    /// order of arrival, so that small numbers are normal.
    pub out_of_order: u64,
    /// Smallest mono time of any event but `initData`, in ns.
    pub first_mono_time: Option<u64>,
    /// Largest mono time, in ns.
    pub last_mono_time: Option<u64>,
    /// Mono time of the latest event, to count disorder.
    pub(super) previous: u64,
}

/// One damaged place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What is damaged.
    pub kind: DamageKind,
    /// Offset in the decompressed log where the damage begins.
    pub offset: u64,
    /// Bytes left out there; 0 when the loss is in the compressed stream and its size cannot be known.
    pub len: u64,
    /// Offset in the compressed file, for damage of the compression.
    pub file_offset: Option<u64>,
    /// Index of the event, for damage inside a delivered event.
    pub event: Option<u64>,
    /// What was found.
    pub reason: String,
}

/// What is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DamageKind {
    /// The file ends inside a message or a compressed block.
    Cut,
    /// A compressed block does not decode.
    Compression,
    /// Bytes that are no message.
    Framing,
    /// A message whose root is no event.
    Root,
    /// A delivered event with a part that cannot be read.
    Value,
}

impl DamageKind {
    /// A stable word: `cut`, `compression`, `framing`, `root`, `value`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Compression => "compression",
            Self::Framing => "framing",
            Self::Root => "root",
            Self::Value => "value",
        }
    }
}

impl Completeness {
    /// Whether everything in the input was delivered.
    pub fn is_complete(&self) -> bool {
        self.damage_count == 0
    }

    /// Records a damaged place.
    #[cold]
    pub fn note(&mut self, damage: Damage) {
        self.damage_count += 1;
        self.bytes_skipped += damage.len;
        if self.damage.len() < KEPT {
            self.damage.push(damage);
        }
    }

    /// Records an unreadable part of a delivered event.
    #[cold]
    pub fn note_value(&mut self, event: u64, offset: u64, reason: &str) {
        let (kind, reason) = (DamageKind::Value, reason.to_owned());
        self.note(Damage { kind, offset, len: 0, file_offset: None, event: Some(event), reason });
    }

    /// Counts one delivered event.
    #[inline]
    pub(super) fn count(&mut self, which: u16, mono_time: u64) {
        self.events += 1;
        // `initData` is built once per drive and copied into each segment with the drive's start as its time.
        if which != super::which::INIT_DATA {
            self.out_of_order += u64::from(mono_time < self.previous);
            self.previous = mono_time;
            let first = self.first_mono_time.get_or_insert(mono_time);
            *first = mono_time.min(*first);
            let last = self.last_mono_time.get_or_insert(mono_time);
            *last = mono_time.max(*last);
        }
    }

    /// Adds the record of a further segment.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        for (which, count) in &other.by_which {
            *self.by_which.entry(*which).or_default() += count;
        }
        self.bytes_read += other.bytes_read;
        self.bytes_skipped += other.bytes_skipped;
        self.damage_count += other.damage_count;
        self.out_of_order += other.out_of_order;
        let room = KEPT.saturating_sub(self.damage.len());
        self.damage.extend(other.damage.iter().take(room).cloned());
        self.first_mono_time = [self.first_mono_time, other.first_mono_time].into_iter().flatten().min();
        self.last_mono_time = self.last_mono_time.max(other.last_mono_time);
    }

    /// The first damage as an error, for strict reading.
    pub(super) fn strict_error(&self) -> Option<Error> {
        let damage = self.damage.first()?;
        let kind = match damage.kind {
            DamageKind::Compression => ErrorKind::BadCompression {
                codec: "compressed",
                byte: damage.file_offset.unwrap_or_default(),
                reason: damage.reason.clone(),
            },
            _ => ErrorKind::BadFraming { len: damage.len, reason: damage.reason.clone() },
        };
        Some(Error::from(kind).byte(damage.offset))
    }
}
