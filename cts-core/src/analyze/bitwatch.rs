//! Bitwatch: which bits toggle only inside a time window, when watched bits change, and which bits pulse in a pattern.
//!
//! Rows (time, segment, bus, address, data) go into [`Bitwatch`] one by one, [`Bitwatch::finish`] gives an [`Outcome`],
//! and the `write_*` functions write it as the five files of the old can-bitwatch, byte for byte. Where this engine
//! does more than the old tool:
//!
//! * Payloads count in full. The old tool kept 8 bytes for bits; for payloads up to 8 bytes nothing changes, CAN FD
//!   payloads have bits up to 511 here.
//! * [`Config::by_bus`] keeps the buses of an address apart. The old tool pools them, so a message with different
//!   payloads on two buses toggles all the time. Then every file has a `bus` column after `address`, and the JSON one
//!   more level: address, bus, segment.
//! * [`Config::exclude_returned`] leaves out returned frames (bus 128 and up), which the old tool counts again.
//!
//! Memory: one entry for each distinct payload of an address and segment, a few words for each bit, the edges of watched
//! bits, and the pulses of bits that have toggled inside the window only; a bit's pulses go as soon as it toggles outside.
//!
//! Source: behaviour of comma-tools `can_bitwatch`, observed on the golden logs.

mod csv_in;
mod engine;
mod outcome;
mod pulse;
mod queue;
mod slot;
mod tally;
mod timeline;
mod times;
mod write;

#[cfg(test)]
mod tests;

pub use csv_in::{analyze_csv, read_csv};
pub use engine::Bitwatch;
pub use outcome::{AddressNotes, Candidate, Edge, Outcome, SegmentNotes, Summary, TopPayload};
pub use times::{Window, printed_seconds, python_repr};
pub use write::{
    write_accel_hunt, write_bit_edges, write_candidates_window_only, write_counts, write_per_address,
};

use crate::can::bits::{BitOrder, WatchSpec};
use crate::{ErrorKind, Result};

/// The watch list of the old tool, to be read in its order, [`BitOrder::Msb`].
pub const DEFAULT_WATCH: [&str; 4] = ["0x027:B4b5", "0x027:B5b1", "0x67A:B3b7", "0x321:B5b1"];

/// Where a row lies relative to the window under study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// Before the window.
    Pre,
    /// Inside it.
    Window,
    /// After it.
    Post,
}

impl Segment {
    /// `pre`, `window` or `post`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::Window => "window",
            Self::Post => "post",
        }
    }
}

/// The pulses to hunt for: exactly `count` high phases, each of `length_s` ± `tolerance_s`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PulsePattern {
    /// Number of pulses, 3 by default.
    pub count: usize,
    /// Length of each, seconds, 2 by default.
    pub length_s: f64,
    /// Largest deviation, seconds, 0.5 by default.
    pub tolerance_s: f64,
}

impl Default for PulsePattern {
    fn default() -> Self {
        Self { count: 3, length_s: 2.0, tolerance_s: 0.5 }
    }
}

impl PulsePattern {
    fn matches(&self, pulses: &[f64]) -> bool {
        let range = (self.length_s - self.tolerance_s)..=(self.length_s + self.tolerance_s);
        pulses.len() == self.count && pulses.iter().all(|pulse| range.contains(pulse))
    }
}

/// What to look for, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bits whose edges are listed; by default [`DEFAULT_WATCH`].
    pub watch: Vec<WatchSpec>,
    /// Start of the window, seconds. By default the time of the first row in the window, else of the first row.
    pub window_start_s: Option<f64>,
    /// The pulses to hunt for.
    pub pulses: PulsePattern,
    /// Keep the buses of an address apart.
    pub by_bus: bool,
    /// Leave out returned and rejected frames (bus 128 and up).
    pub exclude_returned: bool,
    /// How far rows may be out of time order, seconds, 1 by default. Rows within are put in order; later ones are used
    /// where they come and counted in [`Summary::late_rows`]. `f64::INFINITY` orders everything, and keeps every row.
    pub slack_s: f64,
}

impl Default for Config {
    fn default() -> Self {
        let watch = WatchSpec::parse_list(&DEFAULT_WATCH, BitOrder::Msb).unwrap_or_default();
        Self {
            watch,
            window_start_s: None,
            pulses: PulsePattern::default(),
            by_bus: false,
            exclude_returned: false,
            slack_s: 1.0,
        }
    }
}

impl Config {
    fn check(&self) -> Result<()> {
        let finite = "a finite number of seconds";
        if let Some(start) = self.window_start_s {
            check("window-start", start, start.is_finite(), finite)?;
        }
        let (length, tolerance) = (self.pulses.length_s, self.pulses.tolerance_s);
        check("pulse-length", length, length.is_finite() && length >= 0.0, "0 s or more")?;
        check("pulse-tolerance", tolerance, tolerance.is_finite() && tolerance >= 0.0, "0 s or more")?;
        check("slack", self.slack_s, self.slack_s >= 0.0, "0 s or more")
    }
}

fn check(name: &str, value: f64, good: bool, range: &str) -> Result<()> {
    if good {
        return Ok(());
    }
    Err(ErrorKind::OutOfRange { name: name.into(), value: value.to_string(), range: range.into() }.into())
}
