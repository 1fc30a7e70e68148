//! Values with their sources, for people and for programs. Secrets are masked.

use std::fmt::Write;

use serde_json::{Value, json};

use super::fields::FIELDS;
use super::load::Loaded;

/// What stands in place of a secret.
pub const MASK: &str = "********";

/// One line a field: name, value, source; lines are aligned.
pub fn to_text(loaded: &Loaded) -> String {
    let rows: Vec<_> = FIELDS
        .iter()
        .map(|field| (field.name, loaded.config.json(field).to_string(), loaded.origin(field).to_string()))
        .collect();
    let width =
        |get: fn(&(&str, String, String)) -> usize, limit| rows.iter().map(get).max().unwrap_or(0).min(limit);
    let (names, values) = (width(|row| row.0.len(), 40), width(|row| row.1.len(), 36));
    rows.iter().fold(String::new(), |mut text, (name, value, origin)| {
        let _ = writeln!(text, "{name:names$}  {value:values$}  {origin}");
        text
    })
}

/// `{"file": …, "settings": {name: {"value": …, "source": …}}, "warnings": […]}`
pub fn to_json(loaded: &Loaded) -> Value {
    let settings: serde_json::Map<_, _> = FIELDS
        .iter()
        .map(|field| {
            let value = loaded.config.json(field);
            (field.name.to_owned(), json!({"value": value, "source": loaded.origin(field).to_string()}))
        })
        .collect();
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    let file = loaded.file.as_ref().map(|path| path.to_string_lossy());
    json!({"file": file, "settings": settings, "warnings": warnings})
}

/// A value as one writes it in a variable.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
