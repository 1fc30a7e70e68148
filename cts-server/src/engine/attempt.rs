//! One attempt of a run: a worker, its job, and what it says until its end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior};

use super::Engine;
use super::live::Live;
use super::publish::{Publications, collect};
use super::reuse::identity;
use crate::failure::Failure;
use crate::files::size_of;
use crate::settings::Limits;
use crate::store::{Level, ResultKeys, Run};
use crate::worker::{Ending, Heard, Job, JobLimits, MAX_ARTIFACTS, Process, Said, seen, verdict};

/// How often memory and output are looked at.
const SAMPLE: Duration = Duration::from_millis(100);
/// How long a worker may take to end after its last word.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest line of a log that is kept.
const MAX_MESSAGE: usize = 8 << 10;

/// How an attempt ended.
pub(super) enum Attempt {
    Done(Value, ResultKeys),
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

impl Engine {
    pub(super) async fn attempt(&self, run: &mut Run, live: &Arc<Live>) -> Attempt {
        let (limits, begun) = (self.limits(), Instant::now());
        let mut looked = run.clone();
        let prepared = self.blocking(move |engine| {
            let (process, job) = engine.prepare(&mut looked)?;
            Ok((looked, process, job))
        });
        let (mut process, job) = match prepared.await {
            Ok((looked, process, job)) => {
                *run = looked;
                (process, job)
            }
            Err(mut failure) => {
                failure.details.execution_time = Some(begun.elapsed().as_secs_f64());
                return Attempt::Failed(self.without_dirs(&run.id, failure));
            }
        };
        let before = identity_of(run);
        process.tell(&job);
        // While this run works, the next worker starts.
        self.fill_pool();
        let mut publications = Publications::new();
        let stop = self.listen(run, live, &limits, &mut process, &mut publications).await;
        if !matches!(stop, Stop::Ending(Ending::Report(..) | Ending::Error(_) | Ending::Silence)) {
            process.kill();
        }
        let exit = process.end(PATIENCE).await;
        let published = collect(publications).await;
        let ending = match stop {
            Stop::Canceled => return Attempt::Canceled,
            Stop::Interrupted => return Attempt::Interrupted,
            Stop::Ending(ending) => ending,
        };
        self.0.metrics.peak_memory(exit.peak_memory);
        let changed = before != identity_of(run);
        if changed {
            let message = "the input changed while it was read; the result may mix old and new content";
            live.book.push(Level::Warning, "service", message);
        }
        let published = published.map_err(|failure| seen(failure, &exit));
        match verdict(ending, &exit, &limits).and_then(|report| published.map(|()| report)) {
            Ok((mut report, hash)) => {
                self.scrub_json(&run.id, &mut report);
                let keys = match before.filter(|_| !changed) {
                    Some(identity) => self.result_keys(run, &identity, hash).await,
                    None => ResultKeys::default(),
                };
                Attempt::Done(report, keys)
            }
            Err(failure) => Attempt::Failed(self.without_dirs(&run.id, failure)),
        }
    }

    fn prepare(&self, run: &mut Run) -> Result<(Process, Job), Failure> {
        run.input.as_mut().map_or(Ok(()), |input| self.look_again(input))?;
        let work_dir = self.0.layout.begin_work(&run.id)?;
        let process = self.take_worker()?;
        let mut params = run.params.clone();
        if let (Some(input), Ok(tool)) = (&run.input, cts_core::tool::find(&run.tool)) {
            params.insert(tool.input.to_owned(), input.resolved.clone().into());
        }
        // The hash of an upload is known.
        let path = run.input.as_ref().filter(|input| input.kind == "path").map(|input| &input.resolved);
        let job = Job {
            run: run.id.clone(),
            tool: run.tool.clone(),
            params,
            work_dir,
            search_dirs: self.0.settings.search_dirs.clone(),
            limits: JobLimits::from(&self.0.settings.limits),
            findings: false,
            hash: path.map(PathBuf::from).filter(|path| path.is_file()),
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
                    if let Some(ending) = self.beyond(&run.id, process, limits) {
                        return Stop::Ending(ending);
                    }
                }
                heard = process.hear() => {
                    if let Some(ending) = self.take(run, live, heard, publications) {
                        // A quick one may have written too much since the last look.
                        let output = matches!(ending, Ending::Report(..)).then(|| self.output(&run.id, limits));
                        return Stop::Ending(output.flatten().unwrap_or(ending));
                    }
                }
            }
        }
    }

    /// The limit that a worker has passed, of those that the operating system does not watch.
    pub(super) fn beyond(&self, id: &str, process: &mut Process, limits: &Limits) -> Option<Ending> {
        let memory = process.sample();
        if limits.memory_bytes > 0 && memory > limits.memory_bytes {
            return Some(Ending::Memory(memory));
        }
        self.output(id, limits)
    }

    fn output(&self, id: &str, limits: &Limits) -> Option<Ending> {
        let bytes = size_of(&self.0.layout.run(id));
        (limits.output_bytes > 0 && bytes > limits.output_bytes).then_some(Ending::Output(bytes))
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
            Some(Heard::LongMessage) => return Some(Ending::LongMessage),
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
                live.book.push(level, "tool", &self.scrub(&run.id, cut(&message)));
            }
            Said::Artifact { name, content_type } => {
                if publications.len() as u64 >= MAX_ARTIFACTS {
                    return Some(Ending::Files);
                }
                let publish = self.clone().publish(run.id.clone(), Arc::clone(live), name, content_type);
                publications.spawn(publish);
            }
            Said::Report { report, hash } => return Some(Ending::Report(report, hash)),
            Said::Error { failure } => return Some(Ending::Error(failure)),
        }
        None
    }
}

fn identity_of(run: &Run) -> Option<String> {
    identity(&run.input.as_ref()?.resolved)
}

fn cut(message: &str) -> &str {
    &message[..message.floor_char_boundary(MAX_MESSAGE)]
}
