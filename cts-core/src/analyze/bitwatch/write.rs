//! The five files of the old tool. CSV lines end in CR LF, the JSON has no newline at its end.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::times::{clock, python_repr, round_millis};
use super::{AddressNotes, Candidate, Edge, Outcome, Segment};
use crate::capnp::hex;
use crate::{Error, Result};

/// Writes `counts.csv`: address (hex), `bus` if kept apart, rows in pre, window and post, delta = window - max(pre,
/// post); by address, then bus.
///
/// # Errors
/// `io` when the output refuses.
pub fn write_counts(outcome: &Outcome, out: impl Write) -> Result<()> {
    let mut addresses: Vec<_> = outcome.addresses.iter().collect();
    addresses.sort_by_key(|notes| (notes.address, notes.bus));
    lines(outcome, out, "pre,window,post,delta", addresses, |notes: &AddressNotes| {
        let [pre, window, post] = [Segment::Pre, Segment::Window, Segment::Post].map(|s| notes.rows(s));
        let delta = i128::from(window) - i128::from(pre.max(post));
        (notes.address, notes.bus, format!("{pre},{window},{post},{delta}"))
    })
}

/// Writes `per_address.json`: address, then bus if kept apart, then segment, each in the order of their first rows;
/// number of distinct payloads and the five most common.
///
/// # Errors
/// `io` when the output refuses.
pub fn write_per_address(outcome: &Outcome, out: impl Write) -> Result<()> {
    let mut root = Map::new();
    for notes in &outcome.addresses {
        let address = format!("0x{:03X}", notes.address);
        match notes.bus {
            None => root.insert(address, segments(notes)),
            Some(bus) => match root.entry(address).or_insert_with(|| Value::Object(Map::new())) {
                Value::Object(buses) => buses.insert(bus.to_string(), segments(notes)),
                _ => None,
            },
        };
    }
    serde_json::to_writer_pretty(out, &root).map_err(|e| Error::io("write", e.into()))
}

fn segments(notes: &AddressNotes) -> Value {
    let segments = notes.segments.iter().map(|segment| {
        let top = segment.top_payloads.iter().map(|top| json!([hex(&top.data), top.count]));
        let top: Vec<Value> = top.collect();
        let value = json!({ "unique_payloads": segment.unique_payloads, "top_payloads": top });
        (segment.segment.name().to_owned(), value)
    });
    Value::Object(segments.collect())
}

/// Writes `bit_edges.csv`: the bit in four numberings, time in seconds, time after the start of the window (`mm:ss.mmm`,
/// never negative), `0->1` or `1->0`, segment.
///
/// # Errors
/// `io` when the output refuses.
pub fn write_bit_edges(outcome: &Outcome, out: impl Write) -> Result<()> {
    let columns = "byte,msb_bit,lsb_bit,global_idx,timestamp,rel,edge,segment";
    lines(outcome, out, columns, &outcome.edges, |edge: &Edge| {
        let bit = edge.bit;
        let place = format!("{},{},{},{}", bit.byte(), bit.msb(), bit.lsb(), bit.global());
        let after = edge.t_s - outcome.summary.window_start_s;
        let (time, rel) = (python_repr(edge.t_s), clock(after.max(0.0)));
        let change = if edge.rising { "0->1" } else { "1->0" };
        let row = format!("{place},{time},{rel},{change},{}", edge.segment.name());
        (edge.address, outcome.by_bus.then_some(edge.bus), row)
    })
}

/// Writes `candidates_window_only.csv`: bits that toggle inside the window only, and how often.
///
/// # Errors
/// `io` when the output refuses.
pub fn write_candidates_window_only(outcome: &Outcome, out: impl Write) -> Result<()> {
    lines(outcome, out, "global_idx,toggles", &outcome.candidates, |c: &Candidate| {
        (c.address, c.bus, format!("{},{}", c.bit.global(), c.toggles))
    })
}

/// Writes `accel_hunt.csv`: the pulses of each candidate as a JSON list of seconds (three decimals), and whether they are
/// the pattern looked for (the column is called `valid_three_2s` whatever the pattern).
///
/// # Errors
/// `io` when the output refuses.
pub fn write_accel_hunt(outcome: &Outcome, out: impl Write) -> Result<()> {
    lines(outcome, out, "global_idx,pulses,valid_three_2s", &outcome.candidates, |c: &Candidate| {
        let pulses: Vec<_> = c.pulses_s.iter().map(|pulse| python_repr(round_millis(*pulse))).collect();
        let quote = if pulses.len() > 1 { "\"" } else { "" };
        let valid = if c.matches { "True" } else { "False" };
        (c.address, c.bus, format!("{},{quote}[{}]{quote},{valid}", c.bit.global(), pulses.join(", ")))
    })
}

/// Header and one line for each item; `line` gives address, bus and what follows them.
fn lines<'a, T: 'a>(
    outcome: &Outcome,
    mut out: impl Write,
    columns: &str,
    items: impl IntoIterator<Item = &'a T>,
    line: impl Fn(&T) -> (u32, Option<u8>, String),
) -> Result<()> {
    let bus = if outcome.by_bus { "bus," } else { "" };
    let io = |e| Error::io("write", e);
    write!(out, "address,{bus}{columns}\r\n").map_err(io)?;
    for item in items {
        let (address, bus, rest) = line(item);
        let bus = bus.map_or(String::new(), |bus| format!("{bus},"));
        write!(out, "0x{address:03X},{bus}{rest}\r\n").map_err(io)?;
    }
    Ok(())
}
