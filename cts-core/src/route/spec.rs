//! What a user asks for: a route, which of its segments, and which of their logs.

use std::fmt;
use std::str::FromStr;

use super::name::{Route, bad_route, split_route, why_no_route};
use super::slice::{self, Slice};
use super::target::Target;
use crate::error::{Error, ErrorKind, Result};

/// Which log of a segment.
///
/// Source: openpilot `tools/lib/logreader.py` `ReadMode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Selector {
    /// `r`: the rlog.
    #[default]
    Rlog,
    /// `q`: the qlog.
    Qlog,
    /// `a`: the rlog, or the qlog of a segment without one.
    Auto,
}

/// A route with slice and selector, in the notation of openpilot's `LogReader`.
///
/// Accepted are `<route>`, `<route>/<slice>`, `<route>--<slice>`, each with `/<selector>` or without, where
/// the route may lack its dongle id; and the address of a drive on connect.comma.ai, whose times become the
/// segments from `start / 60` to `end / 60`, both included. [`fmt::Display`] gives the canonical form.
///
/// Source: openpilot `tools/lib/helpers.py` `RE.SEGMENT_RANGE`, `tools/lib/logreader.py` `parse_indirect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RouteSpec {
    /// The drive.
    pub route: Route,
    /// Its segments.
    pub slice: Slice,
    /// Their logs.
    pub selector: Selector,
}

impl FromStr for Selector {
    type Err = Error;

    /// # Errors
    /// `bad-param` unless the text is `r`, `q` or `a`.
    fn from_str(text: &str) -> Result<Self> {
        Self::new(text).ok_or_else(|| {
            let (name, value, expected) = ("selector".into(), text.into(), "r, q or a".into());
            ErrorKind::BadParam { name, value, expected }.into()
        })
    }
}

impl Selector {
    pub(super) fn new(text: &str) -> Option<Self> {
        match text {
            "r" => Some(Self::Rlog),
            "q" => Some(Self::Qlog),
            "a" => Some(Self::Auto),
            _ => None,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rlog => "r",
            Self::Qlog => "q",
            Self::Auto => "a",
        })
    }
}

impl From<Route> for RouteSpec {
    /// All rlogs of the route.
    fn from(route: Route) -> Self {
        Self { route, slice: Slice::ALL, selector: Selector::default() }
    }
}

impl fmt::Display for RouteSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.route)?;
        if self.slice != Slice::ALL {
            write!(f, "/{}", self.slice)?;
        }
        if self.selector != Selector::default() {
            write!(f, "/{}", self.selector)?;
        }
        Ok(())
    }
}

impl FromStr for RouteSpec {
    type Err = Error;

    /// # Errors
    /// `bad-route`, with what is wrong and the accepted form.
    fn from_str(text: &str) -> Result<Self> {
        text.parse::<Target>()?.spec().map_err(|reason| bad_route(text, reason))
    }
}

/// Reads everything but web addresses; the error is the reason.
pub(super) fn from_name(text: &str) -> Result<RouteSpec, String> {
    let (route, rest) = split_route(text).ok_or_else(|| why_no_route(text))?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.is_empty() {
        return Ok(route.into());
    }
    let Some(tail) = rest.strip_prefix("--").or_else(|| rest.strip_prefix('/')) else {
        return Err(format!("unexpected `{rest}` after the log id"));
    };
    let (slice, selector) = match tail.split_once('/') {
        Some((slice, selector)) => (slice, Some(selector)),
        None if Selector::new(tail).is_some() => ("", Some(tail)),
        None => (tail, None),
    };
    Ok(RouteSpec {
        route,
        slice: slice::parse(slice)?,
        selector: selector.map_or(Ok(Selector::default()), select)?,
    })
}

fn select(text: &str) -> Result<Selector, String> {
    Selector::new(text).ok_or_else(|| format!("selector `{text}` must be r, q or a"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROUTE: &str = "a2a0ccea32023010|2023-07-27--13-01-19";

    /// `@` in `text` is the route; `want` is the canonical form without route, or a part of the reason after `!`.
    fn check(text: &str, want: &str) {
        let text = text.replace('@', ROUTE);
        match (text.parse::<RouteSpec>(), want.strip_prefix('!')) {
            (Ok(spec), None) => assert_eq!(spec.to_string(), format!("{ROUTE}{want}"), "{text}"),
            (Err(e), Some(reason)) => assert!(e.to_string().contains(reason), "{text}: {e}"),
            (other, _) => panic!("{text}: {other:?}, want {want}"),
        }
    }

    #[test]
    fn reads_the_notation_of_log_reader() {
        for (text, want) in [
            ("@", ""),
            ("@/", ""),
            ("@/r", ""),
            ("@/q", "/q"),
            ("@/:/a", "/a"),
            ("@//q", "/q"),
            ("@--7", "/7"),
            ("@--7/", "/7"),
            ("@/7/r", "/7"),
            ("@/-1", "/-1"),
            ("@---1/q", "/-1/q"),
            ("@--0:4", "/0:4"),
            ("a2a0ccea32023010/2023-07-27--13-01-19/0:4/q", "/0:4/q"),
            ("a2a0ccea32023010_2023-07-27--13-01-19--3", "/3"),
            ("@/-3::2/a", "/-3::2/a"),
            ("@/1:9:1", "/1:9"),
        ] {
            check(text, want);
        }
    }

    #[test]
    fn bare_log_ids_keep_their_segment() {
        let text = "00000008--0696c823fa--7";
        let spec: RouteSpec = text.parse().unwrap();
        assert_eq!((spec.route.dongle, spec.slice), (None, Slice::Index(7)));
        assert_eq!(spec.to_string(), "00000008--0696c823fa/7");
    }

    #[test]
    fn errors_name_the_wrong_part() {
        check("@/x", "!`x` is no segment number");
        check("@/4/x", "!selector `x` must be r, q or a");
        check("@/4/q/r", "!selector `q/r` must be");
        check("@:4", "!unexpected `:4` after the log id");
        check("@--7--rlog.zst", "!`7--rlog.zst` is no segment number");
        check("@/0:4:0", "!must not be 0");
    }

    fn bound() -> impl Strategy<Value = Option<i32>> {
        prop::option::of(-99..999)
    }

    proptest! {
        #[test]
        fn spec_survives_text(
            index in bound(), start in bound(), end in bound(), step in -9..9, selector in 0..3usize,
        ) {
            let range = std::num::NonZeroI32::new(step).map(|step| Slice::Range { start, end, step });
            let slice = index.map(Slice::Index).or(range).unwrap_or(Slice::ALL);
            let selector = [Selector::Rlog, Selector::Qlog, Selector::Auto][selector];
            let spec = RouteSpec { route: ROUTE.parse().unwrap(), slice, selector };
            prop_assert_eq!(spec.to_string().parse::<RouteSpec>().unwrap(), spec);
        }

        #[test]
        fn no_text_panics(text in "\\PC*", tail in "[-0-9:/rqaé%?=]{0,20}") {
            let _ = text.parse::<RouteSpec>();
            let _ = format!("{ROUTE}{tail}").parse::<RouteSpec>();
            let _ = format!("https://connect.comma.ai/{ROUTE}{tail}").parse::<RouteSpec>();
        }
    }
}
