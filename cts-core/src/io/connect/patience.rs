//! How often and how long things are tried.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::fault::Fault;
use super::watch::Watch;
use crate::Result;

/// Too many calls are forgotten within a minute: the first pause after such an answer is so many usual ones.
const BUSY_FACTOR: u32 = 15;
const MINUTE: Duration = Duration::from_secs(60);

/// How often and how long things are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Attempts in a row that may bring nothing; at least one is made.
    pub attempts: u32,
    /// The pause before the second attempt, unless the server asks for another; doubled for each further one.
    pub pause: Duration,
    /// The longest pause, also of those that a server asks for.
    pub longest_pause: Duration,
    /// The longest silence of a server.
    pub silence: Duration,
    /// Lists of files that are asked for within a minute. The API takes five.
    pub lists_per_minute: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 5,
            pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(120),
            silence: Duration::from_secs(10),
            lists_per_minute: 5,
        }
    }
}

impl Patience {
    /// The pause after that many failures in a row.
    pub(super) fn after(&self, failures: u32, fault: &Fault) -> Duration {
        let doubled = self.pause.saturating_mul(1 << failures.saturating_sub(1).min(16));
        let pause = match fault {
            Fault::Status { retry_after: Some(asked), .. } => *asked,
            Fault::Status { code: 429, .. } => doubled.saturating_mul(BUSY_FACTOR),
            _ => doubled,
        };
        pause.min(self.longest_pause)
    }
}

/// The calls of the last minute, for all downloads of a client together.
#[derive(Default)]
pub(super) struct Limit(Mutex<VecDeque<Instant>>);

impl Limit {
    /// Waits for the next turn.
    ///
    /// # Errors
    /// `canceled`.
    pub(super) fn enter(&self, per_minute: usize, watch: &Watch) -> Result<()> {
        loop {
            let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(pause) = turn(&mut calls, Instant::now(), per_minute) else { return Ok(()) };
            drop(calls);
            watch.wait(pause, || format!("lists of files are given {per_minute} times a minute"))?;
        }
    }
}

/// Takes a turn, or says how long to wait for one.
fn turn(calls: &mut VecDeque<Instant>, now: Instant, per_minute: usize) -> Option<Duration> {
    while calls.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
        calls.pop_front();
    }
    match calls.front().filter(|_| calls.len() >= per_minute) {
        Some(first) => Some(MINUTE - now.duration_since(*first)),
        None => {
            calls.push_back(now);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, retry_after: Option<u64>) -> Fault {
        let retry_after = retry_after.map(Duration::from_secs);
        Fault::Status { code, reason: String::new(), retry_after, size: None }
    }

    #[test]
    fn pauses_grow_unless_the_server_asks_for_others() {
        let patience = Patience::default();
        let seconds = |failures, fault: &Fault| patience.after(failures, fault).as_secs();
        let usual = [1, 2, 3, 9].map(|n| seconds(n, &status(503, None)));
        assert_eq!(usual, [1, 2, 4, 120]);
        assert_eq!([1, 2, 3].map(|n| seconds(n, &status(429, None))), [15, 30, 60]);
        assert_eq!([1, 3].map(|n| seconds(n, &status(429, Some(7)))), [7, 7]);
        assert_eq!(seconds(1, &status(503, Some(86_400))), 120);
    }

    #[test]
    fn a_minute_has_so_many_turns() {
        let (mut calls, start) = (VecDeque::new(), Instant::now());
        let mut at = |s| turn(&mut calls, start + Duration::from_secs(s), 2).map(|pause| pause.as_secs());
        assert_eq!([at(0), at(10), at(20), at(59)], [None, None, Some(40), Some(1)]);
        assert_eq!([at(60), at(61), at(70)], [None, Some(9), None]);
    }
}
