//! After a start: every run, file and upload in a true state, however the service ended before.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::live::Live;
use super::{Engine, lock};
use crate::clock::Micros;
use crate::failure::Failure;
use crate::files::{Layout, remove_dir};
use crate::store::{
    Artifact, CORRUPT, Download, DownloadResult, DownloadStatus, End, Level, LogEntry, ResultKeys, Run,
    Status, Upload, UploadState,
};

impl Engine {
    pub(super) async fn recover(&self) -> Result<(), Failure> {
        let engine = self.clone();
        let work = tokio::task::spawn_blocking(move || {
            engine.keep_strangers()?;
            engine.fail_interrupted()?;
            engine.clear_runs()?;
            engine.clear_uploads()?;
            engine.queue_again()?;
            engine.take_up_downloads()
        });
        work.await.unwrap_or_else(|e| Err(Failure::system("internal", e.to_string(), "Report this.")))
    }

    /// Files that a store without any memory knows nothing of are not strays: their store was lost or moved away.
    fn keep_strangers(&self) -> Result<(), Failure> {
        let is_new = |db: &Connection| Ok(Run::newest(db)? == 0 && Upload::ids(db)?.is_empty());
        if !self.0.store.read_now(is_new)? || self.0.layout.is_empty() {
            return Ok(());
        }
        let kept = self.0.layout.set_aside()?;
        tracing::warn!(?kept, "the store is new; files of another one were set aside");
        Ok(())
    }

    /// Runs that were running when the service ended can have no result. One of them may be why it ended, so that none is
    /// tried again unless the operator wants it, and then once.
    fn fail_interrupted(&self) -> Result<(), Failure> {
        let message = "the service ended while the run was running";
        let retry = self.0.settings.runs.retry_interrupted;
        let now = self.now();
        let runs = self.0.store.write_now(|db| {
            let runs = Run::of_status(db, Status::Running)?;
            for run in &runs {
                let again = retry && run.attempts == 1;
                let (level, line) = match again {
                    true => (Level::Warning, format!("{message}; it is started again")),
                    false => (Level::Error, format!("System error: {message}")),
                };
                let seq = LogEntry::last(db, &run.id)? + 1;
                LogEntry::insert(
                    db,
                    &run.id,
                    &[LogEntry { seq, at: now, level, source: "service", message: line }],
                )?;
                if again {
                    Run::requeue(db, &run.id)?;
                } else {
                    Run::finish(db, &run.id, &interrupted(run, message, now))?;
                }
            }
            Ok(runs.len())
        })?;
        if runs > 0 {
            tracing::warn!(runs, "runs were cut off by the end of the service");
        }
        Ok(())
    }

    /// Files without a run or a name in the store go; so do names without a file.
    fn clear_runs(&self) -> Result<(), Failure> {
        for id in names(&self.0.layout.runs()) {
            tell(remove_dir(&self.0.layout.work(&id)));
            let known = self.0.store.read_now(|db| Artifact::of_run(db, &id))?;
            let known: HashSet<String> = known.into_iter().map(|artifact| artifact.name).collect();
            let dir = self.0.layout.artifacts(&id);
            for name in names(&dir).into_iter().filter(|name| !known.contains(name)) {
                tracing::warn!(run = id, name, "a file that no run finished is removed");
                let path = dir.join(&name);
                tell(fs::remove_file(&path).map_err(|e| Failure::io("remove", &path, &e)));
            }
            // Each fails when something is left, as it should.
            let _ = fs::remove_dir(&dir);
            let _ = fs::remove_dir(self.0.layout.run(&id));
        }
        let gone = self.0.store.write_now(|db| {
            let is_whole = |one: &Artifact| has_size(&self.0.layout.artifact(&one.run, &one.name), one.bytes);
            let all = Artifact::all(db)?;
            let gone: Vec<Artifact> = all.into_iter().filter(|one| !is_whole(one)).collect();
            gone.iter().try_for_each(|one| Artifact::delete(db, &one.id))?;
            Ok(gone)
        })?;
        gone.iter().for_each(|one| {
            tracing::warn!(run = one.run, name = one.name, "the file of an artifact is gone, or not whole")
        });
        Ok(())
    }

    fn clear_uploads(&self) -> Result<(), Failure> {
        let layout = &self.0.layout;
        let lost = self.0.store.write_now(|db| {
            let mut lost = Vec::new();
            for (id, _) in Upload::ids(db)? {
                let upload = Upload::get(db, &id)?;
                let complete = upload.filter(|upload| upload.state == UploadState::Complete);
                let is_whole = |upload: Upload| {
                    has_size(&layout.upload(&id).join(upload.filename), upload.size.unwrap_or_default())
                };
                if complete.is_some_and(|upload| !is_whole(upload)) {
                    lost.push(id);
                }
            }
            Upload::delete(db, &lost)?;
            Ok(lost)
        })?;
        lost.iter().for_each(|id| tracing::warn!(upload = id, "the file of an upload is gone, or not whole"));
        let known: HashSet<String> =
            self.0.store.read_now(Upload::ids)?.into_iter().map(|(id, _)| id).collect();
        let strays = names(&layout.uploads()).into_iter().filter(|id| !known.contains(id));
        strays.into_iter().for_each(|id| tell(remove_dir(&layout.upload(&id))));
        Ok(())
    }

    fn queue_again(&self) -> Result<(), Failure> {
        for run in self.0.store.read_now(|db| Run::of_status(db, Status::Queued))? {
            let entries = self.0.store.read_now(|db| LogEntry::after(db, &run.id, 0, usize::MAX))?;
            let live = Arc::new(Live::new(self.logbook(entries)));
            lock(&self.0.live).insert(run.id.clone(), live);
            self.enqueue(&run);
        }
        Ok(())
    }
}

impl Engine {
    /// Downloads that were going on when the service ended are failed, since one of them may be why it did; the same
    /// request goes on with what came. Those that waited wait again.
    fn take_up_downloads(&self) -> Result<(), Failure> {
        let message = "the service ended while the download was going on";
        let fix = "Send the same request again: with `resume` it goes on where it broke off.";
        let failure = Failure::system("interrupted", message, fix);
        for download in self.0.store.read_now(Download::unfinished)? {
            if download.status == DownloadStatus::Queued {
                self.begin_download(download);
                continue;
            }
            let result = DownloadResult { failure: Some(failure.clone()), ..download.result };
            let (id, now) = (&download.id, Some(self.now()));
            self.0.store.write_now(|db| Download::advance(db, id, DownloadStatus::Failed, &result, now))?;
            tracing::warn!(
                download = id,
                "a download was interrupted by the end of the service and is failed"
            );
        }
        Ok(())
    }
}

/// Refuses an empty file in the place of a store that is known to have had something in it.
///
/// # Errors
/// `store-corrupt`
pub(super) fn check_store(layout: &Layout) -> Result<(), Failure> {
    let path = layout.store();
    if layout.is_empty() || fs::metadata(&path).map_or(true, |meta| meta.len() > 0) {
        return Ok(());
    }
    let message = format!("store: the file is empty, but there are runs or uploads beside it: {path:?}");
    Err(Failure::system("store-corrupt", message, CORRUPT))
}

fn interrupted(run: &Run, message: &str, at: Micros) -> End {
    let mut failure = Failure::system("interrupted", message, "Start the run again.");
    failure.recovery_attempted = run.attempts > 1;
    failure.details.attempts = Some(run.attempts);
    let (logs_dropped, keys) = (run.logs_dropped, ResultKeys::default());
    End { status: Status::Failed, at, report: None, failure: Some(failure), logs_dropped, keys }
}

/// What cannot be removed is no reason not to start; the next start tries again.
fn tell(removed: Result<(), Failure>) {
    if let Err(failure) = removed {
        tracing::error!(code = failure.code, "{}", failure.message);
    }
}

/// After a loss of power a file may be there and its bytes not.
fn has_size(path: &Path, bytes: u64) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() == bytes)
}

/// Names of the entries of a directory; none if it cannot be read.
fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
