//! Cells and tables, and how they are written: as the Python tool wrote numbers, so that old readers find them.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::analyze::bitwatch::python_repr;

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Empty,
    Text(String),
    Int(i64),
    /// Already rounded.
    Float(f64),
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn int(value: impl TryInto<i64>) -> Self {
        Self::Int(value.try_into().unwrap_or(i64::MAX))
    }

    /// Rounded to so many decimals.
    pub(super) fn float(value: f64, decimals: usize) -> Self {
        if value.is_finite() { Self::Float(round(value, decimals)) } else { Self::Empty }
    }

    pub(super) fn opt<T>(value: Option<T>, cell: impl Fn(T) -> Self) -> Self {
        value.map_or(Self::Empty, cell)
    }

    fn json(&self) -> Value {
        match self {
            Self::Empty => Value::Null,
            Self::Text(text) => text.as_str().into(),
            Self::Int(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
        }
    }

    fn push_csv(&self, out: &mut String) {
        match self {
            Self::Empty => {}
            Self::Text(text) if text.contains(['"', ',', '\n', '\r']) => {
                let _ = write!(out, "\"{}\"", text.replace('"', "\"\""));
            }
            Self::Text(text) => out.push_str(text),
            Self::Int(value) => {
                let _ = write!(out, "{value}");
            }
            Self::Float(value) => out.push_str(&python_repr(*value)),
        }
    }
}

/// A table with its schema's name.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// File name without ending.
    pub(super) name: &'static str,
    /// `candidates.v1`.
    pub(super) schema: &'static str,
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn new(name: &'static str, schema: &'static str, columns: &[&[&'static str]]) -> Self {
        Self { name, schema, columns: columns.concat(), rows: Vec::new() }
    }

    /// The header and the rows, lines ending in CR LF.
    pub(super) fn csv(&self) -> String {
        let mut out = self.columns.join(",");
        out.push_str("\r\n");
        for row in &self.rows {
            for (i, cell) in row.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                cell.push_csv(&mut out);
            }
            out.push_str("\r\n");
        }
        out
    }

    /// A list of records, as `json.dump` with an indent of 2 writes it.
    pub(super) fn json(&self) -> Value {
        let record = |row: &Vec<Cell>| {
            let fields = self.columns.iter().zip(row).map(|(name, cell)| ((*name).to_owned(), cell.json()));
            Value::Object(fields.collect::<Map<_, _>>())
        };
        Value::Array(self.rows.iter().map(record).collect())
    }
}

/// Rounds to so many decimals, as printing does.
pub(super) fn round(value: f64, decimals: usize) -> f64 {
    let rounded = format!("{value:.decimals$}").parse().unwrap_or(value);
    // No negative zero in tables.
    if rounded == 0.0 { 0.0 } else { rounded }
}

/// `mm:ss.mmm`, with more digits for the minutes where needed, and a sign before the window.
pub(super) fn clock(seconds: f64) -> String {
    let millis = (seconds.abs() * 1e3).round() as u64;
    let sign = if seconds < 0.0 && millis > 0 { "-" } else { "" };
    format!("{sign}{:02}:{:02}.{:03}", millis / 60_000, millis / 1000 % 60, millis % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_written_as_before() {
        // Source: sample reports of comma-tools.
        assert_eq!(clock(58_919.678), "981:59.678");
        assert_eq!(clock(0.05), "00:00.050");
        assert_eq!(
            (clock(-3.25), clock(-0.0001), clock(59.9996)),
            ("-00:03.250".into(), "00:00.000".into(), "01:00.000".into())
        );
        let mut table = Table::new("x", "x.v1", &[&["a", "b"], &["c", "d"]]);
        table.rows.push(vec![
            Cell::float(58910.0004, 3),
            Cell::text("MSB B1b7"),
            Cell::int(7u64),
            Cell::Empty,
        ]);
        table.rows.push(vec![
            Cell::float(-0.0001, 3),
            Cell::text("a,\"b\""),
            Cell::float(f64::NAN, 1),
            Cell::float(291.9, 3),
        ]);
        assert_eq!(table.csv(), "a,b,c,d\r\n58910.0,MSB B1b7,7,\r\n0.0,\"a,\"\"b\"\"\",,291.9\r\n");
        let json = serde_json::to_string(&table.json()).unwrap();
        assert!(json.starts_with(r#"[{"a":58910.0,"b":"MSB B1b7","c":7,"d":null}"#), "{json}");
    }
}
