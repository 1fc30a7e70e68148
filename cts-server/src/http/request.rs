//! One request, as handlers see it.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, Method, Uri};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use serde_path_to_error::Segment;

use super::problem::Problem;
use crate::access::Pass;
use crate::engine::Caller;
use crate::failure::Failure;
use crate::settings::HttpSettings;

/// The head of a request.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
}

impl Head {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }
}

/// The body of a request, piece by piece.
pub(super) type Body = Pin<Box<dyn Stream<Item = Result<Bytes, String>> + Send>>;

/// A request that passed the gate.
pub(super) struct Request {
    pub(super) head: Head,
    /// What stands in the place of `{…}` in the pattern of the route, in order.
    pub(super) params: Vec<String>,
    pub(super) body: Body,
    pub(super) caller: Caller,
    pub(super) pass: Pass,
    /// The way to a WebSocket, if the client asks for one.
    pub(super) upgrade: Option<warp::ws::Ws>,
}

impl Request {
    /// The first part of the path that the client chose.
    pub(super) fn id(&self) -> &str {
        self.params.first().map_or("", String::as_str)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// The value of a query parameter; an empty one counts as absent.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let pairs = self.head.uri.query()?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let value = pairs.into_iter().find(|(key, _)| *key == name)?.1;
        Some(decoded(value)).filter(|value| !value.is_empty())
    }

    /// A number of the query.
    pub(super) fn query_number(&self, name: &str, default: u32, max: u32) -> Result<u32, Problem> {
        let Some(text) = self.query(name) else {
            return Ok(default);
        };
        match text.parse::<u32>() {
            Ok(number) => Ok(number.min(max)),
            Err(_) => {
                let message = format!("query parameter `{name}` must be a whole number from 0, not `{text}`");
                let loc = json!(["query", name]);
                Err(Problem::malformed("int_parsing", loc, message, Value::String(text)))
            }
        }
    }

    /// All of a JSON body.
    pub(super) async fn json<T: DeserializeOwned>(&mut self, limits: &HttpSettings) -> Result<T, Problem> {
        let whole = tokio::time::timeout(limits.body_timeout, self.bytes(limits.max_body_bytes)).await;
        let bytes = whole.unwrap_or_else(|_| {
            let late = format!("it took longer than {} s", limits.body_timeout.as_secs());
            Err(broken_off(&late))
        })?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|e| {
            let loc = json!(["body", e.column()]);
            let message =
                if bytes.is_empty() { "the body is empty".to_owned() } else { format!("not JSON: {e}") };
            Problem::malformed("json_invalid", loc, message, Value::Null)
        })?;
        typed(&value)
    }

    /// All of the body.
    async fn bytes(&mut self, max_bytes: usize) -> Result<Vec<u8>, Problem> {
        let mut all = Vec::new();
        while let Some(piece) = self.body.next().await {
            let piece = piece.map_err(|e| broken_off(&e))?;
            if all.len() + piece.len() > max_bytes {
                drain(&mut self.body).await;
                let message = format!("the body exceeds the limit of {max_bytes} bytes (max_body_kb)");
                return Err(
                    Failure::validation("too-large", message, "Send a smaller body, or an upload.").into()
                );
            }
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }

    /// The body for somebody else to read.
    pub(super) fn take_body(&mut self) -> Body {
        std::mem::replace(&mut self.body, Box::pin(futures_util::stream::empty()))
    }

    /// The address of the service as the client knows it.
    pub(super) fn base_url(&self, fallback: SocketAddr) -> String {
        self.pass.client.base_url(fallback)
    }
}

fn broken_off(why: &str) -> Problem {
    Failure::validation("body-broken-off", format!("the body broke off: {why}"), "Send it again.").into()
}

/// What the JSON of a body says. A list would do for `serde`, which takes its items for fields.
fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, Problem> {
    if !value.is_object() {
        let message = "the body must be an object".to_owned();
        return Err(Problem::malformed("value_error", json!(["body"]), message, value.clone()));
    }
    serde_path_to_error::deserialize(value).map_err(|e| wrong_form(&e, value))
}

/// JSON that is not what was asked for, with the place as older clients know it: `["body", "input", "type"]`.
fn wrong_form(error: &serde_path_to_error::Error<serde_json::Error>, value: &Value) -> Problem {
    let mut loc = vec![json!("body")];
    for part in error.path() {
        match part {
            Segment::Map { key } => loc.push(json!(key)),
            Segment::Seq { index } => loc.push(json!(index)),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    let mut message =
        RUST_AND_JSON.iter().fold(error.inner().to_string(), |text, (rust, json)| text.replace(rust, json));
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    let kind = if missing.is_some() { "missing" } else { "value_error" };
    loc.extend(missing.map(Value::from));
    if missing.is_none() && loc.len() > 1 {
        message = format!("`{}`: {message}", error.path());
    }
    let input = loc.iter().skip(1).try_fold(value, |at, part| match part {
        Value::String(key) => at.get(key),
        index => at.get(usize::try_from(index.as_u64()?).ok()?),
    });
    Problem::malformed(kind, loc.clone().into(), message, input.unwrap_or(value).clone())
}

/// What `serde` calls things, and what they are called in JSON.
const RUST_AND_JSON: [(&str, &str); 5] = [
    ("expected i64", "expected a whole number"),
    ("expected u64", "expected a whole number from 0"),
    ("expected a map", "expected an object"),
    ("invalid type: map", "invalid type: object"),
    ("invalid type: sequence", "invalid type: list"),
];

/// Bytes of a refused body that are read nevertheless.
const DRAINED: usize = 16 << 20;

/// Reads a refused body, so that the client, which may still be sending, reads the answer and not a broken connection.
pub(super) async fn drain(body: &mut Body) {
    let mut left = DRAINED;
    while let Some(Ok(piece)) = body.next().await {
        match left.checked_sub(piece.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// A body whose pieces come in time.
pub(super) fn body<B: Buf, E: std::fmt::Display>(
    pieces: impl Stream<Item = Result<B, E>> + Send + 'static,
    pause: Duration,
) -> Body {
    let state = Some(Box::pin(pieces));
    Box::pin(futures_util::stream::unfold(state, move |state| async move {
        let mut pieces = state?;
        match tokio::time::timeout(pause, pieces.next()).await {
            Ok(None) => None,
            Ok(Some(Ok(mut piece))) => Some((Ok(piece.copy_to_bytes(piece.remaining())), Some(pieces))),
            Ok(Some(Err(e))) => Some((Err(e.to_string()), None)),
            Err(_) => Some((Err(format!("nothing came for {} s", pause.as_secs())), None)),
        }
    }))
}

/// Undoes `%XX` and `+`; what is no UTF-8 is replaced.
pub(super) fn decoded(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (bytes[at], hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_forms_are_told_in_the_words_of_json() {
        let told = |value: Value| {
            let said = typed::<crate::engine::Wish>(&value).unwrap_err().faults()[0].clone();
            (said["msg"].as_str().unwrap().to_owned(), said["loc"].clone(), said["input"].clone())
        };
        let wish = |name: &str, value: Value| {
            let mut wish = json!({ "tool_id": "x" });
            wish[name] = value;
            wish
        };
        for (value, message, loc, input) in [
            (json!({ "a": 1 }), "missing field `tool_id`", json!(["body", "tool_id"]), json!({ "a": 1 })),
            (json!(["x"]), "the body must be an object", json!(["body"]), json!(["x"])),
            (
                wish("priority", json!("high")),
                "`priority`: invalid type: string \"high\", expected a whole number",
                json!(["body", "priority"]),
                json!("high"),
            ),
            (
                wish("params", json!([1])),
                "`params`: invalid type: list, expected an object",
                json!(["body", "params"]),
                json!([1]),
            ),
            (
                wish("input", json!({ "type": 5, "value": "x" })),
                "`input.type`: invalid type: integer `5`, expected a string",
                json!(["body", "input", "type"]),
                json!(5),
            ),
            (
                wish("input", json!("/x")),
                "`input`: invalid type: string \"/x\", expected an object with `type` and `value`",
                json!(["body", "input"]),
                json!("/x"),
            ),
        ] {
            assert_eq!(told(value), (message.to_owned(), loc, input));
        }
    }

    #[test]
    fn queries_are_decoded() {
        for (text, want) in [("a%20b+c", "a b c"), ("%zz%4", "%zz%4"), ("%C3%A9", "é"), ("", "")] {
            assert_eq!(decoded(text), want);
        }
    }
}
