//! What a text from a user may name besides a route.

use std::str::FromStr;

use super::name::{DongleId, bad_route};
use super::spec::{RouteSpec, from_name};
use super::url;
use crate::error::{Error, Result};

/// A drive, or something that drives can be found by: what an address of connect.comma.ai may name.
///
/// Besides all that [`RouteSpec`] reads, a dongle id alone and addresses of the old form are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A drive, or some of its segments.
    Route(RouteSpec),
    /// A device.
    Device(DongleId),
    /// What a device drove within a time, in Unix milliseconds: the old form of addresses.
    Span {
        /// The device.
        dongle: DongleId,
        /// The start.
        start_ms: u64,
        /// The end, after the start.
        end_ms: u64,
    },
}

impl Target {
    /// The drive; the error is the reason why there is none.
    pub(super) fn spec(self) -> Result<RouteSpec, &'static str> {
        match self {
            Self::Route(spec) => Ok(spec),
            Self::Device(_) => Err("it names a device, not one of its drives"),
            Self::Span { .. } => Err("it names a span of time, whose drive only comma connect knows"),
        }
    }
}

impl FromStr for Target {
    type Err = Error;

    /// # Errors
    /// `bad-route`, with what is wrong and the accepted form.
    fn from_str(text: &str) -> Result<Self> {
        let parsed = match url::split(text) {
            Some((host, rest)) => url::read(host, rest),
            None => DongleId::new(text)
                .map_or_else(|| from_name(text).map(Self::Route), |id| Ok(Self::Device(id))),
        };
        parsed.map_err(|reason| bad_route(text, reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_and_times_are_told_from_drives() {
        let dongle: DongleId = "a2a0ccea32023010".parse().unwrap();
        let old = "https://connect.comma.ai/a2a0ccea32023010/1690462879000/1690463479000/";
        let (start_ms, end_ms) = (1_690_462_879_000, 1_690_463_479_000);
        let route = "a2a0ccea32023010/00000008--0696c823fa/1:3";
        for (text, want) in [
            ("a2a0ccea32023010", Target::Device(dongle)),
            ("connect.comma.ai/a2a0ccea32023010/", Target::Device(dongle)),
            (old, Target::Span { dongle, start_ms, end_ms }),
            (route, Target::Route(route.parse().unwrap())),
        ] {
            assert_eq!(text.parse::<Target>().unwrap(), want, "{text}");
        }
        assert_eq!("a2a0".parse::<Target>().unwrap_err().code(), "bad-route");
    }
}
