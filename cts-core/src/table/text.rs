//! Cells as text, for CSV and JSON.

use std::io::Write;

use serde_json::{Map, Number, Value as Json};

use super::Table;
use super::column::{Column, Values};
use crate::capnp::hex;

/// A cell as JSON; null where it is null. Numbers that are not finite are strings, data is upper-case hex.
pub(super) fn json(column: &Column, row: usize) -> Json {
    if column.is_null(row) {
        return Json::Null;
    }
    match &column.values {
        Values::Bool(v) => v[row].into(),
        Values::Int8(v) => v[row].into(),
        Values::Int16(v) => v[row].into(),
        Values::Int32(v) => v[row].into(),
        Values::Int64(v) => v[row].into(),
        Values::UInt8(v) => v[row].into(),
        Values::UInt16(v) => v[row].into(),
        Values::UInt32(v) => v[row].into(),
        Values::UInt64(v) => v[row].into(),
        Values::Float32(v) => float(f64::from(v[row])),
        Values::Float64(v) => float(v[row]),
        Values::Text { ends, bytes } => String::from_utf8_lossy(span(ends, bytes, row)).into(),
        Values::Data { ends, bytes } => hex(span(ends, bytes, row)).into(),
        Values::Enum { numbers, names } => name(numbers[row], names).map_or(numbers[row].into(), Json::from),
        Values::List { ends, element } => {
            (ends[row] as usize..ends[row + 1] as usize).map(|i| json(element, i)).collect::<Vec<_>>().into()
        }
        Values::Struct { fields, .. } => Json::Object(
            fields.iter().map(|field| (field.name.clone(), json(field, row))).collect::<Map<_, _>>(),
        ),
        Values::Void(_) => Json::Null,
    }
}

fn float(value: f64) -> Json {
    Number::from_f64(value).map_or_else(|| non_finite(value).into(), Json::Number)
}

fn non_finite(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

fn span<'a>(ends: &[i32], bytes: &'a [u8], row: usize) -> &'a [u8] {
    &bytes[ends[row] as usize..ends[row + 1] as usize]
}

fn name(number: u16, names: &[String]) -> Option<&str> {
    names.get(number as usize).map(String::as_str)
}

/// Writes a cell as CSV shows it: empty where it is null, lists and structs as JSON.
fn cell(column: &Column, row: usize, out: &mut Vec<u8>) -> std::io::Result<()> {
    if column.is_null(row) {
        return Ok(());
    }
    let mut int = itoa::Buffer::new();
    match &column.values {
        Values::Bool(v) => out.extend_from_slice(if v[row] { b"true" } else { b"false" }),
        Values::Int8(v) => out.extend_from_slice(int.format(v[row]).as_bytes()),
        Values::Int16(v) => out.extend_from_slice(int.format(v[row]).as_bytes()),
        Values::Int32(v) => out.extend_from_slice(int.format(v[row]).as_bytes()),
        Values::Int64(v) => out.extend_from_slice(int.format(v[row]).as_bytes()),
        Values::UInt8(v) => out.extend_from_slice(int.format(v[row]).as_bytes()),
        Values::UInt16(v) => out.extend_from_slice(int.format(v[row]).as_bytes()),
        Values::UInt32(v) => out.extend_from_slice(int.format(v[row]).as_bytes()),
        Values::UInt64(v) => out.extend_from_slice(int.format(v[row]).as_bytes()),
        Values::Float32(v) if v[row].is_finite() => {
            out.extend_from_slice(zmij::Buffer::new().format_finite(v[row]).as_bytes());
        }
        Values::Float64(v) if v[row].is_finite() => {
            out.extend_from_slice(zmij::Buffer::new().format_finite(v[row]).as_bytes());
        }
        Values::Float32(v) => out.extend_from_slice(non_finite(f64::from(v[row])).as_bytes()),
        Values::Float64(v) => out.extend_from_slice(non_finite(v[row]).as_bytes()),
        Values::Text { ends, bytes } => out.extend_from_slice(span(ends, bytes, row)),
        Values::Data { ends, bytes } => out.extend_from_slice(hex(span(ends, bytes, row)).as_bytes()),
        Values::Enum { numbers, names } => match name(numbers[row], names) {
            Some(name) => out.extend_from_slice(name.as_bytes()),
            None => out.extend_from_slice(int.format(numbers[row]).as_bytes()),
        },
        Values::List { .. } | Values::Struct { .. } => serde_json::to_writer(&mut *out, &json(column, row))?,
        Values::Void(_) => {}
    }
    Ok(())
}

/// Writes the rows as CSV (RFC 4180 quoting, LF line ends), with a header line if asked.
pub(super) fn write_csv<W: Write>(
    table: &Table,
    header: bool,
    writer: &mut csv::Writer<W>,
) -> csv::Result<()> {
    if header {
        writer.write_record(table.columns.iter().map(|column| &column.name))?;
    }
    let mut out = Vec::new();
    for row in 0..table.rows() {
        for column in &table.columns {
            out.clear();
            cell(column, row, &mut out)?;
            writer.write_field(&out)?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    Ok(())
}

/// Writes the rows as JSON objects, one a line.
pub(super) fn write_json<W: Write>(table: &Table, mut writer: W) -> std::io::Result<()> {
    for row in 0..table.rows() {
        let object: Map<_, _> =
            table.columns.iter().map(|column| (column.name.clone(), json(column, row))).collect();
        serde_json::to_writer(&mut writer, &object)?;
        writer.write_all(b"\n")?;
    }
    Ok(())
}
