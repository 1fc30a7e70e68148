//! A drawing of a message's bits.

use std::fmt::Write;

use super::{ByteOrder, Message, Number, Signal};
use crate::can::bits::BitRef;

/// Wide enough for two letters and a mark.
const CELL: usize = 4;

/// The message as text: a line a byte, a column a bit, letters for signals, and a legend.
///
/// `^` stands at a signal's most significant bit, `_` at its least, `*` where signals share a bit and can be present
/// together, `/` where they exclude each other, `.` where no signal is. The legend names the first bit in each notation:
/// the DBC start bit, byte and bit from the least significant (`B4.5`), byte and bit from the most significant (`B4m2`).
pub fn draw(message: &Message) -> String {
    let mut out = head(message);
    let grid = grid(message);
    let _ = writeln!(out, "\n byte {}   DBC bits", bit_numbers());
    for (byte, cells) in grid.iter().enumerate() {
        let mut line = String::new();
        for bit in (0..8).rev() {
            let _ = write!(line, "{:>CELL$}", cells[bit]);
        }
        let _ = writeln!(out, "{byte:>5} {line}    {}..{}", byte * 8 + 7, byte * 8);
    }
    let _ = writeln!(out, "\n{}", legend(message));
    out
}

fn head(message: &Message) -> String {
    let id = message.id;
    let kind = if id.extended { "extended, " } else { "" };
    let period = message.period_ms.map_or(String::new(), |ms| format!(", every {ms} ms"));
    let mut out = format!(
        "{}  0x{:03X} ({kind}{})  {} bytes, from {}{period}\n",
        message.name, id.address, id.address, message.size, message.sender
    );
    for line in message.comment.lines() {
        let _ = writeln!(out, "  {line}");
    }
    out
}

fn bit_numbers() -> String {
    (0..8).rev().map(|bit| format!("{bit:>CELL$}")).collect()
}

/// `A` to `Z`, `a` to `z`, `AA` …
fn letter(n: usize) -> String {
    const LETTERS: &[u8; 52] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let one = |n: usize| char::from(LETTERS[n % 52]);
    match n / 52 {
        0 => one(n).to_string(),
        tens => format!("{}{}", one(tens - 1), one(n)),
    }
}

fn grid(message: &Message) -> Vec<[String; 8]> {
    let bytes = usize::from(message.size.min(64));
    let mut owners: Vec<Vec<(usize, char)>> = vec![Vec::new(); bytes * 8];
    for (n, signal) in message.signals.iter().enumerate() {
        let bits = signal.bits().unwrap_or_default();
        for (at, bit) in bits.iter().enumerate() {
            let mark = match (at + 1 == bits.len(), at == 0) {
                (true, _) => '^',
                (false, true) => '_',
                (false, false) => ' ',
            };
            if let Some(cell) = owners.get_mut(usize::from(*bit)) {
                cell.push((n, mark));
            }
        }
    }
    let cell = |owners: &Vec<(usize, char)>| match owners.as_slice() {
        [] => ". ".to_owned(),
        [(n, mark)] => format!("{}{mark}", letter(*n)),
        several => {
            let signal = |n: usize| &message.signals[n];
            let pairs = |(at, (n, _)): (usize, &(usize, char))| {
                several[..at].iter().any(|(other, _)| message.can_meet(signal(*n), signal(*other)))
            };
            if several.iter().enumerate().any(pairs) { "* ".to_owned() } else { "/ ".to_owned() }
        }
    };
    owners
        .chunks(8)
        .map(|byte| std::array::from_fn(|bit| byte.get(bit).map_or(String::new(), cell)))
        .collect()
}

fn legend(message: &Message) -> String {
    let mut rows =
        vec![["", "signal", "start|size", "MSB", "LSB", "value", "present", "names"].map(str::to_owned)];
    rows.extend(message.signals.iter().enumerate().map(|(n, signal)| row(n, signal)));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..8).map(width).collect();
    let mut out = String::new();
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(out, "{}", cells.join("  ").trim_end());
    }
    out
}

fn row(n: usize, signal: &Signal) -> [String; 8] {
    let order = if signal.order == ByteOrder::BigEndian { '0' } else { '1' };
    let sign = if signal.number == Number::Unsigned { '+' } else { '-' };
    let bits = signal.bits().unwrap_or_default();
    let place = |bit: Option<&u16>| {
        let bit = bit.and_then(|bit| BitRef::from_global((*bit).into()));
        bit.map_or("none".to_owned(), |bit| {
            format!("B{}.{} B{}m{}", bit.byte(), bit.lsb(), bit.byte(), bit.msb())
        })
    };
    let choices: Vec<String> = signal.choices.iter().map(|c| format!("{}={}", c.value, c.text)).collect();
    [
        letter(n),
        signal.name.clone(),
        format!("{}|{}@{order}{sign}", signal.start, signal.size),
        place(bits.last()),
        place(bits.first()),
        value(signal),
        presence(signal),
        choices.join(", "),
    ]
}

fn value(signal: &Signal) -> String {
    let offset = match signal.offset {
        0.0 => String::new(),
        offset if offset < 0.0 => format!(" - {}", -offset),
        offset => format!(" + {offset}"),
    };
    let factor = if signal.factor == 1.0 { String::new() } else { format!(" * {}", signal.factor) };
    let unit = if signal.unit.is_empty() { String::new() } else { format!(" {}", signal.unit) };
    format!("x{factor}{offset}{unit}")
}

fn presence(signal: &Signal) -> String {
    let switch = if signal.is_switch { "switch " } else { "" };
    let Some(presence) = &signal.presence else {
        return switch.trim_end().to_owned();
    };
    let range = |(first, last): &(u64, u64)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    let ranges: Vec<String> = presence.ranges.iter().map(range).collect();
    format!("{switch}if {} = {}", presence.switch, ranges.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dbc::Dbc;

    #[test]
    fn both_orders_are_drawn() {
        let text = "BO_ 1 A: 2 X\n SG_ S : 3|6@0- (0.5,-1) [0|0] \"m\" X\n SG_ T : 8|2@1+ (1,0) [0|0] \"\" X\n SG_ U : 9|1@1+ (1,0) [0|0] \"\" X\nVAL_ 1 T 1 \"on\" ;\n";
        let drawing = draw(&Dbc::parse("test", text).0.messages[0]);
        let expected = "\
A  0x001 (1)  2 bytes, from X

 byte    7   6   5   4   3   2   1   0   DBC bits
    0   .   .   .   .   A^  A   A   A     7..0
    1   A   A_  .   .   .   .   *   B_    15..8

   signal  start|size  MSB        LSB         value          present  names
A  S       3|6@0-      B0.3 B0m4  B1.6 B1m1   x * 0.5 - 1 m
B  T       8|2@1+      B1.1 B1m6  B1.0 B1m7   x                       1=on
C  U       9|1@1+      B1.1 B1m6  B1.1 B1m6   x
";
        let squeeze = |text: &str| -> Vec<String> {
            text.lines()
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .filter(|line| !line.is_empty())
                .collect()
        };
        assert_eq!(squeeze(&drawing), squeeze(expected));
    }
}
