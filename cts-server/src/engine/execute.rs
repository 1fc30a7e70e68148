//! From the queue to the end of a run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;

use super::attempt::Attempt;
use super::live::Live;
use super::{Engine, lock};
use crate::failure::{Category, Failure};
use crate::store::{End, Level, ResultKeys, Run, Sql, Status};

/// What a run gives: a report, and by what later runs find it; or why there is none.
type Outcome = Result<(Value, ResultKeys), Failure>;

/// How often log lines of a run go to the store.
const SAVE_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause between two attempts to write something.
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
            self.end_work(&id).await;
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
        let mut run = match self.begin(id, &live).await {
            Ok(Some(run)) => run,
            // Canceled while it was taken from the queue.
            Ok(None) => return self.settle(id, &live).await,
            // The service ends, and the run is still in the queue.
            Err(_) if live.interrupt.is_cancelled() => return live.book.close(),
            Err(failure) => {
                self.finish(id, "", &live, Err(failure)).await;
                return;
            }
        };
        let begun = Instant::now();
        live.book.push(Level::Info, "service", &format!("Starting {} execution", run.tool));
        let saver = tokio::spawn(self.clone().save_regularly(id.to_owned(), Arc::clone(&live)));
        let result = self.attempts(&mut run, &live).await;
        saver.abort();
        self.end_work(id).await;
        let Some(result) = result else {
            return self.settle(id, &live).await;
        };
        let category = result.as_ref().err().map(|failure| failure.category);
        if self.finish(id, &run.tool, &live, result).await {
            let seconds = begun.elapsed().as_secs_f64();
            self.0.metrics.run_ended(&run.tool, seconds, category);
            tracing::info!(run = id, tool = run.tool, ?category, seconds, "run ended");
        }
    }

    /// Removes the working directory of a run or monitor.
    pub(super) async fn end_work(&self, id: &str) {
        let of = id.to_owned();
        if let Err(failure) = self.blocking(move |engine| engine.0.layout.end_work(&of)).await {
            tracing::error!(id, failure = failure.message, "a working directory is left for the next start");
        }
    }

    async fn begin(&self, id: &str, live: &Arc<Live>) -> Result<Option<Run>, Failure> {
        let (wanted, now) = (id.to_owned(), self.now());
        let begin = self.persist(id, live, move |db| {
            let started = Run::start(db, &wanted, now)?;
            if started { Run::get(db, &wanted) } else { Ok(None) }
        });
        begin.await
    }

    /// Tries until there is a result, or a failure that will not pass. `None` when there is nothing left to say:
    /// the run is canceled, or back in the queue.
    async fn attempts(&self, run: &mut Run, live: &Arc<Live>) -> Option<Outcome> {
        let mut pause = self.0.settings.runs.retry_pause;
        for number in 1.. {
            let mut failure = match self.attempt(run, live).await {
                Attempt::Done(report, keys) => return Some(Ok((report, keys))),
                Attempt::Canceled => return None,
                Attempt::Interrupted => return self.put_back(run, live).await,
                Attempt::Failed(failure) => failure,
            };
            failure.recovery_attempted = run.attempts > 1;
            failure.details.attempts = Some(run.attempts);
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
            run.attempts += 1;
            let id = run.id.clone();
            if let Err(failure) = self.persist(&run.id, live, move |db| Run::attempt(db, &id)).await {
                return Some(Err(failure));
            }
        }
        None
    }

    /// The service ends before the run does.
    async fn put_back(&self, run: &Run, live: &Arc<Live>) -> Option<Outcome> {
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

    /// Writes the end of a run with the rest of its log, then lets its followers go. True if this is the end that stands.
    async fn finish(&self, id: &str, tool: &str, live: &Arc<Live>, result: Outcome) -> bool {
        let (status, report, failure, keys) = match result {
            Ok((report, keys)) => (Status::Completed, Some(report), None, keys),
            Err(failure) => (Status::Failed, None, Some(failure), ResultKeys::default()),
        };
        match &failure {
            None => live.book.push(Level::Info, "service", &format!("{tool} completed")),
            Some(failure) => say_failure(live, failure),
        }
        let end = End { status, at: self.now(), report, failure, logs_dropped: live.book.dropped(), keys };
        let (run, of) = (id.to_owned(), Arc::clone(live));
        let written = self.persist(id, live, move |db| {
            let last = of.book.save(db, &run)?;
            Ok((last, Run::finish(db, &run, &end)?))
        });
        let stands = match written.await {
            Ok((last, stands)) => {
                live.book.saved(last);
                stands
            }
            Err(failure) => {
                let message = "the end of a run is not written; the next start fails it as interrupted";
                tracing::error!(run = id, failure = failure.message, "{message}");
                false
            }
        };
        self.settle(id, live).await;
        stands
    }

    /// After the last word: saves the rest of the log, lets followers go, forgets the live part.
    pub(super) async fn settle(&self, id: &str, live: &Arc<Live>) {
        if let Err(failure) = self.save_log(id, live).await {
            tracing::error!(run = id, failure = failure.message, "log lines are lost");
        }
        lock(&self.0.live).remove(id);
        live.book.close();
    }

    /// Writes the lines of a live run that are not in the store yet.
    async fn save_log(&self, id: &str, live: &Arc<Live>) -> Result<(), Failure> {
        if live.book.is_saved() {
            return Ok(());
        }
        let (run, of) = (id.to_owned(), Arc::clone(live));
        live.book.saved(self.0.store.write(move |db| of.book.save(db, &run)).await?);
        Ok(())
    }

    /// Changes something of a run in the store, again and again while the store cannot be written for a reason that may
    /// pass: what happened must not be lost because a disk was full for an hour. Gives up when the service ends.
    pub(super) async fn persist<T: Send + 'static>(
        &self,
        id: &str,
        live: &Live,
        change: impl Fn(&Connection) -> Sql<T> + Send + Sync + 'static,
    ) -> Result<T, Failure> {
        let (mut pause, change) = (self.0.settings.runs.retry_pause, Arc::new(change));
        loop {
            let again = Arc::clone(&change);
            let failure = match self.0.store.write(move |db| again(db)).await {
                Err(failure) if failure.is_transient() => failure,
                done => return done,
            };
            tracing::error!(
                run = id,
                failure = failure.message,
                "a change of a run is tried again in {pause:?}"
            );
            tokio::select! {
                () = live.interrupt.cancelled() => return Err(failure),
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
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
