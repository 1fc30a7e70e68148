//! Counters and checksums: which signals they are, whether a payload's are right, and setting them.
//!
//! Source: opendbc `opendbc/can/dbc.py` `get_checksum_state`, `set_signal_type`, and the functions it names in
//! `opendbc/car/*/`.

mod field;
mod sums;
mod volkswagen;

use rustc_hash::FxHashMap;

pub use self::field::Field;
pub(super) use self::field::write_bits;
pub use self::sums::Algorithm;
use super::{Dbc, Message};

/// The counters and checksums of a database.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    messages: FxHashMap<u32, MessageChecks>,
}

/// Counter and checksum of one message.
#[derive(Clone, Debug)]
pub struct MessageChecks {
    address: u32,
    counter: Option<Field>,
    checksum: Option<(Field, Algorithm)>,
}

impl Checks {
    /// What opendbc verifies: by the database's name, and there signals named `COUNTER` and `CHECKSUM` (Tesla: ending
    /// in `Counter` and `Checksum`). Messages without either are not in it.
    pub fn of(dbc: &Dbc) -> Self {
        let Some(family) = Algorithm::of_database(&dbc.name) else {
            return Self::default();
        };
        let fields = |message: &Message| {
            let named = |exact: &str, ending: &str| {
                let is = |name: &str| name == exact || (family == Algorithm::Tesla && name.ends_with(ending));
                message.signals.iter().find(|signal| is(&signal.name)).and_then(Field::of)
            };
            (named("COUNTER", "Counter"), named("CHECKSUM", "Checksum").map(|field| (field, family)))
        };
        let mut messages = FxHashMap::default();
        for message in &dbc.messages {
            let address = message.id.address;
            let (counter, checksum) = fields(message);
            if counter.is_some() || checksum.is_some() {
                messages.insert(address, MessageChecks { address, counter, checksum });
            }
        }
        Self { messages }
    }

    /// The same, and checksums that opendbc sends or whose rule its safety code knows, but that its parser does not
    /// verify: see [`Algorithm::unverified`].
    pub fn with_unverified(dbc: &Dbc) -> Self {
        let mut checks = Self::of(dbc);
        for message in &dbc.messages {
            let address = message.id.address;
            let Some((field, algorithm)) = Algorithm::unverified(&dbc.name, message) else {
                continue;
            };
            let none = || MessageChecks { address, counter: None, checksum: None };
            checks.messages.entry(address).or_insert_with(none).checksum.get_or_insert((field, algorithm));
        }
        checks
    }

    /// Those of the message of that address.
    pub fn message(&self, address: u32) -> Option<&MessageChecks> {
        self.messages.get(&address)
    }

    /// How many messages have a counter or a checksum.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether nothing can be checked.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}

impl MessageChecks {
    /// The counter.
    pub fn counter(&self) -> Option<&Field> {
        self.counter.as_ref()
    }

    /// The checksum.
    pub fn checksum(&self) -> Option<&Field> {
        self.checksum.as_ref().map(|(field, _)| field)
    }

    /// How the checksum is computed.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.checksum.as_ref().map(|(_, algorithm)| *algorithm)
    }

    /// Whether the checksum in `data` is right; `None` if the message has none or the frame is too short for it.
    pub fn checksum_ok(&self, data: &[u8]) -> Option<bool> {
        let (field, algorithm) = self.checksum.as_ref()?;
        let found = field.read(data)?;
        Some(algorithm.accepts(self.address, field, data, found))
    }

    /// What the checksum of `data` should be; `None` as in [`MessageChecks::checksum_ok`].
    pub fn expected_checksum(&self, data: &[u8]) -> Option<u64> {
        let (field, algorithm) = self.checksum.as_ref()?;
        field.read(data)?;
        Some(algorithm.compute(self.address, field, data))
    }

    /// The counter in `data`; `None` if the message has none or the frame is too short for it.
    pub fn counter_value(&self, data: &[u8]) -> Option<u64> {
        self.counter.as_ref()?.read(data)
    }

    /// How many frames lie between two counters that came one after the other: 0 if none is missing, `None` if the
    /// message has no counter. A standing counter says that all but one of a round are missing.
    pub fn missing_between(&self, before: u64, after: u64) -> Option<u64> {
        let mask = self.counter.as_ref()?.max();
        Some(after.wrapping_sub(before).wrapping_sub(1) & mask)
    }

    /// Puts `counter` (modulo its size) and then the right checksum into `data`; whatever the message or a short payload
    /// has no place for is left out.
    pub fn set(&self, counter: u64, data: &mut [u8]) {
        if let Some(field) = &self.counter {
            field.write(counter & field.max(), data);
        }
        self.set_checksum(data);
    }

    /// Whether the checksum of a payload of `size` bytes lies in bytes that it is computed from, so that no payload can
    /// be right for sure: the database has it in a wrong place.
    pub fn covers_itself(&self, size: u16) -> bool {
        let Some((field, algorithm)) = &self.checksum else {
            return false;
        };
        let mut data = vec![0; size.into()];
        let of_zeros = algorithm.compute(self.address, field, &data);
        field.write(field.max(), &mut data);
        algorithm.compute(self.address, field, &data) != of_zeros
    }

    /// Puts the right checksum into `data`.
    pub fn set_checksum(&self, data: &mut [u8]) {
        if let Some((field, algorithm)) = &self.checksum {
            let sum = algorithm.compute(self.address, field, data);
            field.write(sum, data);
        }
    }
}

#[cfg(test)]
mod tests;
