//! Parameters, looked at before a run is accepted.

use crate::failure::Failure;
use cts_core::tool::{Kind, Param, ParamValue, Tool, check_names};
use serde_json::{Map, Value};

/// Checks names and values as far as that needs no input.
///
/// # Errors
/// `unknown-param`, `missing-param`, `bad-param`, `out-of-range`.
fn check(tool: &Tool, params: &Map<String, Value>) -> cts_core::Result<()> {
    let mut known = params.clone();
    known.retain(|name, _| !tool.ignored.contains(&name.as_str()));
    check_names(tool.params, &known)?;
    let given = |param: &&Param| params.get(param.name).is_some_and(|value| !value.is_null());
    tool.params.iter().filter(given).try_for_each(|param| check_value(param, &params[param.name]))
}

/// As [`check`], with the words that older clients know.
///
/// # Errors
/// Those of [`check`].
pub(super) fn check_all(tool: &Tool, params: &Map<String, Value>) -> Result<(), Failure> {
    check(tool, params).map_err(|error| {
        let failure = Failure::from(&error);
        match (&*failure.code, &failure.details.parameter) {
            ("missing-param", Some(name)) => {
                Failure { message: format!("Required parameter '{name}' missing"), ..failure }
            }
            _ => failure,
        }
    })
}

fn check_value(param: &Param, value: &Value) -> cts_core::Result<()> {
    match param.kind {
        Kind::Str | Kind::Path | Kind::Input => String::from_json(param, value).map(drop),
        Kind::Int => i64::from_json(param, value).map(drop),
        Kind::Float => f64::from_json(param, value).map(drop),
        Kind::Bool => bool::from_json(param, value).map(drop),
        Kind::StrList => Vec::<String>::from_json(param, value).map(drop),
        Kind::IntList => Vec::<i64>::from_json(param, value).map(drop),
    }
}

/// A parameter as text: a list is what clients make of a text with commas.
pub(super) fn text_of(tool: &Tool, name: &str, value: &Value) -> cts_core::Result<Option<String>> {
    let param = tool.params.iter().find(|param| param.name == name);
    match param.filter(|_| !value.is_null()) {
        Some(param) => String::from_json(param, value).map(Some),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use cts_core::tool;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_old_client_guesses_is_understood() {
        let check = |tool: &str, params: Value| {
            let params = params.as_object().unwrap().clone();
            check(tool::find(tool).unwrap(), &params).map_err(|e| e.code())
        };
        assert_eq!(
            check("can-bitwatch", json!({ "csv": "/a", "watch": "0x1:B0b0", "window_start": "3" })),
            Ok(())
        );
        assert_eq!(check("rlog-to-csv", json!({ "rlog": ["/a", "b"], "out": 1, "repo_root": "/x" })), Ok(()));
        assert_eq!(check("rlog-to-csv", json!({ "rlog": "/a", "window_start": "x" })), Err("bad-param"));
        assert_eq!(check("rlog-to-csv", json!({ "rlog": "/a", "windw_start": 1 })), Err("unknown-param"));
        assert_eq!(check("rlog-to-csv", json!({ "out": "a" })), Err("missing-param"));
        assert_eq!(check("can-bitwatch", json!({ "csv": "/a", "pulse_count": 0 })), Err("out-of-range"));
    }
}
