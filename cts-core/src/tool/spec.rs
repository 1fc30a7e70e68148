//! Parameters of tools: declared once, from which come the typed struct, its reading from JSON and its schema.

use serde_json::{Map, Value, json};

use super::value::ParamValue;
use crate::error::nearest;
use crate::{ErrorKind, Result};

/// What a parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Str,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// Yes or no.
    Bool,
    /// Texts.
    StrList,
    /// Whole numbers.
    IntList,
    /// A file to write, or a directory.
    Path,
    /// A log: a file, a directory, a route, or `-` for standard input.
    Input,
}

impl Kind {
    /// The type name of the service's capabilities: `str`, `int`, `float`, `bool` or `list`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Str | Self::Path | Self::Input => "str",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::StrList | Self::IntList => "list",
        }
    }

    /// Whether it holds several values.
    pub fn is_list(self) -> bool {
        matches!(self, Self::StrList | Self::IntList)
    }

    fn schema(self) -> Value {
        match self {
            Self::Str | Self::Path | Self::Input => json!({ "type": "string" }),
            Self::Int => json!({ "type": "integer" }),
            Self::Float => json!({ "type": "number" }),
            Self::Bool => json!({ "type": "boolean" }),
            Self::StrList => json!({ "type": "array", "items": { "type": "string" } }),
            Self::IntList => json!({ "type": "array", "items": { "type": "integer" } }),
        }
    }
}

/// One parameter of a tool.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name in `snake_case`; as a flag in `kebab-case`.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it means; the first line is the short form.
    pub doc: &'static str,
    /// The value if none is given; null if there is none.
    pub default: fn() -> Value,
    /// The unit, such as `s`; empty if there is none.
    pub unit: &'static str,
    /// Smallest accepted number, of each item of a list.
    pub min: f64,
    /// Largest accepted number.
    pub max: f64,
    /// The accepted texts; empty if all are.
    pub choices: &'static [&'static str],
    /// Whether it must be given.
    pub required: bool,
    /// Whether clients of the first service are told that it must be given, although it has a default: they may
    /// rely on the text of the old capabilities.
    pub required_in_v1: bool,
}

impl Param {
    /// A parameter of the type `T` without unit and bounds.
    pub const fn of<T: ParamValue>(name: &'static str, doc: &'static str, default: fn() -> Value) -> Self {
        let (min, max) = (f64::NEG_INFINITY, f64::INFINITY);
        let (kind, choices, unit) = (T::KIND, T::CHOICES, "");
        Self { name, kind, doc, default, unit, min, max, choices, required: false, required_in_v1: false }
    }

    /// The documentation as one paragraph.
    pub fn description(&self) -> String {
        let lines: Vec<&str> = self.doc.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines.join(" ")
    }

    /// The value if none is given; null where there is none or one must be given.
    pub fn shown_default(&self) -> Value {
        if self.required { Value::Null } else { (self.default)() }
    }

    /// The accepted range in words; `None` if there is none.
    pub fn range(&self) -> Option<String> {
        match (self.min.is_finite(), self.max.is_finite()) {
            (true, true) => Some(format!("from {} to {}", self.min, self.max)),
            (true, false) => Some(format!("at least {}", self.min)),
            (false, true) => Some(format!("at most {}", self.max)),
            (false, false) => None,
        }
    }

    /// The documentation with unit and range, for places that have no field for these.
    fn full_description(&self) -> String {
        let unit = (!self.unit.is_empty()).then(|| format!("in {}", self.unit));
        let bounds: Vec<String> = unit.into_iter().chain(self.range()).collect();
        let text = self.description();
        if bounds.is_empty() { text } else { format!("{text} ({})", bounds.join(", ")) }
    }

    /// The parameter as the service's capabilities show it, with all six fields.
    pub fn capability(&self) -> Value {
        let choices = (!self.choices.is_empty()).then_some(self.choices);
        let nargs = match self.kind {
            Kind::Bool => json!("0"),
            kind if kind.is_list() => json!("*"),
            _ => Value::Null,
        };
        json!({
            "type": self.kind.name(), "default": self.shown_default(), "description": self.full_description(),
            "choices": choices, "required": self.required || self.required_in_v1, "nargs": nargs,
        })
    }

    /// The parameter's JSON Schema; `x-unit` holds the unit.
    pub fn schema(&self) -> Value {
        let mut schema = self.kind.schema();
        schema["description"] = self.description().into();
        let default = self.shown_default();
        if !default.is_null() {
            schema["default"] = default;
        }
        if !self.unit.is_empty() {
            schema["x-unit"] = self.unit.into();
        }
        let bounded = if self.kind.is_list() { &mut schema["items"] } else { &mut schema };
        for (key, bound) in [("minimum", self.min), ("maximum", self.max)] {
            if bound.is_finite() {
                bounded[key] = bound.into();
            }
        }
        if !self.choices.is_empty() {
            bounded["enum"] = self.choices.into();
        }
        schema
    }
}

/// The JSON Schema of a list of parameters.
pub fn schema(params: &[Param]) -> Value {
    let properties: Map<String, Value> = params.iter().map(|p| (p.name.to_owned(), p.schema())).collect();
    let required: Vec<&str> = params.iter().filter(|p| p.required).map(|p| p.name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// Checks that all given names exist and all required ones are given.
///
/// # Errors
/// `unknown-param`, `missing-param`.
pub fn check_names(params: &[Param], given: &Map<String, Value>) -> Result<()> {
    let names = || params.iter().map(|param| param.name);
    if let Some(name) = given.keys().find(|given| !names().any(|name| name == *given)) {
        let suggestion = nearest(name, names());
        return Err(ErrorKind::UnknownParam { name: name.clone(), suggestion }.into());
    }
    let absent = |param: &&Param| param.required && given.get(param.name).is_none_or(Value::is_null);
    match params.iter().find(absent) {
        Some(param) => {
            let (name, help) = (param.name.to_owned(), param.description());
            Err(ErrorKind::MissingParam { name, help }.into())
        }
        None => Ok(()),
    }
}

/// Declares the parameters of a tool: a struct with one field per parameter, its defaults, the list `PARAMS` and
/// `from_json`.
///
/// A field reads `name: Type = default, option: value, …;` where the options are fields of [`Param`]. Its
/// documentation is the parameter's.
#[macro_export]
macro_rules! params {
    (
        $(#[$meta:meta])*
        pub struct $Params:ident {
            $( $(#[doc = $doc:literal])+ $name:ident : $ty:ty = $default:expr $(, $opt:ident : $value:expr)* ; )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $Params {
            $( $(#[doc = $doc])+ pub $name: $ty, )*
        }

        impl Default for $Params {
            fn default() -> Self {
                Self { $( $name: $default, )* }
            }
        }

        impl $Params {
            /// The parameters in the order in which they are shown.
            pub const PARAMS: &'static [$crate::tool::Param] = &[
                $( $crate::tool::Param {
                    $( $opt: $value, )*
                    ..$crate::tool::Param::of::<$ty>(
                        stringify!($name),
                        concat!($($doc, "\n"),+),
                        || <$ty as $crate::tool::ParamValue>::to_json(&$default),
                    )
                }, )*
            ];

            /// Reads the parameters; null means not given.
            ///
            /// # Errors
            /// `unknown-param`, `missing-param`, `bad-param`, `out-of-range`.
            pub fn from_json(given: &serde_json::Map<String, serde_json::Value>) -> $crate::Result<Self> {
                $crate::tool::check_names(Self::PARAMS, given)?;
                let mut params = Self::default();
                let mut list = Self::PARAMS.iter();
                $( if let Some(param) = list.next()
                    && let Some(value) = given.get(param.name).filter(|value| !value.is_null())
                {
                    params.$name = <$ty as $crate::tool::ParamValue>::from_json(param, value)?;
                } )*
                Ok(params)
            }

            /// All values as JSON.
            pub fn to_json(&self) -> serde_json::Map<String, serde_json::Value> {
                [$( (stringify!($name).to_owned(), $crate::tool::ParamValue::to_json(&self.$name)), )*]
                    .into_iter()
                    .collect()
            }
        }
    };
}

/// Declares a parameter that takes one of some texts: `pub enum Format { Csv = "csv", … }`. The first is the
/// default.
#[macro_export]
macro_rules! choices {
    (
        $(#[$meta:meta])*
        pub enum $Name:ident { $( $(#[$vmeta:meta])* $variant:ident = $text:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $Name { $( $(#[$vmeta])* $variant, )+ }

        impl $Name {
            const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// The text of this choice.
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $text, )+ }
            }
        }

        impl $crate::tool::ParamValue for $Name {
            const KIND: $crate::tool::Kind = $crate::tool::Kind::Str;
            const CHOICES: &'static [&'static str] = &[$( $text, )+];

            fn from_json(param: &$crate::tool::Param, value: &serde_json::Value) -> $crate::Result<Self> {
                let text = <String as $crate::tool::ParamValue>::from_json(param, value)?;
                // The text reader has checked that it is one of the choices.
                let found = Self::ALL.iter().find(|choice| choice.name().eq_ignore_ascii_case(&text));
                Ok(*found.unwrap_or(&Self::ALL[0]))
            }

            fn to_json(&self) -> serde_json::Value {
                self.name().into()
            }
        }
    };
}
