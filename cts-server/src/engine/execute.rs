//! From the queue to the end of a run.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::attempt::Attempt;
use super::live::Live;
use super::{Engine, lock};
use crate::clock;
use crate::failure::{Category, Failure};
use crate::store::{End, Level, LogEntry, Run, Status};

/// How often log lines of a run go to the store.
const SAVE_PAUSE: Duration = Duration::from_millis(100);
/// Attempts to write the end of a run; the pauses between them grow to [`LONGEST_PAUSE`].
const END_ATTEMPTS: u32 = 30;
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Engine {
    /// Starts runs whenever there is a free place, until the service ends.
    pub(super) async fn schedule(self) {
        loop {
            tokio::select! {
                () = self.0.stopping.cancelled() => return,
                () = self.0.wake.notified() => {}
            }
            while let Some(id) = self.next() {
                let engine = self.clone();
                self.0.tasks.spawn(async move { engine.occupy(id).await });
            }
        }
    }

    fn next(&self) -> Option<String> {
        let mut queue = lock(&self.0.queue);
        if self.is_stopping() || queue.running >= self.max_concurrent() {
            return None;
        }
        let id = queue.pop()?;
        queue.running += 1;
        self.0.metrics.active_runs(queue.running);
        Some(id)
    }

    /// Executes a run and frees its place, whatever happens.
    async fn occupy(&self, id: String) {
        let (engine, run) = (self.clone(), id.clone());
        if let Err(error) = tokio::spawn(async move { engine.execute(&run).await }).await {
            tracing::error!(run = id, %error, "executing a run broke off");
            let fix = "Report this with the log of the service.";
            let failure = Failure::system("internal", "the service failed while it executed the run", fix);
            if let Some(live) = self.live(&id) {
                self.finish(&id, "", &live, Err(failure)).await;
            }
        }
        let mut queue = lock(&self.0.queue);
        queue.running -= 1;
        self.0.metrics.active_runs(queue.running);
        drop(queue);
        self.0.wake.notify_one();
    }

    async fn execute(&self, id: &str) {
        let Some(live) = self.live(id) else {
            return;
        };
        let run = match self.begin(id).await {
            Ok(Some(run)) => run,
            // Canceled while it was taken from the queue.
            Ok(None) => return self.settle(id, &live).await,
            Err(failure) => return self.finish(id, "", &live, Err(failure)).await,
        };
        live.book.push(Level::Info, "service", &format!("Starting {} execution", run.tool));
        let saver = tokio::spawn(self.clone().save_regularly(id.to_owned(), Arc::clone(&live)));
        let result = self.attempts(&run, &live).await;
        saver.abort();
        if let Err(failure) = self.0.layout.end_work(id) {
            tracing::error!(run = id, failure = failure.message, "a working directory is left");
        }
        match result {
            Some(result) => self.finish(id, &run.tool, &live, result).await,
            None => self.settle(id, &live).await,
        }
    }

    async fn begin(&self, id: &str) -> Result<Option<Run>, Failure> {
        let wanted = id.to_owned();
        let begin = self.0.store.write(move |db| {
            let started = Run::start(db, &wanted, clock::now())?;
            if started { Run::get(db, &wanted) } else { Ok(None) }
        });
        begin.await
    }

    /// Tries until there is a result, or a failure that will not pass. `None` when there is nothing left to say:
    /// the run is canceled, or back in the queue.
    async fn attempts(&self, run: &Run, live: &Arc<Live>) -> Option<Result<Value, Failure>> {
        let mut pause = self.0.settings.runs.retry_pause;
        for number in 1.. {
            let mut failure = match self.attempt(run, live).await {
                Attempt::Done(report) => return Some(Ok(report)),
                Attempt::Canceled => return None,
                Attempt::Interrupted => return self.put_back(run, live).await,
                Attempt::Failed(failure) => failure,
            };
            failure.recovery_attempted = number > 1;
            failure.details.attempts = Some(number);
            if !failure.is_transient() || number >= self.0.settings.runs.attempts {
                return Some(Err(failure));
            }
            let again = format!("attempt {number} failed: {}; next attempt in {pause:?}", failure.message);
            live.book.push(Level::Warning, "service", &again);
            tracing::warn!(run = run.id, code = failure.code, "{again}");
            self.0.metrics.recovery();
            tokio::select! {
                () = live.cancel.cancelled() => return None,
                () = live.interrupt.cancelled() => return self.put_back(run, live).await,
                () = tokio::time::sleep(pause) => {}
            }
            pause *= 2;
            let id = run.id.clone();
            if let Err(failure) = self.0.store.write(move |db| Run::attempt(db, &id)).await {
                return Some(Err(failure));
            }
        }
        None
    }

    /// The service ends before the run does.
    async fn put_back(&self, run: &Run, live: &Arc<Live>) -> Option<Result<Value, Failure>> {
        live.book.push(Level::Warning, "service", "the service ends; it will start this run again");
        let id = run.id.clone();
        match self.0.store.write(move |db| Run::requeue(db, &id)).await {
            Ok(_) => None,
            Err(failure) => Some(Err(failure)),
        }
    }

    async fn save_regularly(self, id: String, live: Arc<Live>) {
        let mut changed = live.book.subscribe();
        loop {
            // What fails now is tried again with the next lines, and at the end.
            let saved = self.save_log(&id, &live).await;
            let pause = if saved.is_ok() { SAVE_PAUSE } else { LONGEST_PAUSE };
            tokio::time::sleep(pause).await;
            if saved.is_ok() && changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Writes the end of a run, then lets its followers go.
    async fn finish(&self, id: &str, tool: &str, live: &Arc<Live>, result: Result<Value, Failure>) {
        let (status, report, failure) = match result {
            Ok(report) => (Status::Completed, Some(report), None),
            Err(failure) => (Status::Failed, None, Some(failure)),
        };
        match &failure {
            None => live.book.push(Level::Info, "service", &format!("{tool} completed")),
            Some(failure) => say_failure(live, failure),
        }
        live.set_progress(100.0);
        let end = End { status, at: clock::now(), report, failure, logs_dropped: live.book.dropped() };
        if self.write_end(id, live, end).await {
            self.measure(id, tool).await;
        }
        self.settle(id, live).await;
    }

    /// True if this was the end that stands.
    async fn write_end(&self, id: &str, live: &Arc<Live>, end: End) -> bool {
        let mut pause = self.0.settings.runs.retry_pause;
        for _ in 0..END_ATTEMPTS {
            let entries = live.book.take_unsaved().unwrap_or_default();
            let last = entries.last().map_or(0, |entry| entry.seq);
            let (run, end) = (id.to_owned(), end.clone());
            let write = self.0.store.write(move |db| {
                LogEntry::insert(db, &run, &entries)?;
                Run::finish(db, &run, &end)
            });
            match write.await {
                Ok(stands) => {
                    live.book.saved(last);
                    return stands;
                }
                Err(failure) => {
                    tracing::error!(
                        run = id,
                        failure = failure.message,
                        "the end of a run is not written yet"
                    );
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        false
    }

    async fn measure(&self, id: &str, tool: &str) {
        let wanted = id.to_owned();
        let Ok(Some(run)) = self.0.store.read(move |db| Run::get(db, &wanted)).await else {
            return;
        };
        let micros = run.completed_at.unwrap_or_default() - run.started_at.unwrap_or(run.created_at);
        // Clocks may be set back while a run runs.
        let seconds = micros.max(0) as f64 / 1e6;
        let category = run.failure.as_ref().map(|failure| failure.category);
        self.0.metrics.run_ended(tool, seconds, category);
        tracing::info!(run = id, tool, status = run.status.name(), seconds, "run ended");
    }
}

fn say_failure(live: &Live, failure: &Failure) {
    let what = match failure.category {
        _ if failure.code == "timeout" => "Time limit",
        Category::ToolError | Category::ToolNotFound => "Tool error",
        Category::ValidationError => "Validation error",
        Category::SystemError => "System error",
    };
    live.book.push(Level::Error, "service", &format!("{what}: {}", failure.message));
    live.book.push(Level::Info, "service", &format!("Suggested fix: {}", failure.suggested_fix));
}
