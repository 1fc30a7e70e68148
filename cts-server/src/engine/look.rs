//! What callers see of runs, their files and their logs.

use std::sync::Arc;

use super::live::Live;
use super::{Caller, Engine, lock};
use crate::failure::Failure;
use crate::store::{Artifact, LogEntry, Run, RunFilter};

impl Engine {
    /// The live part of a run that is not in a final state.
    pub fn live(&self, id: &str) -> Option<Arc<Live>> {
        lock(&self.0.live).get(id).cloned()
    }

    /// The run of that id with its artifacts.
    ///
    /// # Errors
    /// `no-such-run`, also for runs of others; those of the store.
    pub async fn run(&self, caller: &Caller, id: &str) -> Result<(Run, Vec<Artifact>), Failure> {
        let wanted = id.to_owned();
        let found = self.0.store.read(move |db| {
            let run = Run::get(db, &wanted)?;
            let artifacts = run.as_ref().map(|run| Artifact::of_run(db, &run.id)).transpose()?;
            Ok(run.zip(artifacts))
        });
        let found = found.await?.filter(|(run, _)| caller.sees(run.owner.as_deref()));
        found.ok_or_else(|| no_such("run", id))
    }

    /// Runs, the newest first, with the ids of their artifacts.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn runs(&self, caller: &Caller, filter: RunFilter) -> Result<Vec<(Run, Vec<String>)>, Failure> {
        let filter = RunFilter { owner: caller.only(), ..filter };
        let read = self.0.store.read(move |db| {
            let runs = Run::list(db, &filter)?;
            let ids: Vec<&str> = runs.iter().map(|run| run.id.as_str()).collect();
            let mut artifacts = Artifact::ids_of_runs(db, &ids)?;
            let with = |run: Run| {
                let found = artifacts.remove(&run.id).unwrap_or_default();
                (run, found)
            };
            Ok(runs.into_iter().map(with).collect())
        });
        read.await
    }

    /// An artifact.
    ///
    /// # Errors
    /// `no-such-artifact`, also for those of others; those of the store.
    pub async fn artifact(&self, caller: &Caller, id: &str) -> Result<Artifact, Failure> {
        let wanted = id.to_owned();
        let found = self.0.store.read(move |db| {
            let artifact = Artifact::get(db, &wanted)?;
            let owner =
                artifact.as_ref().map(|artifact| Run::owner(db, &artifact.run)).transpose()?.flatten();
            Ok(artifact.zip(owner))
        });
        let found = found.await?.filter(|(_, owner)| caller.sees(owner.as_deref()));
        found.map(|(artifact, _)| artifact).ok_or_else(|| no_such("artifact", id))
    }

    /// At most `limit` lines of a run after the line `after`, wherever they are.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn logs(&self, id: &str, after: u64, limit: usize) -> Result<Vec<LogEntry>, Failure> {
        if let Some(live) = self.live(id) {
            return Ok(live.book.after(after, limit));
        }
        let id = id.to_owned();
        self.0.store.read(move |db| LogEntry::after(db, &id, after, limit)).await
    }

    /// The last lines of a run of the caller.
    ///
    /// # Errors
    /// `no-such-run`, also for runs of others; those of the store.
    pub async fn last_logs(&self, caller: &Caller, id: &str, limit: usize) -> Result<Vec<LogEntry>, Failure> {
        let (wanted, live, caller) = (id.to_owned(), self.live(id), caller.clone());
        let before = move |last: u64| last.saturating_sub(limit as u64);
        let read = self.0.store.read(move |db| {
            if !Run::owner(db, &wanted)?.is_some_and(|owner| caller.sees(owner.as_deref())) {
                return Ok(None);
            }
            let lines = match live {
                Some(live) => live.book.after(before(live.book.last()), limit),
                None => LogEntry::after(db, &wanted, before(LogEntry::last(db, &wanted)?), limit)?,
            };
            Ok(Some(lines))
        });
        read.await?.ok_or_else(|| no_such("run", id))
    }
}

/// Nothing of that id is visible.
#[cold]
pub(super) fn no_such(what: &str, id: &str) -> Failure {
    let message = match what {
        "artifact" => "Artifact not found".to_owned(),
        "upload" => format!("Upload '{id}' not found"),
        _ => format!("Run '{id}' not found"),
    };
    let fix = "Check the id; it may be of another user, or removed by the clean-up.";
    Failure::validation(&format!("no-such-{what}"), message, fix)
}
