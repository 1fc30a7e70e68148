//! How commands that talk to a service end, and what they share.
//!
//! Exit codes: 0 done; 2 failed, of `ping`, `cap`, `runs`, `logs`, `art` and most of `mon`; 1 failed, of `run`, `upload`
//! and `mon start`, for files in the way, and for a service that wants a newer client; 3 the run failed; 4 the run was
//! canceled; 130 Ctrl-C. A run that completed on damaged input gives a warning and 0: 3 means failed here.

use serde_json::Value;

use crate::client::{Error, Result};
use crate::render::{self, Out};
use crate::{CANCELED, Outcome};

/// Says what went wrong; `code` is the exit code of failures.
pub(crate) fn end(result: Result<Outcome>, code: u8) -> cts_core::Result<Outcome> {
    match result {
        Ok(outcome) => Ok(outcome),
        // The reader of the output has gone.
        Err(Error::Core(error)) if crate::is_broken_pipe(&error) => Err(error),
        Err(Error::Canceled) => Ok(Outcome::Exit(CANCELED)),
        Err(Error::Core(error)) => {
            render::error(&error);
            Ok(Outcome::Exit(code))
        }
        Err(error) => {
            failure(&error);
            let code = if matches!(error, Error::Exists(_) | Error::TooOld { .. }) { 1 } else { code };
            Ok(Outcome::Exit(code))
        }
    }
}

/// Says what went wrong between here and the service, and what helps.
pub(crate) fn failure(error: &Error) {
    render::say(&format!(
        "cts: error [{}]: {}",
        render::plain(error.code()),
        render::plain(&error.to_string())
    ));
    if let Some(hint) = error.hint() {
        render::say(&format!("hint: {}", render::plain(hint)));
    }
    if let Error::Refused(problem) = error
        && let (Some(id), 500..) = (&problem.request_id, problem.status)
    {
        render::say(&format!("request: {}", render::plain(id)));
    }
}

/// Prints an answer.
pub(crate) fn print(value: &Value) -> Result<()> {
    let mut out = Out::new();
    out.json(value)?;
    Ok(out.finish()?)
}

/// Prints a text.
pub(crate) fn text(text: &str) -> Result<()> {
    let mut out = Out::new();
    out.text(text)?;
    Ok(out.finish()?)
}

/// A table with a head; the last column is not padded.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|name| (*name).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head)
        .chain(rows.iter().map(|row| row.iter().map(|cell| render::plain(cell)).collect()))
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// A value of an answer for people: `-` for none.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
