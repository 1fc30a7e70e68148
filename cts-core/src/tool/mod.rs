//! Tools: functions of a log with typed parameters and a report, and the one list of them.
//!
//! A tool is one file: its parameters ([`params!`](crate::params)), its report, its `run` and its [`Tool`]. What a
//! face needs (flags, JSON Schema, capabilities) is computed from these. This room knows the log, the tables and
//! the analyses; it does not know command lines, HTTP or Python, and prints nothing.

mod artifact;
pub mod can_bitwatch;
pub mod can_bus_check;
pub mod can_hybrid_rx_check;
pub mod cruise_control_analyzer;
mod ctx;
pub mod hybrid_rx_trace;
pub mod panda_state;
mod replay;
mod report;
pub mod rlog_to_csv;
mod spec;
mod text;
mod value;
mod warning;

use serde_json::{Map, Value, json};

pub use artifact::{Artifact, ArtifactWriter, content_type};
pub use ctx::{Ctx, Progress};
pub use replay::real_time;
pub use report::{Reading, Report, aligned};
pub use spec::{Kind, Param, check_names, schema};
pub use text::{push_address, push_hex, push_seconds};
pub use value::{ListItem, ParamValue};
pub use warning::Warning;

use crate::error::nearest;
use crate::log::Input;
use crate::{ErrorKind, Result};

/// All tools, by name.
pub static ALL: &[&Tool] = &[
    &can_bitwatch::TOOL,
    &can_bus_check::TOOL,
    &can_hybrid_rx_check::TOOL,
    &cruise_control_analyzer::TOOL,
    &hybrid_rx_trace::TOOL,
    &panda_state::TOOL,
    &rlog_to_csv::TOOL,
];

/// What a tool works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// A function of a whole log.
    Analyzer,
    /// A state machine over a stream.
    Monitor,
}

impl Category {
    /// `analyzer` or `monitor`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Analyzer => "analyzer",
            Self::Monitor => "monitor",
        }
    }
}

/// A file that a tool writes.
#[derive(Clone, Copy, Debug)]
pub struct ArtifactSpec {
    /// Its name, with `<param>` for a parameter's value.
    pub name: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// What is in it.
    pub doc: &'static str,
}

/// A tool with parameters as JSON. Without an open input, its parameters name it.
pub type Call = fn(&Ctx, Option<Input>, &Map<String, Value>) -> Result<Report>;

/// The definition of a tool.
pub struct Tool {
    /// Its name: analyzers in `kebab-case`, monitors in `snake_case`, as their older namesakes.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// What it works on.
    pub category: Category,
    /// The parameter that names the input.
    pub input: &'static str,
    /// Its parameters.
    pub params: &'static [Param],
    /// Parameters of older versions that are accepted without effect.
    pub ignored: &'static [&'static str],
    /// The files it writes.
    pub artifacts: &'static [ArtifactSpec],
    /// The tool itself; called through [`Tool::run`].
    pub call: Call,
}

impl Tool {
    /// Runs the tool. Without `input`, the parameter [`Tool::input`] names it.
    ///
    /// # Errors
    /// Those of the parameters, the input and the tool; `canceled`.
    pub fn run(&self, ctx: &Ctx, input: Option<Input>, params: &Map<String, Value>) -> Result<Report> {
        let mut params = params.clone();
        for name in self.ignored.iter().filter(|name| !self.params.iter().any(|p| p.name == **name)) {
            if params.shift_remove(*name).is_some() {
                let reason = "it concerned the Python environment of older versions".to_owned();
                ctx.warn(Warning::NoEffect { name: (*name).to_owned(), reason });
            }
        }
        if let Some(input) = &input {
            params.insert(self.input.to_owned(), input.name().into());
        }
        (self.call)(ctx, input, &params)
    }

    /// The tool as the service's capabilities show it.
    pub fn capability(&self) -> Value {
        let parameters: Map<String, Value> =
            self.params.iter().map(|param| (param.name.to_owned(), param.capability())).collect();
        let mut capability = json!({
            "id": self.name, "name": self.title, "description": self.summary, "category": self.category.name(),
            "version": null, "parameters": parameters,
        });
        if self.category == Category::Monitor {
            capability["is_real_time"] = true.into();
            // They replay logs.
            capability["requires_hardware"] = false.into();
            capability["data_stream_type"] = "websocket".into();
        }
        capability
    }

    /// The JSON Schema of the parameters.
    pub fn schema(&self) -> Value {
        schema(self.params)
    }
}

/// The tool of that name; `_` may stand for `-`.
///
/// # Errors
/// `no-such-tool`, with the nearest name.
pub fn find(name: &str) -> Result<&'static Tool> {
    let wanted = name.replace('_', "-");
    let tool = ALL.iter().find(|tool| tool.name.replace('_', "-") == wanted);
    tool.copied().ok_or_else(|| {
        let suggestion = nearest(name, ALL.iter().map(|tool| tool.name));
        ErrorKind::NoSuchTool { name: name.to_owned(), suggestion }.into()
    })
}

/// Tools and monitors as the service's capabilities show them.
pub fn capabilities() -> Value {
    let of = |category| -> Vec<Value> {
        ALL.iter().filter(|tool| tool.category == category).map(|tool| tool.capability()).collect()
    };
    json!({ "tools": of(Category::Analyzer), "monitors": of(Category::Monitor) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_well_formed() {
        let kebab = |s: &str| s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let snake = |s: &str| s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        for (i, tool) in ALL.iter().enumerate() {
            assert!(ALL[..i].iter().all(|other| other.name < tool.name), "{}: order", tool.name);
            assert!(kebab(&tool.name.replace('_', "-")), "{}", tool.name);
            assert!(!tool.title.is_empty() && tool.summary.ends_with('.'), "{}", tool.name);
            assert!(
                tool.params.iter().any(|p| p.name == tool.input && p.kind == Kind::Input),
                "{}",
                tool.name
            );
            for (i, param) in tool.params.iter().enumerate() {
                assert!(snake(param.name) && !param.description().is_empty(), "{}", param.name);
                assert!(tool.params[..i].iter().all(|other| other.name != param.name), "{}", param.name);
                if let Some(number) = (param.default)().as_f64() {
                    assert!((param.min..=param.max).contains(&number), "{}", param.name);
                }
            }
        }
    }

    #[test]
    fn monitors_are_apart_and_say_what_they_need() {
        let all = capabilities();
        let ids = |kind: &str| -> Vec<String> {
            all[kind].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(
            ids("monitors"),
            ["can_bus_check", "can_hybrid_rx_check", "hybrid_rx_trace", "panda_state"]
        );
        assert!(ids("tools").iter().all(|id| find(id).unwrap().category == Category::Analyzer));
        for monitor in all["monitors"].as_array().unwrap() {
            assert_eq!(monitor["is_real_time"], true);
            assert_eq!(monitor["requires_hardware"], false);
            assert_eq!(monitor["data_stream_type"], "websocket");
        }
    }

    #[test]
    fn tools_are_found_by_name() {
        assert_eq!(find("rlog_to_csv").unwrap().name, "rlog-to-csv");
        assert_eq!(find("can-bus-check").unwrap().name, "can_bus_check");
        let error = find("rlog-to-cvs").err().unwrap();
        assert_eq!(error.to_string(), "no tool named `rlog-to-cvs` (did you mean `rlog-to-csv`?)");
    }
}
