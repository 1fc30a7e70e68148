//! One attempt of a run: a worker, its job, and what it says until its end.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use uuid::Uuid;

use super::live::Live;
use super::text::{json_without_dir, without_dir};
use super::{Engine, input};
use crate::clock;
use crate::failure::Failure;
use crate::files::{publish, size_of};
use crate::settings::Limits;
use crate::store::{Artifact, Level, Run};
use crate::worker::{Ending, Heard, Job, JobLimits, Process, Said, seen, verdict};

/// How often memory and output are looked at.
const SAMPLE: Duration = Duration::from_millis(100);
/// How long a worker may take to end after its last word.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest line of a log that is kept.
const MAX_MESSAGE: usize = 8 << 10;

/// How an attempt ended.
pub(super) enum Attempt {
    Done(Value),
    Failed(Failure),
    Canceled,
    Interrupted,
}

/// Why listening to a worker ended.
enum Stop {
    Ending(Ending),
    Canceled,
    Interrupted,
}

type Publications = JoinSet<Result<(), Failure>>;

impl Engine {
    pub(super) async fn attempt(&self, run: &Run, live: &Arc<Live>) -> Attempt {
        let limits = self.limits();
        let before = run.input.as_ref().and_then(|input| input::identity(&input.resolved));
        let (mut process, job) = match self.prepare(run) {
            Ok(prepared) => prepared,
            Err(failure) => return Attempt::Failed(failure),
        };
        process.tell(&job).await;
        // While this run works, the next worker starts.
        self.fill_pool();
        let mut publications = Publications::new();
        let stop = self.listen(run, live, &limits, &mut process, &mut publications).await;
        let patience = match &stop {
            Stop::Ending(Ending::Report(_) | Ending::Error(_) | Ending::Silence) => PATIENCE,
            _ => {
                process.kill();
                PATIENCE
            }
        };
        let exit = process.end(patience).await;
        let published = collect(publications).await;
        let ending = match stop {
            Stop::Canceled => return Attempt::Canceled,
            Stop::Interrupted => return Attempt::Interrupted,
            Stop::Ending(ending) => ending,
        };
        self.0.metrics.peak_memory(exit.peak_memory);
        let published = published.map_err(|failure| seen(failure, &exit));
        let result = verdict(ending, &exit, &limits).and_then(|report| published.map(|()| report));
        self.warn_of_change(run, live, before);
        match result {
            Ok(mut report) => {
                self.scrub_json(run, &mut report);
                Attempt::Done(report)
            }
            Err(failure) => {
                Attempt::Failed(Failure { message: self.scrub(run, &failure.message), ..failure })
            }
        }
    }

    fn prepare(&self, run: &Run) -> Result<(Process, Job), Failure> {
        let work_dir = self.0.layout.begin_work(&run.id)?;
        let process = self.take_worker()?;
        let mut params = run.params.clone();
        if let (Some(input), Ok(tool)) = (&run.input, cts_core::tool::find(&run.tool)) {
            params.insert(tool.input.to_owned(), input.resolved.clone().into());
        }
        let job = Job {
            run: run.id.clone(),
            tool: run.tool.clone(),
            params,
            work_dir,
            search_dirs: self.0.settings.search_dirs.clone(),
            limits: JobLimits::from(&self.0.settings.limits),
            findings: false,
        };
        Ok((process, job))
    }

    async fn listen(
        &self,
        run: &Run,
        live: &Arc<Live>,
        limits: &Limits,
        process: &mut Process,
        publications: &mut Publications,
    ) -> Stop {
        let forever = Duration::from_secs(10 * 365 * 24 * 3600);
        let deadline = Instant::now() + if limits.wall.is_zero() { forever } else { limits.wall };
        let mut tick = tokio::time::interval(SAMPLE);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = live.cancel.cancelled() => return Stop::Canceled,
                () = live.interrupt.cancelled() => return Stop::Interrupted,
                () = tokio::time::sleep_until(deadline) => return Stop::Ending(Ending::WallTime),
                _ = tick.tick() => {
                    process.sample();
                    let bytes = size_of(&self.0.layout.run(&run.id));
                    if limits.output_bytes > 0 && bytes > limits.output_bytes {
                        return Stop::Ending(Ending::Output(bytes));
                    }
                }
                heard = process.hear() => {
                    if let Some(ending) = self.take(run, live, heard, publications) {
                        process.sample();
                        return Stop::Ending(ending);
                    }
                }
            }
        }
    }

    /// Acts on what a worker said; its last word is an ending.
    fn take(
        &self,
        run: &Run,
        live: &Arc<Live>,
        heard: Option<Heard>,
        publications: &mut Publications,
    ) -> Option<Ending> {
        let said = match heard {
            None => return Some(Ending::Silence),
            Some(Heard::Garbage(text)) => return Some(Ending::Garbage(text)),
            Some(Heard::Flood) => return Some(Ending::Flood),
            Some(Heard::Said(said)) => said,
        };
        match said {
            Said::Ready | Said::Finding { .. } => {}
            Said::Progress { done, total } => {
                if let Some(total) = total.filter(|total| *total > 0) {
                    // The rest is for the files that the run still writes.
                    live.set_progress((done as f64 / total as f64).min(1.0) * 99.0);
                }
            }
            Said::Log { level, message } => {
                let level = Level::named(&level).unwrap_or(Level::Info);
                live.book.push(level, "tool", &self.scrub(run, cut(&message)));
            }
            Said::Artifact { name, content_type } => {
                publications.spawn(self.clone().publish(run.id.clone(), name, content_type));
            }
            Said::Report { report } => return Some(Ending::Report(report)),
            Said::Error { failure } => return Some(Ending::Error(failure)),
        }
        None
    }

    /// Moves a whole file to its place and makes it known.
    async fn publish(self, run: String, name: String, content_type: String) -> Result<(), Failure> {
        let (layout, max, id) = (self.0.layout.clone(), self.0.settings.limits.artifact_bytes, run.clone());
        let moved = tokio::task::spawn_blocking(move || publish(&layout, &id, &name, max)).await;
        let published =
            moved.unwrap_or_else(|e| Err(Failure::system("internal", e.to_string(), "Report this.")))?;
        let id = Uuid::new_v4().to_string();
        let created_at = clock::now();
        let artifact = Artifact {
            id,
            run,
            name: published.name,
            content_type,
            bytes: published.bytes,
            sha256: published.sha256,
            created_at,
        };
        self.0.metrics.artifact(artifact.bytes);
        self.0.store.write(move |db| artifact.insert(db)).await
    }

    fn warn_of_change(&self, run: &Run, live: &Arc<Live>, before: Option<String>) {
        let after = run.input.as_ref().and_then(|input| input::identity(&input.resolved));
        if before.is_some() && before != after {
            let message = "the input changed while it was read; the result may mix old and new content";
            live.book.push(Level::Warning, "service", message);
        }
    }

    fn scrub(&self, run: &Run, text: &str) -> String {
        without_dir(&without_dir(text, &self.0.layout.work(&run.id)), self.0.layout.root())
    }

    fn scrub_json(&self, run: &Run, report: &mut Value) {
        json_without_dir(report, &self.0.layout.work(&run.id));
        json_without_dir(report, self.0.layout.root());
    }
}

fn cut(message: &str) -> &str {
    &message[..message.floor_char_boundary(MAX_MESSAGE)]
}

/// Waits for all publications; the first failure counts.
async fn collect(mut publications: Publications) -> Result<(), Failure> {
    let mut all = Ok(());
    while let Some(one) = publications.join_next().await {
        let one = one.unwrap_or_else(|e| Err(Failure::system("internal", e.to_string(), "Report this.")));
        all = all.and(one);
    }
    all
}
