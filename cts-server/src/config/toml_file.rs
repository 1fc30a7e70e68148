//! The TOML file: values with the lines they stand on.

use std::path::{Path, PathBuf};

use cts_core::error::nearest;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::fields::{FIELDS, field};
use super::load::Layers;
use super::problem::{Origin, Problem};
use super::values::Raw;

/// A file's name and text; places become lines here.
struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn origin(&self, byte: usize) -> Origin {
        let before = self.text.as_bytes().get(..byte).unwrap_or_default();
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        Origin::File { path: self.path.to_owned(), line }
    }
}

/// The text of the file, or the problem.
pub(super) fn text(path: &PathBuf) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(|e| {
        Problem::error(format!("cannot read the configuration {}: {e}", path.display()))
            .remedy("correct the path given by --config or CTS_CONFIG, or make the file readable")
    })
}

/// Applies the file to `layers`; all its mistakes are reported, not only the first.
pub(super) fn apply(layers: &mut Layers, path: &Path, text: &str) {
    let file = File { path, text };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let origin = file.origin(error.span().map_or(0, |span| span.start));
        layers.problem(Problem::error(error.message()).at(origin));
    }
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut seen: Vec<(&str, Origin)> = Vec::new();
    for (key, value) in entries {
        let origin = file.origin(key.span().start);
        let Some(field) = field(key.get_ref()) else {
            layers.problem(unknown(key, value).at(origin));
            continue;
        };
        if let Some((_, first)) = seen.iter().find(|(name, _)| *name == field.name) {
            let message =
                format!("`{}` is another name of `{}`, which {first} sets", key.get_ref(), field.name);
            layers.problem(Problem::error(message).at(origin).remedy("remove one of them"));
            continue;
        }
        seen.push((field.name, origin.clone()));
        if field.secret {
            layers.secret_file(path);
        }
        layers.set(field, Raw::Toml(value.get_ref()), origin);
    }
}

/// What `environment` says in the file.
pub(super) fn environment(text: &str) -> Option<String> {
    let (table, _) = DeTable::parse_recoverable(text);
    table.get_ref().get("environment").and_then(|value| value.get_ref().as_str().map(str::to_owned))
}

fn unknown(key: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>) -> Problem {
    let name = key.get_ref();
    let what = if value.get_ref().is_table() { "table" } else { "key" };
    let problem = Problem::error(format!("unknown {what} `{name}`"));
    match nearest(name, FIELDS.iter().flat_map(|field| field.names())) {
        Some(near) => problem.remedy(format!("did you mean `{near}`?")),
        None if value.get_ref().is_table() => {
            problem.remedy("all keys stand at the top level, without tables")
        }
        None => problem.remedy("`cts-lite config show` lists all keys"),
    }
}
