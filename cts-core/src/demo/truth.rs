//! What is in a drive, observed where it is written.

use std::collections::BTreeMap;

use serde::Serialize;

use super::events::Written;
use super::layout::{Frame, MILES, WHEEL_KPH, WHEELS, get};
use super::script::WINDOW;

/// What a drive holds. Seconds count from the first `can` event; a mono time is that of the `can` event with the
/// first frame that shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Truth {
    /// The seed.
    pub seed: u64,
    /// Length of the drive in seconds.
    pub seconds: u32,
    /// Bytes of the uncompressed log.
    pub bytes: u64,
    /// Events, a garbled one left out.
    pub events: u64,
    /// Events by service.
    pub by_service: BTreeMap<&'static str, u64>,
    /// Frames in `can` events, by bus.
    pub frames_by_bus: BTreeMap<u8, u64>,
    /// Mono time of the first `can` event, in ns; 0 without one.
    pub first_can_mono_time: u64,
    /// Mono time of the last `can` event, in ns.
    pub last_can_mono_time: u64,
    /// Slowest and fastest speed (mean of four wheels of 0x13A), in mph.
    pub speed_range_mph: [f64; 2],
    /// The speed band that [`Truth::bands`] are about, in mph, both ends included.
    pub band_mph: [f64; 2],
    /// When the speed was in that band.
    pub bands: Vec<Band>,
    /// The planted bits and their edges.
    pub signals: Vec<PlantedSignal>,
    /// Left blinker, then right: the last rise of the left lamp before the right one rises.
    pub markers: Vec<Marker>,
    /// `window_pulses` toggles only in there.
    pub window: Window,
    /// The event overwritten with garbage.
    pub garbled: Option<GarbledEvent>,
}

/// A planted bit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlantedSignal {
    /// What it says: `set`, `left_blinker`, `window_pulses` …
    pub name: &'static str,
    /// Bus.
    pub bus: u8,
    /// Address.
    pub address: u32,
    /// Bit, counted from the lowest bit of the first byte.
    pub bit: u32,
    /// All its edges; it is 0 before.
    pub edges: Vec<Edge>,
}

/// A bit that changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names are the definition")]
pub struct Edge {
    pub mono_time: u64,
    pub seconds: f64,
    pub rising: bool,
    pub speed_mph: f64,
}

/// A time in which the speed was in the band.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names are the definition")]
pub struct Band {
    pub enter_mono_time: u64,
    pub enter_seconds: f64,
    /// The first frame outside; `None` when the drive ends inside.
    pub leave_mono_time: Option<u64>,
    pub leave_seconds: Option<f64>,
}

/// A marker pair.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names are the definition")]
pub struct Marker {
    pub left_mono_time: u64,
    pub left_seconds: f64,
    pub right_mono_time: u64,
    pub right_seconds: f64,
}

/// The window around the pulses.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names are the definition")]
pub struct Window {
    pub start_seconds: f64,
    pub duration_seconds: f64,
    pub start_mono_time: u64,
}

/// Where garbage stands instead of an event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names are the definition")]
pub struct GarbledEvent {
    /// Offset in the uncompressed log.
    pub offset: u64,
    pub len: u64,
    pub mono_time: u64,
}

const BAND: [f64; 2] = [50.0, 56.0];

/// Name, bus, address, bit.
const SIGNALS: &[(&str, u8, u32, u32)] = &[
    ("main", 0, 0x146, 42),
    ("set", 0, 0x146, 43),
    ("resume", 0, 0x146, 44),
    ("cruise_on", 0, 0x241, 54),
    ("cruise_active", 0, 0x241, 55),
    ("brake", 0, 0x13c, 62),
    ("brake_lights", 0, 0x139, 34),
    ("cruise_brake", 2, 0x220, 38),
    ("left_blinker", 0, 0x390, 50),
    ("right_blinker", 0, 0x390, 51),
    ("window_pulses", 0, 0x1c5, 33),
    ("decoy_pulses", 0, 0x2a7, 47),
];

/// Watches the frames as they are written.
#[derive(Default)]
pub(super) struct Recorder {
    truth: Truth,
    started: bool,
    mph: f64,
}

impl Recorder {
    pub(super) fn observe(&mut self, mono: u64, frames: &[Frame]) {
        if !self.started {
            self.started = true;
            self.truth.first_can_mono_time = mono;
            self.truth.signals = SIGNALS.iter().map(planted).collect();
        }
        self.truth.last_can_mono_time = mono;
        for frame in frames {
            *self.truth.frames_by_bus.entry(frame.bus).or_default() += 1;
            if (frame.bus, frame.address) == (0, 0x13a) {
                self.speed(mono, frame);
            }
            self.bits(mono, frame);
        }
    }

    pub(super) fn finish(self, seed: u64, seconds: u32, start: u64, written: Written) -> Truth {
        let mut truth = self.truth;
        truth.window = Window {
            start_seconds: f64::from(WINDOW.0) / 1e3,
            duration_seconds: f64::from(WINDOW.1) / 1e3,
            start_mono_time: truth.first_can_mono_time.max(start) + u64::from(WINDOW.0) * 1_000_000,
        };
        truth.markers = markers(&truth.signals);
        let Written { bytes, by_service, garbled } = written;
        let events = by_service.values().sum();
        Truth { seed, seconds, bytes, events, by_service, garbled, band_mph: BAND, ..truth }
    }

    fn seconds(&self, mono: u64) -> f64 {
        (mono - self.truth.first_can_mono_time) as f64 / 1e9
    }

    fn speed(&mut self, mono: u64, frame: &Frame) {
        let sum: u64 = WHEELS.iter().map(|bit| get(frame.data, *bit, 13)).sum();
        self.mph = sum as f64 / 4.0 * WHEEL_KPH * MILES;
        let [low, high] = self.truth.speed_range_mph;
        self.truth.speed_range_mph =
            [if low == 0.0 { self.mph } else { low.min(self.mph) }, high.max(self.mph)];
        let seconds = self.seconds(mono);
        let inside = (BAND[0]..=BAND[1]).contains(&self.mph);
        let open = self.truth.bands.last_mut().filter(|band| band.leave_mono_time.is_none());
        match (open, inside) {
            (Some(band), false) => {
                band.leave_mono_time = Some(mono);
                band.leave_seconds = Some(seconds);
            }
            (None, true) => self.truth.bands.push(Band {
                enter_mono_time: mono,
                enter_seconds: seconds,
                leave_mono_time: None,
                leave_seconds: None,
            }),
            _ => {}
        }
    }

    fn bits(&mut self, mono: u64, frame: &Frame) {
        let (seconds, speed_mph) = (self.seconds(mono), self.mph);
        let here = |s: &&mut PlantedSignal| (s.bus, s.address) == (frame.bus, frame.address);
        for signal in self.truth.signals.iter_mut().filter(here) {
            let rising = get(frame.data, signal.bit, 1) == 1;
            if rising != signal.edges.last().is_some_and(|edge| edge.rising) {
                signal.edges.push(Edge { mono_time: mono, seconds, rising, speed_mph });
            }
        }
    }
}

fn planted(&(name, bus, address, bit): &(&'static str, u8, u32, u32)) -> PlantedSignal {
    PlantedSignal { name, bus, address, bit, edges: Vec::new() }
}

fn markers(signals: &[PlantedSignal]) -> Vec<Marker> {
    let rises =
        |name| signals.iter().filter(move |s| s.name == name).flat_map(|s| &s.edges).filter(|e| e.rising);
    let mut edges: Vec<_> = rises("left_blinker").map(|e| (e, true)).collect();
    edges.extend(rises("right_blinker").map(|e| (e, false)));
    edges.sort_by_key(|(edge, _)| edge.mono_time);
    let pairs = edges.windows(2).filter(|pair| pair[0].1 && !pair[1].1);
    pairs
        .map(|pair| Marker {
            left_mono_time: pair[0].0.mono_time,
            left_seconds: pair[0].0.seconds,
            right_mono_time: pair[1].0.mono_time,
            right_seconds: pair[1].0.seconds,
        })
        .collect()
}
