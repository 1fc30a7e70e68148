//! Log lines as server-sent events.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderValue, header};
use serde_json::json;
use tokio::sync::watch;

use super::app::App;
use super::body;
use super::problem::{Answer, Problem};
use super::reply;
use super::request::Request;
use super::view::{LogLine, LogList};
use crate::engine::Live;
use crate::failure::Failure;
use crate::store::{Level, LogEntry};

/// Lines in one piece, so that a long log does not stand in memory as text.
const LINES: usize = 256;

/// `GET /v1/runs/{run_id}/logs`
pub(super) async fn follow(app: Arc<App>, request: Request) -> Answer {
    let (id, client) = (request.id().to_owned(), request.pass.client.address);
    // Before anything can fail, since it tells each process of the client from the one before.
    let comes_back = app.follow_guard.holds(client, &id, &request.head.headers);
    app.engine.run(&request.caller, &id).await?;
    let last = request.header("last-event-id").and_then(|id| id.parse().ok());
    let live = app.engine.live(&id);
    let heartbeat = app.engine.settings().http.heartbeat;
    let held = comes_back && last.is_none() && live.is_none();
    let mut response = if held {
        body::stream(silence(heartbeat))
    } else {
        let changed = live.as_ref().map(|live| live.book.subscribe());
        let from = last.unwrap_or(0);
        let stored = match &live {
            Some(_) => Vec::new(),
            None => app.engine.logs(&id, from, LINES).await?,
        };
        let source = Source { stored, live, changed };
        body::stream(events(Follower { app, id, client, source, last: from, heartbeat, ended: false }))
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    // For proxies that would gather pieces before they pass them on.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// `GET /v1/runs/{run_id}/logs/list`: the last lines, none for an unknown run.
pub(super) async fn list(app: Arc<App>, request: Request) -> Answer {
    let limit = request.query_number("limit", 100, 10_000)? as usize;
    let offset = request.query_number("offset", 0, u32::MAX)? as usize;
    let least = request.query("level").map_or(Ok(Level::Debug), |name| level(&name))?;
    let run_id = request.id();
    // What is not of that level counts nothing, so that more have to be looked at.
    let enough = if least == Level::Debug { offset.saturating_add(limit) } else { usize::MAX };
    let mut entries = match app.engine.last_logs(&request.caller, run_id, enough).await {
        Ok(entries) => entries,
        Err(failure) if failure.code == "no-such-run" => Vec::new(),
        Err(failure) => return Err(failure.into()),
    };
    entries.retain(|entry| entry.level >= least);
    let to = entries.len().saturating_sub(offset);
    let from = to.saturating_sub(limit);
    let logs: Vec<LogLine<'_>> = entries[from..to].iter().map(LogLine::new).collect();
    let has_more = logs.len() == limit;
    Ok(reply::json(&LogList { run_id, logs, has_more }))
}

fn level(name: &str) -> Result<Level, Problem> {
    Level::named(name).ok_or_else(|| {
        let message =
            format!("query parameter `level` must be `DEBUG`, `INFO`, `WARNING` or `ERROR`, not `{name}`");
        Problem::malformed("enum", json!(["query", "level"]), message, name.into())
    })
}

/// Where lines come from.
struct Source {
    /// Of a finished run: the next ones.
    stored: Vec<LogEntry>,
    /// Of an unfinished one.
    live: Option<Arc<Live>>,
    changed: Option<watch::Receiver<(u64, bool)>>,
}

/// One client that follows one log.
struct Follower {
    app: Arc<App>,
    id: String,
    client: IpAddr,
    source: Source,
    /// Number of the last line that was given.
    last: u64,
    heartbeat: Duration,
    ended: bool,
}

fn events(follower: Follower) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    futures_util::stream::unfold(follower, |mut follower| async move {
        let piece = follower.next().await?;
        Some((piece, follower))
    })
}

impl Follower {
    async fn next(&mut self) -> Option<std::io::Result<Bytes>> {
        if self.ended {
            self.app.follow_guard.ended(self.client, &self.id);
            return None;
        }
        loop {
            // Before the lines are read, so that none of those before the end is missed.
            let closed = match &mut self.source.changed {
                Some(changed) => changed.borrow_and_update().1,
                None => true,
            };
            let lines = match self.lines().await {
                Ok(lines) => lines,
                // Breaking off tells the client to come back for the rest.
                Err(failure) => return Some(Err(std::io::Error::other(failure.message))),
            };
            if let Some(last) = lines.last() {
                self.last = last.seq;
                return Some(Ok(lines.iter().map(event).collect::<String>().into()));
            }
            if closed {
                self.ended = true;
                // From here on the client may come back.
                self.app.follow_guard.ended(self.client, &self.id);
                return Some(Ok(Bytes::from_static(b"event: end\ndata: [DONE]\n\n")));
            }
            let Some(changed) = &mut self.source.changed else { continue };
            match tokio::time::timeout(self.heartbeat, changed.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => self.source.changed = None,
                Err(_) => return Some(Ok(Bytes::from_static(b": keep-alive\n\n"))),
            }
        }
    }

    async fn lines(&mut self) -> Result<Vec<LogEntry>, Failure> {
        match &self.source.live {
            Some(live) => Ok(live.book.after(self.last, LINES)),
            None if self.source.stored.is_empty() => self.app.engine.logs(&self.id, self.last, LINES).await,
            None => Ok(std::mem::take(&mut self.source.stored)),
        }
    }
}

fn event(entry: &LogEntry) -> String {
    // What is made of texts alone is always written.
    let line = serde_json::to_string(&LogLine::new(entry)).unwrap_or_default();
    format!("id: {}\ndata: {line}\n\n", entry.seq)
}

/// Comments until the client has enough.
fn silence(heartbeat: Duration) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    futures_util::stream::unfold(true, move |first| async move {
        if !first {
            tokio::time::sleep(heartbeat).await;
        }
        Some((Ok(Bytes::from_static(b": keep-alive\n\n")), false))
    })
}
