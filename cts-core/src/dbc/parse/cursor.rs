//! A reading position in the text. It knows words, numbers and strings, and no statement.

/// Where each line begins: offsets become lines and columns only where someone asks.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let after = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(after).collect() }
    }

    /// Line and column, both from 1.
    pub(super) fn place(&self, offset: usize) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(0, |text| text.chars().count()) + 1;
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }
}

/// A position in a piece of the text.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    /// Offset in the whole text.
    pub(super) at: usize,
    end: usize,
}

impl<'a> Cursor<'a> {
    /// Over `text[at..end]`; both must be character boundaries.
    pub(super) fn new(text: &'a str, at: usize, end: usize) -> Self {
        Self { text, at, end }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..self.end).unwrap_or("")
    }

    pub(super) fn spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// The next character that is no space.
    pub(super) fn peek(&mut self) -> Option<char> {
        self.spaces();
        self.rest().chars().next()
    }

    pub(super) fn is_done(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Leaves the rest unread.
    pub(super) fn skip_all(&mut self) {
        self.at = self.end;
    }

    /// Takes `wanted` if it comes next.
    pub(super) fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> Option<&'a str> {
        self.spaces();
        let rest = self.rest();
        let len = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += len;
        (len > 0).then(|| &rest[..len])
    }

    /// Letters, digits and underscores.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        self.take(|c| c.is_alphanumeric() || c == '_')
    }

    /// Everything up to a space or one of `,;:"`.
    pub(super) fn token(&mut self) -> Option<&'a str> {
        self.take(|c| !c.is_whitespace() && !matches!(c, ',' | ';' | ':' | '"'))
    }

    /// The digits of a whole number without sign.
    pub(super) fn digits(&mut self) -> Option<&'a str> {
        self.take(|c| c.is_ascii_digit())
    }

    /// A whole number without sign.
    pub(super) fn whole<T: std::str::FromStr>(&mut self) -> Option<T> {
        let before = self.at;
        let number = self.digits().and_then(|digits| digits.parse().ok());
        if number.is_none() {
            self.at = before;
        }
        number
    }

    /// A decimal number with its text.
    pub(super) fn number(&mut self) -> Option<(f64, &'a str)> {
        let before = self.at;
        let text = self.take(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'));
        let number = text.and_then(|text| text.parse::<f64>().ok().filter(|n| n.is_finite()).zip(Some(text)));
        if number.is_none() {
            self.at = before;
        }
        number
    }

    /// The text between two quotes; `\"` does not end it.
    pub(super) fn string(&mut self) -> Option<String> {
        if self.peek() != Some('"') {
            return None;
        }
        let rest = &self.rest()[1..];
        let len = string_len(rest)?;
        self.at += len + 2;
        Some(rest[..len].replace("\\\"", "\""))
    }
}

/// Bytes up to the closing quote.
pub(super) fn string_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let ends = |at: &usize| bytes[*at] == b'"' && (*at == 0 || bytes[at - 1] != b'\\');
    memchr::memchr_iter(b'"', bytes).find(ends)
}
