//! Times as the old tools print them.

use super::Segment;

/// A time window, seconds since the first CAN event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Start, seconds.
    pub start_s: f64,
    /// Length, seconds.
    pub duration_s: f64,
}

impl Window {
    /// The segment of a time; both ends belong to the window. Without a window everything is [`Segment::Pre`].
    ///
    /// Takes the exact time, not the printed one: rlog-to-csv labels rows before it rounds.
    pub fn segment(window: Option<Self>, ns: i64) -> Segment {
        let t = ns as f64 / 1e9;
        match window {
            Some(w) if t >= w.start_s && t <= w.start_s + w.duration_s => Segment::Window,
            Some(w) if t >= w.start_s => Segment::Post,
            _ => Segment::Pre,
        }
    }
}

/// Seconds of a time in nanoseconds, rounded as rlog-to-csv prints it: what parsing `%.6f` gives back.
///
/// Exact for times within 104 days of zero (2^53 ns). A tie is broken by the double nearest to the time, as in printing.
pub fn printed_seconds(ns: i64) -> f64 {
    let (micros, rest) = (ns / 1000, (ns % 1000).abs());
    if rest == 500 || micros == 0 {
        return via_text(ns);
    }
    let away = if rest > 500 { ns.signum() } else { 0 };
    // Division is correctly rounded, so this is the double nearest to the printed decimal.
    (micros + away) as f64 / 1e6
}

#[cold]
fn via_text(ns: i64) -> f64 {
    parse_rounded(ns as f64 / 1e9, 6)
}

/// Python's `round(x, 3)`.
pub(super) fn round_millis(x: f64) -> f64 {
    parse_rounded(x, 3)
}

fn parse_rounded(x: f64, decimals: usize) -> f64 {
    format!("{x:.decimals$}").parse().unwrap_or(x)
}

/// A number as Python's `repr` writes it: the shortest digits that read back, `9.0`, `0.66096`, `1e-06`, `1.5e+16`.
///
/// Rust's `Debug` has the same digits and the same thresholds (below 1e-4 and from 1e16 on with an exponent); only the
/// exponent looks different: Python gives it a sign and two digits.
pub fn python_repr(x: f64) -> String {
    if x.is_nan() {
        return "nan".to_owned();
    }
    let text = format!("{x:?}");
    let Some((digits, exponent)) = text.split_once('e') else {
        return text;
    };
    // `Debug` writes a whole number as `1e16` already, but keeps `.0` in none.
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

/// `mm:ss.mmm`; minutes may have more digits, and seconds may round up to `60.000`, as in the old tool.
pub(super) fn clock(seconds: f64) -> String {
    // Whole minutes of the exact quotient: `seconds / 60.0` could round up to the next one.
    let minutes = ((seconds - seconds % 60.0) / 60.0).round();
    let seconds = seconds - 60.0 * minutes;
    format!("{minutes:02}:{seconds:06.3}")
}
