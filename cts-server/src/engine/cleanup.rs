//! What is kept, and how long.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::Engine;
use crate::clock::Micros;
use crate::failure::Failure;
use crate::files::remove_dir;
use crate::settings::Retention;
use crate::store::{Run, Upload};

/// Longest pause between two looks at the clocks, so that a jump is not hidden by how long nobody looked.
const LOOK: Duration = Duration::from_secs(600);
/// Pause between two checkpoints of the store.
const CHECKPOINT: Duration = Duration::from_secs(1);
/// Runs that are forgotten in one change of the store: their logs go, too, and other changes wait for it.
const AT_ONCE: usize = 20;

impl Engine {
    pub(super) async fn clean_regularly(self) {
        let pause = self.0.settings.retention.interval.max(Duration::from_secs(1));
        loop {
            if let Err(failure) = self.clean().await {
                tracing::error!(failure = failure.message, "the clean-up failed");
            }
            let next = Instant::now() + pause;
            while Instant::now() < next {
                tokio::select! {
                    () = self.0.stopping.cancelled() => return,
                    () = tokio::time::sleep_until(next.min(Instant::now() + LOOK)) => {}
                }
                if let Err(failure) = self.blocking(Self::oldest).await {
                    tracing::error!(failure = failure.message, "what the clocks show is not remembered");
                }
            }
        }
    }

    /// What was written may be lost with the power for this long.
    pub(super) async fn checkpoint_regularly(self) {
        loop {
            tokio::select! {
                () = self.0.stopping.cancelled() => return,
                () = tokio::time::sleep(CHECKPOINT) => {}
            }
            if let Err(failure) = self.blocking(|engine| engine.0.store.checkpoint()).await {
                tracing::error!(code = failure.code, "{}", failure.message);
            }
        }
    }

    /// Removes finished runs and uploads beyond the limits; returns how many runs.
    ///
    /// # Errors
    /// Those of the store and the file system.
    pub async fn clean(&self) -> Result<usize, Failure> {
        self.blocking(Self::clean_now).await
    }

    /// Does something on a thread that may block.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let engine = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&engine)).await;
        done.unwrap_or_else(|e| Err(Failure::system("internal", e.to_string(), "Report this.")))
    }

    fn clean_now(&self) -> Result<usize, Failure> {
        let retention = &self.0.settings.retention;
        let oldest = self.oldest()?;
        let finished = self.0.store.read_now(Run::finished)?;
        let ids = surplus(&finished, retention, oldest);
        let layout = &self.0.layout;
        // First out of the store: files without a name are removed by the next start, names without a file are not.
        let mut done = Ok(());
        for ids in ids.chunks(AT_ONCE) {
            self.0.store.write_now(|db| Run::delete(db, ids))?;
            done = done.and(remove_all(ids.iter().map(|id| layout.run(id))));
        }
        if let Some(oldest) = oldest {
            let used = self.watched_uploads();
            let old = self.0.store.write_now(|db| Upload::delete_old(db, oldest, &used))?;
            done = done.and(remove_all(old.iter().map(|id| layout.upload(id))));
        }
        if !ids.is_empty() {
            tracing::info!(runs = ids.len(), "old runs are removed");
        }
        done.map(|()| ids.len())
    }
}

/// Removes all of these directories, also when one of them cannot be; the first failure counts.
fn remove_all(dirs: impl Iterator<Item = PathBuf>) -> Result<(), Failure> {
    dirs.map(|dir| remove_dir(&dir)).fold(Ok(()), Result::and)
}

/// The runs that go, of those given from the oldest on with the time of their end and their bytes: those that ended
/// before `oldest`, and as many more as the limits want.
fn surplus(finished: &[(String, Micros, u64)], retention: &Retention, oldest: Option<Micros>) -> Vec<String> {
    let oldest = oldest.unwrap_or(Micros::MIN);
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
    use super::*;

    #[test]
    fn the_oldest_go_until_all_limits_hold() {
        let finished: Vec<_> = (0..6).map(|i| (i.to_string(), i64::from(i) * 1_000_000, 10)).collect();
        let none = Retention { max_age: Duration::ZERO, max_runs: 0, max_bytes: 0, interval: Duration::ZERO };
        let gone = |retention, oldest| surplus(&finished, &retention, oldest).len();
        assert_eq!(gone(none, None), 0);
        assert_eq!(gone(none, Some(2_000_000)), 2);
        assert_eq!(gone(Retention { max_runs: 5, ..none }, None), 1);
        assert_eq!(gone(Retention { max_bytes: 35, ..none }, None), 3);
        assert_eq!(gone(Retention { max_bytes: 35, max_runs: 1, ..none }, Some(1_000_000)), 5);
    }
}
