//! What headers say of files, their parts, and pauses.

use std::time::{Duration, SystemTime};

use ureq::http::{HeaderMap, HeaderValue, header};

use super::index::Known;

/// The headers that ask for the rest of a file, as long as it is the same.
pub(super) fn range(have: u64, known: &Known) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if have > 0 {
        headers.extend(HeaderValue::from_str(&format!("bytes={have}-")).map(|value| (header::RANGE, value)));
        let validator = known.validator.as_deref().and_then(|text| HeaderValue::from_str(text).ok());
        headers.extend(validator.map(|value| (header::IF_RANGE, value)));
    }
    headers
}

/// What tells one version of a file from another: a strong `ETag`, or else the time of its last change.
pub(super) fn validator(headers: &HeaderMap) -> Option<String> {
    let text =
        |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
    text(header::ETAG).filter(|tag| !tag.starts_with("W/")).or_else(|| text(header::LAST_MODIFIED))
}

/// The length that a `HEAD` request tells.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// First, last and total of `Content-Range: bytes 5-9/20`.
pub(super) fn content_range(headers: &HeaderMap) -> Option<(u64, u64, u64)> {
    let text = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?, total.trim().parse().ok()?))
}

/// The total of `Content-Range: bytes */20`.
pub(super) fn size_in_range(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_RANGE)?.to_str().ok()?.trim().strip_prefix("bytes */")?.trim().parse().ok()
}

/// The pause that a server asks for, in seconds or until a date.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_come_as_seconds_or_dates() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let asked = |text: &str| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, text.parse().unwrap())]);
            retry_after(&headers, now).map(|pause| pause.as_secs())
        };
        assert_eq!(asked("7"), Some(7));
        assert_eq!(asked("Sun, 06 Nov 1994 08:50:07 GMT"), Some(30));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(asked("soon"), None);
    }

    #[test]
    fn parts_say_where_they_lie() {
        let of = |text: &str| HeaderMap::from_iter([(header::CONTENT_RANGE, text.parse().unwrap())]);
        assert_eq!(content_range(&of("bytes 5-9/20")), Some((5, 9, 20)));
        for text in [
            "bytes 5-9/*",
            "bytes */20",
            "5-9/20",
            "bytes -9/20",
            "bytes 5-9",
            "bytes 5-9/99999999999999999999",
        ] {
            assert_eq!(content_range(&of(text)), None, "{text}");
        }
        assert_eq!((size_in_range(&of("bytes */20")), size_in_range(&of("bytes 5-9/20"))), (Some(20), None));
    }

    #[test]
    fn only_what_tells_versions_apart_is_kept() {
        let mut headers = HeaderMap::from_iter([(header::LAST_MODIFIED, "then".parse().unwrap())]);
        assert_eq!(validator(&headers).as_deref(), Some("then"));
        headers.insert(header::ETAG, "W/\"1\"".parse().unwrap());
        assert_eq!(validator(&headers).as_deref(), Some("then"));
        headers.insert(header::ETAG, "\"1\"".parse().unwrap());
        assert_eq!(validator(&headers).as_deref(), Some("\"1\""));
        assert_eq!(validator(&HeaderMap::new()), None);
    }
}
