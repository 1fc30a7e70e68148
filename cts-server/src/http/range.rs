//! Which bytes of a file a request asks for.

/// A part of a file: offset and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    All,
    /// `len` bytes from `from` on, at least one.
    Some { from: u64, len: u64 },
    /// Bytes that the file does not have.
    Beyond,
}

/// Reads a `Range` header for a file of `size` bytes. One range only: several, and units other than bytes, give all.
pub(super) fn part(header: Option<&str>, size: u64) -> Part {
    let Some(range) = header.and_then(|header| header.strip_prefix("bytes=")) else {
        return Part::All;
    };
    let Some((first, last)) = range.split_once('-').filter(|_| !range.contains(',')) else {
        return Part::All;
    };
    match (number(first), number(last)) {
        (Ok(None), Ok(Some(suffix))) if suffix > 0 && size > 0 => {
            let len = suffix.min(size);
            Part::Some { from: size - len, len }
        }
        (Ok(None), Ok(Some(_))) => Part::Beyond,
        (Ok(Some(from)), Ok(last)) => {
            let last = last.unwrap_or(u64::MAX).min(size.saturating_sub(1));
            match (from < size, from <= last) {
                (true, true) => Part::Some { from, len: last - from + 1 },
                (true, false) => Part::All,
                (false, _) => Part::Beyond,
            }
        }
        _ => Part::All,
    }
}

fn number(text: &str) -> Result<Option<u64>, std::num::ParseIntError> {
    let text = text.trim();
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

/// Reads `Content-Range: bytes 5-9/20`: the first byte, the last, and the size of all if it is told.
pub(super) fn content_range(header: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, total) = header.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let total = if total.trim() == "*" { None } else { Some(total.trim().parse().ok()?) };
    (first <= last && total.is_none_or(|total| last < total)).then_some((first, last, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        let some = |from, len| Part::Some { from, len };
        for (header, want) in [
            ("bytes=0-4", some(0, 5)),
            ("bytes=5-", some(5, 5)),
            ("bytes=-3", some(7, 3)),
            ("bytes=-99", some(0, 10)),
            ("bytes=9-99", some(9, 1)),
            ("bytes=10-", Part::Beyond),
            ("bytes=-0", Part::Beyond),
            ("bytes=4-2", Part::All),
            ("bytes=0-1,3-4", Part::All),
            ("lines=1-2", Part::All),
            ("bytes=x-", Part::All),
        ] {
            assert_eq!(part(Some(header), 10), want, "{header}");
        }
        assert_eq!(part(Some("bytes=0-"), 0), Part::Beyond);
        assert_eq!(part(None, 10), Part::All);
    }

    #[test]
    fn content_ranges_tell_offset_and_size() {
        assert_eq!(content_range("bytes 5-9/20"), Some((5, 9, Some(20))));
        assert_eq!(content_range("bytes 0-0/*"), Some((0, 0, None)));
        for bad in ["bytes 9-5/20", "bytes 5-20/20", "bytes */20", "5-9/20", ""] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }
}
