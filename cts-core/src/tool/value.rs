//! Values of parameters: what JSON and command lines give, read as the type that a tool declares.

use serde_json::Value;

use super::spec::{Kind, Param};
use crate::{Error, ErrorKind, Result};

/// A type that a parameter can have.
pub trait ParamValue: Sized {
    /// What it holds.
    const KIND: Kind;
    /// The accepted texts; empty if all are.
    const CHOICES: &'static [&'static str] = &[];

    /// Reads a value, leniently: texts that are numbers, numbers for texts, one value for a list.
    ///
    /// # Errors
    /// `bad-param`, `out-of-range`.
    fn from_json(param: &Param, value: &Value) -> Result<Self>;

    /// The value as JSON; null for an absent one.
    fn to_json(&self) -> Value;
}

/// A value that can be an item of a list.
pub trait ListItem: ParamValue {
    /// The kind of the list.
    const LIST: Kind;
}

impl<T: ParamValue> ParamValue for Option<T> {
    const KIND: Kind = T::KIND;
    const CHOICES: &'static [&'static str] = T::CHOICES;

    fn from_json(param: &Param, value: &Value) -> Result<Self> {
        if value.is_null() { Ok(None) } else { T::from_json(param, value).map(Some) }
    }

    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_json)
    }
}

impl<T: ListItem> ParamValue for Vec<T> {
    const KIND: Kind = T::LIST;

    /// Takes a list, a text with commas or a single value.
    fn from_json(param: &Param, value: &Value) -> Result<Self> {
        match value {
            Value::Array(items) => items.iter().map(|item| T::from_json(param, item)).collect(),
            Value::String(text) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                items.map(|item| T::from_json(param, &item.into())).collect()
            }
            one => Ok(vec![T::from_json(param, one)?]),
        }
    }

    fn to_json(&self) -> Value {
        self.iter().map(T::to_json).collect()
    }
}

impl ListItem for String {
    const LIST: Kind = Kind::StrList;
}

impl ParamValue for String {
    const KIND: Kind = Kind::Str;

    /// Takes texts, numbers and booleans; a list is what a client makes of a text with commas.
    fn from_json(param: &Param, value: &Value) -> Result<Self> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Array(items) if !items.is_empty() => {
                let one = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
                items.iter().map(one).collect::<Vec<_>>().join(",")
            }
            _ => return Err(bad(param, value, "a text")),
        };
        let known = param.choices.is_empty() || param.choices.iter().any(|c| c.eq_ignore_ascii_case(&text));
        match known {
            true => Ok(text),
            false => Err(bad(param, value, &format!("one of {}", param.choices.join(", ")))),
        }
    }

    fn to_json(&self) -> Value {
        self.as_str().into()
    }
}

impl ParamValue for f64 {
    const KIND: Kind = Kind::Float;

    fn from_json(param: &Param, value: &Value) -> Result<Self> {
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number =
            number.filter(|number| number.is_finite()).ok_or_else(|| bad(param, value, "a number"))?;
        in_range(param, number, value)?;
        Ok(number)
    }

    fn to_json(&self) -> Value {
        (*self).into()
    }
}

/// Reads a whole number: a JSON number without fraction, or a decimal or `0x` text.
fn whole(param: &Param, value: &Value) -> Result<i64> {
    let number = match value {
        Value::Number(number) => {
            let cut = |f: &f64| f.fract() == 0.0 && f.abs() < 9e15;
            number.as_i64().or_else(|| number.as_f64().filter(cut).map(|f| f as i64))
        }
        Value::String(text) => match text.trim().strip_prefix("0x").or(text.trim().strip_prefix("0X")) {
            Some(hex) if !hex.starts_with(['+', '-']) => i64::from_str_radix(hex, 16).ok(),
            _ => text.trim().parse().ok(),
        },
        _ => None,
    };
    let number = number.ok_or_else(|| bad(param, value, "a whole number"))?;
    in_range(param, number as f64, value)?;
    Ok(number)
}

macro_rules! integers {
    ($($ty:ty)*) => { $(
        impl ListItem for $ty {
            const LIST: Kind = Kind::IntList;
        }

        impl ParamValue for $ty {
            const KIND: Kind = Kind::Int;

            fn from_json(param: &Param, value: &Value) -> Result<Self> {
                let number = whole(param, value)?;
                Self::try_from(number).map_err(|_| {
                    out_of_range(param, value, format!("from {} to {}", Self::MIN, Self::MAX))
                })
            }

            fn to_json(&self) -> Value {
                (*self).into()
            }
        }
    )* };
}

integers! { u8 u32 i64 u64 }

impl ParamValue for bool {
    const KIND: Kind = Kind::Bool;

    fn from_json(param: &Param, value: &Value) -> Result<Self> {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_lowercase);
        match text.as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" | "" => Ok(false),
            _ => Err(bad(param, value, "true or false")),
        }
    }

    fn to_json(&self) -> Value {
        (*self).into()
    }
}

fn in_range(param: &Param, number: f64, value: &Value) -> Result<()> {
    match param.range() {
        Some(range) if !(param.min..=param.max).contains(&number) => Err(out_of_range(param, value, range)),
        _ => Ok(()),
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cold]
fn bad(param: &Param, value: &Value, expected: &str) -> Error {
    let (name, expected) = (param.name.to_owned(), expected.to_owned());
    ErrorKind::BadParam { name, value: shown(value), expected }.into()
}

#[cold]
fn out_of_range(param: &Param, value: &Value, range: String) -> Error {
    ErrorKind::OutOfRange { name: param.name.to_owned(), value: shown(value), range }.into()
}

#[cfg(test)]
#[expect(unreachable_pub, reason = "the macros declare public types")]
mod tests {
    use serde_json::{Value, json};

    crate::choices! {
        /// How.
        pub enum Mode {
            /// Slow.
            Slow = "slow",
            /// Fast.
            Fast = "fast",
        }
    }

    crate::params! {
        /// Parameters of the test.
        pub struct Params {
            /// The log.
            log: String = String::new(), kind: super::Kind::Input, required: true;
            /// Begin.
            start: Option<f64> = None, unit: "s", min: 0.0, max: 60.0;
            /// Count.
            count: u8 = 3;
            /// Flag.
            flag: bool = false;
            /// Some addresses.
            ///
            /// In more words.
            addresses: Vec<u32> = Vec::new();
            /// Bits.
            watch: Vec<String> = vec!["a".to_owned()];
            /// Mode.
            mode: Mode = Mode::Slow;
        }
    }

    fn read(value: Value) -> Result<Params, String> {
        let mut map = json!({ "log": "x" });
        map.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        Params::from_json(map.as_object().unwrap()).map_err(|e| format!("{e:?}"))
    }

    #[test]
    fn values_are_read_leniently() {
        let default = Params { log: "x".into(), ..Params::default() };
        assert_eq!(read(json!({ "start": null })), Ok(default.clone()));
        let want = Params {
            log: "7".into(),
            start: Some(20.0),
            count: 4,
            flag: true,
            addresses: vec![466, 16],
            watch: vec!["5".into()],
            mode: Mode::Fast,
        };
        let given = json!({
            "log": 7, "start": "20", "count": 4.0, "flag": "Yes", "addresses": "0x1D2, 16", "watch": 5, "mode": "FAST"
        });
        assert_eq!(read(given), Ok(want.clone()));
        assert_eq!(Params::from_json(&want.to_json()).unwrap(), want);
        assert_eq!(read(json!({ "addresses": 16, "watch": ["a", 1] })).unwrap().watch, ["a", "1"]);
        assert_eq!(read(json!({ "log": ["a", "b.zst"] })).unwrap().log, "a,b.zst");
    }

    #[test]
    fn wrong_values_are_named() {
        let check = |given: Value, want: &str| assert_eq!(read(given).unwrap_err(), want);
        check(json!({ "starts": 1 }), "[unknown-param] unknown parameter `starts` (did you mean `start`?)");
        check(json!({ "log": null }), "[missing-param] missing parameter `log`: The log.");
        check(json!({ "start": "x" }), "[bad-param] parameter `start` must be a number, not `x`");
        check(json!({ "start": "nan" }), "[bad-param] parameter `start` must be a number, not `nan`");
        check(json!({ "start": -1 }), "[out-of-range] parameter `start` must be from 0 to 60, not -1");
        check(json!({ "count": 256 }), "[out-of-range] parameter `count` must be from 0 to 255, not 256");
        check(json!({ "count": 1.5 }), "[bad-param] parameter `count` must be a whole number, not `1.5`");
        check(json!({ "flag": "maybe" }), "[bad-param] parameter `flag` must be true or false, not `maybe`");
        check(json!({ "mode": "x" }), "[bad-param] parameter `mode` must be one of slow, fast, not `x`");
        check(
            json!({ "addresses": {} }),
            "[bad-param] parameter `addresses` must be a whole number, not `{}`",
        );
    }

    #[test]
    fn schema_and_capability_come_from_the_list() {
        let schema = crate::tool::schema(Params::PARAMS);
        assert_eq!(schema["required"], json!(["log"]));
        let start = json!({
            "type": "number", "description": "Begin.", "x-unit": "s", "minimum": 0.0, "maximum": 60.0
        });
        assert_eq!(schema["properties"]["start"], start);
        assert_eq!(schema["properties"]["mode"]["enum"], json!(["slow", "fast"]));
        let watch = json!({
            "type": "list", "default": ["a"], "description": "Bits.", "choices": null, "required": false, "nargs": "*"
        });
        assert_eq!(Params::PARAMS[5].capability(), watch);
        let start = Params::PARAMS.iter().find(|param| param.name == "start").unwrap();
        assert_eq!(start.capability()["description"], "Begin. (in s, from 0 to 60)");
        assert_eq!(Params::PARAMS[4].description(), "Some addresses. In more words.");
    }
}
