//! The tracks of one run: what each value was, and when it changed.

use super::spec::{Reader, Role, Source, TrackSpec};
use crate::ErrorKind;
use crate::Result;

/// The longest payload that a change keeps.
const KEPT: usize = 64;

/// A change of a track.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Mono time in ns of the event that first shows it.
    pub t: u64,
    /// The new value.
    pub value: f64,
    /// The frame's payload; empty for samples.
    pub data: Box<[u8]>,
}

/// One track of one bus.
#[derive(Clone, Debug)]
pub struct Track {
    /// Position of its definition in the profile.
    pub spec: usize,
    /// The bus; `None` for samples.
    pub bus: Option<u8>,
    /// Values seen.
    pub samples: u64,
    /// Frames that were too short for it.
    pub short: u64,
    /// Mono time of the first value, in ns.
    pub first_t: u64,
    /// The first value.
    pub first: f64,
    /// Mono time of the last value, in ns.
    pub last_t: u64,
    /// The last value.
    pub last: f64,
    /// The changes, by time; empty for speeds.
    pub changes: Vec<Change>,
    /// The values of a speed: mono time in ns, mph.
    pub series: Vec<(u64, f64)>,
}

impl Track {
    fn new(spec: usize, bus: Option<u8>) -> Self {
        Self {
            spec,
            bus,
            samples: 0,
            short: 0,
            first_t: 0,
            first: 0.0,
            last_t: 0,
            last: 0.0,
            changes: Vec::new(),
            series: Vec::new(),
        }
    }

    /// The value at `t`; `None` before the first one.
    pub fn at(&self, t: u64) -> Option<f64> {
        if self.samples == 0 || t < self.first_t {
            return None;
        }
        let changed = self.changes.partition_point(|change| change.t <= t);
        Some(changed.checked_sub(1).map_or(self.first, |at| self.changes[at].value))
    }

    /// The value of a speed at `t`, which holds until the next one.
    pub fn speed_at(&self, t: u64) -> Option<f64> {
        let at = self.series.partition_point(|(time, _)| *time <= t).checked_sub(1)?;
        Some(self.series[at].1)
    }
}

/// What is read from one address, or given under one number.
#[derive(Clone, Debug)]
struct Rule {
    spec: usize,
    bus: Option<u8>,
    reader: Option<Reader>,
}

/// What rose in one frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rose {
    pub(super) left: bool,
    pub(super) right: bool,
    /// Anything of cruise control changed.
    pub(super) cruise: bool,
}

/// All tracks.
#[derive(Debug)]
pub(super) struct Tracks {
    specs: Vec<TrackSpec>,
    by_address: rustc_hash::FxHashMap<u32, Vec<Rule>>,
    by_sample: rustc_hash::FxHashMap<u32, Vec<Rule>>,
    pub(super) all: Vec<Track>,
}

impl Tracks {
    pub(super) fn new(specs: Vec<TrackSpec>) -> Result<Self> {
        let (mut by_address, mut by_sample) = (
            rustc_hash::FxHashMap::<u32, Vec<Rule>>::default(),
            rustc_hash::FxHashMap::<u32, Vec<Rule>>::default(),
        );
        for (spec, track) in specs.iter().enumerate() {
            match &track.source {
                Source::Sample { id, .. } => {
                    by_sample.entry(*id).or_default().push(Rule { spec, bus: None, reader: None });
                }
                Source::Can { bus, address, signals } => {
                    let reader = Reader::new(signals, track.scale).ok_or_else(|| bad(track))?;
                    let rule = Rule { spec, bus: *bus, reader: Some(reader) };
                    by_address.entry(*address).or_default().push(rule);
                }
            }
        }
        Ok(Self { specs, by_address, by_sample, all: Vec::new() })
    }

    pub(super) fn frame(&mut self, t: u64, bus: u8, address: u32, data: &[u8]) -> Rose {
        let mut rose = Rose::default();
        let Some(rules) = self.by_address.get(&address) else { return rose };
        for i in 0..rules.len() {
            let rules = &self.by_address[&address];
            let Rule { spec, bus: only, reader } = &rules[i];
            if only.is_some_and(|only| only != bus) {
                continue;
            }
            let (spec, value) = (*spec, reader.as_ref().and_then(|reader| reader.read(data)));
            let at = self.track(spec, Some(bus));
            match value {
                Some(value) => self.take(at, t, value, data, &mut rose),
                None => self.all[at].short += 1,
            }
        }
        rose
    }

    pub(super) fn sample(&mut self, t: u64, id: u32, value: f64) -> Rose {
        let mut rose = Rose::default();
        let Some(rules) = self.by_sample.get(&id) else { return rose };
        let specs: Vec<usize> = rules.iter().map(|rule| rule.spec).collect();
        for spec in specs {
            let at = self.track(spec, None);
            self.take(at, t, value * self.specs[spec].scale, &[], &mut rose);
        }
        rose
    }

    pub(super) fn specs(&self) -> &[TrackSpec] {
        &self.specs
    }

    fn track(&mut self, spec: usize, bus: Option<u8>) -> usize {
        if let Some(at) = self.all.iter().position(|track| track.spec == spec && track.bus == bus) {
            return at;
        }
        self.all.push(Track::new(spec, bus));
        self.all.len() - 1
    }

    fn take(&mut self, at: usize, t: u64, value: f64, data: &[u8], rose: &mut Rose) {
        let role = self.specs[self.all[at].spec].role;
        if role == Role::Speed {
            let track = &mut self.all[at];
            if track.samples == 0 {
                (track.first_t, track.first) = (t, value);
            }
            track.samples += 1;
            (track.last_t, track.last) = (t, value);
            track.series.push((t, value));
            return;
        }
        let initial = self.specs[self.all[at].spec].initial;
        let track = &mut self.all[at];
        if track.samples == 0 {
            (track.first_t, track.first) = (t, initial.unwrap_or(value));
            track.last = track.first;
        }
        track.samples += 1;
        track.last_t = t;
        if track.last == value {
            return;
        }
        let up = value > track.last;
        track.last = value;
        track.changes.push(Change { t, value, data: data[..data.len().min(KEPT)].into() });
        let counts = match role {
            Role::Left | Role::Right => main_track(&self.all, &self.specs, role) == Some(at),
            _ => false,
        };
        rose.left |= counts && up && role == Role::Left;
        rose.right |= counts && up && role == Role::Right;
        rose.cruise |= role.is_cruise();
    }
}

#[cold]
fn bad(track: &TrackSpec) -> crate::Error {
    let expected = "a whole-number signal that fits a payload".to_owned();
    ErrorKind::BadParam { name: "profile".into(), value: track.name.clone(), expected }.into()
}

/// The track of a role that counts where only one can: the first in the profile, on the lowest bus.
pub(super) fn main_track(all: &[Track], specs: &[TrackSpec], role: Role) -> Option<usize> {
    let of_role =
        all.iter().enumerate().filter(|(_, track)| specs[track.spec].role == role && track.samples > 0);
    of_role.min_by_key(|(_, track)| (track.spec, track.bus)).map(|(at, _)| at)
}
