//! What the engine found.

use serde::Serialize;

use super::Segment;
use crate::can::bits::BitRef;

/// Everything found, ready for the `write_*` functions.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Totals.
    pub summary: Summary,
    /// Whether buses were kept apart; then `bus` is given everywhere below.
    pub by_bus: bool,
    /// Counts and payloads, in the order of the first rows.
    pub addresses: Vec<AddressNotes>,
    /// Edges of watched bits, by time.
    pub edges: Vec<Edge>,
    /// Bits that toggled inside the window only, by their first toggle, then by bit.
    pub candidates: Vec<Candidate>,
}

/// Totals of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Rows used.
    pub rows: u64,
    /// Rows left out because they were returned or rejected (bus 128 and up).
    pub excluded_rows: u64,
    /// Rows further out of time order than the slack: edges and toggles near them may be wrong.
    pub late_rows: u64,
    /// Distinct addresses; with buses apart, distinct pairs of bus and address.
    pub addresses: usize,
    /// Addresses whose buses were pooled although there were several.
    pub pooled_addresses: usize,
    /// Edges of watched bits.
    pub watched_edges: usize,
    /// Bits that toggled inside the window only.
    pub candidates: usize,
    /// Candidates that show the pulse pattern.
    pub pulse_matches: usize,
    /// Start of the window, seconds: as given, else first row of the window, else first row.
    pub window_start_s: f64,
    /// End of the window, seconds: last row of the window, else last row.
    pub window_end_s: f64,
}

/// Counts and payloads of an address.
#[derive(Clone, Debug, PartialEq)]
pub struct AddressNotes {
    /// The address.
    pub address: u32,
    /// The bus, if buses are kept apart.
    pub bus: Option<u8>,
    /// The segments that have rows, in the order of their first rows.
    pub segments: Vec<SegmentNotes>,
}

impl AddressNotes {
    /// Number of rows in a segment.
    pub fn rows(&self, segment: Segment) -> u64 {
        self.segments.iter().find(|notes| notes.segment == segment).map_or(0, |notes| notes.rows)
    }
}

/// Counts and payloads of an address in one segment.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentNotes {
    /// The segment.
    pub segment: Segment,
    /// Number of rows.
    pub rows: u64,
    /// Number of distinct payloads.
    pub unique_payloads: usize,
    /// The five most common payloads, the first seen first among equals.
    pub top_payloads: Vec<TopPayload>,
}

/// A payload and how often it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopPayload {
    /// The payload.
    pub data: Vec<u8>,
    /// Number of rows.
    pub count: u64,
}

/// A change of a watched bit.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// The address.
    pub address: u32,
    /// The bus of the row that shows the new value.
    pub bus: u8,
    /// The bit.
    pub bit: BitRef,
    /// Time, seconds.
    pub t_s: f64,
    /// True for 0 to 1.
    pub rising: bool,
    /// Segment of the row.
    pub segment: Segment,
}

/// A bit that toggled inside the window and never outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The address.
    pub address: u32,
    /// The bus, if buses are kept apart.
    pub bus: Option<u8>,
    /// The bit.
    pub bit: BitRef,
    /// Number of toggles.
    pub toggles: u64,
    /// Lengths of its high phases that began after the start of the window, seconds.
    pub pulses_s: Vec<f64>,
    /// Whether these are the pulses looked for.
    pub matches: bool,
}
