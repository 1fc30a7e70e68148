//! Databases as plans: names, gates and fields resolved once.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::DecodeOptions;
use super::field::Field;
use crate::dbc::{Dbc, Message, Number, Signal};
use crate::error::nearest;
use crate::{ErrorKind, Result};

/// A message, ready to be decoded.
#[derive(Debug)]
pub(super) struct MessagePlan {
    /// Name of the database.
    pub(super) database: String,
    /// The definition.
    pub(super) message: Message,
    /// The wanted signals, in order of the definition.
    pub(super) signals: Vec<SignalPlan>,
    /// What multiplexed signals wait for; signals that share a gate share its evaluation.
    pub(super) gates: Vec<Gate>,
    /// Lanes that the signals and gates read.
    pub(super) lanes: usize,
    /// Lanes that are also read as big-endian.
    pub(super) big: Vec<bool>,
}

/// A signal, ready to be decoded.
#[derive(Debug)]
pub(super) struct SignalPlan {
    pub(super) name: String,
    pub(super) unit: Option<String>,
    /// `None` where no payload can hold the signal: it is always null.
    pub(super) field: Option<Field>,
    pub(super) number: Number,
    pub(super) factor: f64,
    pub(super) offset: f64,
    /// Index in the message's gates.
    pub(super) gate: Option<usize>,
    pub(super) choices: Option<Choices>,
}

/// Names of values, by raw bits.
#[derive(Debug)]
pub(super) struct Choices {
    pub(super) names: Arc<Vec<String>>,
    by_bits: FxHashMap<u64, u16>,
}

/// When multiplexed signals are there: every switch on the way has a value in its ranges, and lies in the frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gate {
    /// Switches with the raw values that open the gate.
    pub(super) switches: Vec<(Field, Vec<(u64, u64)>)>,
    /// Bytes of a frame that holds every switch.
    pub(super) need: u8,
}

impl MessagePlan {
    /// The plan of the message's signals that `wanted` accepts.
    pub(super) fn new(database: &str, message: &Message, wanted: impl Fn(&Signal) -> bool) -> Self {
        let mut gates = Vec::new();
        let chosen = message.signals.iter().filter(|signal| wanted(signal));
        let signals: Vec<_> = chosen.map(|signal| SignalPlan::new(message, signal, &mut gates)).collect();
        let switches = gates.iter().flat_map(|gate: &Gate| gate.switches.iter().map(|(field, _)| field));
        let fields = signals.iter().filter_map(|signal| signal.field.as_ref());
        let (mut lanes, mut big) = (0, Vec::new());
        for field in fields.chain(switches) {
            lanes = lanes.max(field.last_lane() + 1);
            big.resize(lanes, false);
            if field.order == crate::dbc::ByteOrder::BigEndian {
                big[field.first_lane()..lanes.min(field.last_lane() + 1)].fill(true);
            }
        }
        Self { database: database.to_owned(), message: message.clone(), signals, gates, lanes, big }
    }
}

impl SignalPlan {
    fn new(message: &Message, signal: &Signal, gates: &mut Vec<Gate>) -> Self {
        let gate = Gate::of(message, signal).map(|gate| {
            gates.iter().position(|known| *known == gate).unwrap_or_else(|| {
                gates.push(gate);
                gates.len() - 1
            })
        });
        Self {
            name: signal.name.clone(),
            unit: Some(signal.unit.clone()).filter(|unit| !unit.is_empty()),
            field: Field::of(signal),
            number: signal.number,
            factor: signal.factor,
            offset: signal.offset,
            gate,
            choices: Choices::of(signal),
        }
    }

    /// Bytes a frame must have to hold the signal.
    pub(super) fn need(&self) -> u8 {
        self.field.as_ref().map_or(u8::MAX, |field| field.need)
    }
}

impl Choices {
    /// The named values of `signal`; of two names of one value the first. `None` without any.
    fn of(signal: &Signal) -> Option<Self> {
        let mask = u64::MAX.checked_shr(64 - u32::from(signal.size)).unwrap_or(0);
        let (mut names, mut by_bits) = (Vec::new(), FxHashMap::default());
        for choice in signal.choices.iter().take(usize::from(u16::MAX)) {
            by_bits.entry(choice.value as u64 & mask).or_insert_with(|| {
                names.push(choice.text.clone());
                (names.len() - 1) as u16
            });
        }
        (!names.is_empty()).then(|| Self { names: Arc::new(names), by_bits })
    }

    /// The index of the name of a raw value.
    #[inline]
    pub(super) fn find(&self, bits: u64) -> Option<u16> {
        self.by_bits.get(&bits).copied()
    }
}

impl Gate {
    /// What `signal` waits for; `None` if it is always there. A switch that the message lacks opens always.
    fn of(message: &Message, signal: &Signal) -> Option<Self> {
        let (mut switches, mut need) = (Vec::new(), 0);
        let mut current = signal;
        // Nested switches; a circle of them cannot be longer than the message.
        for _ in 0..message.signals.len() {
            let Some(presence) = &current.presence else { break };
            let Some(switch) = message.signal(&presence.switch) else { break };
            match Field::of(switch) {
                Some(field) => {
                    need = need.max(field.need);
                    switches.push((field, presence.ranges.clone()));
                }
                None => need = u8::MAX,
            }
            current = switch;
        }
        (!switches.is_empty() || need > 0).then_some(Self { switches, need })
    }
}

/// The plans of the wanted messages and signals of one database.
///
/// # Errors
/// None; [`check_names`] finds names that no database has.
pub(super) fn plans(dbc: &Dbc, options: &DecodeOptions) -> Vec<MessagePlan> {
    let named = |message: &&Message| options.messages.is_empty() || options.messages.contains(&message.name);
    let messages = dbc.messages.iter().filter(named);
    let plan = |message: &Message| {
        MessagePlan::new(&dbc.name, message, |signal| {
            options.signals.is_empty() || options.signals.iter().any(|name| matches(name, message, signal))
        })
    };
    messages.map(plan).filter(|plan| options.signals.is_empty() || !plan.signals.is_empty()).collect()
}

/// Whether `SIGNAL` or `MESSAGE.SIGNAL` means this signal.
fn matches(name: &str, message: &Message, signal: &Signal) -> bool {
    let rest = name.strip_suffix(signal.name.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.strip_suffix('.') == Some(message.name.as_str()))
}

/// Refuses names of messages and signals that none of the databases has.
///
/// # Errors
/// `no-such-message`, `no-such-signal`.
pub(super) fn check_names(dbcs: &[&Dbc], options: &DecodeOptions) -> Result<()> {
    let messages = || dbcs.iter().flat_map(|dbc| &dbc.messages);
    for name in &options.messages {
        if messages().all(|message| message.name != *name) {
            let suggestion = nearest(name, messages().map(|message| message.name.as_str()));
            return Err(ErrorKind::NoSuchMessage { name: name.clone(), dbc: joined(dbcs), suggestion }.into());
        }
    }
    let chosen = || messages().filter(|m| options.messages.is_empty() || options.messages.contains(&m.name));
    for name in &options.signals {
        if !chosen().any(|message| message.signals.iter().any(|signal| matches(name, message, signal))) {
            let known =
                chosen().flat_map(|message| message.signals.iter().map(|signal| signal.name.as_str()));
            let suggestion = nearest(name.rsplit('.').next().unwrap_or(name), known);
            return Err(
                ErrorKind::NoSuchSignalIn { name: name.clone(), dbc: joined(dbcs), suggestion }.into()
            );
        }
    }
    Ok(())
}

/// The names of the databases, each once.
fn joined(dbcs: &[&Dbc]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for dbc in dbcs {
        if !names.contains(&dbc.name.as_str()) {
            names.push(&dbc.name);
        }
    }
    names.join(", ")
}
