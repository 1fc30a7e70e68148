//! The log of a run, line by line, over as many connections as it takes.

use std::io::BufReader;
use std::time::Duration;

use serde_json::Value;
use ureq::http::header::HeaderName;

use super::sse::{self, Event};
use super::{Call, Client, Error, Result, Run};

/// Connections in a row that may bring nothing.
const EMPTY_CONNECTIONS: u32 = 6;
/// Services send something at least this often.
const SILENCE: Duration = Duration::from_secs(60);
/// The pause before the second connection in a row that brings nothing; it doubles.
const PAUSE: Duration = Duration::from_millis(500);

/// A log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The line as JSON.
    pub(crate) json: Value,
}

impl Entry {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap_or_default()
    }
}

/// How a connection ended.
enum End {
    /// The service said that there is no more.
    Marked,
    /// It just ended.
    Closed,
    Broken(Error),
}

/// What is known of a log.
struct Follower<'a> {
    client: &'a Client,
    run: &'a str,
    /// The id of the last line that was given.
    last: Option<String>,
    /// Lines that were given.
    given: u64,
    /// Lines that came over this connection.
    came: u64,
    pause: Duration,
}

/// Gives every line of a run to `each` once and in order, until the log ends or `each` returns `false`.
///
/// After a connection breaks, the next one goes on behind the last line that was given: by its id, or, where the
/// service gives no ids, by counting.
///
/// # Errors
/// `no-such-run`; `unreachable` when nothing helps; `canceled`.
pub(crate) fn follow(client: &Client, run: &str, mut each: impl FnMut(Entry) -> bool) -> Result<()> {
    let client = client.patient(SILENCE);
    let mut follower =
        Follower { client: &client, run, last: None, given: 0, came: 0, pause: Duration::ZERO };
    let mut empty = 0;
    loop {
        client.check()?;
        let before = follower.given;
        let end = follower.connection(&mut each);
        empty = if follower.given > before { 0 } else { empty + 1 };
        match end {
            None | Some(End::Marked) => return Ok(()),
            Some(End::Closed) if follower.is_over()? => return Ok(()),
            Some(End::Broken(error)) if !error.is_transient() || empty >= EMPTY_CONNECTIONS => {
                return Err(error);
            }
            Some(End::Closed) if empty >= EMPTY_CONNECTIONS => {
                return Err(Error::answer("the log", "the service closes it again and again"));
            }
            Some(_) => {}
        }
        let growing = if empty > 1 { PAUSE * 2_u32.pow(empty - 2) } else { Duration::ZERO };
        client.pause(follower.pause.max(growing))?;
    }
}

impl Follower<'_> {
    /// Reads one connection to its end; `None` when the reader has enough.
    fn connection(&mut self, each: &mut impl FnMut(Entry) -> bool) -> Option<End> {
        self.came = 0;
        let path = format!("/v1/runs/{}/logs", encoded(self.run));
        let mut call = Call::get(path).header(HeaderName::from_static("accept"), "text/event-stream");
        if let Some(last) = &self.last {
            call = call.header(HeaderName::from_static("last-event-id"), last);
        }
        let response = match self.client.ask(&call) {
            Ok(response) => response,
            Err(error) => return Some(End::Broken(error)),
        };
        let body = response.into_body().into_with_config().limit(u64::MAX).reader();
        let mut input = BufReader::with_capacity(64 << 10, body);
        loop {
            let event = match sse::read(&mut input) {
                Ok(Some(event)) => event,
                Ok(None) => return Some(End::Closed),
                Err(error) => return Some(End::Broken(self.broken(error))),
            };
            if event.data == "[DONE]" {
                return Some(End::Marked);
            }
            if let Some(entry) = self.take(event)
                && !each(entry)
            {
                return None;
            }
        }
    }

    /// The line of an event, unless it is known or none.
    fn take(&mut self, event: Event) -> Option<Entry> {
        if let Some(retry) = event.retry {
            self.pause = Duration::from_millis(retry.min(60_000));
        }
        let json: Value = serde_json::from_str(&event.data).ok()?;
        // Older services keep the connection alive with lines that say nothing.
        if !json.is_object() || json.get("message").is_none() {
            return None;
        }
        self.came += 1;
        let known = match (&event.id, &self.last) {
            (Some(id), Some(last)) => match (id.parse::<u64>(), last.parse::<u64>()) {
                (Ok(id), Ok(last)) => id <= last,
                _ => id == last,
            },
            // Without ids, each connection starts with the first line.
            (None, None) => self.came <= self.given,
            _ => false,
        };
        if known {
            return None;
        }
        self.last = event.id.or(self.last.take());
        self.given += 1;
        Some(Entry { json })
    }

    /// Whether a stream that ended without a mark was whole. Only services without ids end streams so.
    fn is_over(&self) -> Result<bool> {
        if self.last.is_some() || self.came == 0 {
            return Ok(false);
        }
        let run: Run = self.client.json(&Call::get(format!("/v1/runs/{}", encoded(self.run))))?;
        Ok(run.is_final())
    }

    fn broken(&self, error: std::io::Error) -> Error {
        let path = format!("/v1/runs/{}/logs", encoded(self.run));
        self.client.unreachable(&self.client.address().join(&path), ureq::Error::Io(error))
    }
}

/// `text` as one part of a path.
pub(crate) fn encoded(text: &str) -> String {
    let part = |byte: u8| match byte {
        b if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    let text: String = text.bytes().map(part).collect();
    // Those would be taken for steps.
    if matches!(text.as_str(), "." | "..") { text.replace('.', "%2E") } else { text }
}
