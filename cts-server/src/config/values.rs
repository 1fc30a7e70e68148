//! The types of fields, and how text and TOML become values of them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use serde_json::json;
use toml::de::DeValue;

use super::fields::Field;

/// A value as a layer gives it.
#[derive(Clone, Copy)]
pub(super) enum Raw<'a> {
    /// From a variable, a flag or the table of defaults.
    Text(&'a str),
    /// From the file, with its type.
    Toml(&'a DeValue<'a>),
}

/// A value that a field does not accept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// What would be accepted.
    pub(super) expected: String,
    /// What was given.
    pub(super) got: String,
}

impl Wrong {
    pub(super) fn new(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self { expected: expected.into(), got: got.into() }
    }
}

/// The type of a field.
pub(super) trait Value: Sized {
    /// The type in words.
    const KIND: &'static str;

    fn from_text(text: &str, field: &Field) -> Result<Self, Wrong>;

    /// Only strings, unless the type says otherwise: a number in quotes is a mistake.
    fn from_toml(value: &DeValue<'_>, field: &Field) -> Result<Self, Wrong> {
        match value {
            DeValue::String(text) => Self::from_text(text, field),
            other => Err(Wrong::new(Self::KIND, describe(other))),
        }
    }

    fn json(&self) -> serde_json::Value;

    fn read(raw: Raw<'_>, field: &Field) -> Result<Self, Wrong> {
        match raw {
            Raw::Text(text) => Self::from_text(text.trim(), field),
            Raw::Toml(value) => Self::from_toml(value, field),
        }
    }
}

pub(super) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the string {text:?}"),
        DeValue::Integer(number) => format!("the integer {number}"),
        DeValue::Float(number) => format!("the float {number}"),
        DeValue::Boolean(value) => format!("the boolean {value}"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

impl Value for bool {
    const KIND: &'static str = "boolean";

    fn from_text(text: &str, _: &Field) -> Result<Self, Wrong> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(Wrong::new("true or false", format!("`{text}`"))),
        }
    }

    fn from_toml(value: &DeValue<'_>, _: &Field) -> Result<Self, Wrong> {
        value.as_bool().ok_or_else(|| Wrong::new("true or false, without quotes", describe(value)))
    }

    fn json(&self) -> serde_json::Value {
        json!(self)
    }
}

macro_rules! numbers {
    ($($ty:ty)*) => { $(
        impl Value for $ty {
            const KIND: &'static str = "integer";

            fn from_text(text: &str, field: &Field) -> Result<Self, Wrong> {
                let wrong = || Wrong::new(field.range(), format!("`{text}`"));
                let number: u64 = text.replace('_', "").parse().map_err(|_| wrong())?;
                if number < field.min || number > field.max {
                    return Err(wrong());
                }
                Self::try_from(number).map_err(|_| wrong())
            }

            fn from_toml(value: &DeValue<'_>, field: &Field) -> Result<Self, Wrong> {
                let wrong = || Wrong::new(field.range(), describe(value));
                let integer = value.as_integer().ok_or_else(wrong)?;
                let number = u64::from_str_radix(integer.as_str(), integer.radix()).map_err(|_| wrong())?;
                Self::from_text(&number.to_string(), field).map_err(|_| wrong())
            }

            fn json(&self) -> serde_json::Value {
                json!(self)
            }
        }
    )* };
}
numbers!(u16 u64);

/// Defines an enum of words.
macro_rules! choices {
    ($(#[$meta:meta])* $name:ident, $kind:literal { $($(#[$inner:meta])* $variant:ident = $word:literal $(| $alias:literal)* ),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name { $($(#[$inner])* $variant),+ }

        impl $name {
            /// The word as it is written.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Value for $name {
            const KIND: &'static str = $kind;

            fn from_text(text: &str, _: &Field) -> Result<Self, Wrong> {
                $(if [$word $(, $alias)*].iter().any(|w| w.eq_ignore_ascii_case(text)) { return Ok(Self::$variant); })+
                Err(Wrong::new(concat!("one of" $(, " ", $word)+), format!("`{text}`")))
            }

            fn json(&self) -> serde_json::Value {
                json!(self.as_str())
            }
        }
    };
}

choices! {
    /// Which profile of defaults holds.
    Environment, "`development`, `staging` or `production`" {
        /// One person's machine.
        #[default]
        Development = "development" | "dev",
        /// A rehearsal.
        Staging = "staging",
        /// Reachable by others; unsafe combinations are refused.
        Production = "production" | "prod",
    }
}

choices! {
    /// How much is logged.
    LogLevel, "`TRACE`, `DEBUG`, `INFO`, `WARNING` or `ERROR`" {
        /// Everything.
        Trace = "TRACE",
        /// Details for finding faults.
        Debug = "DEBUG",
        /// The course of events.
        #[default]
        Info = "INFO",
        /// What needs attention.
        Warning = "WARNING" | "WARN",
        /// What failed.
        Error = "ERROR" | "CRITICAL",
    }
}

choices! {
    /// The form of log lines.
    LogFormat, "`text` or `json`" {
        /// For people.
        #[default]
        Text = "text",
        /// One object a line.
        Json = "json",
    }
}

/// The address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host(pub IpAddr);

impl Default for Host {
    fn default() -> Self {
        Self(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }
}

impl Value for Host {
    const KIND: &'static str = "IP address or `localhost`";

    fn from_text(text: &str, _: &Field) -> Result<Self, Wrong> {
        if text.eq_ignore_ascii_case("localhost") {
            return Ok(Self::default());
        }
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        bare.parse().map(Self).map_err(|_| Wrong::new("an IP address or `localhost`", format!("`{text}`")))
    }

    fn json(&self) -> serde_json::Value {
        json!(self.0.to_string())
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for those who must use it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(super::MASK)
    }
}

impl Value for Secret {
    const KIND: &'static str = "text";

    fn from_text(text: &str, _: &Field) -> Result<Self, Wrong> {
        Ok(Self::new(text))
    }

    fn json(&self) -> serde_json::Value {
        json!(super::MASK)
    }
}

impl Value for String {
    const KIND: &'static str = "text";

    fn from_text(text: &str, _: &Field) -> Result<Self, Wrong> {
        Ok(text.to_owned())
    }

    fn json(&self) -> serde_json::Value {
        json!(self)
    }
}

impl Value for PathBuf {
    const KIND: &'static str = "path";

    fn from_text(text: &str, _: &Field) -> Result<Self, Wrong> {
        path(text).map_err(|expected| Wrong::new(expected, format!("`{text}`")))
    }

    fn json(&self) -> serde_json::Value {
        json!(self.to_string_lossy())
    }
}

/// Relative paths are taken from the working directory, once and for all.
pub(super) fn path(text: &str) -> Result<PathBuf, &'static str> {
    if text.is_empty() || text.contains('\0') {
        return Err("a path");
    }
    if text.starts_with('~') {
        return Err("a path without `~`, which only shells expand");
    }
    std::path::absolute(text).map_err(|_| "a path")
}

/// Empty text is no value.
impl<T: Value> Value for Option<T> {
    const KIND: &'static str = T::KIND;

    fn from_text(text: &str, field: &Field) -> Result<Self, Wrong> {
        if text.is_empty() { Ok(None) } else { T::from_text(text, field).map(Some) }
    }

    fn json(&self) -> serde_json::Value {
        self.as_ref().map_or(serde_json::Value::Null, T::json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        let secret = Some(Secret::new("hunter2hunter2"));
        assert!(!format!("{secret:?} {}", secret.json()).contains("hunter2"));
    }
}
