//! What a DBC file says, as data.

use serde::Serialize;

/// A database of messages: one DBC file, with its imports resolved.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Dbc {
    /// The file's stem, such as `toyota_nodsu_pt_generated`. It decides how counters and checksums are computed.
    pub name: String,
    /// The text of `VERSION`; mostly empty.
    pub version: String,
    /// The comment of the whole network; empty if there is none.
    pub comment: String,
    /// The messages in the order of the file. No two have the same [`MessageId`].
    pub messages: Vec<Message>,
}

/// The identifier of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct MessageId {
    /// The identifier without flag bits: 11 or 29 bits.
    pub address: u32,
    /// Whether the file marks it as extended (bit 31). opendbc has plain numbers above 0x7FF too, and logs do not say
    /// which format a frame had: match frames by `address` alone.
    pub extended: bool,
}

/// A message (`BO_`).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Message {
    /// Its identifier.
    pub id: MessageId,
    /// Its name.
    pub name: String,
    /// Its length as declared, 0 to 64 bytes. Frames may be shorter or longer.
    pub size: u16,
    /// The node that sends it.
    pub sender: String,
    /// Its comment; empty if there is none.
    pub comment: String,
    /// Nominal period in ms (`GenMsgCycleTime`); `None` if the file does not say.
    pub period_ms: Option<u32>,
    /// Its signals in the order of the file.
    pub signals: Vec<Signal>,
    /// Where it is defined, from 1.
    pub line: u32,
}

/// How the bits of a signal follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ByteOrder {
    /// Intel, `@1`: `start` is the least significant bit, the others follow upwards.
    #[default]
    LittleEndian,
    /// Motorola, `@0`: `start` is the most significant bit; then downwards, and on at bit 7 of the next byte.
    BigEndian,
}

/// What the bits of a signal are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Number {
    /// `+`.
    #[default]
    Unsigned,
    /// `-`: two's complement.
    Signed,
    /// IEEE 754 of 32 bits (`SIG_VALTYPE_` 1).
    Float32,
    /// IEEE 754 of 64 bits (`SIG_VALTYPE_` 2).
    Float64,
}

impl Number {
    /// The value of `size` raw bits: signed ones extended, floats as they are.
    pub fn value(self, bits: u64, size: u16) -> f64 {
        match self {
            Self::Unsigned => bits as f64,
            Self::Signed => sign_extend(bits, size) as f64,
            Self::Float32 => f32::from_bits(bits as u32).into(),
            Self::Float64 => f64::from_bits(bits),
        }
    }
}

/// When a signal is in a frame: the switch's raw value lies in one of the ranges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Presence {
    /// The name of the switch, a signal of the same message, which may itself depend on another one.
    pub switch: String,
    /// Raw values of the switch, first and last.
    pub ranges: Vec<(u64, u64)>,
}

/// A name of a raw value (`VAL_`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The raw value.
    pub value: i64,
    /// The text as in the file.
    pub text: String,
}

/// A signal (`SG_`).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Signal {
    /// Its name.
    pub name: String,
    /// Its start bit in DBC numbering: byte * 8 + bit, bit 0 the least significant of its byte.
    pub start: u16,
    /// Its length, 1 to 64 bits.
    pub size: u16,
    /// How its bits follow each other.
    pub order: ByteOrder,
    /// What they are.
    pub number: Number,
    /// physical = raw * factor + offset.
    pub factor: f64,
    /// See `factor`.
    pub offset: f64,
    /// Smallest physical value; `min == max` means that the file does not say.
    pub min: f64,
    /// Largest physical value.
    pub max: f64,
    /// The unit as in the file; may be empty.
    pub unit: String,
    /// Whether others depend on its raw value.
    pub is_switch: bool,
    /// When it is there; `None`: always.
    pub presence: Option<Presence>,
    /// Names of raw values, in the order of the file.
    pub choices: Vec<Choice>,
    /// Its comment; empty if there is none.
    pub comment: String,
    /// Its receivers.
    pub receivers: Vec<String>,
    /// Where it is defined, from 1.
    pub line: u32,
}

impl Dbc {
    /// The message of a frame's address.
    pub fn message(&self, address: u32) -> Option<&Message> {
        self.messages.iter().find(|message| message.id.address == address)
    }

    /// The message of that name.
    pub fn message_named(&self, name: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.name == name)
    }
}

impl Message {
    /// The signal of that name.
    pub fn signal(&self, name: &str) -> Option<&Signal> {
        self.signals.iter().find(|signal| signal.name == name)
    }
}

impl Signal {
    /// The positions of its bits in DBC numbering, from the least significant. `None` for a start or length that no
    /// payload has.
    pub fn bits(&self) -> Option<Vec<u16>> {
        const END: u16 = 512;
        if self.size == 0 || self.size > 64 || self.start >= END {
            return None;
        }
        if self.order == ByteOrder::LittleEndian {
            return (self.start + self.size <= END).then(|| (self.start..self.start + self.size).collect());
        }
        // Counted in the order of transmission, a Motorola signal is one run.
        let first = self.start / 8 * 8 + (7 - self.start % 8);
        let dbc = |sent: u16| sent / 8 * 8 + (7 - sent % 8);
        (first + self.size <= END).then(|| (first..first + self.size).rev().map(dbc).collect())
    }

    /// The raw bits in `data`, the obvious way; `None` where the frame is too short for one of them. Presence is not
    /// looked at.
    pub fn raw_bits(&self, data: &[u8]) -> Option<u64> {
        self.bits()?.iter().rev().try_fold(0, |value, bit| {
            let byte = data.get(usize::from(bit / 8))?;
            Some(value << 1 | u64::from(byte >> (bit % 8) & 1))
        })
    }

    /// The raw value of raw bits: signed ones extended, floats as they are.
    pub fn raw_value(&self, bits: u64) -> f64 {
        self.number.value(bits, self.size)
    }

    /// The physical value in `data`: raw * factor + offset, in double precision. `None` as in
    /// [`Signal::raw_bits`].
    pub fn physical(&self, data: &[u8]) -> Option<f64> {
        Some(self.raw_value(self.raw_bits(data)?) * self.factor + self.offset)
    }
}

/// Two's complement of `size` bits as a number.
pub fn sign_extend(bits: u64, size: u16) -> i64 {
    let unused = 64 - u32::from(size.clamp(1, 64));
    ((bits << unused) as i64) >> unused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(start: u16, size: u16, order: ByteOrder, number: Number, factor: f64) -> Signal {
        Signal { start, size, order, number, factor, ..Signal::default() }
    }

    /// Source: opendbc subaru_global_2017 Wheel_Speeds `FR : 12|13@1+ (0.057,0)`, toyota WHEEL_SPEEDS
    /// `FR : 7|16@0+ (0.01,-67.67)`, STEER_TORQUE_SENSOR `STEER_TORQUE_EPS : 47|16@0- (0.73,0)`.
    #[test]
    fn both_orders_and_signs() {
        let wheel = [0x7C, 0x85, 0x3E, 0xCE, 0x47, 0xFA, 0x50, 0x1F];
        let fr = signal(12, 13, ByteOrder::LittleEndian, Number::Unsigned, 0.057);
        assert_eq!(fr.raw_bits(&wheel), Some(1000));
        let toyota = [0x2D, 0xF7];
        let fr = signal(7, 16, ByteOrder::BigEndian, Number::Unsigned, 0.01);
        assert_eq!(fr.raw_bits(&toyota), Some(0x2DF7));
        assert_eq!(fr.raw_bits(&toyota[..1]), None);
        let torque = signal(3, 4, ByteOrder::BigEndian, Number::Signed, 1.0);
        assert_eq!(torque.physical(&[0x0F]), Some(-1.0));
        assert_eq!(signal(8, 65, ByteOrder::LittleEndian, Number::Signed, 1.0).bits(), None);
    }
}
