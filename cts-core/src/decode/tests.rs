//! The loops against the obvious decoding, and facts.

mod cover;
mod facts;
mod shapes;
mod twin;

use crate::dbc::{ByteOrder, Dbc, Message, MessageId, Number, Signal};

/// A signal as in a DBC: `start|size@order`, sign, (factor, offset).
fn signal(name: &str, start: u16, size: u16, order: char, sign: char, scale: (f64, f64)) -> Signal {
    Signal {
        name: name.to_owned(),
        start,
        size,
        order: if order == '1' { ByteOrder::LittleEndian } else { ByteOrder::BigEndian },
        number: if sign == '+' { Number::Unsigned } else { Number::Signed },
        factor: scale.0,
        offset: scale.1,
        ..Signal::default()
    }
}

fn message(address: u32, name: &str, size: u16, signals: Vec<Signal>) -> Message {
    let id = MessageId { address, extended: address > 0x7FF };
    Message { id, name: name.to_owned(), size, signals, ..Message::default() }
}

fn dbc(messages: Vec<Message>) -> Dbc {
    Dbc { name: "made".to_owned(), messages, ..Dbc::default() }
}
