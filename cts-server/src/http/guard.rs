//! Keeps the older client from asking for a finished log over and over.
//!
//! When following, it connects again without a pause whenever a stream ends, prints all lines again, and takes no
//! answer for the end. So a follower that asks again at once for the log that it has just been given whole gets a
//! stream that says nothing.
//!
//! Another process of that client may want the same log just then, and must not wait for ever. It is known by its first
//! request, which is always for the version: for each of these that nothing else followed yet, one log is given.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;

/// Whoever comes back within this time did not mean to: connecting again takes less, even on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(1);
/// How long a process of the client may take from its first request to the log.
const SOON: Duration = Duration::from_secs(5);
/// The client says this of itself, except when it reads streams.
const CLIENT: &str = "cts-cli/";
/// What it says then, as other programs do, too.
const READER: &str = "python-httpx/";
/// The first request of each of its processes.
const HELLO: &str = "/v1/version";
/// Addresses that are remembered.
const MAX_PEERS: usize = 4096;
/// Processes of one address that are remembered.
const MAX_STARTS: usize = 64;

/// What the older clients did a moment ago.
#[derive(Debug, Default)]
pub(super) struct FollowGuard(Mutex<Past>);

#[derive(Debug, Default)]
struct Past {
    /// When somebody was given the end of a log.
    ends: HashMap<(IpAddr, String), Instant>,
    /// Where the client was seen.
    peers: HashMap<IpAddr, Peer>,
}

#[derive(Debug)]
struct Peer {
    seen: Instant,
    /// When processes began that have asked for nothing since.
    starts: Vec<Instant>,
}

impl FollowGuard {
    /// A request for `path` has come.
    pub(super) fn saw(&self, peer: IpAddr, headers: &HeaderMap, path: &str) {
        if !says(headers, "user-agent", |agent| agent.starts_with(CLIENT)) {
            return;
        }
        let (now, mut past) = (Instant::now(), self.0.lock().unwrap_or_else(PoisonError::into_inner));
        past.make_room(peer);
        let peer = past.peers.entry(peer).or_insert_with(|| Peer { seen: now, starts: Vec::new() });
        peer.seen = now;
        peer.starts.retain(|at| now.duration_since(*at) < SOON);
        if path != HELLO {
            peer.starts.pop();
        } else if peer.starts.len() < MAX_STARTS {
            peer.starts.push(now);
        }
    }

    /// A stream has ended.
    pub(super) fn ended(&self, peer: IpAddr, run: &str) {
        let (now, mut past) = (Instant::now(), self.0.lock().unwrap_or_else(PoisonError::into_inner));
        past.ends.retain(|_, at| now.duration_since(*at) < AT_ONCE);
        past.ends.insert((peer, run.to_owned()), now);
    }

    /// Whether this is a follower that has had all of it and asks without meaning to.
    pub(super) fn holds(&self, peer: IpAddr, run: &str, headers: &HeaderMap) -> bool {
        let follows = says(headers, "user-agent", |agent| agent.starts_with(READER))
            && says(headers, "accept", |accept| accept == "text/event-stream");
        let mut past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = past.ends.get(&(peer, run.to_owned())).is_some_and(|at| at.elapsed() < AT_ONCE);
        let Some(peer) = past.peers.get_mut(&peer).filter(|_| follows) else { return false };
        let begins = peer.starts.pop().is_some_and(|at| at.elapsed() < SOON);
        ended && !begins
    }
}

impl Past {
    /// Forgets the address that was quiet for the longest time, if `peer` would be one too many.
    fn make_room(&mut self, peer: IpAddr) {
        if self.peers.len() < MAX_PEERS || self.peers.contains_key(&peer) {
            return;
        }
        let oldest = self.peers.iter().min_by_key(|(_, known)| known.seen).map(|(address, _)| *address);
        oldest.map(|address| self.peers.remove(&address));
    }
}

fn says(headers: &HeaderMap, name: &str, what: impl Fn(&str) -> bool) -> bool {
    headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn headers(agent: &str, accept: &str) -> HeaderMap {
        let pairs = [("user-agent", agent), ("accept", accept)];
        pairs.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).into_iter().collect()
    }

    fn begin(guard: &FollowGuard) {
        guard.saw(ME, &headers("cts-cli/0.1.0", "*/*"), HELLO);
    }

    fn reads(guard: &FollowGuard, run: &str) -> bool {
        !guard.holds(ME, run, &headers("python-httpx/0.27", "text/event-stream"))
    }

    #[test]
    fn only_the_old_client_that_comes_back_at_once_is_held() {
        let guard = FollowGuard::default();
        begin(&guard);
        assert!(reads(&guard, "a"));
        guard.ended(ME, "a");
        assert!(!reads(&guard, "a") && !reads(&guard, "a") && reads(&guard, "b"));
        for (agent, accept) in [("curl/8", "text/event-stream"), ("python-httpx/0.27", "*/*")] {
            assert!(!guard.holds(ME, "a", &headers(agent, accept)), "{agent} {accept}");
        }
    }

    #[test]
    fn a_new_process_is_not_held() {
        let guard = FollowGuard::default();
        begin(&guard);
        begin(&guard);
        assert!(reads(&guard, "a"));
        guard.ended(ME, "a");
        assert!(reads(&guard, "a") && !reads(&guard, "a"));
        begin(&guard);
        guard.saw(ME, &headers("cts-cli/0.1.0", "*/*"), "/v1/health");
        assert!(!reads(&guard, "a"), "that one wanted something else");
    }

    #[test]
    fn where_the_client_never_was_nobody_is_held() {
        let guard = FollowGuard::default();
        guard.ended(ME, "a");
        assert!(reads(&guard, "a"));
    }

    #[test]
    fn addresses_are_bounded() {
        let guard = FollowGuard::default();
        for number in 0..=MAX_PEERS as u32 {
            guard.saw(IpAddr::V4(number.into()), &headers("cts-cli/0.1.0", "*/*"), HELLO);
        }
        let past = guard.0.lock().unwrap();
        assert_eq!(past.peers.len(), MAX_PEERS);
        assert!(!past.peers.contains_key(&IpAddr::V4(0.into())));
    }
}
