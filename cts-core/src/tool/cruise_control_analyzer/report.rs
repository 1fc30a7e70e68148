//! The report as data.

use serde::Serialize;

use super::Params;
use super::cell::round;
use super::tables::{Found, address};
use crate::analyze::cruise::{Candidate, Event, Role, Span};
use crate::tool::{Reading, aligned};

/// Events and bits in the report; the files have all.
const MOST_EVENTS: usize = 1000;
const MOST_BITS: usize = 20;

/// What `cruise-control-analyzer` found. Times are seconds since the log's first `can` event.
#[derive(Debug, Serialize)]
pub struct CruiseReport {
    /// The profile that was used.
    pub profile: String,
    /// The car by `carParams`; empty if the log does not say.
    pub car: String,
    /// Mono time of the first `can` event in ns: the zero of times.
    pub start_mono_time_ns: u64,
    /// From the first to the last frame or sample, in s.
    pub duration_s: f64,
    /// Received frames.
    pub frames: u64,
    /// Frames left out because they were sent or rejected.
    pub frames_not_received: u64,
    /// Received frames outside the engaged intervals, with `engaged_mode` `filter`.
    pub frames_filtered: u64,
    /// Messages, each bus for itself.
    pub messages: usize,
    /// Where the speed is read.
    pub speed_source: String,
    /// Slowest and fastest speed in mph.
    pub speed_range_mph: [f64; 2],
    /// When the speed was in the target range.
    pub target_speed: Vec<FoundSpan>,
    /// When cruise control was engaged, without margin.
    pub engaged: Vec<FoundSpan>,
    /// From the left to the right signal of each marker.
    pub markers: Vec<FoundSpan>,
    /// The windows around them; the whole log if there are none.
    pub windows: Vec<FoundSpan>,
    /// Whether the window is the whole log, for want of markers.
    pub window_is_whole_log: bool,
    /// How many events of each kind there are, on the bus that counts.
    pub event_counts: std::collections::BTreeMap<String, u64>,
    /// The first thousand events of the bus that counts, by time.
    pub events: Vec<FoundEvent>,
    /// The best bits that no signal of the profile reads.
    pub best_bits: Vec<FoundBit>,
    /// How much of the log was read.
    #[serde(skip)]
    pub reading: Reading,
}

/// A span of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FoundSpan {
    /// Start in s.
    pub start_s: f64,
    /// End in s.
    pub end_s: f64,
    /// Whether the log ends before it does.
    pub partial: bool,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FoundEvent {
    /// Time in s.
    pub t_s: f64,
    /// Mono time in ns of the event that first shows it.
    pub mono_time_ns: u64,
    /// What: `set_press`, `brake_lights_on`, `target_speed_enter` …
    pub event: String,
    /// How long a button was held, in s.
    pub held_s: Option<f64>,
    /// The new value, of numbers.
    pub value: Option<f64>,
    /// The speed then, in mph.
    pub speed_mph: Option<f64>,
    /// Where it is read; `None` for what comes from several values.
    pub source: Option<String>,
    /// The bus.
    pub bus: Option<u8>,
}

/// A ranked bit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FoundBit {
    /// The address, `0x1C5`.
    pub address: String,
    /// The bus.
    pub bus: u8,
    /// Byte * 8 + bit from the least significant.
    pub bit: u16,
    /// Its score, at most 100.
    pub score: f64,
    /// Toggles.
    pub toggles: u64,
    /// Of these, inside windows.
    pub toggles_in_windows: u64,
    /// Of these, within half a second of what cruise control did.
    pub toggles_near_events: u64,
}

impl CruiseReport {
    pub(super) fn new(found: &Found<'_>, params: &Params, reading: Reading) -> Self {
        let outcome = found.outcome;
        let span = |span: &Span, partial: bool| FoundSpan {
            start_s: round(found.log_s(span.start), 6),
            end_s: round(found.log_s(span.end), 6),
            partial,
        };
        let speed = outcome.main(Role::Speed).map_or(&[][..], |track| &track.series);
        let low = speed.iter().map(|(_, mph)| *mph).fold(f64::INFINITY, f64::min);
        let high = speed.iter().map(|(_, mph)| *mph).fold(f64::NEG_INFINITY, f64::max);
        let markers = outcome.markers.iter().map(|marker| {
            let end = marker.right.unwrap_or(outcome.last_t).max(marker.left);
            span(&Span { start: marker.left, end }, marker.is_partial())
        });
        let bands = outcome.bands(params.speed_min, params.speed_max);
        let engaged = outcome.engaged.iter().flat_map(|engaged| {
            let last = engaged.spans.len();
            let open = move |i: usize| engaged.open && i + 1 == last;
            engaged.spans.iter().enumerate().map(move |(i, one)| span(one, open(i)))
        });
        let mut event_counts = std::collections::BTreeMap::new();
        let main: Vec<&Event> = found.events.iter().filter(|event| event.main).collect();
        main.iter().for_each(|event| *event_counts.entry(event.kind.clone()).or_default() += 1);
        Self {
            profile: outcome.profile.name.clone(),
            car: found.read.car.clone(),
            start_mono_time_ns: found.read.origin,
            duration_s: round((outcome.last_t - outcome.first_t.min(outcome.last_t)) as f64 / 1e9, 6),
            frames: outcome.frames,
            frames_not_received: outcome.left_out,
            frames_filtered: outcome.filtered,
            messages: outcome.messages.len(),
            speed_source: super::meta::source(found, &[Role::Speed]),
            speed_range_mph: [round(low, 4), round(high, 4)],
            target_speed: bands.iter().map(|(band, open)| span(band, *open)).collect(),
            engaged: engaged.collect(),
            markers: markers.collect(),
            windows: outcome.windows.as_slice().iter().map(|window| span(window, false)).collect(),
            window_is_whole_log: outcome.whole_log,
            event_counts,
            events: main.iter().take(MOST_EVENTS).map(|event| found_event(found, event)).collect(),
            best_bits: best_bits(found).take(MOST_BITS).map(found_bit).collect(),
            reading,
        }
    }

    pub(super) fn human(&self) -> String {
        let count = |kind: &str| self.event_counts.get(kind).copied().unwrap_or_default();
        let car = if self.car.is_empty() { "car not named in the log" } else { &self.car };
        let [low, high] = self.speed_range_mph;
        let ends_in = |end: &str| -> u64 {
            self.event_counts.iter().filter(|(kind, _)| kind.ends_with(end)).map(|(_, count)| count).sum()
        };
        let mut rows = vec![
            ("car", format!("{car}, profile {}", self.profile)),
            (
                "log",
                format!(
                    "{:.3} s, {} received frames of {} messages",
                    self.duration_s, self.frames, self.messages
                ),
            ),
            ("speed", format!("{low:.1} to {high:.1} mph, from {}", self.speed_source)),
            ("target speed", spans(&self.target_speed)),
            ("buttons", format!("{} presses: {}", ends_in("_press"), self.presses())),
            ("engaged", spans(&self.engaged)),
            ("set speed", format!("{} changes", count("set_speed"))),
            ("markers", spans(&self.markers)),
        ];
        for bit in self.best_bits.iter().take(5) {
            let place = format!("bus {} {} byte {} bit {}", bit.bus, bit.address, bit.bit / 8, bit.bit % 8);
            let why = format!("{} toggles, {} in windows", bit.toggles, bit.toggles_in_windows);
            rows.push((
                "bit",
                format!("{place}: score {:.1}, {why}, {} near events", bit.score, bit.toggles_near_events),
            ));
        }
        aligned(&rows)
    }

    /// `main 1, set 5`.
    fn presses(&self) -> String {
        let names = self.event_counts.iter().filter_map(|(kind, n)| Some((kind.strip_suffix("_press")?, n)));
        let list: Vec<String> = names.map(|(name, n)| format!("{name} {n}")).collect();
        if list.is_empty() { "none".to_owned() } else { list.join(", ") }
    }
}

fn spans(spans: &[FoundSpan]) -> String {
    let one = |span: &FoundSpan| {
        let partial = if span.partial { " (cut off)" } else { "" };
        format!("{:.3}-{:.3}{partial}", span.start_s, span.end_s)
    };
    let shown: Vec<String> = spans.iter().take(6).map(one).collect();
    let more = if spans.len() > shown.len() { ", …" } else { "" };
    match spans.len() {
        0 => "never".to_owned(),
        n => format!("{n} times, at s: {}{more}", shown.join(", ")),
    }
}

/// The best bits that no track reads.
pub(super) fn best_bits<'f>(found: &'f Found<'_>) -> impl Iterator<Item = &'f Candidate> {
    found.candidates.iter().filter(|bit| bit.score > 0.0 && found.known_as(bit).is_none())
}

fn found_bit(bit: &Candidate) -> FoundBit {
    FoundBit {
        address: address(bit.address),
        bus: bit.bus,
        bit: bit.bit,
        score: round(bit.score, 3),
        toggles: bit.stats.toggles(),
        toggles_in_windows: bit.stats.in_windows,
        toggles_near_events: bit.stats.near,
    }
}

fn found_event(found: &Found<'_>, event: &Event) -> FoundEvent {
    let track = event.track.map(|at| &found.outcome.tracks[at]);
    FoundEvent {
        t_s: round(found.log_s(event.t), 6),
        mono_time_ns: event.t,
        event: event.kind.clone(),
        held_s: event.until.map(|until| round((until - event.t) as f64 / 1e9, 6)),
        value: event.value.map(|value| round(value, 6)),
        speed_mph: event.speed_mph.map(|mph| round(mph, 4)),
        source: track.map(|track| found.outcome.spec(track).place()),
        bus: track.and_then(|track| track.bus),
    }
}
