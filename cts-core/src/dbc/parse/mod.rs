//! Reads DBC text, whatever is wrong with it.
//!
//! The parser is our own because each remark needs its line and column, which the trees of the DBC crates do not
//! keep, and because a file with one bad line must lose that line only.
//!
//! A first pass cuts the text into statements and reads the messages; a second one reads what speaks about them, since
//! a comment may stand before its message.

mod about;
mod cursor;
mod layout;

use rustc_hash::{FxHashMap, FxHashSet};

use self::cursor::{Cursor, Lines, string_len};
use super::{Choice, Dbc, Finding, Message, Presence};

/// Statements that end at the end of their line.
const LINES: &[&str] = &["BO_", "BS_", "BU_", "NS_", "SG_", "VERSION"];
/// Statements that end with `;` and say something that the model holds.
const ABOUT: &[&str] = &["BA_", "CM_", "SG_MUL_VAL_", "SIG_VALTYPE_", "VAL_", "VAL_TABLE_"];
/// Statements that end with `;` and are left out.
const SKIPPED: &[&str] = &[
    "BA_DEF_",
    "BA_DEF_DEF_",
    "BA_DEF_DEF_REL_",
    "BA_DEF_REL_",
    "BA_DEF_SGTYPE_",
    "BA_REL_",
    "BA_SGTYPE_",
    "BO_TX_BU_",
    "BU_BO_REL_",
    "BU_EV_REL_",
    "BU_SG_REL_",
    "CAT_",
    "CAT_DEF_",
    "ENVVAR_DATA_",
    "EV_",
    "EV_DATA_",
    "FILTER",
    "SGTYPE_",
    "SGTYPE_VAL_",
    "SIGTYPE_VALTYPE_",
    "SIG_GROUP_",
    "SIG_TYPE_REF_",
];

/// What was expected, and where.
type Unread = (usize, &'static str);

impl Dbc {
    /// Reads DBC text. Whatever cannot be read is left out, and each oddity is a finding, in the order of the lines.
    ///
    /// `name` is the file's stem; see [`Dbc::name`].
    pub fn parse(name: &str, text: &str) -> (Self, Vec<Finding>) {
        let mut parser = Parser::new(text);
        parser.marks_of_the_text();
        parser.statements();
        parser.about_all();
        parser.finish(name)
    }

    /// Reads the bytes of a file: UTF-8, or else Latin-1.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> (Self, Vec<Finding>) {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse(name, text),
            Err(error) => {
                let (dbc, mut findings) = Self::parse(name, &latin1(bytes));
                let line = memchr::memchr_iter(b'\n', &bytes[..error.valid_up_to()]).count() + 1;
                let line = u32::try_from(line).unwrap_or(u32::MAX);
                findings.push(Finding::new("not-utf8", line, 0, "not UTF-8: read as Latin-1"));
                findings.sort_by_key(|finding| (finding.line, finding.column));
                (dbc, findings)
            }
        }
    }
}

/// Each byte of Latin-1 is the character of that number.
pub(super) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// A message with what is needed only until all is read.
struct Draft {
    message: Message,
    /// Per signal, the `k` of `m<k>`.
    members: Vec<Option<u64>>,
}

/// Where `SG_` lines go.
enum Open {
    /// Before the first `BO_`.
    Nothing,
    /// Into no message: its line was bad, or it is the one of independent signals.
    Discard,
    /// Into that draft.
    Draft(usize),
}

struct Parser<'a> {
    text: &'a str,
    lines: Lines<'a>,
    findings: Vec<Finding>,
    version: String,
    comment: String,
    drafts: Vec<Draft>,
    /// The number of the file, flags included, to the place in `drafts`.
    by_number: FxHashMap<u32, usize>,
    /// Numbers of messages that are left out on purpose.
    left_out: FxHashSet<u32>,
    tables: FxHashMap<&'a str, Vec<Choice>>,
    /// Statements for the second pass: word and body.
    later: Vec<(&'a str, Cursor<'a>)>,
    open: Open,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            lines: Lines::new(text),
            findings: Vec::new(),
            version: String::new(),
            comment: String::new(),
            drafts: Vec::new(),
            by_number: FxHashMap::default(),
            left_out: FxHashSet::default(),
            tables: FxHashMap::default(),
            later: Vec::new(),
            open: Open::Nothing,
        }
    }

    fn find(&mut self, code: &'static str, offset: usize, message: impl Into<String>) {
        let (line, column) = self.lines.place(offset);
        self.findings.push(Finding::new(code, line, column, message));
    }

    fn unread(&mut self, code: &'static str, (offset, expected): Unread) {
        let found = self.text.get(offset..).and_then(|rest| rest.chars().next()).filter(|c| !c.is_control());
        let found = found.map_or("the end of the line".to_owned(), |c| format!("`{c}`"));
        self.find(code, offset, format!("expected {expected}, found {found}"));
    }

    /// Remarks about the text as a whole.
    fn marks_of_the_text(&mut self) {
        if let Some(at) = self.text.find("\r\n") {
            self.find("carriage-return", at, "lines end with CR LF");
        }
        if self.text.starts_with('\u{FEFF}') {
            self.find("byte-order-mark", 0, "the text begins with a byte order mark");
        }
    }

    /// The first pass.
    fn statements(&mut self) {
        let mut at = if self.text.starts_with('\u{FEFF}') { '\u{FEFF}'.len_utf8() } else { 0 };
        loop {
            let mut cursor = Cursor::new(self.text, at, self.text.len());
            // A `;` too many is harmless.
            while cursor.eat(';') {}
            if cursor.is_done() {
                return;
            }
            at = self.statement(cursor);
        }
    }

    /// Reads the statement at the cursor; returns where the next one may begin.
    fn statement(&mut self, mut cursor: Cursor<'a>) -> usize {
        let start = cursor.at;
        let line_end = self.line_end(start);
        let word = cursor.word().unwrap_or("");
        if LINES.contains(&word) {
            return self.line_statement(word, Cursor::new(self.text, cursor.at, line_end));
        }
        if !ABOUT.contains(&word) && !SKIPPED.contains(&word) {
            let shown: String = self.text[start..line_end].trim_end().chars().take(40).collect();
            self.find("unknown-statement", start, format!("`{shown}` begins with no known word"));
            return line_end;
        }
        let end = self.statement_end(cursor.at);
        if word == "VAL_TABLE_" {
            self.table(Cursor::new(self.text, cursor.at, end));
        } else if ABOUT.contains(&word) {
            self.later.push((word, Cursor::new(self.text, cursor.at, end)));
        }
        end
    }

    fn line_statement(&mut self, word: &str, mut body: Cursor<'a>) -> usize {
        let end = self.line_end(body.at);
        match word {
            "BO_" => self.message(body),
            "SG_" => self.signal(body),
            "VERSION" => self.version = body.string().unwrap_or_default(),
            "NS_" => return self.names_end(end),
            "BU_" => return self.nodes_end(end),
            _ => {}
        }
        end
    }

    fn line_end(&self, at: usize) -> usize {
        memchr::memchr(b'\n', &self.text.as_bytes()[at..]).map_or(self.text.len(), |len| at + len)
    }

    /// After `NS_`, lines of one word each are names of statements, not statements.
    fn names_end(&self, mut at: usize) -> usize {
        while at < self.text.len() {
            let end = self.line_end(at + 1);
            let line = self.text.get(at + 1..end).unwrap_or("").trim();
            if line.is_empty() || !line.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
                break;
            }
            at = end;
        }
        at
    }

    /// The list of nodes goes on in indented lines.
    fn nodes_end(&self, mut at: usize) -> usize {
        while at < self.text.len() {
            let end = self.line_end(at + 1);
            let line = self.text.get(at + 1..end).unwrap_or("");
            let is_list = line.starts_with([' ', '\t'])
                && line.bytes().all(|b| b.is_ascii_alphanumeric() || b" \t_,\r".contains(&b));
            if !is_list || line.trim().is_empty() || self.begins_statement(at + 1) {
                break;
            }
            at = end;
        }
        at
    }

    /// Where the statement ends whose body begins at `at`: before its `;`, or where the next statement begins.
    fn statement_end(&mut self, mut at: usize) -> usize {
        while let Some(len) = memchr::memchr3(b';', b'"', b'\n', &self.text.as_bytes()[at..]) {
            let found = at + len;
            match self.text.as_bytes()[found] {
                b';' => return found,
                b'"' => match self.string_end(found + 1) {
                    Some(end) => at = end,
                    None => {
                        self.find("unterminated-string", found, "no closing quote");
                        return self.line_end(found);
                    }
                },
                _ if self.begins_statement(found + 1) => {
                    self.find("missing-semicolon", found, "no `;` at the end of the statement");
                    return found;
                }
                _ => at = found + 1,
            }
        }
        self.find("missing-semicolon", self.text.len(), "no `;` at the end of the text");
        self.text.len()
    }

    /// After the closing quote of the string whose text begins at `at`. A line inside that begins like a statement
    /// says that the quote was forgotten.
    fn string_end(&self, at: usize) -> Option<usize> {
        let end = at + string_len(&self.text[at..])?;
        let breaks = memchr::memchr_iter(b'\n', &self.text.as_bytes()[at..end]);
        let mut lines = breaks.map(|len| at + len + 1);
        (!lines.any(|line| self.begins_statement(line))).then_some(end + 1)
    }

    fn begins_statement(&self, at: usize) -> bool {
        let mut cursor = Cursor::new(self.text, at, self.line_end(at));
        let word = cursor.word().unwrap_or("");
        let known = [LINES, ABOUT, SKIPPED].iter().any(|list| list.contains(&word));
        known && cursor.rest().starts_with([' ', '\t', ':'])
    }

    /// Turns the drafts into messages.
    fn finish(mut self, name: &str) -> (Dbc, Vec<Finding>) {
        let mut drafts = std::mem::take(&mut self.drafts);
        for draft in &mut drafts {
            self.resolve_members(draft);
        }
        let messages = drafts.into_iter().map(|draft| draft.message).collect();
        self.findings.sort_by_key(|finding| (finding.line, finding.column));
        let (version, comment) = (self.version, self.comment);
        (Dbc { name: name.to_owned(), version, comment, messages }, self.findings)
    }

    /// Gives the members `m<k>` their switch, unless `SG_MUL_VAL_` has done so.
    fn resolve_members(&mut self, draft: &mut Draft) {
        let open = |draft: &Draft, i: usize| draft.message.signals[i].presence.is_none();
        let first = (0..draft.members.len()).find(|i| draft.members[*i].is_some() && open(draft, *i));
        let Some(first) = first else {
            return;
        };
        let line = draft.message.signals[first].line;
        let signals = draft.message.signals.iter().zip(&draft.members);
        let roots: Vec<_> = signals.filter(|(s, member)| s.is_switch && member.is_none()).collect();
        let Some(switch) = roots.first().map(|(signal, _)| signal.name.clone()) else {
            let text = format!("`{}` has multiplexed signals but no switch", draft.message.name);
            self.findings.push(Finding::new("mux-without-switch", line, 0, text));
            return;
        };
        if roots.len() > 1 {
            let text = format!("`{}` has {} switches: `{switch}` is taken", draft.message.name, roots.len());
            self.findings.push(Finding::new("ambiguous-switch", line, 0, text));
        }
        for (signal, member) in draft.message.signals.iter_mut().zip(&draft.members) {
            let Some(k) = member.filter(|_| signal.presence.is_none()) else {
                continue;
            };
            signal.presence = Some(Presence { switch: switch.clone(), ranges: vec![(k, k)] });
        }
    }
}

#[cfg(test)]
mod tests;
