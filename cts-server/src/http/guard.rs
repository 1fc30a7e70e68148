//! Keeps the older client from asking for a finished log over and over.
//!
//! When following, it connects again without a pause whenever a stream ends, prints all lines again, and takes no
//! answer for the end. So a client that asks again at once for the log that it has just been given whole gets a
//! stream that says nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Whoever comes back within this time did not mean to: connecting again takes less on a busy machine, starting the
/// client takes more on an idle one.
const AT_ONCE: Duration = Duration::from_millis(400);
/// The older client says this of itself when it reads streams.
const OLD_CLIENT: &str = "python-httpx/";

/// Ends of streams a moment ago.
#[derive(Debug, Default)]
pub(super) struct FollowGuard(Mutex<HashMap<(IpAddr, String), Instant>>);

impl FollowGuard {
    /// A stream has ended.
    pub(super) fn ended(&self, client: IpAddr, run: &str) {
        let (now, mut ends) = (Instant::now(), self.0.lock().unwrap_or_else(PoisonError::into_inner));
        ends.retain(|_, at| now.duration_since(*at) < AT_ONCE);
        ends.insert((client, run.to_owned()), now);
    }

    /// Whether this is a client that has had all of it and asks without meaning to.
    pub(super) fn holds(&self, client: IpAddr, run: &str, agent: Option<&str>) -> bool {
        let ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = ends.get(&(client, run.to_owned())).is_some_and(|at| at.elapsed() < AT_ONCE);
        ended && agent.is_some_and(|agent| agent.starts_with(OLD_CLIENT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_old_client_that_comes_back_at_once_is_held() {
        let (guard, me) = (FollowGuard::default(), IpAddr::from([127, 0, 0, 1]));
        assert!(!guard.holds(me, "a", Some("python-httpx/0.27")));
        guard.ended(me, "a");
        assert!(guard.holds(me, "a", Some("python-httpx/0.27")));
        assert!(!guard.holds(me, "b", Some("python-httpx/0.27")));
        assert!(!guard.holds(me, "a", Some("curl/8")) && !guard.holds(me, "a", None));
    }
}
