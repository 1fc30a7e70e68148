//! The side of the worker.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use cts_core::analyze::monitor::Finding;
use cts_core::tool::{self, Artifact, Ctx, Progress, Report};

use super::limits;
use super::proto::{Job, Said};
use crate::failure::{Failure, io_code};
use crate::files::hash_file;

/// Longest silence about progress is not kept; more often than this it is not told.
const PROGRESS_PAUSE: Duration = Duration::from_millis(50);

/// Waits for one job on standard input, does it and says on standard output how it goes.
///
/// The exit code is 0 after a report, 1 after an error, 2 when no job came.
pub fn main() -> ExitCode {
    say(&Said::Ready);
    let mut line = String::new();
    let job: Job = match io::stdin().lock().read_line(&mut line) {
        // The service has no work any more.
        Ok(0) => return ExitCode::SUCCESS,
        Ok(_) => match serde_json::from_str(&line) {
            Ok(job) => job,
            Err(_) => return ExitCode::from(2),
        },
        Err(_) => return ExitCode::from(2),
    };
    std::thread::spawn(end_with_service);
    match work(&job) {
        Ok(report) => {
            let report = serde_json::to_value(&report).unwrap_or_default();
            // Without it the result is not found by later runs, which is no failure.
            let hash = job.hash.as_ref().and_then(|path| hash_file(path).ok());
            say(&Said::Report { report, hash: hash.map(|(_, hash)| hash) });
            ExitCode::SUCCESS
        }
        Err(mut failure) => {
            failure.details.peak_memory_bytes = limits::peak_memory(std::process::id());
            say(&Said::Error { failure });
            ExitCode::FAILURE
        }
    }
}

/// The service keeps our standard input open for as long as it lives.
fn end_with_service() {
    let mut rest = String::new();
    while io::stdin().lock().read_line(&mut rest).is_ok_and(|read| read > 0) {
        rest.clear();
    }
    std::process::exit(3);
}

fn work(job: &Job) -> Result<Report, Failure> {
    std::env::set_current_dir(&job.work_dir).map_err(|e| Failure::io("enter", &job.work_dir, &e))?;
    limits::apply(&job.limits).map_err(|e| {
        let (code, fix) = io_code(&e);
        Failure::system(code, format!("cannot limit the worker: {e}"), fix)
    })?;
    let tool = tool::find(&job.tool).map_err(|e| Failure::from(&e))?;
    let ctx = Ctx::new(&job.work_dir)
        .with_confined_outputs()
        .with_search_dirs(job.search_dirs.clone())
        .with_log(log)
        .with_artifacts(artifact)
        .with_progress(progress())
        .with_pace(tool::real_time());
    let ctx = if job.findings { ctx.with_findings(finding) } else { ctx };
    tool.run(&ctx, None, &job.params).map_err(|e| Failure::from(&e))
}

fn log(line: &str) {
    let (level, message) = match line.strip_prefix("warning: ") {
        Some(rest) => ("WARNING", rest),
        None => ("INFO", line),
    };
    say(&Said::Log { level: level.to_owned(), message: message.to_owned() });
}

fn artifact(artifact: &Artifact) {
    let (name, content_type) = (artifact.name.clone(), artifact.content_type.to_owned());
    say(&Said::Artifact { name, content_type });
}

fn finding(finding: &Finding) {
    say(&Said::Finding { finding: serde_json::to_value(finding).unwrap_or_default() });
}

/// Tells the first and the last progress, and between them not more than is looked at.
fn progress() -> impl Fn(Progress) + Send + Sync {
    let last: Mutex<Option<Instant>> = Mutex::default();
    move |Progress { done, total }: Progress| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|at| at.elapsed() >= PROGRESS_PAUSE) || total == Some(done) {
            *last = Some(Instant::now());
            say(&Said::Progress { done, total });
        }
    }
}

/// Says something. When nobody listens there is no service any more.
fn say(said: &Said) {
    let mut line = serde_json::to_vec(said).unwrap_or_default();
    line.push(b'\n');
    let mut out = io::stdout().lock();
    if out.write_all(&line).and_then(|()| out.flush()).is_err() {
        std::process::exit(3);
    }
}
