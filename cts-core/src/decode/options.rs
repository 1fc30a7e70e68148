//! What to decode, and how.

use super::Verify;

/// What to decode, and how. The default takes every signal of every received frame, as physical values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Raw values, in the smallest type that fits, instead of physical ones.
    pub raw: bool,
    /// A column `<signal>.choice` beside each signal that has named values; null where a value has no name.
    pub choices: bool,
    /// Only messages of these names; empty: all.
    pub messages: Vec<String>,
    /// Only these signals, as `SIGNAL` or `MESSAGE.SIGNAL`; empty: all.
    pub signals: Vec<String>,
    /// Only frames of these buses, as logged; empty: all.
    pub buses: Vec<u8>,
    /// Frames that panda was to send too (bus 128 and up): they are decoded by the database of the bus they went to.
    pub returned: bool,
    /// Frames that the safety code refused too (bus 192 and up).
    pub rejected: bool,
    /// What is done about counters and checksums.
    pub verify: Verify,
}
