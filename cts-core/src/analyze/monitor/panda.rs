//! The state of a panda as named values.

use serde::{Serialize, Serializer};

/// A value of a panda's state.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    /// A flag.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// The name of an enum's value.
    Text(String),
    /// Names, such as those of faults.
    List(Vec<String>),
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
            Self::List(values) if values.is_empty() => f.write_str("none"),
            Self::List(values) => f.write_str(&values.join(", ")),
        }
    }
}

/// One item of `pandaStates`: its fields in order, those of inner structs as `canState0.busOff`.
///
/// Source: openpilot `cereal/log.capnp` `PandaState`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PandaState(pub Vec<(String, Scalar)>);

impl PandaState {
    /// A field by its name.
    pub fn get(&self, name: &str) -> Option<&Scalar> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    /// A flag; false if it is absent, which old logs cannot tell from false.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Scalar::Bool(true)))
    }

    /// A whole number; 0 if it is absent.
    pub fn number(&self, name: &str) -> i64 {
        match self.get(name) {
            Some(Scalar::Int(value)) => *value,
            _ => 0,
        }
    }

    /// A value in words; empty if it is absent.
    pub fn text(&self, name: &str) -> String {
        self.get(name).map(ToString::to_string).unwrap_or_default()
    }
}

impl Serialize for PandaState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
