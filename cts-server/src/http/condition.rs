//! Conditional requests for something with a tag and a date, as RFC 9110, section 13, orders them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::Method;

use super::reply::matches_tag;
use super::request::Head;
use crate::clock::Micros;

/// What a request wants of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It is not what the client expects.
    Changed,
    /// Nothing: the client has it.
    Known,
    /// All of it.
    All,
    /// The part that `Range` names, if it is there.
    Part,
}

/// What it is now.
pub(super) struct State {
    tag: String,
    modified: SystemTime,
}

impl State {
    /// `tag` is strong and quoted.
    pub(super) fn new(tag: String, modified: Micros) -> Self {
        let seconds = u64::try_from(modified / 1_000_000).unwrap_or_default();
        Self { tag, modified: UNIX_EPOCH + Duration::from_secs(seconds) }
    }

    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// The date as headers have it.
    pub(super) fn modified(&self) -> String {
        httpdate::fmt_http_date(self.modified)
    }

    /// Evaluates the conditions of a request.
    pub(super) fn asked(&self, head: &Head) -> Asked {
        let date = |name| head.header(name).and_then(|text| httpdate::parse_http_date(text).ok());
        let expected = match (head.header("if-match"), date("if-unmodified-since")) {
            (Some(tags), _) => matches_strongly(tags, &self.tag),
            (None, Some(date)) => self.modified <= date,
            (None, None) => true,
        };
        let known = match (head.header("if-none-match"), date("if-modified-since")) {
            (Some(tags), _) => matches_tag(tags, &self.tag),
            (None, Some(date)) => self.modified <= date,
            (None, None) => false,
        };
        // A part of something else is of no use.
        let same = head.header("if-range").is_none_or(|known| known == self.tag || known == self.modified());
        match (expected, known) {
            (false, _) => Asked::Changed,
            (true, true) => Asked::Known,
            _ if same && head.method == Method::GET => Asked::Part,
            _ => Asked::All,
        }
    }
}

/// Weak tags are equal to nothing here.
fn matches_strongly(list: &str, tag: &str) -> bool {
    list.trim() == "*" || list.split(',').any(|one| one.trim() == tag)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, Uri};

    use super::*;

    /// Thursday, 1970-01-01 00:01:00.
    const NOW: &str = "Thu, 01 Jan 1970 00:01:00 GMT";
    const BEFORE: &str = "Thu, 01 Jan 1970 00:00:59 GMT";

    fn asked(method: Method, pairs: &[(&'static str, &'static str)]) -> Asked {
        let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let head = Head { method, uri: Uri::from_static("/"), headers: HeaderMap::from_iter(pairs) };
        State::new("\"t\"".into(), 60_500_000).asked(&head)
    }

    #[test]
    fn conditions_are_read_in_their_order() {
        type Row<'a> = (&'a [(&'static str, &'static str)], Asked);
        let table: &[Row<'_>] = &[
            (&[], Asked::Part),
            (&[("if-none-match", "\"x\", W/\"t\"")], Asked::Known),
            (&[("if-none-match", "*")], Asked::Known),
            (&[("if-none-match", "\"x\"")], Asked::Part),
            (&[("if-modified-since", NOW)], Asked::Known),
            (&[("if-modified-since", BEFORE)], Asked::Part),
            (&[("if-modified-since", "nonsense")], Asked::Part),
            // A tag says more than a date.
            (&[("if-none-match", "\"x\""), ("if-modified-since", NOW)], Asked::Part),
            (&[("if-match", "\"t\"")], Asked::Part),
            (&[("if-match", "*")], Asked::Part),
            (&[("if-match", "W/\"t\"")], Asked::Changed),
            (&[("if-match", "\"x\""), ("if-none-match", "\"t\"")], Asked::Changed),
            (&[("if-unmodified-since", BEFORE)], Asked::Changed),
            (&[("if-unmodified-since", NOW)], Asked::Part),
            (&[("if-range", "\"t\"")], Asked::Part),
            (&[("if-range", NOW)], Asked::Part),
            (&[("if-range", "W/\"t\"")], Asked::All),
            (&[("if-range", BEFORE)], Asked::All),
        ];
        for (pairs, want) in table {
            assert_eq!(asked(Method::GET, pairs), *want, "{pairs:?}");
        }
        assert_eq!(asked(Method::HEAD, &[]), Asked::All, "parts are for GET");
    }
}
