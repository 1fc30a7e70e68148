//! Statements that speak about messages and signals: names of values, comments, attributes, multiplexing.

use super::layout::expect;
use super::{Cursor, Parser, Unread};
use crate::dbc::{Choice, Message, Number, Presence, Signal};

/// Comments that name a file to be put in their place.
const IMPORT: &str = "IMPORT ";
/// Nominal period in ms. Source: attribute names of Vector's databases, as in opendbc's vw_mqb.
const PERIOD: &str = "GenMsgCycleTime";

impl<'a> Parser<'a> {
    /// The second pass.
    pub(super) fn about_all(&mut self) {
        for (word, mut body) in std::mem::take(&mut self.later) {
            let read = match word {
                "BA_" => self.attribute(&mut body),
                "CM_" => self.comment(&mut body),
                "SG_MUL_VAL_" => self.presence(&mut body),
                "SIG_VALTYPE_" => self.float(&mut body),
                _ => self.choices(&mut body),
            };
            match read {
                Ok(()) => self.trailing(&mut body),
                Err(unread) => self.unread("bad-statement", unread),
            }
        }
    }

    /// The place of the message whose number comes next; `None` if it has been left out or, as is then found, does not
    /// exist.
    fn subject(&mut self, body: &mut Cursor<'a>) -> Result<Option<usize>, Unread> {
        body.spaces();
        let at = body.at;
        let number: u32 = body.whole().ok_or((at, "the identifier of a message"))?;
        let known = self.by_number.get(&number).copied();
        if known.is_none() && !self.left_out.contains(&number) {
            self.find("unknown-message", at, format!("no message has the identifier {number}"));
        }
        Ok(known)
    }

    /// Message and signal, of which the statement has to be read on in any case.
    fn signal_subject(&mut self, body: &mut Cursor<'a>) -> Result<Option<(usize, usize)>, Unread> {
        let message = self.subject(body)?;
        body.spaces();
        let at = body.at;
        let name = body.word().ok_or((at, "the name of a signal"))?;
        Ok(self.signal_named(message, name, at))
    }

    fn signal_named(&mut self, message: Option<usize>, name: &str, at: usize) -> Option<(usize, usize)> {
        let draft = message?;
        let message = &self.drafts[draft].message;
        let signal = message.signals.iter().position(|signal| signal.name == name);
        if signal.is_none() {
            let text = format!("`{}` has no signal `{name}`", message.name);
            self.find("unknown-signal", at, text);
        }
        Some((draft, signal?))
    }

    fn signal_at(&mut self, (draft, signal): (usize, usize)) -> &mut Signal {
        &mut self.drafts[draft].message.signals[signal]
    }

    fn message_at(&mut self, draft: usize) -> &mut Message {
        &mut self.drafts[draft].message
    }

    /// `VAL_TABLE_ <name> <n> "<text>" …;`.
    pub(super) fn table(&mut self, mut body: Cursor<'a>) {
        let Some(name) = body.word() else {
            return self.unread("bad-statement", (body.at, "the name of a table"));
        };
        match pairs(&mut body) {
            Ok(choices) => {
                self.tables.insert(name, choices);
                self.trailing(&mut body);
            }
            Err(unread) => self.unread("bad-statement", unread),
        }
    }

    /// `VAL_ <id> <signal> <n> "<text>" …;`, the name of a table instead of the pairs, or the name of an environment
    /// variable instead of message and signal.
    fn choices(&mut self, body: &mut Cursor<'a>) -> Result<(), Unread> {
        if body.peek().is_some_and(|c| !c.is_ascii_digit()) {
            // About an environment variable: nothing that is in a frame.
            body.word().ok_or((body.at, "the identifier of a message"))?;
            return pairs(body).map(drop);
        }
        let subject = self.signal_subject(body)?;
        body.spaces();
        let at = body.at;
        let is_table = body.peek().is_some_and(|c| c.is_alphabetic() || c == '_');
        let choices = match is_table.then(|| body.word()).flatten() {
            None => pairs(body)?,
            Some(name) => match self.tables.get(name) {
                Some(choices) => choices.clone(),
                None => {
                    self.find("unknown-table", at, format!("there is no `VAL_TABLE_ {name}`"));
                    return Ok(());
                }
            },
        };
        if let Some(subject) = subject {
            self.signal_at(subject).choices = choices;
        }
        Ok(())
    }

    /// `CM_ "…";`, `CM_ BO_ <id> "…";`, `CM_ SG_ <id> <signal> "…";`, about nodes and variables, and two wrong forms.
    fn comment(&mut self, body: &mut Cursor<'a>) -> Result<(), Unread> {
        body.spaces();
        let at = body.at;
        match body.peek() {
            Some('"') => return self.network_comment(body),
            Some(c) if c.is_ascii_digit() => {
                self.find("comment-without-kind", at, "the comment does not say `BO_`");
                return self.message_comment(body);
            }
            _ => {}
        }
        match body.word() {
            Some("BO_") => self.message_comment(body),
            Some("SG_") => self.signal_comment(body),
            Some("BU_" | "EV_") => {
                body.word();
                text(body).map(drop)
            }
            _ => Err((at, "`BO_`, `SG_`, `BU_`, `EV_` or a text")),
        }
    }

    fn network_comment(&mut self, body: &mut Cursor<'a>) -> Result<(), Unread> {
        let at = body.at;
        let text = text(body)?;
        if let Some(file) = text.strip_prefix(IMPORT) {
            self.find("unresolved-import", at, format!("`{file}` was not put in its place"));
            return Ok(());
        }
        if !self.comment.is_empty() {
            self.comment.push('\n');
        }
        self.comment.push_str(&text);
        Ok(())
    }

    fn message_comment(&mut self, body: &mut Cursor<'a>) -> Result<(), Unread> {
        let subject = self.subject(body)?;
        let text = text(body)?;
        if let Some(draft) = subject {
            add(&mut self.message_at(draft).comment, text);
        }
        Ok(())
    }

    fn signal_comment(&mut self, body: &mut Cursor<'a>) -> Result<(), Unread> {
        let message = self.subject(body)?;
        let at = body.at;
        if body.peek() == Some('"') {
            self.find("comment-without-signal", at, "the comment does not say which signal");
            let text = text(body)?;
            if let Some(draft) = message {
                add(&mut self.message_at(draft).comment, text);
            }
            return Ok(());
        }
        let at = body.at;
        let name = body.word().ok_or((at, "the name of a signal"))?;
        let subject = self.signal_named(message, name, at);
        let text = text(body)?;
        if let Some(subject) = subject {
            add(&mut self.signal_at(subject).comment, text);
        }
        Ok(())
    }

    /// `BA_ "<name>" BO_ <id> <value>;`. Of all attributes only the period of a message is kept.
    fn attribute(&mut self, body: &mut Cursor<'a>) -> Result<(), Unread> {
        let name = text(body)?;
        let mut ahead = body.clone();
        let is_period = name == PERIOD && ahead.word() == Some("BO_");
        if !is_period {
            body.skip_all();
            return Ok(());
        }
        *body = ahead;
        let subject = self.subject(body)?;
        let period = self.decimal(body, "a period in ms")?;
        if let Some(draft) = subject {
            self.message_at(draft).period_ms = (period >= 1.0).then_some(period.round() as u32);
        }
        Ok(())
    }

    /// `SG_MUL_VAL_ <id> <signal> <switch> <first>-<last>, …;`.
    fn presence(&mut self, body: &mut Cursor<'a>) -> Result<(), Unread> {
        let subject = self.signal_subject(body)?;
        body.spaces();
        let at = body.at;
        let switch = body.word().ok_or((at, "the name of a switch"))?;
        let mut ranges = Vec::new();
        loop {
            let first = body.whole().ok_or((body.at, "the first value of a range"))?;
            expect(body, '-', "`-`")?;
            ranges.push((first, body.whole().ok_or((body.at, "the last value of a range"))?));
            if !body.eat(',') {
                break;
            }
        }
        let Some((draft, signal)) = subject else {
            return Ok(());
        };
        if let Some(switch_at) = self.signal_named(Some(draft), switch, at) {
            self.signal_at(switch_at).is_switch = true;
            let presence = Presence { switch: switch.to_owned(), ranges };
            self.signal_at((draft, signal)).presence = Some(presence);
        }
        Ok(())
    }

    /// `SIG_VALTYPE_ <id> <signal> : <0 to 2>;`: integer, 32-bit float, 64-bit float. The colon may be missing.
    fn float(&mut self, body: &mut Cursor<'a>) -> Result<(), Unread> {
        let subject = self.signal_subject(body)?;
        body.eat(':');
        body.spaces();
        let at = body.at;
        let (number, size) = match body.digits() {
            Some("0") => return Ok(()),
            Some("1") => (Number::Float32, 32),
            Some("2") => (Number::Float64, 64),
            _ => return Err((at, "the type 0, 1 or 2")),
        };
        let Some(subject) = subject else {
            return Ok(());
        };
        let signal = self.signal_at(subject);
        if signal.size == size {
            signal.number = number;
        } else {
            let text = format!("`{}` is a float of {size} bits but has {}", signal.name, signal.size);
            self.find("bad-size", at, text);
        }
        Ok(())
    }
}

/// A comment may have been given before, for instance by an imported part.
fn add(comment: &mut String, text: String) {
    if !comment.is_empty() {
        comment.push('\n');
    }
    comment.push_str(&text);
}

fn text(body: &mut Cursor<'_>) -> Result<String, Unread> {
    body.string().ok_or((body.at, "a text in quotes"))
}

/// `<n> "<text>"`, any number of times.
fn pairs(body: &mut Cursor<'_>) -> Result<Vec<Choice>, Unread> {
    let mut choices = Vec::new();
    while body.peek().is_some_and(|c| c != '"') {
        let at = body.at;
        let (number, digits) = body.number().ok_or((at, "a raw value"))?;
        // Whole numbers beyond 53 bits would lose digits on the way through a float.
        let whole = digits.parse().ok().or((number.fract() == 0.0).then_some(number as i64));
        let value = whole.ok_or((at, "a whole number"))?;
        choices.push(Choice { value, text: text(body)? });
    }
    Ok(choices)
}
