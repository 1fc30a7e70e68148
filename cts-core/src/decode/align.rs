//! All signals on a common clock.

use super::long::number;
use super::{Decoder, MessageTable};
use crate::table::{Column, Table, Values};
use crate::{ErrorKind, Result};

/// How values come onto the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resample {
    /// The last value at or before the time, however old.
    #[default]
    AsOf,
    /// On the line between the values before and after; null where these are more than a second apart.
    Linear,
}

/// The smallest period: a millisecond, in ns.
pub const MIN_PERIOD_NS: u64 = 1_000_000;
/// Two values further apart than this are not joined by a line, in ns.
const MAX_BRIDGE: u64 = 1_000_000_000;
/// Where no frame comes for longer than this, in ns, the clock has no rows.
const IDLE: u64 = 10_000_000_000;

/// Brings the signals of all messages onto one clock, piece by piece.
///
/// The clock ticks at multiples of the period from the origin, from the first frame to the last. Of a message that
/// several buses carry, the bus on which it is first seen counts. Multiplexed signals keep their last value. Values
/// whose time lies before that of the one before them are left out.
#[derive(Debug)]
pub struct Aligner {
    period: u64,
    resample: Resample,
    origin: u64,
    messages: Vec<Source>,
    /// Times with frames still to be covered, first and last.
    spans: Vec<(u64, u64)>,
    /// The next tick's number.
    tick: u64,
}

#[derive(Debug)]
struct Source {
    label: String,
    bus: Option<u8>,
    signals: Vec<Series>,
}

/// A signal's values that ticks still need.
#[derive(Debug)]
struct Series {
    name: String,
    unit: Option<String>,
    samples: Vec<(u64, f64)>,
}

impl Aligner {
    /// A clock of `period_ns` for the decoder's signals, of the messages whose label `wanted` accepts.
    ///
    /// # Errors
    /// `out-of-range` for a period below [`MIN_PERIOD_NS`].
    pub fn new(
        decoder: &Decoder,
        wanted: impl Fn(&str) -> bool,
        period_ns: u64,
        resample: Resample,
    ) -> Result<Self> {
        if period_ns < MIN_PERIOD_NS {
            let (value, range) = (format!("{} ms", period_ns as f64 / 1e6), "at least 1 ms".to_owned());
            return Err(ErrorKind::OutOfRange { name: "align".to_owned(), value, range }.into());
        }
        let mut messages: Vec<Source> = Vec::new();
        for (label, name, unit) in decoder.columns(wanted) {
            if messages.last().is_none_or(|message| message.label != label) {
                messages.push(Source { label, bus: None, signals: Vec::new() });
            }
            if let Some(message) = messages.last_mut() {
                message.signals.push(Series { name, unit, samples: Vec::new() });
            }
        }
        Ok(Self { period: period_ns, resample, origin: 0, messages, spans: Vec::new(), tick: 0 })
    }

    /// Takes the tables of a piece and gives the rows of all ticks that later pieces cannot change. `origin` is the
    /// decoder's.
    ///
    /// Columns: `mono_time` (ns, u64), `t` (s, f64), then `MESSAGE.SIGNAL` (f64).
    pub fn push(&mut self, tables: &[MessageTable], origin: u64) -> Table {
        self.origin = origin;
        self.cover(tables);
        for table in tables {
            if let Some(source) = self.messages.iter_mut().find(|source| source.label == table.label) {
                source.push(&table.table);
            }
        }
        let lag = if self.resample == Resample::Linear { MAX_BRIDGE } else { 0 };
        let end = self.spans.last().map_or(0, |(_, last)| *last);
        self.rows(end.saturating_sub(lag))
    }

    /// Gives the rows that are left.
    pub fn finish(&mut self) -> Table {
        self.rows(u64::MAX)
    }

    /// Adds the times of a piece to the spans.
    fn cover(&mut self, tables: &[MessageTable]) {
        let mut times: Vec<u64> = tables.iter().flat_map(|table| times(&table.table)).copied().collect();
        times.sort_unstable();
        for time in times {
            match self.spans.last_mut() {
                Some((_, last)) if time <= last.saturating_add(IDLE) => *last = time.max(*last),
                _ => self.spans.push((time, time)),
            }
        }
    }

    /// The ticks before `end` that lie in a span. What lies behind is forgotten.
    fn ticks(&mut self, end: u64) -> Vec<u64> {
        let mut ticks = Vec::new();
        while let Some((first, last)) = self.spans.first().copied() {
            self.tick = self.tick.max(first.saturating_sub(self.origin).div_ceil(self.period));
            loop {
                let time = self.tick.checked_mul(self.period).and_then(|t| self.origin.checked_add(t));
                match time {
                    Some(time) if time <= last && time < end => ticks.push(time),
                    _ => break,
                }
                self.tick += 1;
            }
            // The last span may grow.
            if last >= end || self.spans.len() == 1 && end != u64::MAX {
                break;
            }
            self.spans.remove(0);
        }
        ticks
    }

    fn rows(&mut self, end: u64) -> Table {
        let ticks = self.ticks(end);
        let (origin, resample) = (self.origin, self.resample);
        let seconds = |time: &u64| time.wrapping_sub(origin) as i64 as f64 / 1e9;
        let t = ticks.iter().map(seconds).collect();
        let fixed = |name: &str, unit: &str, values| Column {
            name: name.to_owned(),
            unit: Some(unit.to_owned()),
            values,
            present: Vec::new(),
        };
        let mut columns = vec![
            fixed("mono_time", "ns", Values::UInt64(ticks.clone())),
            fixed("t", "s", Values::Float64(t)),
        ];
        for message in &mut self.messages {
            for series in &mut message.signals {
                columns.push(series.column(&message.label, &ticks, resample));
            }
        }
        Table { columns }
    }
}

fn times(table: &Table) -> &[u64] {
    match table.columns.first().map(|column| &column.values) {
        Some(Values::UInt64(times)) => times,
        _ => &[],
    }
}

impl Source {
    fn push(&mut self, table: &Table) {
        let Some(Values::UInt8(buses)) = table.columns.get(2).map(|column| &column.values) else { return };
        let Some(bus) = self.bus.or_else(|| buses.first().copied()) else { return };
        self.bus = Some(bus);
        let times = times(table);
        for (series, column) in self.signals.iter_mut().zip(table.columns.get(3..).unwrap_or_default()) {
            let rows = times.iter().zip(buses).enumerate().filter(|(_, (_, on))| **on == bus);
            for (row, (time, _)) in rows {
                let late = series.samples.last().is_some_and(|(last, _)| last > time);
                if let (Some(value), false) = (number(column, row), late) {
                    series.samples.push((*time, value));
                }
            }
        }
    }
}

impl Series {
    fn column(&mut self, message: &str, ticks: &[u64], resample: Resample) -> Column {
        let (mut values, mut present) = (Vec::with_capacity(ticks.len()), Vec::with_capacity(ticks.len()));
        let mut next = 0;
        for tick in ticks {
            next += self.samples[next..].iter().take_while(|(time, _)| time <= tick).count();
            let before = next.checked_sub(1).map(|last| self.samples[last]);
            let value = match resample {
                Resample::AsOf => before.map(|(_, value)| value),
                Resample::Linear => between(before, self.samples.get(next).copied(), *tick),
            };
            values.push(value.unwrap_or(0.0));
            present.push(value.is_some());
        }
        // Later ticks need the last one before them and all behind.
        self.samples.drain(..next.saturating_sub(1));
        if present.iter().all(|present| *present) {
            present.clear();
        }
        let (name, unit) = (format!("{message}.{}", self.name), self.unit.clone());
        Column { name, unit, values: Values::Float64(values), present }
    }
}

/// The value at `tick` on the line from `before` to `after`.
fn between(before: Option<(u64, f64)>, after: Option<(u64, f64)>, tick: u64) -> Option<f64> {
    let (start, from) = before?;
    if start == tick {
        return Some(from);
    }
    let (end, to) = after.filter(|(end, _)| end - start <= MAX_BRIDGE)?;
    Some(from + (to - from) * ((tick - start) as f64 / (end - start) as f64))
}
