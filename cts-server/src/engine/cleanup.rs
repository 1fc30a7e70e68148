//! What is kept, and how long.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::{Engine, lock};
use crate::clock::Micros;
use crate::failure::Failure;
use crate::files::remove_dir;
use crate::settings::Retention;
use crate::store::{Download, Run, Upload};

/// Longest pause between two looks at the clocks, so that a jump is not hidden by how long nobody looked.
const LOOK: Duration = Duration::from_secs(600);
/// Pause between two checkpoints of the store, and after one that failed.
const CHECKPOINT: Duration = Duration::from_secs(1);
const AFTER_FAILURE: Duration = Duration::from_secs(30);
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
        let mut pause = CHECKPOINT;
        loop {
            tokio::select! {
                () = self.0.stopping.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = match self.blocking(|engine| engine.0.store.checkpoint()).await {
                Ok(()) => CHECKPOINT,
                Err(failure) => {
                    tracing::error!(code = failure.code, "{}", failure.message);
                    AFTER_FAILURE
                }
            };
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
        let oldest = self.oldest()?;
        let (store, layout) = (&self.0.store, &self.0.layout);
        let mut used = self.watched_uploads();
        used.extend(lock(&self.0.uploading).iter().cloned());
        let mut things: Vec<Thing> = store.read_now(Run::finished)?.into_iter().map(Thing::run).collect();
        let uploads = store.read_now(Upload::unused)?.into_iter().filter(|(id, _, _)| !used.contains(id));
        things.extend(uploads.map(Thing::upload));
        let gone = surplus(things, &self.0.settings.retention, oldest);
        let (runs, uploads): (Vec<Thing>, Vec<Thing>) = gone.into_iter().partition(|thing| thing.is_run);
        let ids = |things: Vec<Thing>| things.into_iter().map(|thing| thing.id).collect::<Vec<String>>();
        let (runs, uploads) = (ids(runs), ids(uploads));
        // First out of the store: files without a name are removed by the next start, names without a file are not.
        let mut done = Ok(());
        for ids in runs.chunks(AT_ONCE) {
            store.write_now(|db| Run::delete(db, ids))?;
            done = done.and(remove_all(ids.iter().map(|id| layout.run(id))));
        }
        let uploads = store.write_now(|db| Upload::delete_unused(db, &uploads))?;
        lock(&self.0.arrived).retain(|id, _| !uploads.contains(id));
        done = done.and(remove_all(uploads.iter().map(|id| layout.upload(id))));
        if let Some(oldest) = oldest {
            // Only what is known of them; their files are the users'.
            store.write_now(|db| Download::delete_ended(db, oldest))?;
        }
        if runs.len() + uploads.len() > 0 {
            tracing::info!(runs = runs.len(), uploads = uploads.len(), "what is old or too much is removed");
        }
        done.map(|()| runs.len())
    }
}

/// Something that may be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Thing {
    id: String,
    is_run: bool,
    /// When a run ended, or an upload was announced.
    at: Micros,
    bytes: u64,
}

impl Thing {
    fn run((id, at, bytes): (String, Micros, u64)) -> Self {
        Self { id, is_run: true, at, bytes }
    }

    fn upload((id, at, bytes): (String, Micros, u64)) -> Self {
        Self { is_run: false, ..Self::run((id, at, bytes)) }
    }
}

/// Removes all of these directories, also when one of them cannot be; the first failure counts.
fn remove_all(dirs: impl Iterator<Item = PathBuf>) -> Result<(), Failure> {
    dirs.map(|dir| remove_dir(&dir)).fold(Ok(()), Result::and)
}

/// What goes: all from before `oldest`, and of the rest as many of the oldest as the limits want.
fn surplus(mut things: Vec<Thing>, retention: &Retention, oldest: Option<Micros>) -> Vec<Thing> {
    things.sort_by_key(|thing| thing.at);
    let mut runs = things.iter().filter(|thing| thing.is_run).count() as u64;
    let mut bytes: u64 = things.iter().map(|thing| thing.bytes).sum();
    let beyond = |value: u64, limit: u64| limit > 0 && value > limit;
    let mut goes = |thing: &Thing| {
        let goes = oldest.is_some_and(|oldest| thing.at < oldest)
            || thing.is_run && beyond(runs, retention.max_runs)
            || beyond(bytes, retention.max_bytes);
        if goes {
            runs -= u64::from(thing.is_run);
            bytes -= thing.bytes;
        }
        goes
    };
    things.retain(|thing| goes(thing));
    things
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_until_all_limits_hold() {
        let thing = |i: i64| (i.to_string(), i * 1_000_000, 10);
        let runs = (0..6).map(thing).map(Thing::run);
        let things: Vec<Thing> = [thing(1), thing(9)].map(Thing::upload).into_iter().chain(runs).collect();
        let none = Retention { max_age: Duration::ZERO, max_runs: 0, max_bytes: 0, interval: Duration::ZERO };
        let gone = |retention, oldest| {
            let gone = surplus(things.clone(), &retention, oldest);
            let uploads = gone.iter().filter(|thing| !thing.is_run).count();
            (gone.len() - uploads, uploads)
        };
        assert_eq!(gone(none, None), (0, 0));
        assert_eq!(gone(none, Some(2_000_000)), (2, 1));
        assert_eq!(gone(Retention { max_runs: 4, ..none }, None), (2, 0), "uploads are no runs");
        assert_eq!(gone(Retention { max_bytes: 55, ..none }, None), (2, 1));
        assert_eq!(gone(Retention { max_bytes: 55, max_runs: 1, ..none }, Some(1_000_000)), (5, 1));
    }
}
