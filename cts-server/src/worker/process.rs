//! The side of the service: one worker process.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::proto::{Job, Said};
use super::{limits, tree};
use crate::settings::WorkerCommand;

/// Bytes of standard error that are kept: the end of it.
const STDERR_TAIL: usize = 16 << 10;
/// Longest line a worker may say; a report is one line.
pub(super) const MAX_LINE: usize = 16 << 20;
/// How long a killed process may take to go.
const REAP: Duration = Duration::from_secs(10);
/// How long the last words of a worker that has ended may take to come out of its pipe.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Variables of the service that tools need to know. All others may be secrets.
const VARIABLES: &[&str] =
    &["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "RUST_BACKTRACE", "VIRTUAL_ENV", "CTS_DBC_PATH"];

/// A worker process with everything it starts. Dropping it kills them all.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: u32,
    /// What its descendants are known by.
    mark: String,
    /// Until when its last words are waited for, once it has ended.
    last_words: Option<Instant>,
    /// Open until the worker is not needed any more, which it takes as its end.
    stdin: Option<ChildStdin>,
    /// The same, while somebody writes the job to it.
    job: Option<JoinHandle<ChildStdin>>,
    heard: mpsc::Receiver<Heard>,
    stderr: JoinHandle<Vec<u8>>,
    peak_memory: u64,
    started: Instant,
}

/// What came over the pipe.
#[derive(Debug)]
pub enum Heard {
    /// A message.
    Said(Said),
    /// Something that is no message: its beginning.
    Garbage(String),
    /// More bytes than are allowed.
    Flood,
    /// A message longer than any should be.
    LongMessage,
}

/// How a worker ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it did not end by itself after its last word, and was killed.
    pub overdue: bool,
    /// The end of its standard error.
    pub stderr: String,
    /// Largest resident memory that was seen, in bytes.
    pub peak_memory: u64,
    /// From its job to its end.
    pub duration: Duration,
}

impl Process {
    /// Starts a worker that may say `pipe_bytes` (0: no limit).
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(command: &WorkerCommand, pipe_bytes: u64) -> std::io::Result<Self> {
        let mark = Uuid::new_v4().to_string();
        let mut child = Command::new(&command.program)
            .args(&command.args)
            .env_clear()
            .envs(VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .env(tree::MARK, &mark)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let gone = || std::io::Error::other("the worker has no pipes");
        let pid = child.id().ok_or_else(gone)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().ok_or_else(gone)?);
        let stderr = child.stderr.take().ok_or_else(gone)?;
        // Small: a worker that says more than is read waits.
        let (sender, heard) = mpsc::channel(64);
        tokio::spawn(listen(stdout, sender, pipe_bytes));
        let stderr = tokio::spawn(tail(stderr));
        let (last_words, started) = (None, Instant::now());
        Ok(Self { child, pid, mark, last_words, stdin, job: None, heard, stderr, peak_memory: 0, started })
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Tells it its job. Does not wait for a worker that does not listen: that shows by what it says, or does not.
    pub fn tell(&mut self, job: &Job) {
        self.started = Instant::now();
        if let Some(mut stdin) = self.stdin.take()
            && let Ok(mut line) = serde_json::to_vec(job)
        {
            line.push(b'\n');
            self.job = Some(tokio::spawn(async move {
                // A broken pipe is the worker's end, which is looked at anyway.
                let _ = stdin.write_all(&line).await;
                stdin
            }));
        }
        self.sample();
    }

    /// The next thing it says; `None` when it closed its pipe, or has ended and nothing is left in it.
    pub async fn hear(&mut self) -> Option<Heard> {
        let until = match self.last_words {
            Some(until) => until,
            None => tokio::select! {
                biased;
                heard = self.heard.recv() => return heard,
                // Something that it started may hold its pipe open for ever.
                _ = self.child.wait() => *self.last_words.insert(Instant::now() + LAST_WORDS),
            },
        };
        tokio::time::timeout_at(until.into(), self.heard.recv()).await.ok().flatten()
    }

    /// Looks at its memory; gives the largest that was seen.
    pub fn sample(&mut self) -> u64 {
        self.peak_memory = self.peak_memory.max(limits::peak_memory(self.pid).unwrap_or_default());
        self.peak_memory
    }

    /// Kills it with its process group, at once; [`Process::end`] finds the rest.
    pub fn kill(&self) {
        if let Some(group) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            // Fails only when nobody of the group is left.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// Waits for its end and kills what it leaves behind.
    ///
    /// `patience` is how long it may take to end by itself.
    pub async fn end(mut self, patience: Duration) -> Exit {
        self.sample();
        let ended = tokio::time::timeout(patience, self.child.wait()).await;
        self.kill();
        let overdue = ended.is_err();
        let status = match ended {
            Ok(status) => status.ok(),
            Err(_) => tokio::time::timeout(REAP, self.child.wait()).await.ok().and_then(Result::ok),
        };
        let duration = self.started.elapsed();
        let (pid, mark) = (self.pid, self.mark.clone());
        if let Err(error) = tokio::task::spawn_blocking(move || tree::kill(pid, &mark)).await {
            tracing::error!(%error, "what a worker started may be left");
        }
        let stderr = tokio::time::timeout(REAP, &mut self.stderr).await;
        let stderr = stderr.ok().and_then(Result::ok).unwrap_or_default();
        use std::os::unix::process::ExitStatusExt;
        Exit {
            code: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            overdue,
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            peak_memory: self.peak_memory,
            duration,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After the end was seen the number may belong to others.
        if self.child.id().is_some() {
            self.kill();
            tree::kill(self.pid, &self.mark);
        }
    }
}

/// Reads lines until the pipe closes, somebody talks garbage, or nobody listens.
async fn listen(stdout: ChildStdout, sender: mpsc::Sender<Heard>, pipe_bytes: u64) {
    let mut reader = BufReader::new(stdout);
    let (mut line, mut total) = (Vec::new(), 0u64);
    loop {
        line.clear();
        let read = (&mut reader).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line).await;
        let Ok(read @ 1..) = read else {
            return;
        };
        total += read as u64;
        let heard = if read > MAX_LINE {
            Heard::LongMessage
        } else if pipe_bytes > 0 && total > pipe_bytes {
            Heard::Flood
        } else {
            serde_json::from_slice(&line).map_or_else(|_| Heard::Garbage(beginning(&line)), Heard::Said)
        };
        let go_on = matches!(heard, Heard::Said(_));
        if sender.send(heard).await.is_err() || !go_on {
            return;
        }
    }
}

fn beginning(line: &[u8]) -> String {
    let text: String =
        String::from_utf8_lossy(&line[..line.len().min(240)]).trim_end().chars().take(120).collect();
    text.escape_default().to_string()
}

/// Reads all of standard error and keeps its end.
async fn tail(mut stderr: ChildStderr) -> Vec<u8> {
    let (mut kept, mut piece) = (Vec::new(), vec![0; 8 << 10]);
    while let Ok(read @ 1..) = stderr.read(&mut piece).await {
        kept.extend_from_slice(&piece[..read]);
        if kept.len() > 2 * STDERR_TAIL {
            kept.drain(..kept.len() - STDERR_TAIL);
        }
    }
    let from = kept.len().saturating_sub(STDERR_TAIL);
    kept.split_off(from)
}
