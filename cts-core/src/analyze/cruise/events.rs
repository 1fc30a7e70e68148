//! The story of a drive: every event in order of time.

use super::outcome::Outcome;
use super::spec::Role;
use super::track::Track;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Mono time in ns.
    pub t: u64,
    /// What: `set_press`, `cruise_activated`, `brake_lights_on`, `target_speed_enter`, `marker_start` …
    pub kind: String,
    /// Position of the track that shows it; `None` for markers and bands, which come from several values.
    pub track: Option<usize>,
    /// Whether it is of the bus that counts; a message on two buses gives its events twice.
    pub main: bool,
    /// The new value, of numbers.
    pub value: Option<f64>,
    /// When it ended: the release of a button.
    pub until: Option<u64>,
    /// The speed then, in mph.
    pub speed_mph: Option<f64>,
    /// The payload that shows it; empty for samples and derived events.
    pub data: Box<[u8]>,
}

/// All events by time, then by kind and bus. `low` and `high` are the bounds of the target speed in mph.
pub fn events(outcome: &Outcome, low: f64, high: f64) -> Vec<Event> {
    let mut all = Vec::new();
    for (at, track) in outcome.tracks.iter().enumerate() {
        of_track(outcome, at, track, &mut all);
    }
    for (band, open) in outcome.bands(low, high) {
        all.push(derived(outcome, band.start, "target_speed_enter"));
        if !open {
            all.push(derived(outcome, band.end, "target_speed_leave"));
        }
    }
    for marker in &outcome.markers {
        all.push(derived(outcome, marker.left, "marker_start"));
        all.extend(marker.right.map(|right| derived(outcome, right, "marker_end")));
    }
    if let Some(engaged) = &outcome.engaged {
        for (i, span) in engaged.spans.iter().enumerate() {
            all.push(derived(outcome, span.start, "engaged_start"));
            if !(engaged.open && i + 1 == engaged.spans.len()) {
                all.push(derived(outcome, span.end, "engaged_end"));
            }
        }
    }
    all.retain(|event| outcome.counts(event.t));
    let bus = |event: &Event| event.track.and_then(|at| outcome.tracks[at].bus);
    all.sort_by(|a, b| a.t.cmp(&b.t).then_with(|| a.kind.cmp(&b.kind)).then_with(|| bus(a).cmp(&bus(b))));
    all
}

fn derived(outcome: &Outcome, t: u64, kind: &str) -> Event {
    let speed_mph = outcome.speed_at(t);
    Event {
        t,
        kind: kind.to_owned(),
        track: None,
        main: true,
        value: None,
        until: None,
        speed_mph,
        data: Box::default(),
    }
}

fn of_track(outcome: &Outcome, at: usize, track: &Track, all: &mut Vec<Event>) {
    let (spec, main) = (outcome.spec(track), outcome.is_main_bus(track));
    for (i, change) in track.changes.iter().enumerate() {
        let on = change.value != 0.0;
        let (kind, value, until) = match spec.role {
            role if role.is_button() && !on => continue,
            role if role.is_button() => {
                (format!("{}_press", spec.name), None, track.changes.get(i + 1).map(|next| next.t))
            }
            Role::SetSpeed => (spec.name.clone(), Some(change.value), None),
            Role::CruiseOn => (if on { "cruise_on" } else { "cruise_off" }.to_owned(), None, None),
            Role::CruiseActive => {
                (if on { "cruise_activated" } else { "cruise_deactivated" }.to_owned(), None, None)
            }
            _ => (format!("{}_{}", spec.name, if on { "on" } else { "off" }), None, None),
        };
        let (t, speed_mph, data) = (change.t, outcome.speed_at(change.t), change.data.clone());
        all.push(Event { t, kind, track: Some(at), main, value, until, speed_mph, data });
    }
}
