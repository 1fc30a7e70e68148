//! What to follow: tracks, each a value of a car that is read from frames or given as a sample.

use crate::dbc::{Number, Signal, sign_extend};

/// What a track means to the analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The speed over ground, in mph.
    Speed,
    /// The main switch of cruise control, as a button.
    Main,
    /// Takes over the present speed.
    Set,
    /// Goes back to the last speed, or adds to it.
    Resume,
    /// Ends cruise control.
    Cancel,
    /// Another button.
    Button,
    /// Cruise control is switched on.
    CruiseOn,
    /// Cruise control holds the speed.
    CruiseActive,
    /// The speed that cruise control shall hold.
    SetSpeed,
    /// The car brakes, whoever asked for it.
    Brake,
    /// Left turn signal lamp.
    Left,
    /// Right turn signal lamp.
    Right,
    /// openpilot is engaged, or a bit that the user named says so.
    Engaged,
    /// A state without a meaning of its own here.
    State,
}

impl Role {
    /// Whether the track is pressed and released.
    pub fn is_button(self) -> bool {
        matches!(self, Self::Main | Self::Set | Self::Resume | Self::Cancel | Self::Button)
    }

    /// Whether the track holds numbers, not yes or no.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Speed | Self::SetSpeed)
    }

    /// Whether a change is one of cruise control: what unknown bits are compared with.
    pub fn is_cruise(self) -> bool {
        self.is_button()
            || matches!(self, Self::CruiseOn | Self::CruiseActive | Self::SetSpeed | Self::Engaged)
    }
}

/// Where the values of a track come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Signals of one message; their mean, if there are several.
    Can {
        /// Only frames of this bus; `None` takes each bus as a track of its own.
        bus: Option<u8>,
        /// The address.
        address: u32,
        /// The signals; never empty.
        signals: Vec<Signal>,
    },
    /// Samples that the caller gives under a number.
    Sample {
        /// The number.
        id: u32,
        /// What it is, such as `carState.vEgo`.
        path: String,
    },
}

/// One track.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackSpec {
    /// Its name, unique within a profile: `set`, `brake_lights`.
    pub name: String,
    /// What it means.
    pub role: Role,
    /// Where its values come from.
    pub source: Source,
    /// Factor from physical values to the unit below: 1 for states.
    pub scale: f64,
    /// The unit of its values; empty for states.
    pub unit: String,
    /// The value before the first one; `None` takes the first one as no change.
    pub initial: Option<f64>,
}

/// The tracks of a car.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// The tracks. Of several with one role the first that is seen is the main one.
    pub tracks: Vec<TrackSpec>,
}

impl TrackSpec {
    /// Where it is read, in words: `0x146 B5.3`, `carState.vEgo`.
    pub fn place(&self) -> String {
        match &self.source {
            Source::Sample { path, .. } => path.clone(),
            Source::Can { bus, address, signals } => {
                let bus = bus.map_or(String::new(), |bus| format!("{bus}@"));
                match signals.as_slice() {
                    [one] if one.size == 1 => {
                        format!("{bus}0x{address:03X}:B{}.{}", one.start / 8, one.start % 8)
                    }
                    several => {
                        let names: Vec<&str> = several.iter().map(|signal| signal.name.as_str()).collect();
                        format!("{bus}0x{address:03X} {}", names.join("+"))
                    }
                }
            }
        }
    }

    /// The only bit of the track, in DBC numbering, if it is one bit of a message.
    pub fn bit(&self) -> Option<(u32, u16)> {
        match &self.source {
            Source::Can { address, signals, .. } if signals.len() == 1 && signals[0].size == 1 => {
                Some((*address, signals[0].start))
            }
            _ => None,
        }
    }
}

/// A track's signals with their bits resolved: what the loop over frames needs.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    parts: Vec<Part>,
    scale: f64,
}

#[derive(Clone, Debug)]
struct Part {
    /// From the most significant.
    bits: Vec<u16>,
    signed: bool,
    factor: f64,
    offset: f64,
}

impl Reader {
    /// `None` for a signal that no payload can hold, or a float.
    pub(super) fn new(signals: &[Signal], scale: f64) -> Option<Self> {
        let part = |signal: &Signal| {
            let mut bits = signal.bits()?;
            bits.reverse();
            let signed = match signal.number {
                Number::Unsigned => false,
                Number::Signed => true,
                Number::Float32 | Number::Float64 => return None,
            };
            Some(Part { bits, signed, factor: signal.factor, offset: signal.offset })
        };
        let parts: Option<Vec<Part>> = signals.iter().map(part).collect();
        parts.filter(|parts| !parts.is_empty()).map(|parts| Self { parts, scale })
    }

    /// The value in a payload; `None` if the payload is too short.
    #[inline]
    pub(super) fn read(&self, data: &[u8]) -> Option<f64> {
        let mut sum = 0.0;
        for part in &self.parts {
            let mut raw = 0u64;
            for bit in &part.bits {
                let byte = data.get(usize::from(bit / 8))?;
                raw = raw << 1 | u64::from(byte >> (bit % 8) & 1);
            }
            let value =
                if part.signed { sign_extend(raw, part.bits.len() as u16) as f64 } else { raw as f64 };
            sum += value * part.factor + part.offset;
        }
        Some(sum / self.parts.len() as f64 * self.scale)
    }
}
