//! Text that cannot break out of where it stands: in markup, and in JSON inside a script element.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Text as content or quoted attribute value of HTML, SVG and XML. Characters that XML forbids become U+FFFD.
pub(super) fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

/// Writes JSON that may stand in a script element: no `<`, `>`, `&`, U+2028 or U+2029 is left in it.
pub(super) fn script_json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, ScriptSafe)).map_err(io::Error::from)
}

struct ScriptSafe;

impl Formatter for ScriptSafe {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (safe, tail) = rest.split_at(at);
            out.write_all(safe.as_bytes())?;
            let mut chars = tail.chars();
            write!(out, "\\u{:04x}", chars.next().map_or(0, u32::from))?;
            rest = chars.as_str();
        }
        out.write_all(rest.as_bytes())
    }

    /// Whole numbers without `.0`: a page holds many.
    fn write_f64<W: ?Sized + Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        if value.fract() == 0.0 && value.abs() < 1e15 {
            write!(out, "{}", value as i64)
        } else {
            out.write_all(zmij::Buffer::new().format_finite(value).as_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_json_cannot_leave_its_element() {
        let hostile = "</script><!--<script>\u{2028}\u{2029}&amp;\"\\\u{0}é";
        let mut out = Vec::new();
        script_json(&mut out, &hostile).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{2029}', '\u{0}']), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), hostile);
    }

    #[test]
    fn numbers_are_short_and_exact() {
        let mut out = Vec::new();
        script_json(&mut out, &[50.0, -0.25, 1e300, f64::NAN, 0.1]).unwrap();
        let read: Vec<Option<f64>> = serde_json::from_slice(&out).unwrap();
        assert_eq!(read, [Some(50.0), Some(-0.25), Some(1e300), None, Some(0.1)]);
        assert!(out.starts_with(b"[50,-0.25,"));
    }

    #[test]
    fn markup_is_inert() {
        assert_eq!(markup("<a b='\"&\u{1}\n>"), "&lt;a b=&#39;&quot;&amp;\u{fffd} &gt;");
    }
}
