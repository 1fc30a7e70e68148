//! What was found, before it is put into tables.

use super::bits::MessageStats;
use super::engine::engaged_track;
use super::marker::Marker;
use super::span::{Span, Spans};
use super::spec::{Profile, Role, TrackSpec};
use super::track::{Track, main_track};

/// Everything found. Times are mono time in ns.
#[derive(Debug)]
pub struct Outcome {
    /// The tracks that were looked for.
    pub profile: Profile,
    /// Those that were seen, each bus for itself, in the order of their first values.
    pub tracks: Vec<Track>,
    /// The messages, by address and bus.
    pub messages: Vec<MessageStats>,
    /// The markers, by time.
    pub markers: Vec<Marker>,
    /// Their windows, merged where they overlap; the whole log if there are none.
    pub windows: Spans,
    /// Whether the window is the whole log, for want of markers.
    pub whole_log: bool,
    /// When cruise control was engaged; `None` if nothing says so.
    pub engaged: Option<Engaged>,
    /// Whether only frames of engaged intervals were counted.
    pub filter: bool,
    /// The first time, of frames and samples.
    pub first_t: u64,
    /// The last time.
    pub last_t: u64,
    /// Received frames.
    pub frames: u64,
    /// Frames that were sent or rejected, left out.
    pub left_out: u64,
    /// Received frames outside the engaged intervals, if these filter.
    pub filtered: u64,
    /// Times that were further out of order than a second.
    pub late: u64,
}

/// When cruise control was engaged.
#[derive(Clone, Debug, PartialEq)]
pub struct Engaged {
    /// Position of the track that says so.
    pub track: usize,
    /// From on to off.
    pub spans: Vec<Span>,
    /// Whether the log ends within the last of them.
    pub open: bool,
    /// The same, wider by the margin and merged.
    pub widened: Spans,
}

impl Engaged {
    pub(super) fn of(all: &[Track], specs: &[TrackSpec], end: u64, margin: u64) -> Option<Self> {
        let track = engaged_track(all, specs)?;
        let (spans, open) = on_spans(&all[track], end);
        let widened = Spans::union(spans.iter().map(|span| span.widened(margin, margin)));
        Some(Self { track, spans, open, widened })
    }
}

/// When a track is not zero, and whether it still is when the log ends at `end`.
pub fn on_spans(track: &Track, end: u64) -> (Vec<Span>, bool) {
    let mut spans = Vec::new();
    let mut since = (track.samples > 0 && track.first != 0.0).then_some(track.first_t);
    for change in &track.changes {
        match (since, change.value != 0.0) {
            (None, true) => since = Some(change.t),
            (Some(start), false) => {
                spans.push(Span { start, end: change.t });
                since = None;
            }
            _ => {}
        }
    }
    let open = since.is_some();
    spans.extend(since.map(|start| Span { start, end: end.max(start) }));
    (spans, open)
}

impl Outcome {
    /// The definition of a track.
    pub fn spec(&self, track: &Track) -> &TrackSpec {
        &self.profile.tracks[track.spec]
    }

    /// The track of a role that counts where only one can: the first of the profile, on its lowest bus.
    pub fn main(&self, role: Role) -> Option<&Track> {
        main_track(&self.tracks, &self.profile.tracks, role).map(|at| &self.tracks[at])
    }

    /// Whether no lower bus has the same track.
    pub fn is_main_bus(&self, track: &Track) -> bool {
        let lower = |other: &Track| other.spec == track.spec && other.samples > 0 && other.bus < track.bus;
        !self.tracks.iter().any(lower)
    }

    /// The speed at `t`, in mph.
    pub fn speed_at(&self, t: u64) -> Option<f64> {
        self.main(Role::Speed)?.speed_at(t)
    }

    /// Whether `t` counts: it does not when intervals filter and it lies outside of them.
    pub fn counts(&self, t: u64) -> bool {
        !self.filter || self.engaged.as_ref().is_some_and(|engaged| engaged.widened.find(t).is_some())
    }

    /// The definitions of which nothing was seen.
    pub fn unseen(&self) -> impl Iterator<Item = &TrackSpec> {
        let seen = |spec: usize| self.tracks.iter().any(|track| track.spec == spec && track.samples > 0);
        self.profile.tracks.iter().enumerate().filter(move |(spec, _)| !seen(*spec)).map(|(_, spec)| spec)
    }

    /// Spans in which the speed was from `low` to `high` mph, both included: from the first value inside to the first
    /// one outside, or to the last value. `true` for one that ends with the log.
    pub fn bands(&self, low: f64, high: f64) -> Vec<(Span, bool)> {
        let Some(speed) = self.main(Role::Speed) else { return Vec::new() };
        let (mut bands, mut since) = (Vec::new(), None);
        for (t, mph) in &speed.series {
            let inside = (low..=high).contains(mph);
            match since {
                None if inside => since = Some(*t),
                Some(start) if !inside => {
                    bands.push((Span { start, end: *t }, false));
                    since = None;
                }
                _ => {}
            }
        }
        bands.extend(since.map(|start| (Span { start, end: speed.last_t }, true)));
        bands
    }
}
