//! Finding drives by device and time.

use serde_json::Value;

use super::client::Client;
use super::watch::Watch;
use crate::route::{DongleId, MAX_SEGMENT, Route, RouteSpec, Target};
use crate::{Error, ErrorKind, Result};

const DAY_MS: u64 = 24 * 3600 * 1000;
/// Drives that an error names.
const NAMED: usize = 4;

/// A drive that comma connect knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Drive {
    /// Its name.
    pub route: Route,
    /// Its length in miles, if known.
    pub miles: Option<f64>,
    /// Numbers of its segments with their start and end in Unix milliseconds, ascending.
    pub segments: Vec<(u32, u64, u64)>,
}

impl Drive {
    fn read(value: &Value) -> Option<Self> {
        let route = value["fullname"].as_str()?.parse().ok()?;
        let numbers = |name: &str| value[name].as_array().map(Vec::as_slice).unwrap_or_default().iter();
        let spans = numbers("segment_start_times").zip(numbers("segment_end_times"));
        let segments = numbers("segment_numbers").zip(spans).filter_map(|(n, (start, end))| {
            let n = u32::try_from(n.as_u64()?).ok().filter(|n| *n <= MAX_SEGMENT)?;
            Some((n, millis(start)?, millis(end)?))
        });
        let mut segments: Vec<_> = segments.collect();
        segments.sort_unstable();
        let miles = value["distance"].as_f64().or_else(|| value["length"].as_f64());
        Some(Self { route, miles, segments })
    }

    /// When it began and ended, in Unix milliseconds.
    pub fn span(&self) -> Option<(u64, u64)> {
        let start = self.segments.iter().map(|(_, start, _)| *start).min()?;
        Some((start, self.segments.iter().map(|(_, _, end)| *end).max()?))
    }

    /// The segments that lie in a time.
    fn within(&self, start_ms: u64, end_ms: u64) -> Option<RouteSpec> {
        let inside = self.segments.iter().filter(|(_, start, end)| *start < end_ms && *end > start_ms);
        let numbers = || inside.clone().map(|(n, _, _)| *n);
        let (first, last) = (numbers().min()?, numbers().max()?);
        format!("{}/{first}:{}", self.route, last + 1).parse().ok()
    }
}

fn millis(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|ms| *ms >= 0.0).map(|ms| ms as u64))
}

impl Client {
    /// The drives of a device within a time, in Unix milliseconds; the newest first, as the API sorts them.
    ///
    /// # Errors
    /// `no-access`, `not-in-connect`, `rate-limited`, `unreachable`, `bad-answer`, `canceled`.
    pub fn drives(&self, dongle: DongleId, start_ms: u64, end_ms: u64, watch: &Watch) -> Result<Vec<Drive>> {
        let path = format!("/v1/devices/{dongle}/routes_segments?start={start_ms}&end={end_ms}");
        let answer = self.ask(&path, &format!("device {dongle}"), watch)?;
        let Value::Array(all) = answer else {
            let reason = "the drives of a device are no list".to_owned();
            return Err(ErrorKind::BadAnswer { host: self.host().to_owned(), reason }.into());
        };
        Ok(all.iter().filter_map(Drive::read).filter(|drive| drive.route.dongle == Some(dongle)).collect())
    }

    /// The drive that `target` names. For an address of the old form, whose times need not be those of a drive, drives
    /// are looked for up to `search_days` around it.
    ///
    /// # Errors
    /// `bad-route` for a device, for several drives, and without a dongle id; `not-in-connect`; those of
    /// [`Client::drives`].
    pub fn locate(&self, target: &Target, search_days: u32, watch: &Watch) -> Result<RouteSpec> {
        match *target {
            Target::Route(spec) if spec.route.dongle.is_some() => Ok(spec),
            Target::Route(spec) => {
                Err(bad(&spec.to_string(), "comma connect needs the dongle id before the log id"))
            }
            Target::Device(dongle) => {
                Err(bad(&dongle.to_string(), "it names a device, not one of its drives"))
            }
            Target::Span { dongle, start_ms, end_ms } => {
                let around = u64::from(search_days) * DAY_MS;
                let (first, last) = (start_ms.saturating_sub(around), end_ms.saturating_add(around));
                let mut found = Vec::new();
                for (from, to) in [(start_ms, end_ms), (first, last)] {
                    let drives = self.drives(dongle, from, to, watch)?;
                    found = drives.iter().filter_map(|drive| drive.within(start_ms, end_ms)).collect();
                    if !found.is_empty() {
                        break;
                    }
                }
                only(found, dongle, start_ms, end_ms)
            }
        }
    }
}

fn only(mut found: Vec<RouteSpec>, dongle: DongleId, start_ms: u64, end_ms: u64) -> Result<RouteSpec> {
    if found.len() > 1 {
        let mut names: Vec<String> = found.iter().take(NAMED).map(ToString::to_string).collect();
        if names.len() < found.len() {
            names.push("…".to_owned());
        }
        let reason =
            format!("{} drives lie in this time ({}), name one of them", found.len(), names.join(", "));
        return Err(bad(&format!("{dongle}/{start_ms}/{end_ms}"), &reason));
    }
    found.pop().ok_or_else(|| {
        let what = format!("drive of {dongle} from {start_ms} to {end_ms} ms");
        ErrorKind::NotInConnect { what, reason: "no segment of this time is uploaded".to_owned() }.into()
    })
}

#[cold]
fn bad(text: &str, reason: &str) -> Error {
    ErrorKind::BadRoute { text: text.to_owned(), reason: reason.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn segments_of_a_time_are_picked() {
        let drive = Drive::read(&json!({
            "fullname": "a2a0ccea32023010|00000008--0696c823fa", "length": 1.5, "start_time": "2023-07-27T13:01:19",
            "segment_numbers": [2, 0, 1], "segment_start_times": [120, 0.0, 60], "segment_end_times": [170, 60, 120],
        }));
        let drive = drive.unwrap();
        assert_eq!((drive.span(), drive.miles), (Some((0, 170)), Some(1.5)));
        let within = |start, end| drive.within(start, end).map(|spec| spec.slice.to_string());
        assert_eq!(within(10, 61), Some("0:2".to_owned()));
        assert_eq!(within(60, 120), Some("1:2".to_owned()));
        assert_eq!(within(169, 999), Some("2:3".to_owned()));
        assert_eq!((within(170, 999), Drive::read(&json!({ "fullname": "x" }))), (None, None));
    }
}
