//! Counters and checksums of the frames of one message.

use serde::Serialize;

use crate::dbc::MessageChecks;

/// What is done about counters and checksums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// They are signals as all others.
    #[default]
    No,
    /// They are checked and counted.
    Count,
    /// Frames that opendbc would reject are left out too.
    Drop,
}

/// What the counters and checksums of a message's frames were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckStats {
    /// Frames whose checksum is right.
    pub checksum_ok: u64,
    /// Frames whose checksum is wrong.
    pub checksum_bad: u64,
    /// Frames whose counter follows that of the frame before it on the same bus.
    pub counter_ok: u64,
    /// Frames whose counter does not follow.
    pub counter_bad: u64,
    /// Frames that are missing by the counters that do not follow. A counter that stands still says nothing.
    pub counter_missing: u64,
    /// Frames left out.
    pub dropped: u64,
}

/// Checks the frames of one message.
#[derive(Debug)]
pub(super) struct Verifier {
    checks: MessageChecks,
    drop: bool,
    /// State of the counter on each bus.
    buses: Vec<(u8, Counter)>,
    pub(super) stats: CheckStats,
}

#[derive(Debug, Default)]
struct Counter {
    /// `None` before the first frame.
    last: Option<u64>,
    failures: u8,
}

/// Failures that make a counter's frames rejected. Source: opendbc `opendbc/can/parser.py` `MAX_BAD_COUNTER`.
const MAX_FAILURES: u8 = 5;

impl Verifier {
    pub(super) fn new(checks: MessageChecks, drop: bool) -> Self {
        Self { checks, drop, buses: Vec::new(), stats: CheckStats::default() }
    }

    /// Checks a frame; false if it is to be left out.
    pub(super) fn keeps(&mut self, bus: u8, data: &[u8]) -> bool {
        let checksum = self.checks.checksum_ok(data);
        self.stats.checksum_ok += u64::from(checksum == Some(true));
        self.stats.checksum_bad += u64::from(checksum == Some(false));
        let counted = self.checks.counter_value(data).is_none_or(|value| self.count(bus, value));
        let good = checksum != Some(false) && counted;
        self.stats.dropped += u64::from(!good && self.drop);
        good || !self.drop
    }

    /// Whether opendbc would accept the counter: each that does not follow counts as a failure, each that does takes
    /// one back, and before the first frame the counter was 0.
    ///
    /// Source: opendbc `opendbc/can/parser.py` `MessageState.update_counter`.
    fn count(&mut self, bus: u8, value: u64) -> bool {
        let known = self.buses.iter().position(|(of, _)| *of == bus);
        let position = known.unwrap_or_else(|| {
            self.buses.push((bus, Counter::default()));
            self.buses.len() - 1
        });
        let counter = &mut self.buses[position].1;
        let missing = self.checks.missing_between(counter.last.unwrap_or(0), value).unwrap_or(0);
        if counter.last.is_some() {
            let still = counter.last == Some(value);
            self.stats.counter_ok += u64::from(missing == 0);
            self.stats.counter_bad += u64::from(missing != 0);
            self.stats.counter_missing += if still { 0 } else { missing };
        }
        counter.last = Some(value);
        counter.failures = match missing {
            0 => counter.failures.saturating_sub(1),
            _ => (counter.failures + 1).min(MAX_FAILURES),
        };
        counter.failures < MAX_FAILURES
    }
}
