//! On which bus messages come, and how many.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::finding::seconds;
use super::{Findings, Message, Monitor, PandaState, Seen, name};

/// Frames of one address on one bus.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Count {
    /// The address.
    #[serde(serialize_with = "address")]
    pub address: u32,
    /// The bus.
    pub bus: u8,
    /// Its name in opendbc's Subaru files.
    pub name: Option<&'static str>,
    /// Frames in the sample.
    pub frames: u64,
    /// Frames per second in the sample; `None` when it has no length.
    pub hz: Option<f64>,
}

fn address<S: Serializer>(address: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("0x{address:03X}"))
}

/// Counts frames of some addresses in samples of equal length, one after the other.
#[derive(Clone, Debug)]
pub struct BusCheck {
    addresses: Vec<u32>,
    buses: Vec<u8>,
    /// Length of a sample in ns; 0 for one that ends with the stream.
    sample: u64,
    /// Start of the running sample.
    start: Option<u64>,
    /// The latest time so far.
    now: u64,
    /// Start of the stream.
    first: u64,
    /// All frames in the sample.
    frames: u64,
    /// By address and bus, from the first frame on: in the sample, and in all.
    counts: BTreeMap<(u32, u8), [u64; 2]>,
    empty: u64,
    samples: u64,
}

impl BusCheck {
    /// Watches `addresses` on `buses`, or on all without any, in samples of `sample` ns; 0 makes one of all.
    pub fn new(addresses: Vec<u32>, buses: Vec<u8>, sample: u64) -> Self {
        let (start, counts) = (None, BTreeMap::new());
        Self { addresses, buses, sample, start, counts, now: 0, first: 0, frames: 0, empty: 0, samples: 0 }
    }

    /// The frames of the whole stream, sorted by address and bus.
    pub fn totals(&self) -> Vec<Count> {
        self.rows(1, self.now.saturating_sub(self.first))
    }

    /// Watched addresses that were on none of the buses.
    pub fn never(&self) -> Vec<u32> {
        let absent = |address: &&u32| !self.counts.keys().any(|(seen, _)| seen == *address);
        self.addresses.iter().filter(absent).copied().collect()
    }

    /// Samples that ended.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    fn rows(&self, which: usize, length: u64) -> Vec<Count> {
        let row = |(&(address, bus), frames): (&(u32, u8), &[u64; 2])| Count {
            address,
            bus,
            name: name(address),
            frames: frames[which],
            hz: (length > 0).then(|| (frames[which] as f64 / seconds(length) * 1e3).round() / 1e3),
        };
        self.counts.iter().map(row).collect()
    }

    fn end(&mut self, start: u64, end: u64, out: &mut Findings) {
        let rows = self.rows(0, end - start);
        let seen = Seen::CanCounts {
            from_s: out.seconds(start),
            to_s: out.seconds(end),
            frames: self.frames,
            rows,
            never: self.never(),
            empty_before: self.empty,
        };
        out.push(end, seen);
        self.samples += 1;
        (self.frames, self.empty) = (0, 0);
        self.counts.values_mut().for_each(|count| count[0] = 0);
    }
}

impl Monitor for BusCheck {
    fn time(&mut self, at: u64, out: &mut Findings) {
        let Some(start) = self.start else {
            (self.start, self.now, self.first) = (Some(at), at, at);
            return;
        };
        self.now = self.now.max(at);
        let passed = (self.now - start).checked_div(self.sample).unwrap_or(0);
        if passed > 0 {
            self.end(start, start + self.sample, out);
            // A long pause is one step, however many samples would fit.
            self.empty = passed - 1;
            self.start = Some(start + passed * self.sample);
        }
    }

    fn frame(&mut self, _: u64, message: Message, _: &mut Findings) {
        self.frames += 1;
        let on_bus = self.buses.is_empty() || self.buses.contains(&message.bus);
        if on_bus && self.addresses.contains(&message.address) {
            let count = self.counts.entry((message.address, message.bus)).or_default();
            count.iter_mut().for_each(|count| *count += 1);
        }
    }

    fn pandas(&mut self, _: u64, _: &[PandaState], _: &mut Findings) {}

    fn finish(&mut self, out: &mut Findings) {
        if let Some(start) = self.start.take() {
            self.end(start, self.now, out);
        }
    }
}
