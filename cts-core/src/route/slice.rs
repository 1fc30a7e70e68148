//! Which segments of a route: an index or a Python slice.

use std::fmt;
use std::num::NonZeroI32;

/// The largest segment number accepted anywhere, about 69 days of driving.
///
/// Segments that were asked for and are absent are listed one by one; the bound keeps a slip such as
/// `0:4000000000` from filling memory.
pub const MAX_SEGMENT: u32 = 99_999;

/// Which segments of a route, in the notation of openpilot's `LogReader`.
///
/// `4` is one segment, `a:b:c` a Python slice: the end is **exclusive** (`0:4` is 0, 1, 2, 3), negative numbers
/// count from the end. (The C++ replay and cabana read the same text with an inclusive end.)
///
/// Source: openpilot `tools/lib/route.py` `SegmentRange`, `tools/lib/helpers.py` `RE.SLICE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slice {
    /// One segment; negative counts from the end.
    Index(i32),
    /// `start:end:step`.
    Range {
        /// The first segment.
        start: Option<i32>,
        /// The segment to stop before.
        end: Option<i32>,
        /// The step; negative goes down.
        step: NonZeroI32,
    },
}

const STEP_ONE: NonZeroI32 = NonZeroI32::new(1).expect("1 is not 0");

impl Slice {
    /// Every segment.
    pub const ALL: Self = Self::Range { start: None, end: None, step: STEP_ONE };

    /// The segment numbers meant, in the slice's order, where `last` is the largest known segment number.
    ///
    /// Numbers counted from the end and open upper bounds use `last`, so they give nothing without one. A range
    /// with both bounds given is taken literally: `0:4` is four numbers even when `last` is 1, because the
    /// absent segments are worth reporting.
    pub fn select(&self, last: Option<u32>) -> Vec<u32> {
        let count = last.map_or(0, |n| i64::from(n) + 1);
        let (start, end, step) = match *self {
            Self::Index(i) => {
                let i = if i < 0 { i64::from(i) + count } else { i64::from(i) };
                return u32::try_from(i).into_iter().collect();
            }
            Self::Range { start, end, step } => {
                (start.map(i64::from), end.map(i64::from), i64::from(step.get()))
            }
        };
        let top = if step > 0 { end } else { start.map(|s| s + 1) };
        let literal = start.is_none_or(|s| s >= 0) && end.is_none_or(|e| e >= 0);
        let count = top.filter(|_| literal).unwrap_or(count);
        walk(start, end, step, count)
    }
}

/// Python's `range(count)[start:end:step]`.
fn walk(start: Option<i64>, end: Option<i64>, step: i64, count: i64) -> Vec<u32> {
    let (low, high) = if step > 0 { (0, count) } else { (-1, count - 1) };
    let place = |i: i64| (if i < 0 { i + count } else { i }).clamp(low, high.max(low));
    let (first, stop) = if step > 0 { (low, high) } else { (high, low) };
    let (first, stop) = (start.map_or(first, place), end.map_or(stop, place));
    std::iter::successors(Some(first), |i| Some(i + step))
        .take_while(|&i| if step > 0 { i < stop } else { i > stop })
        .filter_map(|i| u32::try_from(i).ok())
        .collect()
}

/// Reads a slice; the error is the reason.
pub(super) fn parse(text: &str) -> Result<Slice, String> {
    let mut parts = text.splitn(3, ':');
    let first = parts.next().map_or(Ok(None), number)?;
    let Some(end) = parts.next() else {
        return Ok(first.map_or(Slice::ALL, Slice::Index));
    };
    let end = number(end)?;
    let step = parts.next().map_or(Ok(None), number)?.unwrap_or(1);
    let step = NonZeroI32::new(step).ok_or("the step of a slice must not be 0")?;
    Ok(Slice::Range { start: first, end, step })
}

/// Reads an optional, signed decimal number.
fn number(text: &str) -> Result<Option<i32>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return Err(format!("`{text}` is no segment number"));
    }
    match text.parse::<i32>() {
        Ok(n) if n.unsigned_abs() <= MAX_SEGMENT => Ok(Some(n)),
        _ => Err(format!("segment number {text} exceeds {MAX_SEGMENT}")),
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = |b: &Option<i32>| b.map(|n| n.to_string()).unwrap_or_default();
        match self {
            Self::Index(i) => write!(f, "{i}"),
            Self::Range { start, end, step } => {
                write!(f, "{}:{}", bound(start), bound(end))?;
                if step.get() == 1 { Ok(()) } else { write!(f, ":{step}") }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selects_as_python_does() {
        // Values of CPython 3: range(8)[slice], for a route whose last segment is 7.
        for (text, want) in PYTHON {
            assert_eq!(parse(text).unwrap().select(Some(7)), *want, "{text}");
        }
    }
    const PYTHON: &[(&str, &[u32])] = &[
        (":", &[0, 1, 2, 3, 4, 5, 6, 7]),
        ("0:4", &[0, 1, 2, 3]),
        ("4:", &[4, 5, 6, 7]),
        ("-3:", &[5, 6, 7]),
        (":-6", &[0, 1]),
        ("-5:-2", &[3, 4, 5]),
        ("::3", &[0, 3, 6]),
        ("1::3", &[1, 4, 7]),
        ("6:2", &[]),
        ("::-1", &[7, 6, 5, 4, 3, 2, 1, 0]),
        ("::-3", &[7, 4, 1]),
        ("-1:-4:-1", &[7, 6, 5]),
        ("-1:2:-2", &[7, 5, 3]),
        ("2:-1:2", &[2, 4, 6]),
        ("-20:2", &[0, 1]),
        ("-2:20", &[6, 7]),
        ("-20::5", &[0, 5]),
        ("5:", &[5, 6, 7]),
        ("8:", &[]),
        ("::20", &[0]),
        (":-20", &[]),
        ("4", &[4]),
        ("-1", &[7]),
        ("-8", &[0]),
    ];

    #[test]
    fn two_given_bounds_are_literal() {
        let check =
            |text: &str, want: &[u32]| assert_eq!(parse(text).unwrap().select(Some(1)), want, "{text}");
        check("0:4", &[0, 1, 2, 3]);
        check(":3", &[0, 1, 2]);
        check("9", &[9]);
        check("5:2:-1", &[5, 4, 3]);
        check("3::-1", &[3, 2, 1, 0]);
        check("-1:4", &[1]);
    }

    #[test]
    fn unknown_last_segment_leaves_relative_slices_empty() {
        for text in ["", ":", "-1", "-2:", "2:", "::-1"] {
            assert_eq!(parse(text).unwrap().select(None), Vec::<u32>::new(), "{text}");
        }
        assert_eq!(parse("3:5").unwrap().select(None), [3, 4]);
    }

    #[test]
    fn rejects_what_is_no_slice() {
        let check = |text: &str, want: &str| assert_eq!(parse(text).unwrap_err(), want);
        check("0:4:0", "the step of a slice must not be 0");
        check("x", "`x` is no segment number");
        check("+1", "`+1` is no segment number");
        check("-", "`-` is no segment number");
        check("1:2:3:4", "`3:4` is no segment number");
        check("0:4000000000", "segment number 4000000000 exceeds 99999");
        check("-100000", "segment number -100000 exceeds 99999");
    }
}
