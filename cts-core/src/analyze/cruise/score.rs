//! Which unknown bits have to do with cruise control: every bit that toggled, with a score.
//!
//! A bit is worth a look when its toggles gather where something happened, and when there are few of them. For windows
//! and for what cruise control did alike, `lift` says how much of the toggles lies there beyond what the share of the
//! message's frames there would give by chance: 0 for no more, 1 for all of them. With T toggles:
//!
//! ```text
//! evidence = max(lift(windows), lift(0.5 s around cruise events))
//! support  = T / (T + 2)                      a single toggle proves little
//! penalty  = 0.1 * max(0, T - 40)             chatter, as in the first version
//!          + 50 if T >= 8 and the bit toggles in more than 5 % of the frames: a counter, a checksum, a measured value
//!          + 100 if the bit is in a byte that is the sum of the others: a checksum, which follows whatever happens
//! score    = 100 * evidence * support - penalty          rounded to three decimals
//! ```

use super::bits::{BitStats, MessageStats};

/// Toggles from which on a bit chatters.
pub const CHATTER_START: u64 = 40;
/// Points for each toggle beyond.
pub const CHATTER_SLOPE: f64 = 0.1;
/// Share of frames from which on a toggling bit is no state.
pub const BUSY_SHARE: f64 = 0.05;
/// Points that it loses.
pub const BUSY_PENALTY: f64 = 50.0;

/// Points that a bit of a checksum loses.
pub const CHECKSUM_PENALTY: f64 = 100.0;

/// A bit and what speaks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The address.
    pub address: u32,
    /// The bus.
    pub bus: u8,
    /// The bit in DBC numbering.
    pub bit: u16,
    /// See [the module](self).
    pub score: f64,
    /// See [the module](self).
    pub penalty: f64,
    /// How far the toggles gather in the windows, 0 to 1.
    pub window_lift: f64,
    /// How far they gather near cruise events, 0 to 1.
    pub event_lift: f64,
    /// Whether it toggles too often for a state.
    pub busy: bool,
    /// Whether it is in a byte that sums up the others.
    pub checksum: bool,
    /// Toggles and edges.
    pub stats: BitStats,
    /// Frames of the message.
    pub frames: u64,
}

/// All bits that toggled, the best first; equal ones by address, bit and bus.
pub fn candidates(messages: &[MessageStats]) -> Vec<Candidate> {
    let of = |message: &MessageStats| -> Vec<Candidate> {
        message.bits().map(|(bit, stats)| candidate(message, bit, stats)).collect()
    };
    let mut all: Vec<Candidate> = messages.iter().flat_map(of).collect();
    all.sort_by(|a, b| {
        let place = |c: &Candidate| (c.address, c.bit, c.bus);
        b.score.total_cmp(&a.score).then_with(|| place(a).cmp(&place(b)))
    });
    all
}

fn candidate(message: &MessageStats, bit: u16, stats: &BitStats) -> Candidate {
    let (frames, toggles) = (message.total(), stats.toggles());
    let window_lift = lift(stats.in_windows, toggles, message.frames[1], frames);
    let event_lift = lift(stats.near, toggles, message.near, frames);
    let busy = toggles >= 8 && toggles as f64 > BUSY_SHARE * frames as f64;
    let chatter = CHATTER_SLOPE * toggles.saturating_sub(CHATTER_START) as f64;
    let checksum = message.is_checksum(bit);
    let either = |is: bool, points: f64| if is { points } else { 0.0 };
    let penalty = chatter + either(busy, BUSY_PENALTY) + either(checksum, CHECKSUM_PENALTY);
    let support = toggles as f64 / (toggles + 2) as f64;
    let score = 100.0 * window_lift.max(event_lift) * support - penalty;
    // Rounded as it is shown, so that bits of one shown score are in order of their place.
    let score = (score * 1e3).round() / 1e3;
    let (address, bus, stats) = (message.address, message.bus, stats.clone());
    Candidate { address, bus, bit, score, penalty, window_lift, event_lift, busy, checksum, stats, frames }
}

/// How much of the toggles lies in a part of the frames beyond the part's own share.
pub fn lift(inside: u64, toggles: u64, part: u64, frames: u64) -> f64 {
    if toggles == 0 || frames == 0 || part >= frames {
        return 0.0;
    }
    let (share, expected) = (inside as f64 / toggles as f64, part as f64 / frames as f64);
    ((share - expected) / (1.0 - expected)).clamp(0.0, 1.0)
}
