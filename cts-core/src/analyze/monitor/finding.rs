//! What monitors say.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::{Message, PandaState, Scalar, name};

/// One thing that a monitor saw.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// When, in mono time.
    pub mono_time_ns: u64,
    /// When, in s since the first event that the monitor was shown.
    pub seconds: f64,
    /// What.
    #[serde(flatten)]
    pub seen: Seen,
}

/// What a monitor saw. As JSON: `type` and `data`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Seen {
    /// A message that came regularly has not come for too long. The time is the moment at which its limit passed.
    Silent(Silence),
    /// A silent message came again, at that time.
    Back(Silence),
    /// `safetyRxChecksInvalid` of a panda changed, or was true when it was first seen.
    RxChecks {
        /// The panda.
        panda: usize,
        /// The flag.
        invalid: bool,
        /// The flag before; `None` at the first sight.
        was: Option<bool>,
        /// Its safety model.
        safety_model: String,
        /// The model's parameter.
        safety_param: i64,
        /// Whether the safety code permits actuation.
        controls_allowed: bool,
        /// `safetyRxInvalid`: frames that failed the checks so far.
        rx_invalid: i64,
        /// The watched signals and how old they are.
        ages: Vec<Age>,
        /// Messages of this panda that are silent: who may be the cause.
        silent: Vec<Silence>,
    },
    /// A sample has ended.
    CanCounts {
        /// Its start in s since the first event.
        from_s: f64,
        /// Its end.
        to_s: f64,
        /// All received, returned and rejected frames in it.
        frames: u64,
        /// The watched ones, sorted by address and bus.
        rows: Vec<super::Count>,
        /// Watched addresses that were on no bus so far.
        #[serde(serialize_with = "addresses")]
        never: Vec<u32>,
        /// Samples without any event just before this one.
        empty_before: u64,
    },
    /// A panda was seen for the first time.
    Panda {
        /// The panda.
        panda: usize,
        /// All its fields.
        state: PandaState,
    },
    /// A field of a panda changed.
    PandaChange {
        /// The panda.
        panda: usize,
        /// The field; `canState0.busOff` for one of a bus.
        field: String,
        /// Its value before; `None` if it was absent.
        from: Option<Scalar>,
        /// Its value.
        to: Option<Scalar>,
    },
    /// The uptime of a panda went back: it was reset.
    PandaReset {
        /// The panda.
        panda: usize,
        /// Its uptime before, in s.
        from_s: i64,
        /// Its uptime, in s.
        to_s: i64,
    },
    /// There are more or fewer pandas than before.
    PandaCount {
        /// How many there were.
        from: usize,
        /// How many there are.
        to: usize,
    },
}

impl Seen {
    /// The word that JSON has as `type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Silent(_) => "silent",
            Self::Back(_) => "back",
            Self::RxChecks { .. } => "rx_checks",
            Self::CanCounts { .. } => "can_counts",
            Self::Panda { .. } => "panda",
            Self::PandaChange { .. } => "panda_change",
            Self::PandaReset { .. } => "panda_reset",
            Self::PandaCount { .. } => "panda_count",
        }
    }
}

/// A message that has not come for a while.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Silence {
    /// Which message.
    #[serde(flatten)]
    pub message: Message,
    /// Mono time of its last frame before.
    pub last_mono_time_ns: u64,
    /// How long it has been silent, in s.
    pub silent_s: f64,
    /// After which time it counts as silent, in s.
    pub limit_s: f64,
}

/// How old a signal is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Age {
    /// Which message.
    #[serde(flatten)]
    pub message: Message,
    /// Its name in opendbc's Subaru files.
    pub name: Option<&'static str>,
    /// Time since its last frame, in s to the ms; `None` if there was none.
    pub age_s: Option<f64>,
}

impl Age {
    pub(super) fn new(message: Message, last: Option<u64>, now: u64) -> Self {
        let age = |last| (seconds(now.saturating_sub(last)) * 1e3).round() / 1e3;
        Self { message, name: name(message.address), age_s: last.map(age) }
    }
}

/// Findings on their way out, with the time from which seconds count.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    origin: Option<u64>,
    list: Vec<Finding>,
    counts: BTreeMap<&'static str, u64>,
}

impl Findings {
    /// Takes note of the first time of the stream.
    pub fn begin(&mut self, at: u64) {
        self.origin.get_or_insert(at);
    }

    /// Mono time of the first event; 0 before it.
    pub fn origin(&self) -> u64 {
        self.origin.unwrap_or_default()
    }

    /// Adds a finding.
    pub fn push(&mut self, at: u64, seen: Seen) {
        *self.counts.entry(seen.kind()).or_default() += 1;
        let seconds = self.seconds(at);
        self.list.push(Finding { mono_time_ns: at, seconds, seen });
    }

    /// Takes out what has come since the last call.
    pub fn drain(&mut self) -> impl Iterator<Item = Finding> {
        self.list.drain(..)
    }

    /// How many there were of each kind, those taken out among them.
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// A mono time in s since the first event.
    pub fn seconds(&self, at: u64) -> f64 {
        at.wrapping_sub(self.origin()) as i64 as f64 / 1e9
    }
}

pub(super) fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

impl Serialize for Message {
    /// `{"bus": 0, "address": "0x119"}`
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("bus", &self.bus)?;
        map.serialize_entry("address", &format!("0x{:03X}", self.address))?;
        map.end()
    }
}

impl std::fmt::Display for Message {
    /// `0:0x119`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:0x{:03X}", self.bus, self.address)
    }
}

fn addresses<S: Serializer>(list: &[u32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().map(|address| format!("0x{address:03X}")))
}
