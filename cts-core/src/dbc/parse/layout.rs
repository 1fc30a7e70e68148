//! `BO_` and `SG_`: messages and their signals.

use super::{Cursor, Draft, Open, Parser, Unread};
use crate::dbc::{ByteOrder, Message, MessageId, Number, Signal};

/// Bit 31 of a number marks an extended identifier.
const EXTENDED: u32 = 1 << 31;
const MAX_EXTENDED: u32 = (1 << 29) - 1;
const MAX_STANDARD: u32 = (1 << 11) - 1;
const MAX_BYTES: u16 = 64;
/// The name under which CAN tools keep signals without a message.
const INDEPENDENT: &str = "VECTOR__INDEPENDENT_SIG_MSG";

/// What stands between a signal's name and its colon.
enum Mark {
    Plain,
    Switch,
    Member(u64),
    SwitchAndMember(u64),
    Bare,
}

impl<'a> Parser<'a> {
    /// `BO_ <id> <name>: <size> <sender>`.
    pub(super) fn message(&mut self, mut body: Cursor<'a>) {
        self.open = Open::Discard;
        body.spaces();
        let start = body.at;
        let (number, message) = match self.read_message(&mut body) {
            Ok(read) => read,
            Err(unread) => return self.unread("bad-message", unread),
        };
        if message.name == INDEPENDENT {
            self.left_out.insert(number);
            return self.find("independent-signals", start, "signals without a message are left out");
        }
        self.check_id(number, start);
        let name = message.name.clone();
        let draft = Draft { message, members: Vec::new() };
        let at = match self.by_number.get(&number) {
            Some(at) => {
                let (at, first) = (*at, &self.drafts[*at].message);
                let text = format!("{number} is `{}` on line {} and `{name}` here", first.name, first.line);
                self.find("duplicate-id", start, text);
                self.drafts[at] = draft;
                at
            }
            None => {
                self.drafts.push(draft);
                self.drafts.len() - 1
            }
        };
        self.by_number.insert(number, at);
        self.open = Open::Draft(at);
    }

    fn read_message(&mut self, body: &mut Cursor<'a>) -> Result<(u32, Message), Unread> {
        body.spaces();
        let (line, _) = self.lines.place(body.at);
        let number: u32 = body.whole().ok_or((body.at, "an identifier"))?;
        let name = self.name(body)?;
        expect(body, ':', "`:`")?;
        body.spaces();
        let size_at = body.at;
        let size: u16 = body.whole().ok_or((body.at, "a length in bytes"))?;
        if size > MAX_BYTES {
            self.find("bad-size", size_at, format!("`{name}` has {size} bytes, a frame at most {MAX_BYTES}"));
        }
        let sender = body.token().unwrap_or("").to_owned();
        self.trailing(body);
        Ok((number, Message { id: id(number), name, size, sender, line, ..Message::default() }))
    }

    fn check_id(&mut self, number: u32, at: usize) {
        let plain = number & !EXTENDED;
        if plain > MAX_EXTENDED {
            self.find("no-can-id", at, format!("identifier {plain:#X} has more than 29 bits"));
        } else if number & EXTENDED == 0 && plain > MAX_STANDARD {
            let text = format!("identifier {plain:#X} has more than 11 bits and no bit 31");
            self.find("extended-id-without-flag", at, text);
        }
    }

    /// A name; one that begins with a digit is found.
    fn name(&mut self, body: &mut Cursor<'a>) -> Result<String, Unread> {
        body.spaces();
        let at = body.at;
        let name = body.word().ok_or((at, "a name"))?;
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            self.find("name-starts-with-digit", at, format!("`{name}` begins with a digit"));
        }
        Ok(name.to_owned())
    }

    /// `SG_ <name> <mux> : <start>|<size>@<order><sign> (<factor>,<offset>) [<min>|<max>] "<unit>" <receivers>`.
    pub(super) fn signal(&mut self, mut body: Cursor<'a>) {
        body.spaces();
        let start = body.at;
        let draft = match self.open {
            Open::Discard => return,
            Open::Nothing => {
                return self.find("signal-without-message", start, "no message before this signal");
            }
            Open::Draft(at) => at,
        };
        let (mut signal, mark) = match self.read_signal(&mut body) {
            Ok(read) => read,
            Err(unread) => return self.unread("bad-signal", unread),
        };
        signal.is_switch = matches!(mark, Mark::Switch | Mark::SwitchAndMember(_));
        if matches!(mark, Mark::Bare) {
            let text = format!("`m` of `{}` has no number: taken as always present", signal.name);
            self.find("mux-without-number", start, text);
        }
        let member = match mark {
            Mark::Member(k) | Mark::SwitchAndMember(k) => Some(k),
            Mark::Plain | Mark::Switch | Mark::Bare => None,
        };
        self.add_signal(draft, signal, member, start);
    }

    fn add_signal(&mut self, draft: usize, signal: Signal, member: Option<u64>, start: usize) {
        let Draft { message, members } = &mut self.drafts[draft];
        match message.signals.iter().position(|known| known.name == signal.name) {
            Some(at) => {
                let text = format!("`{}` is also defined on line {}", signal.name, message.signals[at].line);
                message.signals[at] = signal;
                members[at] = member;
                self.find("duplicate-signal", start, text);
            }
            None => {
                message.signals.push(signal);
                members.push(member);
            }
        }
    }

    fn read_signal(&mut self, body: &mut Cursor<'a>) -> Result<(Signal, Mark), Unread> {
        body.spaces();
        let (line, _) = self.lines.place(body.at);
        let name = self.name(body)?;
        let mark = mark(body)?;
        expect(body, ':', "`:`")?;
        let mut signal = Signal { name, line, ..Signal::default() };
        self.bits(body, &mut signal)?;
        expect(body, '(', "`(`")?;
        signal.factor = self.decimal(body, "a factor")?;
        expect(body, ',', "`,`")?;
        signal.offset = self.decimal(body, "an offset")?;
        expect(body, ')', "`)`")?;
        self.range(body, &mut signal)?;
        signal.unit = body.string().unwrap_or_default();
        signal.receivers = receivers(body);
        self.trailing(body);
        Ok((signal, mark))
    }

    /// `<start>|<size>@<order><sign>`.
    fn bits(&mut self, body: &mut Cursor<'a>, signal: &mut Signal) -> Result<(), Unread> {
        signal.start = body.whole().ok_or((body.at, "a start bit"))?;
        expect(body, '|', "`|`")?;
        body.spaces();
        let at = body.at;
        signal.size = body.whole().ok_or((at, "a length in bits"))?;
        if signal.size == 0 || signal.size > 64 {
            self.find("bad-size", at, format!("`{}` has {} bits, not 1 to 64", signal.name, signal.size));
        }
        expect(body, '@', "`@`")?;
        signal.order = match body.digits() {
            Some("0") => ByteOrder::BigEndian,
            Some("1") => ByteOrder::LittleEndian,
            _ => return Err((body.at, "the byte order 0 or 1")),
        };
        signal.number = match (body.eat('-'), body.eat('+')) {
            (true, false) => Number::Signed,
            (false, true) => Number::Unsigned,
            _ => return Err((body.at, "the sign `+` or `-`")),
        };
        Ok(())
    }

    /// `[<min>|<max>]`.
    fn range(&mut self, body: &mut Cursor<'a>, signal: &mut Signal) -> Result<(), Unread> {
        if !body.eat('[') {
            self.find("missing-range", body.at, format!("`{}` has no `[min|max]`", signal.name));
            return Ok(());
        }
        signal.min = self.decimal(body, "a minimum")?;
        expect(body, '|', "`|`")?;
        signal.max = self.decimal(body, "a maximum")?;
        expect(body, ']', "`]`")
    }

    pub(super) fn decimal(&mut self, body: &mut Cursor<'a>, expected: &'static str) -> Result<f64, Unread> {
        body.spaces();
        let at = body.at;
        let (number, text) = body.number().ok_or((at, expected))?;
        if text.trim_start_matches(['+', '-']).starts_with('.') {
            self.find("number-form", at, format!("`{text}` has no digit before its point"));
        }
        Ok(number)
    }

    /// Finds whatever is left of a statement.
    pub(super) fn trailing(&mut self, body: &mut Cursor<'a>) {
        if !body.is_done() {
            let shown: String = body.rest().trim_end().chars().take(40).collect();
            self.find("trailing-text", body.at, format!("`{shown}` was not expected here"));
        }
    }
}

/// The identifier that a number means. One of more than 29 bits stays what it is: it matches no frame.
fn id(number: u32) -> MessageId {
    let plain = number & !EXTENDED;
    MessageId { address: plain, extended: number & EXTENDED != 0 }
}

pub(super) fn expect(body: &mut Cursor<'_>, wanted: char, expected: &'static str) -> Result<(), Unread> {
    if body.eat(wanted) { Ok(()) } else { Err((body.at, expected)) }
}

fn mark(body: &mut Cursor<'_>) -> Result<Mark, Unread> {
    body.spaces();
    let at = body.at;
    let Some(word) = body.word() else {
        return Ok(Mark::Plain);
    };
    let unread = (at, "`:` or a multiplexing mark such as `M` or `m1`");
    if word == "M" {
        return Ok(Mark::Switch);
    }
    let member = word.strip_prefix('m').ok_or(unread)?;
    match member.strip_suffix('M') {
        Some(k) => k.parse().map(Mark::SwitchAndMember).map_err(|_| unread),
        None if member.is_empty() => Ok(Mark::Bare),
        None => member.parse().map(Mark::Member).map_err(|_| unread),
    }
}

fn receivers(body: &mut Cursor<'_>) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(name) = body.token() {
        names.push(name.to_owned());
        while body.eat(',') {}
    }
    names
}
