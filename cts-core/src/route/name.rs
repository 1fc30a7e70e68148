//! Dongle ids, log ids and routes: parsing and the canonical form.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};

/// What stands between dongle id and log id: `|` is canonical, `/` usual in URLs, `_` in file names.
const SEPARATORS: [char; 3] = ['|', '/', '_'];

/// The id of a device: 16 lower-case hex digits.
///
/// Source: openpilot `tools/lib/helpers.py` `RE.DONGLE_ID`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DongleId(u64);

impl DongleId {
    const LEN: usize = 16;

    pub(super) fn new(text: &str) -> Option<Self> {
        if !fits(text, "xxxxxxxxxxxxxxxx") {
            return None;
        }
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

/// The id of a drive on its device: local start time, or a counter with a random part.
///
/// Ids of one form sort in driving order, as long as the device was not reset.
///
/// Source: openpilot `tools/lib/helpers.py` `RE.TIMESTAMP` and `RE.LOG_ID_V2`, `common/util.h` and
/// `system/loggerd/logger.cc` `logger_get_identifier`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId([u8; LogId::LEN]);

impl LogId {
    /// Both forms are 20 ASCII characters with `--` in them, so a name is split by length, never at a `--`.
    const LEN: usize = 20;

    pub(super) fn new(text: &str) -> Option<Self> {
        let known = fits(text, "dddd-dd-dd--dd-dd-dd") || fits(text, "xxxxxxxx--aaaaaaaaaa");
        if known { text.as_bytes().try_into().ok().map(Self) } else { None }
    }

    /// The device's drive counter; `None` for an id of the older form, which is a local time.
    ///
    /// The counter restarts when the device is reset: only the whole id identifies a drive.
    pub fn count(&self) -> Option<u32> {
        let text = std::str::from_utf8(&self.0[..8]).ok()?;
        if fits(text, "xxxxxxxx") { u32::from_str_radix(text, 16).ok() } else { None }
    }
}

/// Whether `text` has the form of `pattern`: `d` digit, `x` lower-case hex digit, `a` digit or lower-case
/// letter, anything else itself.
fn fits(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text.bytes().zip(pattern.bytes()).all(|(c, p)| match p {
            b'd' => c.is_ascii_digit(),
            b'x' => matches!(c, b'0'..=b'9' | b'a'..=b'f'),
            b'a' => c.is_ascii_digit() || c.is_ascii_lowercase(),
            _ => c == p,
        })
}

/// A drive: the device, if known, and the log id.
///
/// Devices name their own directories without a dongle id, so a route found there has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// The device.
    pub dongle: Option<DongleId>,
    /// The drive.
    pub log: LogId,
}

/// Splits `[<dongle id><separator>]<log id><rest>`; the rest is returned unseen.
pub(super) fn split_route(text: &str) -> Option<(Route, &str)> {
    let (dongle, tail) = split_dongle(text);
    let (log, rest) = tail.split_at_checked(LogId::LEN)?;
    let log = LogId::new(log)?;
    Some((Route { dongle, log }, rest))
}

/// Splits `<dongle id><separator><tail>`; without a dongle id the tail is the whole text.
pub(super) fn split_dongle(text: &str) -> (Option<DongleId>, &str) {
    let split = || {
        let (id, rest) = text.split_at_checked(DongleId::LEN)?;
        Some((DongleId::new(id)?, rest.strip_prefix(SEPARATORS)?))
    };
    match split() {
        Some((dongle, tail)) => (Some(dongle), tail),
        None => (None, text),
    }
}

/// Why [`split_route`] refused the text.
pub(super) fn why_no_route(text: &str) -> String {
    if text.is_empty() {
        return "it is empty".into();
    }
    let (dongle, tail) = split_dongle(text);
    let first = tail.split(SEPARATORS).next().unwrap_or_default();
    if dongle.is_none() && first.len() < tail.len() && !first.contains("--") {
        return format!("dongle id `{first}` must be 16 lower-case hex digits");
    }
    format!(
        "log id `{first}` must be YYYY-MM-DD--HH-MM-SS or 8 hex digits, `--` and 10 characters of a-z and 0-9"
    )
}

#[cold]
pub(super) fn bad_route(text: &str, reason: impl fmt::Display) -> Error {
    let reason = format!(
        "{reason}; expected <dongle id>|<log id>[/<slice>][/<selector>] with selector r, q or a, \
        such as a2a0ccea32023010|2023-07-27--13-01-19/0:4/q"
    );
    ErrorKind::BadRoute { text: text.to_owned(), reason }.into()
}

impl FromStr for DongleId {
    type Err = Error;

    /// # Errors
    /// `bad-route` unless the text is 16 lower-case hex digits.
    fn from_str(text: &str) -> Result<Self> {
        Self::new(text).ok_or_else(|| bad_route(text, "a dongle id must be 16 lower-case hex digits"))
    }
}

impl FromStr for LogId {
    type Err = Error;

    /// # Errors
    /// `bad-route` unless the text has one of the two forms.
    fn from_str(text: &str) -> Result<Self> {
        Self::new(text).ok_or_else(|| bad_route(text, why_no_route(text)))
    }
}

impl FromStr for Route {
    type Err = Error;

    /// Accepts a bare log id, and `|`, `/` or `_` behind a dongle id.
    ///
    /// # Errors
    /// `bad-route`, with the reason.
    fn from_str(text: &str) -> Result<Self> {
        match split_route(text) {
            Some((route, "")) => Ok(route),
            Some((_, rest)) => Err(bad_route(text, format_args!("unexpected `{rest}` after the log id"))),
            None => Err(bad_route(text, why_no_route(text))),
        }
    }
}

impl fmt::Display for DongleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Display for Route {
    /// Writes `<dongle id>|<log id>`, or the log id alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(dongle) = self.dongle {
            write!(f, "{dongle}|")?;
        }
        write!(f, "{}", self.log)
    }
}

impl fmt::Debug for DongleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DongleId({self})")
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogId({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `want` is the canonical form, or a part of the reason after `!`.
    fn check(text: &str, want: &str) {
        match (text.parse::<Route>(), want.strip_prefix('!')) {
            (Ok(route), None) => assert_eq!(route.to_string(), want, "{text}"),
            (Err(e), Some(reason)) => assert!(e.to_string().contains(reason), "{text}: {e}"),
            (other, _) => panic!("{text}: {other:?}, want {want}"),
        }
    }

    #[test]
    fn routes_have_one_canonical_form() {
        for separator in ["|", "/", "_"] {
            for log in ["2023-07-27--13-01-19", "00000008--0696c823fa"] {
                check(&format!("a2a0ccea32023010{separator}{log}"), &format!("a2a0ccea32023010|{log}"));
            }
        }
        check("2023-07-27--13-01-19", "2023-07-27--13-01-19");
        check("0000000000000001|00000008--z696c823fz", "0000000000000001|00000008--z696c823fz");
    }

    #[test]
    fn bad_routes_name_the_wrong_part() {
        check("", "!it is empty");
        check("a2a0ccea3202301|2023-07-27--13-01-19", "!dongle id `a2a0ccea3202301` must be 16");
        check("A2A0CCEA32023010|2023-07-27--13-01-19", "!dongle id `A2A0CCEA32023010` must be 16");
        check("a2a0ccea32023010|2023-07-27", "!log id `2023-07-27` must be YYYY-MM-DD--HH-MM-SS");
        check("2023-07-27--13-01-1/4", "!log id `2023-07-27--13-01-1` must be");
        check("2023-07-27--13-01-19x", "!unexpected `x` after the log id");
        check("a2a0ccea32023010-2023-07-27--13-01-19", "!log id `a2a0ccea32023010-2023");
        check("ä2a0ccea3202301|2023-07-27--13-01-1ö", "!dongle id `ä2a0ccea3202301`");
        check("x", "!such as a2a0ccea32023010|2023-07-27--13-01-19");
    }

    #[test]
    fn count_is_hexadecimal_and_only_in_new_ids() {
        let count = |text: &str| text.parse::<LogId>().unwrap().count();
        assert_eq!(count("0000001f--0696c823fa"), Some(31));
        assert_eq!(count("2023-07-27--13-01-19"), None);
    }

    proptest! {
        #[test]
        fn route_survives_text(
            text in "([0-9a-f]{16}\\|)?([0-9]{4}-[0-9]{2}-[0-9]{2}--[0-9]{2}-[0-9]{2}-[0-9]{2}|[0-9a-f]{8}--[a-z0-9]{10})",
        ) {
            prop_assert_eq!(text.parse::<Route>().unwrap().to_string(), text);
        }

        #[test]
        fn no_text_panics(text in "\\PC*", near in "[0-9a-f|/_ä-]{0,45}") {
            let _ = (text.parse::<Route>(), near.parse::<Route>());
        }
    }
}
