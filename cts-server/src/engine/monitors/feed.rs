//! What a monitor says, for any number of subscribers: the last events, and who missed how many.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::super::lock;

/// The last events of a monitor. Nobody waits for a slow subscriber: what the buffer cannot hold is lost for it, and
/// it is told how much.
#[derive(Debug)]
pub struct Feed {
    ring: Mutex<Ring>,
    /// Number of the last event, and whether it was the last of all.
    changed: watch::Sender<(u64, bool)>,
    subscribers: Arc<AtomicUsize>,
    max_events: usize,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct Ring {
    /// Texts of events; the first has the number `first`, counted from 1.
    events: VecDeque<Arc<str>>,
    first: u64,
    bytes: usize,
}

/// What a subscriber gets at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Events that were lost before those here.
    pub dropped: u64,
    /// Events in order.
    pub events: Vec<Arc<str>>,
    /// Number of the last of them, to ask for the next.
    pub last: u64,
}

/// A place among the subscribers of a monitor; free again when it is dropped.
#[derive(Debug)]
pub struct Subscription {
    /// Changes when there is more.
    pub changed: watch::Receiver<(u64, bool)>,
    subscribers: Arc<AtomicUsize>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.subscribers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Feed {
    /// An empty feed that keeps so many events and bytes, but always the last event.
    pub(super) fn new(max_events: usize, max_bytes: usize) -> Self {
        let ring = Mutex::new(Ring { first: 1, ..Ring::default() });
        Self {
            ring,
            changed: watch::Sender::new((0, false)),
            subscribers: Arc::default(),
            max_events,
            max_bytes,
        }
    }

    /// Adds an event.
    pub(super) fn push(&self, text: &str) {
        self.add(text, false);
    }

    /// Adds the last event.
    pub(super) fn end(&self, text: &str) {
        self.add(text, true);
    }

    fn add(&self, text: &str, last: bool) {
        let mut ring = lock(&self.ring);
        ring.bytes += text.len();
        ring.events.push_back(text.into());
        while ring.events.len() > 1 && (ring.events.len() > self.max_events || ring.bytes > self.max_bytes) {
            let gone = ring.events.pop_front().map_or(0, |text| text.len());
            ring.bytes -= gone;
            ring.first += 1;
        }
        let number = ring.first + ring.events.len() as u64 - 1;
        drop(ring);
        self.changed.send_replace((number, last));
    }

    /// At most `max` events after the event number `after`.
    pub fn after(&self, after: u64, max: usize) -> Piece {
        let ring = lock(&self.ring);
        let next = (after + 1).max(ring.first);
        let skip = usize::try_from(next - ring.first).unwrap_or(usize::MAX);
        let events: Vec<Arc<str>> = ring.events.iter().skip(skip).take(max).cloned().collect();
        Piece { dropped: next - after - 1, last: next - 1 + events.len() as u64, events }
    }

    /// A place among at most `max` subscribers.
    pub fn subscribe(&self, max: usize) -> Option<Subscription> {
        let more = |count: usize| (count < max).then_some(count + 1);
        self.subscribers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Subscription { changed: self.changed.subscribe(), subscribers: Arc::clone(&self.subscribers) })
    }

    /// How many listen.
    pub fn subscribers(&self) -> usize {
        self.subscribers.load(Ordering::Relaxed)
    }

    /// How many events there were.
    pub fn count(&self) -> u64 {
        self.changed.borrow().0
    }

    /// Waits for the last event.
    pub(super) async fn closed(&self) {
        // An error means that nobody can end it any more.
        let _ = self.changed.subscribe().wait_for(|(_, closed)| *closed).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(piece: &Piece) -> Vec<&str> {
        piece.events.iter().map(|text| &**text).collect()
    }

    #[test]
    fn slow_subscribers_learn_what_they_missed() {
        let feed = Feed::new(3, 100);
        assert_eq!(feed.after(0, 9), Piece::default());
        ["a", "b"].iter().for_each(|text| feed.push(text));
        let piece = feed.after(0, 1);
        assert_eq!((piece.dropped, texts(&piece), piece.last), (0, vec!["a"], 1));
        ["c", "d", "e"].iter().for_each(|text| feed.push(text));
        let piece = feed.after(piece.last, 9);
        assert_eq!((piece.dropped, texts(&piece), piece.last), (1, vec!["c", "d", "e"], 5));
        assert_eq!(feed.after(5, 9), Piece { last: 5, ..Piece::default() });
        feed.end(&"x".repeat(500));
        let piece = feed.after(2, 9);
        assert_eq!(
            (piece.dropped, piece.events.len(), piece.last),
            (3, 1, 6),
            "the last one is always there"
        );
        assert_eq!(*feed.changed.borrow(), (6, true));
    }

    #[test]
    fn places_are_limited_and_given_back() {
        let feed = Feed::new(3, 100);
        let first = feed.subscribe(1).unwrap();
        assert!(feed.subscribe(1).is_none());
        drop(first);
        assert!(feed.subscribe(1).is_some());
        assert_eq!(feed.subscribers(), 0);
    }
}
