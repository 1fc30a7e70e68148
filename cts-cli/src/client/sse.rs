//! Server-sent events: bytes in, events out.
//!
//! Source: the WHATWG HTML standard, section 9.2, "Server-sent events".

use std::io::{self, BufRead, Read};

/// The longest line that is kept.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Its number.
    pub(super) id: Option<String>,
    /// Its lines, joined by line feeds.
    pub(super) data: String,
    /// The pause before the next connection that it asks for, in ms.
    pub(super) retry: Option<u64>,
}

/// Reads the next event that has come whole; `None` at the end. What is left of a cut one is dropped.
///
/// # Errors
/// Those of `input`; `InvalidData` for a line without end.
pub(super) fn read(input: &mut impl BufRead) -> io::Result<Option<Event>> {
    let (mut event, mut any) = (Event::default(), false);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return match read as u64 {
                MAX_LINE_BYTES => Err(io::Error::new(io::ErrorKind::InvalidData, "a line without end")),
                _ => Ok(None),
            };
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            match std::mem::take(&mut any) {
                true => return Ok(Some(event)),
                false => continue,
            }
        }
        any |= field(&mut event, text);
    }
}

/// Takes a line; says whether it belongs to an event.
fn field(event: &mut Event, line: &str) -> bool {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    let value = value.strip_prefix(' ').unwrap_or(value);
    match name {
        "data" => {
            if !event.data.is_empty() {
                event.data.push('\n');
            }
            event.data.push_str(value);
        }
        "id" if !value.contains('\0') => event.id = Some(value.to_owned()),
        "retry" => event.retry = value.parse().ok(),
        // Comments and what later versions may add.
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(Option<String>, String)> {
        let mut input = text.as_bytes();
        std::iter::from_fn(|| read(&mut input).unwrap()).map(|event| (event.id, event.data)).collect()
    }

    #[test]
    fn events_end_with_an_empty_line() {
        let want = vec![(Some("1".to_owned()), "a".to_owned()), (None, "b\nc".to_owned())];
        assert_eq!(all("id: 1\ndata: a\n\n: hello\n\n\ndata:b\r\ndata: c\r\n\r\n"), want);
    }

    #[test]
    fn a_cut_event_is_dropped() {
        for cut in ["data: b", "data: b\n", "id: 2\ndata: {\"message\":\"half"] {
            assert_eq!(all(&format!("data: a\n\n{cut}")), [(None, "a".to_owned())]);
        }
    }
}
