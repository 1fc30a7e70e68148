//! A run from its start to its end.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::follow::{self, Entry, encoded};
use super::{Call, Client, Result, Run};

/// How often the state is asked for while the log is read, and while it cannot be.
const POLL: Duration = Duration::from_secs(2);
/// How often Ctrl-C is looked for.
const TICK: Duration = Duration::from_millis(50);

/// What was seen of a run.
pub(crate) enum Seen {
    /// A log line.
    Line(Entry),
    /// From 0 to 100.
    Progress(f64),
    /// The log cannot be read; the run is watched all the same.
    LogLost(super::Error),
}

/// Waits for the end of a run, and tells what is seen of it. The end of its log is the sign to ask for the result, so
/// that no time is lost to polling; without a log, polling does.
///
/// # Errors
/// Those of the service; `canceled`, upon which the run goes on.
pub(crate) fn watch(client: &Client, id: &str, mut tell: impl FnMut(Seen)) -> Result<Run> {
    let (sender, lines) = mpsc::channel();
    let (reader, run) = (client.clone(), id.to_owned());
    // It ends with the log, or with the program.
    std::thread::spawn(move || {
        let each = |entry| sender.send(Ok(entry)).is_ok();
        if let Err(error) = follow::follow(&reader, &run, each) {
            // Nobody listens any more if this fails.
            let _ = sender.send(Err(error));
        }
    });
    let (mut next_poll, mut ended) = (Instant::now() + POLL, false);
    loop {
        client.check()?;
        match lines.recv_timeout(TICK) {
            Ok(Ok(entry)) => {
                ended = false;
                tell(Seen::Line(entry));
            }
            Ok(Err(error)) => tell(Seen::LogLost(error)),
            Err(RecvTimeoutError::Disconnected) => return end(client, id, tell),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if Instant::now() >= next_poll {
            let run = get(client, id)?;
            run.progress().into_iter().for_each(|progress| tell(Seen::Progress(progress)));
            // Older services do not always end the log of a run that has ended.
            if std::mem::replace(&mut ended, run.is_final()) && run.is_final() {
                return Ok(run);
            }
            next_poll = Instant::now() + POLL;
        }
    }
}

/// The log has ended; the run has, or will soon.
fn end(client: &Client, id: &str, mut tell: impl FnMut(Seen)) -> Result<Run> {
    let mut pause = Duration::from_millis(20);
    loop {
        let run = get(client, id)?;
        run.progress().into_iter().for_each(|progress| tell(Seen::Progress(progress)));
        if run.is_final() {
            return Ok(run);
        }
        client.pause(pause)?;
        pause = (pause * 2).min(POLL);
    }
}

fn get(client: &Client, id: &str) -> Result<Run> {
    client.json(&Call::get(format!("/v1/runs/{}", encoded(id))))
}
