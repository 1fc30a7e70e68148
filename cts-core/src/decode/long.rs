//! One row per value.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::MessageTable;
use crate::table::{Column, Table, Values};
use crate::{ErrorKind, Result};

/// The names that the dictionaries of a long table hold. They only grow, so that the pieces of one file agree.
#[derive(Debug, Default)]
pub struct LongNames {
    messages: Names,
    signals: Names,
    choices: Names,
}

#[derive(Debug, Default)]
struct Names {
    list: Vec<String>,
    numbers: FxHashMap<String, u16>,
}

impl Names {
    fn number(&mut self, name: &str) -> Result<u16> {
        if let Some(number) = self.numbers.get(name) {
            return Ok(*number);
        }
        let number = u16::try_from(self.list.len()).map_err(|_| too_many())?;
        self.list.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        Ok(number)
    }

    fn column(&self, name: &str, numbers: Vec<u16>) -> Column {
        column(name, None, Values::Enum { numbers, names: Arc::new(self.list.clone()) })
    }
}

#[cold]
fn too_many() -> crate::Error {
    ErrorKind::TooLarge { what: "the number of names".to_owned(), limit: 1 << 16, name: "dictionary" }.into()
}

/// A signal of one table.
struct Source<'a> {
    number: u16,
    values: &'a Column,
    /// Names of its values: the column, and the number of each name in the long table.
    choices: Option<(&'a [u16], &'a Column, Vec<u16>)>,
}

#[derive(Default)]
struct Rows {
    mono_time: Vec<u64>,
    t: Vec<f64>,
    bus: Vec<u8>,
    message: Vec<u16>,
    signal: Vec<u16>,
    value: Vec<f64>,
    choice: Vec<u16>,
    named: Vec<bool>,
}

/// Interleaves the rows of `tables`, which come with the index of their group, in the order that names groups.
pub(super) fn long_table(
    order: &[u32],
    tables: &[(usize, MessageTable)],
    names: &mut LongNames,
) -> Result<Table> {
    let groups = tables.iter().map(|(index, _)| index + 1).max().unwrap_or(0);
    let mut by_group = vec![None; groups];
    let mut sources = Vec::with_capacity(tables.len());
    for (position, (index, table)) in tables.iter().enumerate() {
        by_group[*index] = Some(position);
        sources.push((names.messages.number(&table.label)?, sources_of(table, names)?));
    }
    let (mut rows, mut next) = (Rows::default(), vec![0; tables.len()]);
    for position in order.iter().filter_map(|group| *by_group.get(*group as usize)?) {
        let (number, signals) = &sources[position];
        rows.append(&tables[position].1.table, next[position], *number, signals);
        next[position] += 1;
    }
    Ok(rows.finish(names))
}

fn sources_of<'a>(table: &'a MessageTable, names: &mut LongNames) -> Result<Vec<Source<'a>>> {
    let columns = table.table.columns.get(3..).unwrap_or_default();
    let mut sources: Vec<Source<'_>> = Vec::with_capacity(columns.len());
    for column in columns {
        match (&column.values, sources.last_mut()) {
            // The names of a signal's values follow the signal.
            (Values::Enum { numbers, names: texts }, Some(signal)) => {
                let known = texts.iter().map(|text| names.choices.number(text)).collect::<Result<_>>()?;
                signal.choices = Some((numbers, column, known));
            }
            _ => {
                let number = names.signals.number(&column.name)?;
                sources.push(Source { number, values: column, choices: None });
            }
        }
    }
    Ok(sources)
}

impl Rows {
    fn append(&mut self, table: &Table, row: usize, message: u16, signals: &[Source<'_>]) {
        let (Some(time), Some(t), Some(bus)) = fixed(table, row) else { return };
        for source in signals {
            let Some(value) = number(source.values, row) else { continue };
            let named = source.choices.as_ref().filter(|(_, column, _)| !column.is_null(row));
            let choice = named.and_then(|(numbers, _, known)| known.get(usize::from(numbers[row])).copied());
            self.mono_time.push(time);
            self.t.push(t);
            self.bus.push(bus);
            self.message.push(message);
            self.signal.push(source.number);
            self.value.push(value);
            self.choice.push(choice.unwrap_or(0));
            self.named.push(choice.is_some());
        }
    }

    fn finish(self, names: &mut LongNames) -> Table {
        // A dictionary without names has no value for the zero at null places.
        if names.choices.list.is_empty() {
            names.choices.list.push(String::new());
        }
        let choice = names.choices.column("choice", self.choice);
        Table {
            columns: vec![
                column("mono_time", Some("ns"), Values::UInt64(self.mono_time)),
                column("t", Some("s"), Values::Float64(self.t)),
                column("bus", None, Values::UInt8(self.bus)),
                names.messages.column("message", self.message),
                names.signals.column("signal", self.signal),
                column("value", None, Values::Float64(self.value)),
                Column { present: self.named, ..choice },
            ],
        }
    }
}

fn column(name: &str, unit: Option<&str>, values: Values) -> Column {
    Column { name: name.to_owned(), unit: unit.map(str::to_owned), values, present: Vec::new() }
}

/// Time, seconds and bus of a row of a message's table.
fn fixed(table: &Table, row: usize) -> (Option<u64>, Option<f64>, Option<u8>) {
    let [time, t, bus, ..] = &table.columns[..] else { return (None, None, None) };
    match (&time.values, &t.values, &bus.values) {
        (Values::UInt64(time), Values::Float64(t), Values::UInt8(bus)) => {
            (time.get(row).copied(), t.get(row).copied(), bus.get(row).copied())
        }
        _ => (None, None, None),
    }
}

/// A cell of a signal's column as a double; `None` where it is null.
#[inline]
pub(super) fn number(column: &Column, row: usize) -> Option<f64> {
    if column.is_null(row) {
        return None;
    }
    match &column.values {
        Values::Float64(v) => v.get(row).copied(),
        Values::Float32(v) => v.get(row).copied().map(f64::from),
        Values::UInt8(v) => v.get(row).copied().map(f64::from),
        Values::UInt16(v) => v.get(row).copied().map(f64::from),
        Values::UInt32(v) => v.get(row).copied().map(f64::from),
        Values::UInt64(v) => v.get(row).map(|v| *v as f64),
        Values::Int8(v) => v.get(row).copied().map(f64::from),
        Values::Int16(v) => v.get(row).copied().map(f64::from),
        Values::Int32(v) => v.get(row).copied().map(f64::from),
        Values::Int64(v) => v.get(row).map(|v| *v as f64),
        _ => None,
    }
}
