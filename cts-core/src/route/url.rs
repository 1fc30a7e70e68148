//! Routes in web addresses of comma's sites.
//!
//! Source: openpilot `tools/lib/logreader.py` `parse_indirect`.

use super::name::{split_route, why_no_route};
use super::slice::{self, MAX_SEGMENT, Slice};
use super::spec::{RouteSpec, Selector, from_name};

const CONNECT: &str = "connect.comma.ai";
const ADMIN: &str = "useradmin.comma.ai";

/// Splits a web address into host and rest; the scheme of the two known hosts may be left out.
pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let address = bare.unwrap_or(text);
    let (host, rest) = address.split_once('/').unwrap_or((address, ""));
    (bare.is_some() || host == CONNECT || host == ADMIN).then_some((host, rest))
}

/// Reads what [`split`] gave; the error is the reason.
pub(super) fn read(host: &str, rest: &str) -> Result<RouteSpec, String> {
    match host {
        CONNECT => from_connect(rest.split(['?', '#']).next().unwrap_or_default()),
        ADMIN => {
            let query = rest.split_once('?').map_or("", |(_, query)| query);
            let value = query.split(['&', '#']).find_map(|part| part.strip_prefix("onebox="));
            from_name(&unescape(value.ok_or("the address has no `onebox=`")?))
        }
        _ => Err(format!("addresses at `{host}` name no route; known are {CONNECT} and {ADMIN}")),
    }
}

/// Reads `<dongle id>/<log id>[/<start s>/<end s>][/<selector>]`.
fn from_connect(path: &str) -> Result<RouteSpec, String> {
    let path = unescape(path);
    let path = path.strip_suffix('/').unwrap_or(&path);
    let (route, rest) = split_route(path).ok_or_else(|| why_no_route(path))?;
    let mut parts: Vec<&str> = rest.split('/').collect();
    if !parts.remove(0).is_empty() {
        return Err(format!("unexpected `{rest}` after the log id"));
    }
    let selector = parts.last().and_then(|text| Selector::new(text));
    if selector.is_some() {
        parts.pop();
    }
    let slice = match parts[..] {
        [] => Slice::ALL,
        [start, end] => seconds(start, end)?,
        _ => {
            return Err(format!("`{rest}` must be the start and the end in seconds, such as /60/180"));
        }
    };
    Ok(RouteSpec { route, slice, selector: selector.unwrap_or_default() })
}

/// The segments of a span in seconds of the drive.
fn seconds(start: &str, end: &str) -> Result<Slice, String> {
    let minute = |text: &str| match text.parse::<u32>() {
        Ok(s) if s / 60 < MAX_SEGMENT => Ok(s / 60),
        _ => Err(format!("`{text}` is no time in seconds")),
    };
    let (first, last) = (minute(start)?, minute(end)?);
    if last < first {
        return Err(format!("it starts at {start} s, after its end at {end} s"));
    }
    slice::parse(&format!("{first}:{}", last + 1))
}

/// Undoes the escapes that browsers put into names of routes.
fn unescape(text: &str) -> String {
    let codes = [("%7C", "|"), ("%7c", "|"), ("%2F", "/"), ("%2f", "/"), ("%3A", ":"), ("%3a", ":")];
    codes.iter().fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `@` is the route; `want` is the canonical form without it, or a part of the reason after `!`.
    fn check(text: &str, want: &str) {
        const ROUTE: &str = "a2a0ccea32023010|2023-07-27--13-01-19";
        let text = text.replace('@', ROUTE);
        match (text.parse::<RouteSpec>(), want.strip_prefix('!')) {
            (Ok(spec), None) => assert_eq!(spec.to_string(), format!("{ROUTE}{want}"), "{text}"),
            (Err(e), Some(reason)) => assert!(e.to_string().contains(reason), "{text}: {e}"),
            (other, _) => panic!("{text}: {other:?}, want {want}"),
        }
    }

    #[test]
    fn connect_addresses_include_the_segment_of_the_end() {
        let base = "https://connect.comma.ai/a2a0ccea32023010/2023-07-27--13-01-19";
        for (text, want) in [
            ("", ""),
            ("/", ""),
            ("/0/59", "/0:1"),
            ("/59/60", "/0:2"),
            ("/130/250", "/2:5"),
            ("/130/250/q?x=1#y", "/2:5/q"),
            ("/q", "/q"),
            ("/130", "!must be the start and the end in seconds"),
            ("/250/130", "!starts at 250 s, after its end at 130 s"),
            ("/a1/b2", "!`a1` is no time in seconds"),
            ("/0/9999999999", "!`9999999999` is no time in seconds"),
            ("x/0/60", "!unexpected `x/0/60` after the log id"),
        ] {
            check(&format!("{base}{text}"), want);
        }
        check("connect.comma.ai/a2a0ccea32023010%7C2023-07-27--13-01-19/0/60", "/0:2");
        check("http://connect.comma.ai", "!it is empty");
    }

    #[test]
    fn other_addresses_need_a_known_host() {
        check("https://useradmin.comma.ai/?a=b&onebox=a2a0ccea32023010%7C2023-07-27--13-01-19%2F4", "/4");
        check("https://useradmin.comma.ai/x", "!no `onebox=`");
        check("https://example.com/@", "!addresses at `example.com` name no route");
    }
}
