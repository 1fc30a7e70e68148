//! What is odd or wrong in a DBC text, and where.

use std::fmt;

use serde::Serialize;

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Read as it was meant; other programs may refuse it.
    Info,
    /// Read by guessing, or of no effect.
    Warning,
    /// Something was lost, or cannot be right.
    Error,
}

/// One remark about a DBC text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A stable word, such as `missing-semicolon`; [`CODES`] lists all.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Line of the text, from 1.
    pub line: u32,
    /// Column in characters, from 1; 0 where only the line is known.
    pub column: u32,
    /// What is wrong, with the values involved.
    pub message: String,
    /// The file and its line, where the text was put together from several files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

/// A place in one of the files that a generated database is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Name of the file.
    pub file: String,
    /// Line of that file, from 1.
    pub line: u32,
}

/// Every code, with its severity and what it means.
pub const CODES: &[(&str, Severity, &str)] = &[
    ("ambiguous-choice", Severity::Warning, "two names for one raw value"),
    ("ambiguous-switch", Severity::Warning, "a message with two switches: the first one is taken"),
    ("bad-message", Severity::Error, "a `BO_` line that cannot be read; its signals are left out"),
    ("bad-signal", Severity::Error, "an `SG_` line that cannot be read; the signal is left out"),
    ("bad-size", Severity::Error, "a length that no message or signal can have"),
    ("bad-statement", Severity::Error, "a statement that cannot be read; it is left out"),
    ("byte-order-mark", Severity::Info, "the text begins with a byte order mark"),
    ("carriage-return", Severity::Info, "lines end with CR LF"),
    ("checksum-name", Severity::Info, "a checksum by its name, but not one that is verified"),
    ("checksum-place", Severity::Warning, "a checksum in bytes that it is computed from: its place is wrong"),
    ("choice-outside-raw-range", Severity::Warning, "a name of a raw value that the signal cannot have"),
    ("comment-without-kind", Severity::Info, "`CM_` with an identifier but without `BO_`"),
    ("comment-without-signal", Severity::Info, "`CM_ SG_` without a signal: kept as the message's comment"),
    ("counter-name", Severity::Info, "a counter by its name, but not one that is verified"),
    ("duplicate-id", Severity::Error, "two messages of one identifier: the later one is kept"),
    ("duplicate-message-name", Severity::Warning, "two messages of one name"),
    ("duplicate-signal", Severity::Error, "two signals of one name in a message: the later one is kept"),
    ("extended-id-without-flag", Severity::Info, "an identifier of more than 11 bits without bit 31"),
    ("independent-signals", Severity::Info, "signals that belong to no message; they are left out"),
    ("missing-range", Severity::Info, "a signal without `[min|max]`"),
    ("missing-semicolon", Severity::Info, "a statement without `;`"),
    ("mux-without-number", Severity::Warning, "a bare `m`: the signal is taken as always present"),
    ("mux-without-switch", Severity::Warning, "a multiplexed signal in a message without a switch"),
    ("name-starts-with-digit", Severity::Info, "a name that begins with a digit"),
    ("no-can-id", Severity::Warning, "an identifier of more than 29 bits: no frame has it"),
    ("not-utf8", Severity::Info, "the text is not UTF-8; it was read as Latin-1"),
    ("number-form", Severity::Info, "a number without a digit before its point"),
    ("overlap", Severity::Warning, "two signals that can be present together share bits"),
    ("range-outside-raw-range", Severity::Info, "minimum or maximum that the raw value cannot reach"),
    ("range-reversed", Severity::Warning, "a minimum above the maximum"),
    ("signal-beyond-message", Severity::Error, "a signal that leaves its message"),
    ("signal-without-message", Severity::Error, "an `SG_` line before any message; it is left out"),
    ("trailing-text", Severity::Warning, "text after the end of a statement"),
    ("unknown-message", Severity::Warning, "a statement about a message that does not exist"),
    ("unknown-signal", Severity::Warning, "a statement about a signal that does not exist"),
    ("unknown-statement", Severity::Warning, "a line that begins with no known word; it is left out"),
    ("unknown-table", Severity::Warning, "`VAL_` with the name of a table that does not exist"),
    ("unresolved-import", Severity::Error, "an `IMPORT` whose file was not put in its place"),
    ("unterminated-string", Severity::Error, "a `\"` without its partner"),
    ("zero-factor", Severity::Warning, "a factor of zero"),
];

impl Finding {
    /// A finding of one of the [`CODES`].
    pub(super) fn new(code: &'static str, line: u32, column: u32, message: impl Into<String>) -> Self {
        let known = CODES.iter().find(|(name, ..)| *name == code);
        debug_assert!(known.is_some(), "{code} is not in CODES");
        let severity = known.map_or(Severity::Warning, |(_, severity, _)| *severity);
        Self { code, severity, line, column, message: message.into(), part: None }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// `12:5: warning [missing-semicolon]: …`, with the part's file and line first where there is one.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Some(part) => write!(f, "{}:{}", part.file, part.line)?,
            None => write!(f, "{}", self.line)?,
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        write!(f, ": {} [{}]: {}", self.severity, self.code, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_unique() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
