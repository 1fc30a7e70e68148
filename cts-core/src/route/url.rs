//! Routes in web addresses of comma's sites.
//!
//! Source: openpilot `tools/lib/logreader.py` `parse_indirect`.

use super::name::{DongleId, split_dongle, split_route, why_no_route};
use super::slice::{self, MAX_SEGMENT, Slice};
use super::spec::{RouteSpec, Selector, from_name};
use super::target::Target;

const CONNECT: &str = "connect.comma.ai";
const ADMIN: &str = "useradmin.comma.ai";
/// How the hosts of the newer web application begin.
const NEW_CONNECT: &str = "new-connect.";
/// Digits of a Unix time in milliseconds, from 2001 to 2286.
const MILLIS_LEN: usize = 13;

/// Splits a web address into host and rest; the scheme of the known hosts may be left out.
pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let address = bare.unwrap_or(text);
    let (host, rest) = address.split_once('/').unwrap_or((address, ""));
    (bare.is_some() || is_connect(host) || host == ADMIN).then_some((host, rest))
}

fn is_connect(host: &str) -> bool {
    host == CONNECT || host.starts_with(NEW_CONNECT)
}

/// Reads what [`split`] gave; the error is the reason.
pub(super) fn read(host: &str, rest: &str) -> Result<Target, String> {
    match host {
        host if is_connect(host) => from_connect(rest.split(['?', '#']).next().unwrap_or_default()),
        ADMIN => {
            let query = rest.split_once('?').map_or("", |(_, query)| query);
            let value = query.split(['&', '#']).find_map(|part| part.strip_prefix("onebox="));
            from_name(&unescape(value.ok_or("the address has no `onebox=`")?)).map(Target::Route)
        }
        _ => Err(format!("addresses at `{host}` name no route; known are {CONNECT} and {ADMIN}")),
    }
}

/// Reads `<dongle id>`, `<dongle id>/<start ms>/<end ms>` or what [`from_route`] reads.
fn from_connect(path: &str) -> Result<Target, String> {
    let path = unescape(path);
    let path = path.strip_suffix('/').unwrap_or(&path);
    if let Some(dongle) = DongleId::new(path) {
        return Ok(Target::Device(dongle));
    }
    let (dongle, tail) = split_dongle(path);
    match dongle.zip(tail.split_once('/')) {
        Some((dongle, (start, end))) if start.len() == MILLIS_LEN && is_digits(start) => {
            span(dongle, start, end)
        }
        _ => from_route(path).map(Target::Route),
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_digit())
}

/// The old form of addresses: a span of Unix time in milliseconds.
fn span(dongle: DongleId, start: &str, end: &str) -> Result<Target, String> {
    let millis = |text: &str| match text.parse::<u64>() {
        Ok(millis) if text.len() == MILLIS_LEN && is_digits(text) => Ok(millis),
        _ => Err(format!("`{text}` is no time in milliseconds, as the one before it")),
    };
    let (start_ms, end_ms) = (millis(start)?, millis(end)?);
    match start_ms < end_ms {
        true => Ok(Target::Span { dongle, start_ms, end_ms }),
        false => Err(format!("it starts at {start} ms, not before its end at {end} ms")),
    }
}

/// Reads `<dongle id>/<log id>[/<start s>/<end s>][/<selector>]`.
fn from_route(path: &str) -> Result<RouteSpec, String> {
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
        check("https://new-connect.example.com/a2a0ccea32023010/2023-07-27--13-01-19/0/60", "/0:2");
    }

    #[test]
    fn addresses_of_devices_and_times_are_no_routes() {
        let base = "https://connect.comma.ai/a2a0ccea32023010";
        for (tail, want) in [
            ("", "!it names a device"),
            ("/?x", "!it names a device"),
            ("/prime", "!log id `prime` must be"),
            ("/1690462879000/1690463479000", "!it names a span of time"),
            ("/1690462879000/1690462879000", "!not before its end"),
            ("/1690462879000/7", "!`7` is no time in milliseconds"),
            ("/1690462879000/x690463479000", "!`x690463479000` is no time"),
            ("/1690462879000", "!log id `1690462879000` must be"),
        ] {
            check(&format!("{base}{tail}"), want);
        }
    }

    #[test]
    fn other_addresses_need_a_known_host() {
        check("https://useradmin.comma.ai/?a=b&onebox=a2a0ccea32023010%7C2023-07-27--13-01-19%2F4", "/4");
        check("https://useradmin.comma.ai/x", "!no `onebox=`");
        check("https://example.com/@", "!addresses at `example.com` name no route");
    }
}
