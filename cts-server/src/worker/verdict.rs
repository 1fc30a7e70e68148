//! Why a worker ended as it did.

use rustix::process::Signal;
use serde_json::Value;

use super::process::Exit;
use crate::failure::{Category, Failure};
use crate::settings::Limits;

/// What made the service stop listening to a worker.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// It gave its report.
    Report(Value),
    /// It said why it failed.
    Error(Failure),
    /// It closed its pipe without either.
    Silence,
    /// It said something that is no message.
    Garbage(String),
    /// It said too much.
    Flood,
    /// It took too long.
    WallTime,
    /// It wrote more than allowed; so many bytes.
    Output(u64),
}

/// The report, or what went wrong, with what was seen.
///
/// # Errors
/// Every ending but a report is one.
pub fn verdict(ending: Ending, exit: &Exit, limits: &Limits) -> Result<Value, Failure> {
    let failure = match ending {
        Ending::Report(report) if exit.code == Some(0) => return Ok(report),
        Ending::Report(_) | Ending::Silence => died(exit, limits),
        Ending::Error(failure) => said(failure, limits),
        Ending::Garbage(text) => Failure::new(
            Category::ToolError,
            "worker-garbage",
            format!("the worker wrote something that is no message: {text}"),
            "Report this with the log of the run: a tool must not write to standard output.",
        ),
        Ending::Flood => limit(
            "pipe-flood",
            format!("the worker said more than {} bytes", limits.pipe_bytes),
            ("pipe_size", limits.pipe_bytes),
            "Report this with the log of the run: the tool says too much.",
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
            "Ask for less output, for instance with filters, or raise the limit of the service.",
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
    details.peak_memory_bytes = (exit.peak_memory > 0).then_some(exit.peak_memory);
    details.tool_stderr = (!exit.stderr.is_empty()).then(|| exit.stderr.clone());
    failure
}

fn limit(code: &str, message: String, (name, value): (&str, u64), fix: &str) -> Failure {
    let mut failure = Failure::new(Category::ToolError, code, message, fix);
    (failure.details.limit_hit, failure.details.limit_value) = (Some(name.to_owned()), Some(value));
    failure
}

/// A failure that the worker told, with the value of a limit that it names.
fn said(mut failure: Failure, limits: &Limits) -> Failure {
    if failure.details.limit_hit.as_deref() == Some("artifact_size") {
        failure.details.limit_value = Some(limits.artifact_bytes);
    }
    failure
}

/// The worker is gone without a word.
fn died(exit: &Exit, limits: &Limits) -> Failure {
    let is = |signal: Signal| exit.signal == Some(signal.as_raw());
    let memory = ("memory", limits.memory_bytes);
    let more_memory = "Use a smaller part of the input, or raise the memory limit of the service.";
    if is(Signal::XFSZ) {
        let message = format!("a file grew beyond {} bytes", limits.artifact_bytes);
        let fix = "Ask for less output, for instance with filters, or raise max_artifact_size_mb.";
        return limit("artifact-too-large", message, ("artifact_size", limits.artifact_bytes), fix);
    }
    // With equal soft and hard limits the end of CPU time comes as KILL, after XCPU at the soft one on some systems.
    if is(Signal::XCPU) || is(Signal::KILL) && cpu_spent(exit, limits) {
        let message = format!("the run used more than {} s of CPU time", limits.cpu_seconds);
        let fix = "Use a smaller part of the input, or raise the CPU limit of the service.";
        return limit("cpu-limit", message, ("cpu_time", limits.cpu_seconds), fix);
    }
    if exit.stderr.contains("memory allocation of") || exit.stderr.contains("Cannot allocate memory") {
        let message = format!("the run needed more than {} bytes of memory", limits.memory_bytes);
        return limit("out-of-memory", message, memory, more_memory);
    }
    if let Some(message) = panic_message(&exit.stderr) {
        let fix = "Report this with the log of the run; other inputs are not affected.";
        return Failure::new(Category::ToolError, "tool-panic", format!("the tool panicked: {message}"), fix);
    }
    match (exit.signal, exit.code) {
        (Some(signal), _) if is(Signal::KILL) => Failure::system(
            "worker-died",
            format!("the worker was killed from outside (signal {signal})"),
            "Look whether the machine ran out of memory; start the run again.",
        ),
        (Some(signal), _) => Failure::new(
            Category::ToolError,
            "tool-crash",
            format!("the tool crashed (signal {signal})"),
            "Report this with the log of the run; other inputs are not affected.",
        ),
        (None, code) => Failure::new(
            Category::ToolError,
            "tool-exit",
            match code {
                Some(code) => format!("the worker ended without a report (exit code {code})"),
                None => "the worker ended without a report".to_owned(),
            },
            "Report this with the log of the run.",
        ),
    }
}

/// Whether the wall time allows that the CPU time is spent; with many threads it may be spent earlier.
fn cpu_spent(exit: &Exit, limits: &Limits) -> bool {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    limits.cpu_seconds > 0 && exit.duration.as_secs() * threads + threads >= limits.cpu_seconds
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
        assert_eq!(of(Ending::Silence, memory).code, "out-of-memory");
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
        assert_eq!(verdict(Ending::Report(1.into()), &clean, &limits), Ok(1.into()));
        assert!(verdict(Ending::Report(1.into()), &Exit::default(), &limits).is_err());
    }
}
