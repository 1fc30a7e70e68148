//! Reading the configuration again while the service runs.

use serde_json::Value;

use super::checks;
use super::fields::{FIELDS, Reload};
use super::load::{Loaded, load};
use super::problem::{Level, Problem, Problems};
use super::source::Sources;

/// A field whose value is another one now.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The field.
    pub name: &'static str,
    /// The value before; masked if secret.
    pub before: Value,
    /// The value read now; masked if secret.
    pub now: Value,
    /// Whether it waits for the next start.
    pub needs_restart: bool,
}

/// The outcome of reading again.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// What holds from now on: fields that need a restart keep their value, so that this is always the truth.
    pub loaded: Loaded,
    /// What differs, those waiting for a restart included.
    pub changes: Vec<Change>,
}

/// Reads everything again. Nothing changes when the new configuration cannot be used, or cannot be used without a restart:
/// authentication must not go away while the address that was safe without it is not listened on yet.
///
/// # Errors
/// As [`load`].
pub fn reload(old: &Loaded, sources: &Sources) -> Result<Reloaded, Problems> {
    let mut loaded = load(sources)?;
    let mut changes = Vec::new();
    for field in FIELDS {
        if old.config.same(&loaded.config, field) {
            continue;
        }
        let needs_restart = field.reload == Reload::Restart;
        let (before, now) = (old.config.json(field), loaded.config.json(field));
        changes.push(Change { name: field.name, before, now, needs_restart });
        if needs_restart {
            loaded.hold(field, old);
        }
    }
    let mixed = checks::of(&loaded.config).into_iter().map(|(_, problem)| problem);
    let unsafe_now: Vec<_> =
        mixed.filter(|problem| problem.level == Level::Error).map(until_restart).collect();
    if unsafe_now.is_empty() { Ok(Reloaded { loaded, changes }) } else { Err(Problems(unsafe_now)) }
}

fn until_restart(problem: Problem) -> Problem {
    let message = format!("until the service starts again, {}", problem.message);
    Problem { message, ..problem }.remedy("restart the service, so that all changes hold at once")
}
