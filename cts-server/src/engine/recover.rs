//! After a start: every run, file and upload in a true state, however the service ended before.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::live::Live;
use super::logbook::LogBook;
use super::{Engine, lock};
use crate::clock;
use crate::failure::Failure;
use crate::files::remove_dir;
use crate::store::{
    Artifact, Download, DownloadResult, DownloadStatus, End, Level, LogEntry, Run, Status, Upload,
    UploadState,
};

impl Engine {
    pub(super) async fn recover(&self) -> Result<(), Failure> {
        let engine = self.clone();
        let work = tokio::task::spawn_blocking(move || {
            engine.fail_interrupted()?;
            engine.clear_runs()?;
            engine.clear_uploads()?;
            engine.queue_again()?;
            engine.take_up_downloads()
        });
        work.await.unwrap_or_else(|e| Err(Failure::system("internal", e.to_string(), "Report this.")))
    }

    /// Runs that were running when the service ended can have no result. None is tried again by itself: one of them may
    /// be why the service ended, and its owner can start it again.
    fn fail_interrupted(&self) -> Result<(), Failure> {
        let message = "the service ended while the run was running";
        let failure = Failure::system("interrupted", message, "Start the run again.");
        let now = clock::now();
        let failed = self.0.store.write_now(|db| {
            let runs = Run::of_status(db, Status::Running)?;
            for run in &runs {
                let last = LogEntry::after(db, &run.id, 0)?.last().map_or(0, |entry| entry.seq);
                let message = format!("System error: {message}");
                let entry =
                    LogEntry { seq: last + 1, at: now, level: Level::Error, source: "service", message };
                LogEntry::insert(db, &run.id, &[entry])?;
                let (failure, logs_dropped) = (Some(failure.clone()), run.logs_dropped);
                Run::finish(
                    db,
                    &run.id,
                    &End { status: Status::Failed, at: now, report: None, failure, logs_dropped },
                )?;
            }
            Ok(runs.len())
        })?;
        if failed > 0 {
            tracing::warn!(runs = failed, "runs were interrupted by the end of the service and are failed");
        }
        Ok(())
    }

    /// Files without a run or a name in the store go; so do names without a file.
    fn clear_runs(&self) -> Result<(), Failure> {
        for id in names(&self.0.layout.runs()) {
            remove_dir(&self.0.layout.work(&id))?;
            let known = self.0.store.read_now(|db| Artifact::of_run(db, &id))?;
            let known: HashSet<String> = known.into_iter().map(|artifact| artifact.name).collect();
            let dir = self.0.layout.artifacts(&id);
            for name in names(&dir).into_iter().filter(|name| !known.contains(name)) {
                tracing::warn!(run = id, name, "a file that no run finished is removed");
                let path = dir.join(&name);
                fs::remove_file(&path).map_err(|e| Failure::io("remove", &path, &e))?;
            }
            // Each fails when something is left, as it should.
            let _ = fs::remove_dir(&dir);
            let _ = fs::remove_dir(self.0.layout.run(&id));
        }
        let gone = self.0.store.write_now(|db| {
            let all = Artifact::all(db)?;
            let gone: Vec<Artifact> = all
                .into_iter()
                .filter(|one| !self.0.layout.artifact(&one.run, &one.name).is_file())
                .collect();
            gone.iter().try_for_each(|one| Artifact::delete(db, &one.id))?;
            Ok(gone)
        })?;
        gone.iter().for_each(|one| {
            tracing::warn!(run = one.run, name = one.name, "the file of an artifact is gone")
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
                if complete.is_some_and(|upload| !layout.upload(&id).join(upload.filename).is_file()) {
                    lost.push(id);
                }
            }
            Upload::delete(db, &lost)?;
            Ok(lost)
        })?;
        lost.iter().for_each(|id| tracing::warn!(upload = id, "the file of an upload is gone"));
        let known: HashSet<String> =
            self.0.store.read_now(Upload::ids)?.into_iter().map(|(id, _)| id).collect();
        let strays = names(&layout.uploads()).into_iter().filter(|id| !known.contains(id));
        strays.into_iter().try_for_each(|id| remove_dir(&layout.upload(&id)))
    }

    fn queue_again(&self) -> Result<(), Failure> {
        for run in self.0.store.read_now(|db| Run::of_status(db, Status::Queued))? {
            let entries = self.0.store.read_now(|db| LogEntry::after(db, &run.id, 0))?;
            let live = Arc::new(Live::new(LogBook::new(&self.0.settings.runs, entries)));
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
            let (id, now) = (&download.id, Some(clock::now()));
            self.0.store.write_now(|db| Download::advance(db, id, DownloadStatus::Failed, &result, now))?;
            tracing::warn!(
                download = id,
                "a download was interrupted by the end of the service and is failed"
            );
        }
        Ok(())
    }
}

/// Names of the entries of a directory; none if it cannot be read.
fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
