//! Requests a minute of each caller, as buckets of tokens.
//!
//! A bucket holds one minute's worth, so a burst of that size passes and the mean is kept. The number of buckets is
//! bounded: callers beyond it share one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Callers that are told apart.
const MAX_BUCKETS: usize = 100_000;
/// Full buckets are forgotten at most this often.
const SWEEP: Duration = Duration::from_secs(1);

/// Whom requests are counted for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RateKey {
    /// Someone with a valid key or token.
    Principal(String),
    /// Everyone else by address.
    Address(IpAddr),
    /// Those of either that fetch files.
    Files(Box<RateKey>),
    /// Those for whom there was no room.
    Others,
}

impl RateKey {
    /// IPv6 addresses count by /64, since one customer has at least that many.
    pub fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
            v4 => v4,
        })
    }
}

/// What is left for a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests a minute.
    pub limit: u64,
    /// Requests that would pass now.
    pub remaining: u64,
    /// When this one would pass; `None` when it does.
    pub retry_after: Option<Duration>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

/// The buckets.
#[derive(Default)]
pub struct Limiter(Mutex<State>);

#[derive(Default)]
struct State {
    buckets: HashMap<RateKey, Bucket>,
    swept: Option<Instant>,
}

impl Limiter {
    /// Counts one request of `key` at `now`.
    pub fn take(&self, key: RateKey, per_minute: u64, now: Instant) -> Quota {
        let (limit, rate) = (per_minute as f64, per_minute as f64 / 60.0);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = state.room_for(key, limit, rate, now);
        let bucket = state.buckets.entry(key).or_insert(Bucket { tokens: limit, at: now });
        bucket.tokens = bucket.level(limit, rate, now);
        bucket.at = bucket.at.max(now);
        let passes = bucket.tokens >= 1.0;
        if passes {
            bucket.tokens -= 1.0;
        }
        let retry_after = (!passes).then(|| Duration::from_secs_f64((1.0 - bucket.tokens) / rate));
        Quota { limit: per_minute, remaining: bucket.tokens.floor() as u64, retry_after }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.0.lock().unwrap().buckets.len()
    }
}

impl Bucket {
    fn level(&self, limit: f64, rate: f64, now: Instant) -> f64 {
        (self.tokens + now.saturating_duration_since(self.at).as_secs_f64() * rate).min(limit)
    }
}

impl State {
    /// `key`, or the shared one when it is new and there is no room. A full bucket is the same as none.
    fn room_for(&mut self, key: RateKey, limit: f64, rate: f64, now: Instant) -> RateKey {
        if self.buckets.len() < MAX_BUCKETS || self.buckets.contains_key(&key) {
            return key;
        }
        if self.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= SWEEP) {
            self.swept = Some(now);
            self.buckets.retain(|_, bucket| bucket.level(limit, rate, now) < limit);
        }
        if self.buckets.len() < MAX_BUCKETS { key } else { RateKey::Others }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(n: u32) -> RateKey {
        RateKey::address(IpAddr::V4(n.into()))
    }

    #[test]
    fn a_minute_passes_at_once_and_then_at_the_rate() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        let take = |seconds| limiter.take(who(1), 60, start + Duration::from_secs_f64(seconds)).retry_after;
        assert!((0..60).all(|_| take(0.0).is_none()));
        assert_eq!(take(0.0), Some(Duration::from_secs(1)));
        assert_eq!(take(0.5), Some(Duration::from_secs_f64(0.5)));
        assert_eq!((take(1.0), take(1.0).is_some()), (None, true));
        assert!(limiter.take(who(2), 60, start).retry_after.is_none(), "others are not held up");
        let passed = (0..100).filter(|_| take(3600.0).is_none()).count();
        assert_eq!(passed, 60, "no more than a minute is saved up");
    }

    #[test]
    fn neighbours_in_ipv6_are_one() {
        let key = |text: &str| RateKey::address(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:1.2.3.4"), key("1.2.3.4"));
    }

    #[test]
    fn memory_is_bounded_and_strangers_share() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        let n = u32::try_from(MAX_BUCKETS).unwrap();
        for i in 0..n + 1000 {
            limiter.take(who(i), 60, start);
        }
        assert_eq!(limiter.len(), MAX_BUCKETS + 1);
        assert!(limiter.take(who(n + 5000), 60, start).remaining < 60 - 1);
        let later = start + Duration::from_secs(61);
        assert_eq!(limiter.take(who(n + 5000), 60, later).remaining, 59);
        assert_eq!(limiter.len(), 1);
    }
}
