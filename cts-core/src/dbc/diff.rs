//! What differs in meaning between two databases.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Dbc, Message, Signal};

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// `message-added`, `message-removed`, `signal-added`, `signal-removed` or `changed`.
    pub change: &'static str,
    /// The address of the message.
    pub address: u32,
    /// Its name; the new one if it has changed.
    pub message: String,
    /// The signal; absent if the change is one of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// What of it has changed: a field of [`Message`] or [`Signal`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'static str>,
    /// As it was.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub before: Value,
    /// As it is.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub after: Value,
}

/// How `b` differs from `a`: messages by their identifier, signals by their name. Lines, names of files and the order of
/// statements have no meaning; comments have.
pub fn diff(a: &Dbc, b: &Dbc) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut ids: Vec<_> = a.messages.iter().chain(&b.messages).map(|message| message.id).collect();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let of = |dbc: &'_ Dbc| dbc.messages.iter().position(|message| message.id == id);
        match (of(a).map(|at| &a.messages[at]), of(b).map(|at| &b.messages[at])) {
            (Some(a), Some(b)) => messages(a, b, &mut changes),
            (Some(a), None) => changes.push(whole("message-removed", a, None)),
            (None, Some(b)) => changes.push(whole("message-added", b, None)),
            (None, None) => {}
        }
    }
    changes
}

fn whole(change: &'static str, message: &Message, signal: Option<&Signal>) -> Change {
    Change {
        change,
        address: message.id.address,
        message: message.name.clone(),
        signal: signal.map(|signal| signal.name.clone()),
        field: None,
        before: Value::Null,
        after: Value::Null,
    }
}

fn messages(a: &Message, b: &Message, changes: &mut Vec<Change>) {
    fields(&of_message(a), &of_message(b), whole("changed", b, None), changes);
    for signal in &a.signals {
        match b.signal(&signal.name) {
            None => changes.push(whole("signal-removed", b, Some(signal))),
            Some(other) => {
                fields(&of_signal(signal), &of_signal(other), whole("changed", b, Some(other)), changes);
            }
        }
    }
    let added = b.signals.iter().filter(|signal| a.signal(&signal.name).is_none());
    changes.extend(added.map(|signal| whole("signal-added", b, Some(signal))));
}

type Fields = Vec<(&'static str, Value)>;

fn fields(a: &Fields, b: &Fields, about: Change, changes: &mut Vec<Change>) {
    for ((field, before), (_, after)) in a.iter().zip(b).filter(|((_, a), (_, b))| a != b) {
        let (before, after) = (before.clone(), after.clone());
        changes.push(Change { field: Some(field), before, after, ..about.clone() });
    }
}

fn of_message(m: &Message) -> Fields {
    vec![
        ("name", json!(m.name)),
        ("size", json!(m.size)),
        ("sender", json!(m.sender)),
        ("period_ms", json!(m.period_ms)),
        ("comment", json!(m.comment)),
    ]
}

fn of_signal(s: &Signal) -> Fields {
    let mut choices = s.choices.clone();
    choices.sort_by_key(|choice| choice.value);
    let mut receivers = s.receivers.clone();
    receivers.sort_unstable();
    vec![
        ("start", json!(s.start)),
        ("size", json!(s.size)),
        ("order", json!(s.order)),
        ("number", json!(s.number)),
        ("factor", json!(s.factor)),
        ("offset", json!(s.offset)),
        ("min", json!(s.min)),
        ("max", json!(s.max)),
        ("unit", json!(s.unit)),
        ("is_switch", json!(s.is_switch)),
        ("presence", json!(s.presence)),
        ("choices", json!(choices)),
        ("comment", json!(s.comment)),
        ("receivers", json!(receivers)),
    ]
}

/// `0x13A Wheel_Speeds FR: factor 0.057 -> 0.056`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:03X} {}", self.address, self.message)?;
        if let Some(signal) = &self.signal {
            write!(f, " {signal}")?;
        }
        match self.field {
            Some(field) => write!(f, ": {field} {} -> {}", self.before, self.after),
            None => write!(f, ": {}", self.change.replace('-', " ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "BO_ 1 A: 8 X\n SG_ S : 0|8@1+ (1,0) [0|0] \"\" X\n SG_ T : 8|8@1+ (1,0) [0|0] \"\" X,Y\nBO_ 2 B: 8 X\n";

    #[test]
    fn only_meaning_counts() {
        let parse = |text: &str| Dbc::parse("test", text).0;
        let a = parse(A);
        let moved = "VERSION \"2\"\nBO_ 2 B: 8 X\n\nBO_ 1 A: 8 X\n SG_ T : 8|8@1+ (1.0,0) [0|0] \"\" Y,X\n SG_ S : 0|8@1+ (1,0) [0|0] \"\" X\n";
        assert_eq!(diff(&a, &parse(moved)), []);
        let b = parse(
            "BO_ 1 A2: 8 X\n SG_ S : 0|8@1+ (0.5,0) [0|0] \"\" X\n SG_ U : 8|8@1+ (1,0) [0|0] \"\" X\nBO_ 3 C: 8 X\n",
        );
        let texts: Vec<String> = diff(&a, &b).iter().map(Change::to_string).collect();
        assert_eq!(
            texts,
            [
                "0x001 A2: name \"A\" -> \"A2\"",
                "0x001 A2 S: factor 1.0 -> 0.5",
                "0x001 A2 T: signal removed",
                "0x001 A2 U: signal added",
                "0x002 B: message removed",
                "0x003 C: message added",
            ]
        );
    }
}
