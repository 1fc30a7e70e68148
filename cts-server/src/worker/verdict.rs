//! Why a worker ended as it did.

use rustix::process::Signal;
use serde_json::Value;

use super::process::{Exit, MAX_LINE};
use crate::failure::{Category, Failure, OUT_OF_MEMORY, TOO_LARGE};
use crate::settings::Limits;

/// What made the service stop listening to a worker.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// It gave its report, and the hash of what it read.
    Report(Value, Option<String>),
    /// It said why it failed.
    Error(Failure),
    /// It closed its pipe without either.
    Silence,
    /// It said something that is no message.
    Garbage(String),
    /// It said too much.
    Flood,
    /// It said too much at once.
    LongMessage,
    /// It took too long.
    WallTime,
    /// It wrote more than allowed; so many bytes.
    Output(u64),
    /// It made more files than a run may have.
    Files,
    /// It used more memory than allowed; so many bytes.
    Memory(u64),
}

/// Files that one run may give.
pub const MAX_ARTIFACTS: u64 = 10_000;

/// The report with the hash, or what went wrong, with what was seen.
///
/// # Errors
/// Every ending but a report is one.
pub fn verdict(ending: Ending, exit: &Exit, limits: &Limits) -> Result<(Value, Option<String>), Failure> {
    let failure = match ending {
        Ending::Report(report, hash) if exit.code == Some(0) => return Ok((report, hash)),
        Ending::Report(..) | Ending::Silence => died(exit, limits),
        Ending::Error(failure) => said(failure, limits),
        Ending::Garbage(text) => {
            bug("worker-garbage", format!("the worker wrote something that is no message: {text}"))
        }
        Ending::Flood => limit(
            "pipe-flood",
            format!("the worker said more than {} bytes", limits.pipe_bytes),
            ("pipe_size", limits.pipe_bytes),
            "Report this with the log of the run: the tool says too much. worker_pipe_mb is the limit.",
        ),
        Ending::LongMessage => limit(
            "pipe-flood",
            format!("a message of the worker is longer than {MAX_LINE} bytes"),
            ("pipe_size", MAX_LINE as u64),
            "Ask for less in the report, or report this with the log of the run.",
        ),
        Ending::WallTime => limit(
            "timeout",
            format!("the run took longer than {} s and was stopped", limits.wall.as_secs_f64()),
            ("wall_time", limits.wall.as_secs()),
            "Use a smaller part of the input, or raise tool_timeout_seconds.",
        ),
        Ending::Output(bytes) => limit(
            "output-too-large",
            format!("the run wrote {bytes} bytes, the limit is {}", limits.output_bytes),
            ("output_size", limits.output_bytes),
            "Ask for less output, for instance with filters, or raise worker_output_mb.",
        ),
        Ending::Files => limit(
            "too-many-artifacts",
            format!("the run made more than {MAX_ARTIFACTS} files"),
            ("artifacts", MAX_ARTIFACTS),
            "Ask for less output, for instance with filters.",
        ),
        Ending::Memory(bytes) => out_of_memory(
            format!("the run used {bytes} bytes of memory, the limit is {}", limits.memory_bytes),
            limits,
        ),
    };
    Err(seen(failure, exit))
}

/// The failure with what was seen of the worker's end.
pub fn seen(mut failure: Failure, exit: &Exit) -> Failure {
    let details = &mut failure.details;
    details.exit_code = details.exit_code.or(exit.code);
    details.signal = details.signal.or(exit.signal);
    details.execution_time = Some(exit.duration.as_secs_f64());
    details.peak_memory_bytes =
        details.peak_memory_bytes.max((exit.peak_memory > 0).then_some(exit.peak_memory));
    details.tool_stderr = (!exit.stderr.is_empty()).then(|| exit.stderr.clone());
    failure
}

fn limit(code: &str, message: String, (name, value): (&str, u64), fix: &str) -> Failure {
    let mut failure = Failure::new(Category::ToolError, code, message, fix);
    (failure.details.limit_hit, failure.details.limit_value) = (Some(name.to_owned()), Some(value));
    failure
}

/// A fault of the tool, which its user cannot mend.
fn bug(code: &str, message: String) -> Failure {
    let fix = "Report this with the log of the run; other inputs may not be affected.";
    Failure::new(Category::ToolError, code, message, fix)
}

fn out_of_memory(message: String, limits: &Limits) -> Failure {
    limit("out-of-memory", message, ("memory", limits.memory_bytes), OUT_OF_MEMORY)
}

/// A failure that the worker told: it knows which limit was hit, not of what value.
fn said(mut failure: Failure, limits: &Limits) -> Failure {
    let details = &mut failure.details;
    details.limit_value = match details.limit_hit.as_deref() {
        Some("memory") => Some(limits.memory_bytes),
        Some("artifact_size") => Some(limits.artifact_bytes),
        Some("open_files") => Some(limits.open_files),
        _ => details.limit_value,
    };
    failure
}

/// The worker is gone without a word, or with a word that does not count.
fn died(exit: &Exit, limits: &Limits) -> Failure {
    let is = |signal: Signal| exit.signal == Some(signal.as_raw());
    if exit.overdue {
        return bug("worker-stuck", "the worker closed its pipe and did not end".to_owned());
    }
    if is(Signal::XFSZ) {
        let message = format!("a file grew beyond {} bytes", limits.artifact_bytes);
        return limit("artifact-too-large", message, ("artifact_size", limits.artifact_bytes), TOO_LARGE);
    }
    if is(Signal::XCPU) {
        let message = format!("the run used more than {} s of CPU time", limits.cpu_seconds);
        let fix = "Use a smaller part of the input, or raise worker_cpu_seconds.";
        return limit("cpu-limit", message, ("cpu_time", limits.cpu_seconds), fix);
    }
    if let Some(what) = refused_memory(&exit.stderr) {
        let message =
            format!("the run got no more memory, the limit is {} bytes: {what}", limits.memory_bytes);
        return out_of_memory(message, limits);
    }
    if let Some(message) = panic_message(&exit.stderr) {
        return bug("tool-panic", format!("the tool panicked: {message}"));
    }
    match (exit.signal, exit.code) {
        (Some(signal), _) if is(Signal::KILL) => Failure::system(
            "worker-died",
            format!("the worker was killed from outside (signal {signal})"),
            "Look whether the machine ran out of memory; start the run again.",
        ),
        (Some(signal), _) => bug("tool-crash", format!("the tool crashed (signal {signal})")),
        (None, Some(code)) => {
            bug("tool-exit", format!("the worker ended without a report (exit code {code})"))
        }
        (None, None) => bug("tool-exit", "the worker ended without a report".to_owned()),
    }
}

/// The line that says that memory was refused, which the runtime writes before it aborts.
fn refused_memory(stderr: &str) -> Option<&str> {
    let signs = ["memory allocation of ", "Cannot allocate memory", "failed to spawn thread"];
    stderr.lines().find(|line| signs.iter().any(|sign| line.contains(sign)))
}

/// The message of a panic, from what the default hook writes: a line with the place, a line with the message.
fn panic_message(stderr: &str) -> Option<String> {
    let from = stderr.rfind("panicked at ")?;
    let mut lines = stderr[from + "panicked at ".len()..].lines();
    let place = lines.next()?.trim_end_matches(':');
    Some(format!("{} at {place}", lines.next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn of(ending: Ending, exit: Exit) -> Failure {
        verdict(ending, &exit, &Limits::default()).unwrap_err()
    }

    #[test]
    fn endings_have_causes() {
        let by = |signal: Signal| Exit { signal: Some(signal.as_raw()), ..Exit::default() };
        assert_eq!(of(Ending::Silence, by(Signal::XFSZ)).details.limit_hit.unwrap(), "artifact_size");
        assert_eq!(of(Ending::Silence, by(Signal::XCPU)).code, "cpu-limit");
        assert_eq!(of(Ending::Silence, by(Signal::SEGV)).code, "tool-crash");
        let killed = of(Ending::Silence, by(Signal::KILL));
        assert!(killed.is_transient() && killed.category == Category::SystemError);
        let memory = Exit { stderr: "memory allocation of 99 bytes failed".into(), ..by(Signal::ABORT) };
        let memory = of(Ending::Silence, memory);
        assert_eq!((memory.code.as_str(), memory.details.limit_value), ("out-of-memory", Some(2 << 30)));
        assert!(memory.message.ends_with("2147483648 bytes: memory allocation of 99 bytes failed"));
        let stuck = Exit { overdue: true, ..by(Signal::KILL) };
        assert_eq!(of(Ending::Report(1.into(), None), stuck).code, "worker-stuck");
        let stderr = "thread 'main' (7) panicked at src/a.rs:1:2:\nno such thing\nnote: run with".to_owned();
        let panic = of(Ending::Silence, Exit { code: Some(101), stderr, ..Exit::default() });
        assert_eq!(panic.message, "the tool panicked: no such thing at src/a.rs:1:2");
        let late = Exit { duration: Duration::from_secs(300), peak_memory: 5, ..by(Signal::KILL) };
        let late = of(Ending::WallTime, late);
        assert_eq!((late.code.as_str(), late.details.peak_memory_bytes), ("timeout", Some(5)));
        assert_eq!(late.category, Category::ToolError);
    }

    #[test]
    fn a_report_counts_only_after_a_clean_end() {
        let limits = Limits::default();
        let clean = Exit { code: Some(0), ..Exit::default() };
        assert_eq!(verdict(Ending::Report(1.into(), None), &clean, &limits), Ok((1.into(), None)));
        assert!(verdict(Ending::Report(1.into(), None), &Exit::default(), &limits).is_err());
    }
}
