//! When each message was last seen, and which have fallen silent.

use std::collections::BTreeMap;

use super::finding::seconds;
use super::{Message, Silence};

/// Messages that are followed; a bus has a few hundred.
pub const MAX_MESSAGES: usize = 1 << 14;
/// Frames that a message needs before it can fall silent: those that come once or twice are not regular.
const REGULAR: u64 = 10;
/// A message is silent after so many of its mean periods, if that is longer than the given limit.
///
/// Source: opendbc `opendbc/safety/safety.h` `safety_tick`: lagging after ten periods, at least one second.
const PERIODS: u64 = 10;

/// What is known of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Its first frame.
    pub first: u64,
    /// Its last frame.
    pub last: u64,
    /// Its frames.
    pub frames: u64,
    /// The longest time between two frames, in ns.
    pub longest_gap: u64,
    /// Time that it was silent, in ns: it says nothing about its period.
    gaps: u64,
    silent: bool,
}

/// The last sight of every message.
///
/// Per frame: one look into a map. Per event: a walk over all messages, unless none can be overdue yet.
#[derive(Clone, Debug)]
pub struct Sights {
    limit: u64,
    seen: BTreeMap<Message, Sight>,
    /// No message can be overdue before this time.
    quiet_until: u64,
    /// Frames of messages beyond [`MAX_MESSAGES`].
    untracked: u64,
}

impl Sights {
    /// Messages count as silent after `limit` ns, or after ten periods if those are longer.
    pub fn new(limit: u64) -> Self {
        Self { limit, seen: BTreeMap::new(), quiet_until: 0, untracked: 0 }
    }

    /// A frame came. If that ends a silence, says which.
    pub fn see(&mut self, at: u64, message: Message) -> Option<Silence> {
        if self.seen.len() >= MAX_MESSAGES && !self.seen.contains_key(&message) {
            self.untracked += 1;
            return None;
        }
        let limit = self.limit;
        let new = Sight { first: at, last: at, frames: 0, longest_gap: 0, gaps: 0, silent: false };
        let sight = self.seen.entry(message).or_insert(new);
        let gap = at.saturating_sub(sight.last);
        let ended = sight.silent.then(|| silence(message, sight, at, limit));
        sight.frames += 1;
        sight.longest_gap = sight.longest_gap.max(gap);
        if sight.silent {
            sight.gaps += gap;
            sight.silent = false;
        }
        sight.last = sight.last.max(at);
        if sight.frames == REGULAR || ended.is_some() {
            // It may be overdue from now on.
            self.quiet_until = 0;
        }
        ended
    }

    /// The messages that have fallen silent since the last call, sorted, with the moment at which their limit passed.
    pub fn overdue(&mut self, now: u64) -> Vec<(u64, Silence)> {
        if now <= self.quiet_until {
            return Vec::new();
        }
        let (mut fallen, mut next) = (Vec::new(), u64::MAX);
        for (message, sight) in &mut self.seen {
            if sight.silent || sight.frames < REGULAR {
                continue;
            }
            let due = sight.last.saturating_add(sight.limit(self.limit));
            if now > due {
                sight.silent = true;
                fallen.push((due, silence(*message, sight, due, self.limit)));
            } else {
                // A later frame only moves this further away, as long as its period does not shrink.
                next = next.min(sight.last.saturating_add(self.limit));
            }
        }
        self.quiet_until = next;
        fallen.sort_by_key(|(due, silence)| (*due, silence.message));
        fallen
    }

    /// All messages that are silent now, sorted.
    pub fn silent(&self, now: u64) -> Vec<Silence> {
        let silent = self.seen.iter().filter(|(_, sight)| sight.silent);
        silent.map(|(message, sight)| silence(*message, sight, now, self.limit)).collect()
    }

    /// What is known of a message.
    pub fn get(&self, message: Message) -> Option<Sight> {
        self.seen.get(&message).copied()
    }

    /// Messages that are followed.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether no frame has come.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Frames of messages that are not followed because there are too many.
    pub fn untracked(&self) -> u64 {
        self.untracked
    }
}

impl Sight {
    /// After how many ns it counts as silent.
    fn limit(&self, least: u64) -> u64 {
        let steps = self.frames.saturating_sub(1).max(1);
        let period = (self.last - self.first).saturating_sub(self.gaps) / steps;
        least.max(period.saturating_mul(PERIODS))
    }
}

fn silence(message: Message, sight: &Sight, now: u64, least: u64) -> Silence {
    Silence {
        message,
        last_mono_time_ns: sight.last,
        silent_s: seconds(now.saturating_sub(sight.last)),
        limit_s: seconds(sight.limit(least)),
    }
}
