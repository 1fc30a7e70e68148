//! Physical values to payloads.

use super::checks::{MessageChecks, write_bits};
use super::{Dbc, Message, Number, Presence, Signal};
use crate::error::nearest;
use crate::{Error, ErrorKind, Result};

/// A value to be put into a signal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// In the signal's unit; rounded to what the signal can hold, away from zero in the middle.
    Physical(f64),
    /// Its raw bits, without factor and offset; of signed ones the two's complement.
    Raw(u64),
    /// The name of a raw value; case does not matter, and `_` may stand for a space.
    Choice(&'a str),
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Self::Physical(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Choice(text)
    }
}

impl Dbc {
    /// The payload of a frame: the values, and zeros elsewhere, then `counter` and checksum where `checks` has them for
    /// this message. A counter among the values counts if `counter` is `None`.
    ///
    /// ```
    /// use cts_core::dbc::{Checks, Search};
    ///
    /// let dbc = Search::new([]).load("subaru_global_2017")?.dbc;
    /// let checks = Checks::of(&dbc);
    /// let values = [("FR", 57.0.into()), ("FL", 57.1.into())];
    /// let data = dbc.encode("Wheel_Speeds", &values, Some(5), checks.message(0x13A))?;
    /// assert_eq!(dbc.message(0x13A).and_then(|m| m.signal("FR")?.physical(&data)), Some(57.0));
    /// # Ok::<(), cts_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `no-such-message`, and those of [`Message::encode`].
    pub fn encode(
        &self,
        message: &str,
        values: &[(&str, Value<'_>)],
        counter: Option<u64>,
        checks: Option<&MessageChecks>,
    ) -> Result<Vec<u8>> {
        let message = self.message_named(message).ok_or_else(|| self.no_message(message))?;
        let mut payload = vec![0; message.size.into()];
        message.encode(values, &mut payload)?;
        if let Some(checks) = checks {
            match counter {
                Some(counter) => checks.set(counter, &mut payload),
                None => checks.set_checksum(&mut payload),
            }
        }
        Ok(payload)
    }

    #[cold]
    fn no_message(&self, name: &str) -> Error {
        let suggestion = nearest(name, self.messages.iter().map(|message| message.name.as_str()));
        ErrorKind::NoSuchMessage { name: name.into(), dbc: self.name.clone(), suggestion }.into()
    }
}

impl Message {
    /// Puts values into `payload` and leaves all other bits as they are. The switches that multiplexed signals need are
    /// set unless they are given.
    ///
    /// # Errors
    /// `no-such-signal`; `bad-value` for a value outside what the signal's bits can hold, an unknown name of a value, a
    /// signal that the payload has no room for, or one that a switch excludes. The payload may then be half written.
    pub fn encode(&self, values: &[(&str, Value<'_>)], payload: &mut [u8]) -> Result<()> {
        let mut signals = Vec::with_capacity(values.len());
        for (name, value) in values {
            let signal = self.signal(name).ok_or_else(|| self.no_signal(name))?;
            signal.put(signal.raw_of(*value)?, payload)?;
            signals.push(signal);
        }
        for signal in &signals {
            self.set_switches(signal, &signals, payload)?;
        }
        match signals.iter().find(|signal| !self.is_present(signal, payload)) {
            None => Ok(()),
            Some(signal) => Err(bad(signal, "set", "a switch has a value that leaves it out".into())),
        }
    }

    /// Whether a signal is in a frame: its switches, up to the root, have one of the values that it needs. Always so for
    /// a signal that is not multiplexed; never where the frame is too short for a switch.
    pub fn is_present(&self, signal: &Signal, data: &[u8]) -> bool {
        let mut next = signal.presence.as_ref();
        // A switch that depends on itself would never end.
        for _ in 0..=self.signals.len() {
            let Some(presence) = next else {
                return true;
            };
            let switch = self.signal(&presence.switch);
            let raw = switch.and_then(|switch| switch.raw_bits(data));
            if !raw.is_some_and(|raw| allows(presence, raw)) {
                return false;
            }
            next = switch.and_then(|switch| switch.presence.as_ref());
        }
        false
    }

    /// Gives the switches above `signal` a value that it can be there with, unless they are among `given` or have one.
    fn set_switches(&self, signal: &Signal, given: &[&Signal], payload: &mut [u8]) -> Result<()> {
        let mut next = signal.presence.as_ref();
        for _ in 0..self.signals.len() {
            let Some((presence, switch)) = next.and_then(|p| Some((p, self.signal(&p.switch)?))) else {
                break;
            };
            let is_given = given.iter().any(|given| given.name == switch.name);
            let fits = switch.raw_bits(payload).is_some_and(|raw| allows(presence, raw));
            if let Some((first, _)) = presence.ranges.first().filter(|_| !is_given && !fits) {
                switch.put(*first, payload)?;
            }
            next = switch.presence.as_ref();
        }
        Ok(())
    }

    #[cold]
    fn no_signal(&self, name: &str) -> Error {
        let suggestion = nearest(name, self.signals.iter().map(|signal| signal.name.as_str()));
        ErrorKind::NoSuchSignal { name: name.into(), message: self.name.clone(), suggestion }.into()
    }
}

impl Signal {
    /// The raw value of a physical one, or of a name.
    ///
    /// # Errors
    /// `bad-value` as in [`Message::encode`].
    pub fn raw_of(&self, value: Value<'_>) -> Result<u64> {
        match value {
            Value::Raw(raw) if self.size < 64 && raw >> self.size != 0 => {
                Err(bad(self, raw, format!("it has {} bits", self.size)))
            }
            Value::Raw(raw) => Ok(raw),
            Value::Choice(text) => self.raw_of_choice(text),
            Value::Physical(physical) => self.raw_of_physical(physical),
        }
    }

    fn raw_of_choice(&self, text: &str) -> Result<u64> {
        let same =
            |a: &str| a.len() == text.len() && a.bytes().zip(text.bytes()).all(|(a, b)| fold(a) == fold(b));
        match self.choices.iter().find(|choice| same(&choice.text)) {
            Some(choice) => Ok(choice.value as u64 & self.mask()),
            None => {
                let names: Vec<&str> = self.choices.iter().map(|choice| choice.text.as_str()).collect();
                let reason = match names.as_slice() {
                    [] => "its values have no names".to_owned(),
                    names => format!("its values are `{}`", names.join("`, `")),
                };
                Err(bad(self, format!("`{text}`"), reason))
            }
        }
    }

    fn raw_of_physical(&self, physical: f64) -> Result<u64> {
        let raw = (physical - self.offset) / self.factor;
        match self.number {
            Number::Float32 => return Ok((raw as f32).to_bits().into()),
            Number::Float64 => return Ok(raw.to_bits()),
            Number::Signed | Number::Unsigned => {}
        }
        // As opendbc's packer rounds; `f64::round` differs for negative halves only.
        let rounded = (raw + 0.5).floor();
        let (low, high) = self.raw_limits();
        // The limit itself may not be a float: 2^64 - 1 is not, and 2^64 is the value that means it.
        if !rounded.is_finite() || rounded < low as f64 || rounded > high as f64 {
            return Err(self.out_of_range(physical));
        }
        Ok((rounded as i128).clamp(low, high) as u64 & self.mask())
    }

    #[cold]
    fn out_of_range(&self, physical: f64) -> Error {
        let (low, high) = self.physical_limits().unwrap_or_default();
        let reason = match self.factor == 0.0 {
            true => "its factor is 0".to_owned(),
            false => format!("its bits reach from {low} to {high}"),
        };
        bad(self, physical, reason)
    }

    fn mask(&self) -> u64 {
        if self.size >= 64 { u64::MAX } else { (1 << self.size) - 1 }
    }

    /// Puts raw bits into a payload.
    ///
    /// # Errors
    /// `bad-value` if the payload is too short.
    pub fn put(&self, raw: u64, payload: &mut [u8]) -> Result<()> {
        let end = payload.len() * 8;
        match self.bits() {
            Some(bits) if bits.iter().all(|bit| usize::from(*bit) < end) => {
                write_bits(&bits, raw, payload);
                Ok(())
            }
            _ => Err(bad(self, "set", format!("the payload has only {} bytes", payload.len()))),
        }
    }
}

fn allows(presence: &Presence, raw: u64) -> bool {
    presence.ranges.iter().any(|(first, last)| (*first..=*last).contains(&raw))
}

fn fold(byte: u8) -> u8 {
    if byte == b' ' { b'_' } else { byte.to_ascii_uppercase() }
}

#[cold]
fn bad(signal: &Signal, value: impl std::fmt::Display, reason: String) -> Error {
    ErrorKind::BadValue { signal: signal.name.clone(), value: value.to_string(), reason }.into()
}

#[cfg(test)]
mod tests;
