//! Version negotiation, the first request of every command.

use serde_json::Value;

use super::{Call, Client, Error, Result};

/// The version of the command line client of the Python project whose interface this one speaks. Services name the
/// oldest one that they serve in the same count.
const SPEAKS: &str = "0.8.1";

/// Asks for the versions; gives what the service calls deprecated.
///
/// # Errors
/// `client-too-old`. A service that does not answer is left to the request that follows.
pub(crate) fn negotiate(client: &Client) -> Result<Vec<String>> {
    let answer = client.send(&Call::get("/v1/version"));
    let text = match answer.map(|answer| answer.into_body().with_config().limit(1 << 16).read_to_string()) {
        Ok(Ok(text)) => text,
        // Nothing of the kind there; the command itself will say so.
        _ => return Ok(Vec::new()),
    };
    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
    if let Some(need) = answer["min_client_version"].as_str()
        && let (Some(needed), Some(have)) = (numbers(need), numbers(SPEAKS))
        && needed > have
    {
        return Err(Error::TooOld { need: client.hide(need), have: SPEAKS.to_owned() });
    }
    let features = answer["deprecated_features"].as_array().into_iter().flatten();
    Ok(features.filter_map(Value::as_str).map(|text| client.hide(text)).collect())
}

/// `0.8.1` as numbers, zeros at the end left out. Pre-releases and the like are not ordered here.
fn numbers(version: &str) -> Option<Vec<u64>> {
    let mut numbers: Vec<u64> = version.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    while numbers.last() == Some(&0) {
        numbers.pop();
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(numbers("0.10.0") > numbers("0.9.9") && numbers("1") > numbers("0.8.1"));
        assert_eq!(numbers("1.0"), numbers("1"));
        assert_eq!(numbers("1.0rc1"), None);
    }
}
