//! What is kept, and how long.

use std::collections::HashSet;

use super::Engine;
use crate::clock::{self, Micros};
use crate::failure::Failure;
use crate::files::remove_dir;
use crate::settings::Retention;
use crate::store::{Download, Run, Status, Upload};

impl Engine {
    pub(super) async fn clean_regularly(self) {
        let pause = self.0.settings.retention.interval;
        loop {
            if let Err(failure) = self.clean().await {
                tracing::error!(failure = failure.message, "the clean-up failed");
            }
            tokio::select! {
                () = self.0.stopping.cancelled() => return,
                () = tokio::time::sleep(pause.max(std::time::Duration::from_secs(1))) => {}
            }
        }
    }

    /// Removes finished runs and uploads beyond the limits; returns how many runs.
    ///
    /// # Errors
    /// Those of the store and the file system.
    pub async fn clean(&self) -> Result<usize, Failure> {
        let engine = self.clone();
        let work = tokio::task::spawn_blocking(move || engine.clean_now());
        work.await.unwrap_or_else(|e| Err(Failure::system("internal", e.to_string(), "Report this.")))
    }

    fn clean_now(&self) -> Result<usize, Failure> {
        let retention = self.0.settings.retention;
        let now = clock::now();
        let finished = self.0.store.read_now(Run::finished)?;
        let ids = surplus(&finished, &retention, now);
        // First out of the store: files without a name are removed by the next start, names without a file are not.
        for ids in ids.chunks(500) {
            self.0.store.write_now(|db| Run::delete(db, ids))?;
            ids.iter().try_for_each(|id| remove_dir(&self.0.layout.run(id)))?;
        }
        self.clean_uploads(&retention, now)?;
        if let Some(oldest) = oldest(&retention, now) {
            // Only what is known of them; their files are the users'.
            self.0.store.write_now(|db| Download::delete_ended(db, oldest))?;
        }
        if !ids.is_empty() {
            tracing::info!(runs = ids.len(), "old runs are removed");
        }
        Ok(ids.len())
    }

    fn clean_uploads(&self, retention: &Retention, now: Micros) -> Result<(), Failure> {
        let Some(oldest) = oldest(retention, now) else {
            return Ok(());
        };
        let (uploads, mut used) = (self.0.store.read_now(Upload::ids)?, HashSet::new());
        for status in [Status::Queued, Status::Running] {
            let runs = self.0.store.read_now(|db| Run::of_status(db, status))?;
            used.extend(runs.into_iter().filter_map(|run| run.input).map(|input| input.value));
        }
        let old = uploads.into_iter().filter(|(id, at)| *at < oldest && !used.contains(id));
        let ids: Vec<String> = old.map(|(id, _)| id).collect();
        self.0.store.write_now(|db| Upload::delete(db, &ids))?;
        ids.iter().try_for_each(|id| remove_dir(&self.0.layout.upload(id)))
    }
}

/// What is older goes; `None` if age does not matter.
fn oldest(retention: &Retention, now: Micros) -> Option<Micros> {
    let age = i64::try_from(retention.max_age.as_micros()).ok().filter(|age| *age > 0)?;
    Some(now.saturating_sub(age))
}

/// The runs that go, of those given from the oldest on with the time of their end and their bytes.
fn surplus(finished: &[(String, Micros, u64)], retention: &Retention, now: Micros) -> Vec<String> {
    let oldest = oldest(retention, now).unwrap_or(Micros::MIN);
    let (mut runs, mut bytes) =
        (finished.len() as u64, finished.iter().map(|(_, _, bytes)| bytes).sum::<u64>());
    let beyond = |value: u64, limit: u64| limit > 0 && value > limit;
    let mut gone = Vec::new();
    for (id, at, size) in finished {
        if *at >= oldest && !beyond(runs, retention.max_runs) && !beyond(bytes, retention.max_bytes) {
            break;
        }
        gone.push(id.clone());
        runs -= 1;
        bytes -= size;
    }
    gone
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_oldest_go_until_all_limits_hold() {
        let finished: Vec<_> = (0..6).map(|i| (i.to_string(), i64::from(i) * 1_000_000, 10)).collect();
        let none = Retention { max_age: Duration::ZERO, max_runs: 0, max_bytes: 0, interval: Duration::ZERO };
        let gone = |retention| surplus(&finished, &retention, 6_000_000).len();
        assert_eq!(gone(none), 0);
        assert_eq!(gone(Retention { max_age: Duration::from_secs(4), ..none }), 2);
        assert_eq!(gone(Retention { max_runs: 5, ..none }), 1);
        assert_eq!(gone(Retention { max_bytes: 35, ..none }), 3);
        assert_eq!(gone(Retention { max_bytes: 35, max_runs: 1, ..none }), 5);
    }
}
