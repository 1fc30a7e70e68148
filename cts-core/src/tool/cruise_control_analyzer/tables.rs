//! The tables. Columns and order of those that end in `.v1` are frozen; what is new has tables of its own, `.v2`.

use super::Params;
use super::cell::{Cell, Table, clock, round};
use super::read::Read;
use crate::analyze::cruise::{BitStats, Candidate, Event, Outcome, Role, Source, Span, Track};
use crate::capnp::hex;
use crate::dbc::Signal;

/// The columns that name a bit.
const BIT: &[&str] =
    &["address_hex", "bit_global", "byte_index", "bit_lsb", "bit_msb", "label_lsb", "label_msb"];
/// The columns of a span of time.
const SPAN: &[&str] = &[
    "start_abs",
    "start_rel",
    "start_mmss",
    "end_abs",
    "end_rel",
    "end_mmss",
    "duration_s",
    "duration_mmss",
];

/// What the tables are made of.
pub(super) struct Found<'a> {
    pub(super) read: &'a Read,
    pub(super) outcome: &'a Outcome,
    pub(super) events: Vec<Event>,
    pub(super) candidates: Vec<Candidate>,
    /// Positions of the candidates whose edges and runs are listed.
    pub(super) listed: Vec<usize>,
}

impl<'a> Found<'a> {
    pub(super) fn new(read: &'a Read, params: &Params) -> Self {
        let outcome = &read.outcome;
        let events = crate::analyze::cruise::events(outcome, params.speed_min, params.speed_max);
        let candidates = crate::analyze::cruise::candidates(&outcome.messages);
        let mut found = Self { read, outcome, events, candidates, listed: Vec::new() };
        let top = params.top_bits as usize;
        let unknown =
            (0..found.candidates.len()).filter(|at| found.known_as(&found.candidates[*at]).is_none());
        let best = unknown.filter(|at| found.candidates[*at].score > 0.0).take(top);
        let known = (0..found.candidates.len()).filter(|at| found.known_as(&found.candidates[*at]).is_some());
        let mut listed: Vec<usize> = best.chain(known).collect();
        listed.retain(|at| found.candidates[*at].stats.edges.is_some());
        listed.sort_unstable();
        found.listed = listed;
        found
    }

    /// The track that reads this bit, alone or within a number.
    pub(super) fn known_as(&self, bit: &Candidate) -> Option<&'a str> {
        let outcome: &'a Outcome = self.outcome;
        let reads = |track: &&Track| match &outcome.spec(track).source {
            Source::Can { address, signals, .. } => {
                let holds = |signal: &Signal| signal.bits().is_some_and(|bits| bits.contains(&bit.bit));
                track.bus == Some(bit.bus) && *address == bit.address && signals.iter().any(holds)
            }
            Source::Sample { .. } => false,
        };
        outcome.tracks.iter().find(reads).map(|track| outcome.spec(track).name.as_str())
    }

    /// Seconds since the log's first `can` event.
    pub(super) fn log_s(&self, t: u64) -> f64 {
        (t as f64 - self.read.origin as f64) / 1e9
    }

    /// The zero of relative times: the start of the first window.
    pub(super) fn window_start(&self) -> u64 {
        self.outcome.windows.as_slice().first().map_or(self.outcome.first_t, |window| window.start)
    }

    /// The end of the last window.
    pub(super) fn window_end(&self) -> u64 {
        self.outcome.windows.as_slice().last().map_or(self.outcome.last_t, |window| window.end)
    }

    fn rel(&self, t: u64) -> f64 {
        (t as f64 - self.window_start() as f64) / 1e9
    }

    fn moment(&self, t: u64) -> [Cell; 3] {
        let rel = self.rel(t);
        [Cell::float(t as f64 / 1e9, 3), Cell::float(rel, 3), Cell::Text(clock(rel))]
    }

    /// A span; one that the log cut off has the form that it always had.
    fn span(&self, span: Span, open: bool) -> Vec<Cell> {
        let mut cells = self.moment(span.start).to_vec();
        if open {
            let (zero, word) = (|| Cell::Float(0.0), "incomplete");
            cells.extend([zero(), zero(), Cell::text(word), zero(), Cell::text(word)]);
        } else {
            cells.extend(self.moment(span.end));
            cells.extend([Cell::float(span.seconds(), 3), Cell::Text(clock(round(span.seconds(), 3)))]);
        }
        cells
    }

    fn speed(&self, t: u64) -> Cell {
        Cell::opt(self.outcome.speed_at(t), |mph| Cell::float(mph, 1))
    }

    fn listed(&self) -> impl Iterator<Item = (&Candidate, &Vec<(u64, bool)>)> {
        let bits = self.listed.iter().map(|at| &self.candidates[*at]);
        bits.filter_map(|bit| Some((bit, bit.stats.edges.as_ref()?)))
    }
}

/// A time as the tables round it: rows of one written time are in order of what follows it.
fn millis(t: u64) -> u64 {
    (t + 500_000) / 1_000_000
}

/// `0x146`.
pub(super) fn address(address: u32) -> String {
    format!("0x{address:03X}")
}

fn bit_cells(of: u32, bit: u16) -> Vec<Cell> {
    let (byte, lsb) = (bit / 8, bit % 8);
    let msb = 7 - lsb;
    vec![
        Cell::Text(address(of)),
        Cell::int(bit),
        Cell::int(byte),
        Cell::int(lsb),
        Cell::int(msb),
        Cell::Text(format!("Byte{byte} bit{lsb} (LSB)")),
        Cell::Text(format!("MSB B{byte}b{msb}")),
    ]
}

/// The bit of a track, or only its address where it is wider, or nothing.
fn track_cells(outcome: &Outcome, track: Option<&Track>) -> Vec<Cell> {
    let spec = track.map(|track| outcome.spec(track));
    if let Some((address, bit)) = spec.and_then(|spec| spec.bit()) {
        return bit_cells(address, bit);
    }
    let mut cells = vec![Cell::Empty; BIT.len()];
    if let Some(Source::Can { address: of, .. }) = spec.map(|spec| &spec.source) {
        cells[0] = Cell::Text(address(*of));
    }
    cells
}

fn bus_cell(bus: Option<u8>) -> Cell {
    Cell::opt(bus, Cell::int)
}

/// All tables, those of the first version first.
pub(super) fn all(found: &Found<'_>) -> Vec<Table> {
    vec![
        counts(found),
        candidates(found),
        edges(found),
        runs(found),
        timeline(found),
        engaged(found),
        events(found),
        windows(found),
        counts_by_window(found),
        candidates_detail(found),
        edges_context(found),
        speed_series(found),
    ]
}

fn counts(found: &Found<'_>) -> Table {
    let columns = &[
        "address_hex",
        "bus",
        "pre_count",
        "window_count",
        "post_count",
        "delta",
        "uniq_pre",
        "uniq_window",
        "uniq_post",
    ];
    let mut table = Table::new("counts_by_segment", "counts_by_segment.v1", &[columns]);
    let delta = |frames: [u64; 3]| frames[1] as i64 - frames[0].max(frames[2]) as i64;
    let mut messages: Vec<_> = found.outcome.messages.iter().collect();
    messages.sort_by_key(|m| (-delta(m.frames), -(m.frames[1] as i64), m.address, m.bus));
    for message in messages {
        let [pre, window, post] = message.frames.map(Cell::int);
        let mut row = vec![Cell::Text(address(message.address)), Cell::int(message.bus), pre, window, post];
        row.push(Cell::Int(delta(message.frames)));
        row.extend(message.unique().map(Cell::int));
        table.rows.push(row);
    }
    table
}

fn candidate_cells(bit: &Candidate) -> Vec<Cell> {
    let BitStats { rises, falls, .. } = bit.stats;
    let mut row = bit_cells(bit.address, bit.bit);
    row.extend([Cell::float(bit.score, 3), Cell::int(rises), Cell::int(falls), Cell::int(rises + falls)]);
    row.extend([Cell::float(bit.penalty, 3), Cell::int(bit.bus)]);
    row
}

const CANDIDATE: &[&str] = &["score", "rises_set", "falls_end", "toggles", "penalty", "bus"];

fn candidates(found: &Found<'_>) -> Table {
    let mut table = Table::new("candidates", "candidates.v1", &[BIT, CANDIDATE]);
    table.rows.extend(found.candidates.iter().map(candidate_cells));
    table
}

fn candidates_detail(found: &Found<'_>) -> Table {
    let more = &[
        "known_as",
        "window_lift",
        "event_lift",
        "toggles_in_windows",
        "toggles_near_events",
        "frames",
        "busy",
        "checksum",
    ];
    let mut table = Table::new("candidates_detail", "candidates.v2", &[BIT, CANDIDATE, more]);
    for bit in &found.candidates {
        let mut row = candidate_cells(bit);
        row.push(Cell::opt(found.known_as(bit), Cell::text));
        row.extend([Cell::float(bit.window_lift, 3), Cell::float(bit.event_lift, 3)]);
        row.extend(
            [bit.stats.in_windows, bit.stats.near, bit.frames, bit.busy.into(), bit.checksum.into()]
                .map(Cell::int),
        );
        table.rows.push(row);
    }
    table
}

/// The edges of the listed bits by time, address and bit.
fn each_edge<'f>(found: &'f Found<'_>) -> Vec<(u64, bool, &'f Candidate)> {
    let of = |(bit, edges): (&'f Candidate, &'f Vec<(u64, bool)>)| {
        edges.iter().map(move |(t, up)| (*t, *up, bit)).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = found.listed().flat_map(of).collect();
    all.sort_by_key(|(t, _, bit)| (millis(*t), bit.address, bit.bit, bit.bus, *t));
    all
}

fn edges(found: &Found<'_>) -> Table {
    let more = &["ts_abs", "ts_rel", "ts_mmss", "edge_type", "speed_mph", "bus"];
    let mut table = Table::new("edges", "edges.v1", &[BIT, more]);
    for (t, up, bit) in each_edge(found) {
        let mut row = bit_cells(bit.address, bit.bit);
        row.extend(found.moment(t));
        row.extend([Cell::text(if up { "rising" } else { "falling" }), found.speed(t), Cell::int(bit.bus)]);
        table.rows.push(row);
    }
    table
}

/// Edges with the columns that the schema document of the first version names, and the window.
fn edges_context(found: &Found<'_>) -> Table {
    let more =
        &["ts_abs", "ts_rel", "ts_mmss", "edge", "speed_mph", "main", "brake", "bus", "window", "known_as"];
    let mut table = Table::new("edges_context", "edges.v2", &[BIT, more]);
    let outcome = found.outcome;
    let (main, brake) =
        (outcome.main(Role::CruiseOn).or_else(|| outcome.main(Role::Main)), outcome.main(Role::Brake));
    let state = |track: Option<&Track>, t| {
        Cell::opt(track.and_then(|track| track.at(t)), |v| Cell::Int((v != 0.0).into()))
    };
    for (t, up, bit) in each_edge(found) {
        let mut row = bit_cells(bit.address, bit.bit);
        row.extend(found.moment(t));
        row.extend([Cell::text(if up { "rising" } else { "falling" }), found.speed(t)]);
        row.extend([state(main, t), state(brake, t), Cell::int(bit.bus)]);
        row.push(Cell::opt(outcome.windows.find(t).filter(|_| !outcome.whole_log), Cell::int));
        row.push(Cell::opt(found.known_as(bit), Cell::text));
        table.rows.push(row);
    }
    table
}

/// High phases of a bit, and whether the log cut the last one off. `first_t` is that of the message.
pub(super) fn high_phases(edges: &[(u64, bool)], first_t: u64, last_t: u64) -> Vec<(Span, bool)> {
    let mut runs = Vec::new();
    let mut since = edges.first().filter(|(_, up)| !up).map(|_| first_t);
    for (t, up) in edges {
        match (since, up) {
            (None, true) => since = Some(*t),
            (Some(start), false) => {
                runs.push((Span { start, end: (*t).max(start) }, false));
                since = None;
            }
            _ => {}
        }
    }
    runs.extend(since.map(|start| (Span { start, end: last_t.max(start) }, true)));
    runs
}

fn runs(found: &Found<'_>) -> Table {
    let mut table = Table::new("runs", "runs.v1", &[BIT, SPAN, &["bus"]]);
    let mut runs = Vec::new();
    for (bit, edges) in found.listed() {
        let message =
            |m: &&crate::analyze::cruise::MessageStats| (m.bus, m.address) == (bit.bus, bit.address);
        let times = found.outcome.messages.iter().find(message).map_or((0, 0), |m| (m.first_t, m.last_t));
        runs.extend(high_phases(edges, times.0, times.1).into_iter().map(|(span, open)| (bit, span, open)));
    }
    runs.sort_by_key(|(bit, span, open)| {
        let length = if *open { 0 } else { millis(span.end - span.start) };
        (std::cmp::Reverse(length), bit.address, bit.bit, bit.bus, span.start)
    });
    for (bit, span, open) in runs {
        let mut row = bit_cells(bit.address, bit.bit);
        row.extend(found.span(span, open));
        row.push(Cell::int(bit.bus));
        table.rows.push(row);
    }
    table
}

fn timeline(found: &Found<'_>) -> Table {
    let columns: [&[&str]; 3] =
        [&["ts_abs", "ts_rel", "ts_mmss"], BIT, &["event", "value", "speed_mph", "bus"]];
    let mut table = Table::new("timeline", "timeline.v1", &columns);
    let mut rows: Vec<(u64, Vec<Cell>, &Event)> = Vec::new();
    for event in &found.events {
        let track = event.track.map(|at| &found.outcome.tracks[at]);
        rows.push((event.t, track_cells(found.outcome, track), event));
    }
    // Times stand in ms, so that they are what orders the rows.
    let key = |(t, cells, event): &(u64, Vec<Cell>, &Event)| {
        let address = if let Cell::Text(address) = &cells[0] { address.clone() } else { String::new() };
        (millis(*t), address, event.kind.clone(), *t)
    };
    rows.sort_by_cached_key(key);
    for (t, cells, event) in rows {
        let track = event.track.map(|at| &found.outcome.tracks[at]);
        let mut row = found.moment(t).to_vec();
        row.extend(cells);
        row.push(Cell::Text(event.kind.clone()));
        row.push(event.value.map_or_else(|| Cell::text(""), |value| Cell::float(value, 3)));
        row.push(Cell::opt(event.speed_mph, |mph| Cell::float(mph, 1)));
        row.push(bus_cell(track.and_then(|track| track.bus)));
        table.rows.push(row);
    }
    table
}

fn engaged(found: &Found<'_>) -> Table {
    let mut table = Table::new("engaged_intervals", "engaged_intervals.v1", &[BIT, SPAN, &["bus"]]);
    let Some(engaged) = &found.outcome.engaged else { return table };
    let track = &found.outcome.tracks[engaged.track];
    for span in engaged.widened.as_slice() {
        let mut row = track_cells(found.outcome, Some(track));
        row.extend(found.span(*span, false));
        row.push(bus_cell(track.bus));
        table.rows.push(row);
    }
    table
}

fn events(found: &Found<'_>) -> Table {
    let columns = &[
        "t_s",
        "mono_ns",
        "event",
        "until_s",
        "duration_s",
        "value",
        "speed_mph",
        "source",
        "bus",
        "address_hex",
        "data_hex",
        "main_bus",
    ];
    let mut table = Table::new("events", "events.v2", &[columns]);
    for event in &found.events {
        let track = event.track.map(|at| &found.outcome.tracks[at]);
        let spec = track.map(|track| found.outcome.spec(track));
        let seconds = |t: u64| Cell::float(found.log_s(t), 6);
        table.rows.push(vec![
            seconds(event.t),
            Cell::int(event.t),
            Cell::Text(event.kind.clone()),
            Cell::opt(event.until, seconds),
            Cell::opt(event.until, |until| Cell::float((until - event.t) as f64 / 1e9, 6)),
            Cell::opt(event.value, |value| Cell::float(value, 6)),
            Cell::opt(event.speed_mph, |mph| Cell::float(mph, 4)),
            Cell::opt(spec, |spec| Cell::Text(spec.place())),
            bus_cell(track.and_then(|track| track.bus)),
            track_cells(found.outcome, track)[0].clone(),
            if event.data.is_empty() { Cell::Empty } else { Cell::Text(hex(&event.data)) },
            Cell::Int(event.main.into()),
        ]);
    }
    table
}

fn windows(found: &Found<'_>) -> Table {
    let columns = &["marker", "window", "left_s", "right_s", "start_s", "end_s", "duration_s", "partial"];
    let mut table = Table::new("windows", "windows.v2", &[columns]);
    let outcome = found.outcome;
    for (i, marker) in outcome.markers.iter().enumerate() {
        let window = outcome.windows.find(marker.left);
        let span = window.map(|window| outcome.windows.as_slice()[window]);
        let seconds = |t: u64| Cell::float(found.log_s(t), 6);
        table.rows.push(vec![
            Cell::int(i as u64),
            Cell::opt(window, |window| Cell::int(window as u64)),
            seconds(marker.left),
            Cell::opt(marker.right, seconds),
            Cell::opt(span, |span| seconds(span.start)),
            Cell::opt(span, |span| seconds(span.end)),
            Cell::opt(span, |span| Cell::float(span.seconds(), 6)),
            Cell::Int(marker.is_partial().into()),
        ]);
    }
    table
}

fn counts_by_window(found: &Found<'_>) -> Table {
    let columns = &["window", "address_hex", "bus", "frames", "unique_payloads"];
    let mut table = Table::new("counts_by_window", "counts_by_window.v2", &[columns]);
    let mut rows = Vec::new();
    for message in &found.outcome.messages {
        rows.extend(message.windows.iter().map(|count| (count.window, message.address, message.bus, count)));
    }
    rows.sort_by_key(|(window, address, bus, _)| (*window, *address, *bus));
    for (window, of, bus, count) in rows {
        let counts = [Cell::int(count.frames), Cell::int(count.unique)];
        let mut row = vec![Cell::int(window), Cell::Text(address(of)), Cell::int(bus)];
        row.extend(counts);
        table.rows.push(row);
    }
    table
}

fn speed_series(found: &Found<'_>) -> Table {
    let mut table = Table::new("speed_series", "speed_series.v2", &[&["t_s", "speed_mph", "bus"]]);
    for track in found.outcome.tracks.iter().filter(|track| found.outcome.spec(track).role == Role::Speed) {
        for (t, mph) in &track.series {
            table.rows.push(vec![Cell::float(found.log_s(*t), 6), Cell::float(*mph, 4), bus_cell(track.bus)]);
        }
    }
    table
}
