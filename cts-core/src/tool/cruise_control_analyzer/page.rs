//! The report for people.

use super::cell::clock;
use super::report::best_bits;
use super::tables::{Found, address};
use super::{Params, TOOL, meta};
use crate::Result;
use crate::analyze::cruise::{Candidate, Event, Role, Span, Track, on_spans};
use crate::report::{
    self, Cell, Column, ColumnKind, Finding, Lane, Level, Line, Mark, Page, Panel, Plot, Severity, Shade,
    Table, Trace, Warned,
};
use crate::tool::Ctx;

/// Traces of bits in the plot.
const TRACES: usize = 12;
/// Rows of the table of bits.
const BITS: usize = 200;
/// Rows of the table of messages and of the story.
const ROWS: usize = 5000;

/// The page and the pictures, by file name.
pub(super) fn files(page: &Page) -> Result<Vec<(String, Vec<u8>)>> {
    let failed = |e| crate::Error::io("write", e);
    let mut html = Vec::new();
    report::write_html(page, &mut html).map_err(failed)?;
    let mut files = vec![("analysis_report.html".into(), html)];
    if let Some(plot) = page.plots.first() {
        let (mut svg, mut png) = (Vec::new(), Vec::new());
        report::write_svg(plot, &mut svg).map_err(failed)?;
        report::write_png(plot, &mut png).map_err(failed)?;
        files.push(("speed_timeline.svg".into(), svg));
        files.push(("speed_timeline.png".into(), png));
    }
    Ok(files)
}

/// Everything that was found.
pub(super) fn page(ctx: &Ctx, params: &Params, found: &Found<'_>, name: &str) -> Page {
    let warned = |w: crate::tool::Warning| Warned { code: w.code().into(), text: w.to_string() };
    Page {
        title: TOOL.title.into(),
        subtitle: name.into(),
        facts: facts(params, found),
        findings: findings(params, found),
        warnings: ctx.warnings().into_iter().map(warned).collect(),
        plots: vec![plot(params, found)],
        tables: vec![story(found), marker_table(found), bit_table(found), message_table(found)],
        notes: vec![
            format!("cts {}, {}", env!("CARGO_PKG_VERSION"), TOOL.name),
            format!("Times are seconds since the first can event, mono time {} ns.", found.read.origin),
            "Received frames only (bus 0 to 127), each bus for itself.".into(),
        ],
    }
}

fn facts(params: &Params, found: &Found<'_>) -> Vec<(String, String)> {
    let outcome = found.outcome;
    let car =
        if found.read.car.is_empty() { "not named in the log".to_owned() } else { found.read.car.clone() };
    let duration = (outcome.last_t - outcome.first_t.min(outcome.last_t)) as f64 / 1e9;
    let facts = [
        ("car", car),
        ("profile", outcome.profile.name.clone()),
        ("duration", clock(duration)),
        ("received frames", outcome.frames.to_string()),
        ("messages", outcome.messages.len().to_string()),
        ("speed from", meta::source(found, &[Role::Speed])),
        ("main switch from", meta::source(found, &[Role::CruiseOn, Role::Main])),
        ("brake from", meta::source(found, &[Role::Brake])),
        ("target speed", format!("{} to {} mph", params.speed_min, params.speed_max)),
    ];
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn plural(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

fn findings(params: &Params, found: &Found<'_>) -> Vec<Finding> {
    let mut list = vec![presses(found), engaged(found), target(params, found), brakes(found), markers(found)];
    list.extend(bits(found));
    list.into_iter().flatten().collect()
}

fn with_speed(found: &Found<'_>, event: &Event) -> String {
    let speed = event.speed_mph.map_or(String::new(), |mph| format!(" at {mph:.1} mph"));
    let name = event.kind.trim_end_matches("_press");
    format!("{name} {:.3} s{speed}", found.log_s(event.t))
}

fn presses(found: &Found<'_>) -> Option<Finding> {
    let is = |event: &&Event| event.main && event.kind.ends_with("_press");
    let all: Vec<&Event> = found.events.iter().filter(is).collect();
    let buttons = found.outcome.profile.tracks.iter().any(|spec| spec.role.is_button());
    let first = all.first().map(|event| found.log_s(event.t));
    let shown: Vec<String> = all.iter().take(12).map(|event| with_speed(found, event)).collect();
    buttons.then(|| Finding {
        severity: if all.is_empty() { Severity::Info } else { Severity::Good },
        text: format!("{} of cruise control buttons.", plural(all.len(), "press", "presses")),
        detail: shown.join("; "),
        time: first.map(|t| (t, t)),
    })
}

fn seconds(found: &Found<'_>, span: Span) -> (f64, f64) {
    (found.log_s(span.start), found.log_s(span.end))
}

fn list_spans(found: &Found<'_>, spans: &[Span]) -> String {
    let one = |span: &Span| format!("{:.3} to {:.3} s", found.log_s(span.start), found.log_s(span.end));
    spans.iter().take(12).map(one).collect::<Vec<_>>().join("; ")
}

fn engaged(found: &Found<'_>) -> Option<Finding> {
    let engaged = found.outcome.engaged.as_ref()?;
    let total: f64 = engaged.spans.iter().map(|span| span.seconds()).sum();
    let place = found.outcome.spec(&found.outcome.tracks[engaged.track]).place();
    Some(Finding {
        severity: if engaged.spans.is_empty() { Severity::Info } else { Severity::Good },
        text: format!("Engaged {}, {total:.1} s in all.", plural(engaged.spans.len(), "time", "times")),
        detail: format!("{} ({place})", list_spans(found, &engaged.spans)),
        time: engaged.spans.first().map(|span| seconds(found, *span)),
    })
}

fn target(params: &Params, found: &Found<'_>) -> Option<Finding> {
    let bands: Vec<Span> =
        found.outcome.bands(params.speed_min, params.speed_max).into_iter().map(|band| band.0).collect();
    let total: f64 = bands.iter().map(|span| span.seconds()).sum();
    Some(Finding {
        severity: Severity::Info,
        text: format!(
            "At {} to {} mph {}, {total:.1} s in all.",
            params.speed_min,
            params.speed_max,
            plural(bands.len(), "time", "times")
        ),
        detail: list_spans(found, &bands),
        time: bands.first().map(|span| seconds(found, *span)),
    })
}

fn brakes(found: &Found<'_>) -> Option<Finding> {
    let track = found.outcome.main(Role::Brake)?;
    let (spans, _) = on_spans(track, found.outcome.last_t);
    Some(Finding {
        severity: Severity::Info,
        text: format!("Braked {}.", plural(spans.len(), "time", "times")),
        detail: format!("{} ({})", list_spans(found, &spans), found.outcome.spec(track).place()),
        time: spans.first().map(|span| seconds(found, *span)),
    })
}

fn markers(found: &Found<'_>) -> Option<Finding> {
    let outcome = found.outcome;
    if outcome.whole_log {
        return None;
    }
    let partial = outcome.markers.iter().filter(|marker| marker.is_partial()).count();
    let windows = outcome.windows.as_slice();
    Some(Finding {
        severity: if partial > 0 { Severity::Notice } else { Severity::Good },
        text: format!(
            "{}, {partial} of them cut off by the end.",
            plural(outcome.markers.len(), "marker", "markers")
        ),
        detail: format!("windows {}", list_spans(found, windows)),
        time: windows.first().map(|span| seconds(found, *span)),
    })
}

fn bits(found: &Found<'_>) -> Vec<Option<Finding>> {
    let of = |bit: &Candidate| {
        let (s, first) = (&bit.stats, bit.stats.edges.as_ref().and_then(|edges| edges.first()));
        Some(Finding {
            severity: Severity::Notice,
            text: format!("{} goes with what happened: score {:.1}.", place(bit), bit.score),
            detail: format!(
                "{} toggles, {} in windows, {} within 0.5 s of cruise events",
                s.toggles(),
                s.in_windows,
                s.near
            ),
            time: first.map(|(t, _)| (found.log_s(*t), found.log_s(*t))),
        })
    };
    best_bits(found).take(5).map(of).collect()
}

fn place(bit: &Candidate) -> String {
    format!("Bus {} {} byte {} bit {}", bit.bus, address(bit.address), bit.bit / 8, bit.bit % 8)
}

fn plot(params: &Params, found: &Found<'_>) -> Plot {
    let outcome = found.outcome;
    let mut panels = vec![speed_panel(params, found)];
    let states = lanes(found);
    if !states.is_empty() {
        panels.push(Panel::Lanes { title: "States".into(), lanes: states });
    }
    let traces: Vec<Trace> = best_bits(found).filter_map(|bit| trace(found, bit)).take(TRACES).collect();
    if !traces.is_empty() {
        panels.push(Panel::Traces { title: "Best unknown bits".into(), traces });
    }
    let windows = outcome.windows.as_slice().iter().filter(|_| !outcome.whole_log).enumerate();
    let shade = |(i, window): (usize, &Span)| Shade {
        start: found.log_s(window.start),
        end: found.log_s(window.end),
        label: format!("window {i}"),
        partial: outcome.markers.iter().any(|marker| marker.is_partial() && window.contains(marker.left)),
    };
    let marked = |event: &&Event| event.main && (event.kind.ends_with("_press") || event.kind == "set_speed");
    let mark = |event: &Event| Mark {
        t: found.log_s(event.t),
        kind: event.kind.trim_end_matches("_press").to_owned(),
        label: event.value.map_or_else(
            || with_speed(found, event),
            |value| format!("set speed {value:.0} at {:.3} s", found.log_s(event.t)),
        ),
    };
    Plot {
        title: "Speed and events".into(),
        note: "Shaded: windows around markers.".into(),
        panels,
        marks: found.events.iter().filter(marked).map(mark).collect(),
        shades: windows.map(shade).collect(),
    }
}

fn speed_panel(params: &Params, found: &Found<'_>) -> Panel {
    let series = found.outcome.main(Role::Speed).map_or(&[][..], |track| &track.series);
    let speed = Line {
        name: "speed".into(),
        t: series.iter().map(|(t, _)| found.log_s(*t)).collect(),
        y: series.iter().map(|(_, mph)| *mph).collect(),
        decimals: 1,
        step: false,
    };
    let mut lines = vec![speed];
    if let Some(track) = found.outcome.main(Role::SetSpeed) {
        // 0 and what is past any speed say that there is none.
        let known = |value: f64| if (1.0..=200.0).contains(&value) { value } else { f64::NAN };
        let first = std::iter::once((found.log_s(track.first_t), known(track.first)));
        let rest = track.changes.iter().map(|change| (found.log_s(change.t), known(change.value)));
        let last = std::iter::once((found.log_s(track.last_t), known(track.last)));
        let (t, y) = first.chain(rest).chain(last).unzip();
        lines.push(Line { name: "set speed".into(), t, y, decimals: 0, step: true });
    }
    let level = |y, label: &str| Level { y, label: label.into() };
    let levels = vec![level(params.speed_min, "target from"), level(params.speed_max, "target to")];
    Panel::Lines { title: "Speed".into(), unit: "mph".into(), lines, levels }
}

fn lanes(found: &Found<'_>) -> Vec<Lane> {
    let outcome = found.outcome;
    let shown = |track: &&Track| {
        let role = outcome.spec(track).role;
        !role.is_number() && outcome.is_main_bus(track) && (!track.changes.is_empty() || track.first != 0.0)
    };
    let mut tracks: Vec<&Track> = outcome.tracks.iter().filter(shown).collect();
    tracks.sort_by_key(|track| track.spec);
    let lane = |track: &Track| {
        let name = outcome.spec(track).name.clone();
        let span = |span: Span| report::Span {
            start: found.log_s(span.start),
            end: found.log_s(span.end),
            label: name.clone(),
            value: outcome.spec(track).place(),
        };
        let spans = on_spans(track, outcome.last_t).0.into_iter().map(span).collect();
        Lane { name: name.clone(), spans }
    };
    tracks.into_iter().map(lane).collect()
}

fn trace(found: &Found<'_>, bit: &Candidate) -> Option<Trace> {
    let edges = bit.stats.edges.as_ref()?;
    let of = |m: &&crate::analyze::cruise::MessageStats| (m.bus, m.address) == (bit.bus, bit.address);
    let message = found.outcome.messages.iter().find(of)?;
    let before = (found.log_s(message.first_t), !edges.first()?.1);
    let changes = edges.iter().map(|(t, up)| (found.log_s(*t), *up));
    Some(Trace {
        name: format!("{} {}.{}", address(bit.address), bit.bit / 8, bit.bit % 8),
        origin: place(bit),
        edges: std::iter::once(before).chain(changes).collect(),
        end: found.log_s(message.last_t),
    })
}

fn number(decimals: u8) -> ColumnKind {
    ColumnKind::Number { decimals }
}

fn story(found: &Found<'_>) -> Table {
    let columns = vec![
        Column::new("time", ColumnKind::Time).unit("s"),
        Column::new("event", ColumnKind::Text),
        Column::new("value", number(1)),
        Column::new("held", number(3)).unit("s"),
        Column::new("speed", number(1)).unit("mph"),
        Column::new("source", ColumnKind::Text),
        Column::new("bus", number(0)),
        Column::new("bytes", ColumnKind::Bytes),
        Column::new("mono time", number(0)).unit("ns"),
    ];
    let row = |event: &Event| {
        let track = event.track.map(|at| &found.outcome.tracks[at]);
        vec![
            found.log_s(event.t).into(),
            event.kind.clone().into(),
            event.value.into(),
            event.until.map(|until| (until - event.t) as f64 / 1e9).into(),
            event.speed_mph.into(),
            track.map(|track| found.outcome.spec(track).place()).into(),
            track.and_then(|track| track.bus).into(),
            if event.data.is_empty() { Cell::Empty } else { Cell::Bytes(event.data.to_vec()) },
            event.t.into(),
        ]
    };
    let main = found.events.iter().filter(|event| event.main);
    Table {
        title: "Events".into(),
        note: "In order of time. The time is that of the log event that first shows the new value.".into(),
        columns,
        rows: main.take(ROWS).map(row).collect(),
    }
}

fn marker_table(found: &Found<'_>) -> Table {
    let time = |name: &str| Column::new(name, ColumnKind::Time).unit("s");
    let columns = vec![
        time("left"),
        time("right"),
        Column::new("window", number(0)),
        time("window start"),
        time("window end"),
        Column::new("state", ColumnKind::Text),
    ];
    let row = |marker: &crate::analyze::cruise::Marker| {
        let window = found.outcome.windows.find(marker.left);
        let span = window.map(|window| found.outcome.windows.as_slice()[window]);
        vec![
            found.log_s(marker.left).into(),
            marker.right.map(|right| found.log_s(right)).into(),
            window.map(|window| window as u64).into(),
            span.map(|span| found.log_s(span.start)).into(),
            span.map(|span| found.log_s(span.end)).into(),
            if marker.is_partial() { "cut off by the end of the log" } else { "whole" }.into(),
        ]
    };
    let rows = found.outcome.markers.iter().map(row).collect();
    Table { title: "Markers and windows".into(), note: String::new(), columns, rows }
}

fn bit_table(found: &Found<'_>) -> Table {
    let columns = vec![
        Column::new("address", ColumnKind::Hex { digits: 3 }),
        Column::new("bus", number(0)),
        Column::new("byte", number(0)),
        Column::new("bit", number(0)).help("From the least significant."),
        Column::new("known as", ColumnKind::Text),
        Column::new("score", number(1)).help("100 * evidence * support - penalty"),
        Column::new("toggles", number(0)),
        Column::new("in windows", number(0)),
        Column::new("near events", number(0)).help("Within 0.5 s of what cruise control did."),
        Column::new("window lift", number(2)),
        Column::new("event lift", number(2)),
        Column::new("penalty", number(1)),
    ];
    let row = |bit: &Candidate| {
        let (byte, lsb) = (u32::from(bit.bit / 8), u32::from(bit.bit % 8));
        vec![
            bit.address.into(),
            bit.bus.into(),
            byte.into(),
            lsb.into(),
            found.known_as(bit).map_or(Cell::Empty, Cell::from),
            bit.score.into(),
            bit.stats.toggles().into(),
            bit.stats.in_windows.into(),
            bit.stats.near.into(),
            bit.window_lift.into(),
            bit.event_lift.into(),
            bit.penalty.into(),
        ]
    };
    Table {
        title: "Bits".into(),
        note: "The best of all bits that toggled. A counter, a checksum or a measured value loses points."
            .into(),
        columns,
        rows: found.candidates.iter().take(BITS).map(row).collect(),
    }
}

fn message_table(found: &Found<'_>) -> Table {
    let count = |name: &str| Column::new(name, number(0));
    let columns = vec![
        Column::new("address", ColumnKind::Hex { digits: 3 }),
        count("bus"),
        count("frames before"),
        count("in windows"),
        count("after"),
        count("payloads before"),
        count("payloads in windows"),
        count("payloads after"),
    ];
    let row = |message: &crate::analyze::cruise::MessageStats| {
        let mut row: Vec<Cell> = vec![message.address.into(), message.bus.into()];
        row.extend(message.frames.iter().chain(&message.unique()).map(|count| Cell::from(*count)));
        row
    };
    Table {
        title: "Messages".into(),
        note: "Frames and distinct payloads before the first window, in windows, and outside after it."
            .into(),
        columns,
        rows: found.outcome.messages.iter().take(ROWS).map(row).collect(),
    }
}
