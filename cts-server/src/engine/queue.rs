//! Whose turn it is: higher priorities first, and within one the clients in turn.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Runs that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    levels: BTreeMap<Reverse<i64>, Turns>,
    len: usize,
    /// Places for runs that are on their way.
    reserved: usize,
    /// Runs that were taken and have not ended.
    pub(super) running: usize,
}

/// The runs of one priority. Each client in `order` has at least one run.
#[derive(Debug, Default)]
struct Turns {
    order: VecDeque<String>,
    waiting: HashMap<String, VecDeque<String>>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Keeps a place for a run to come; false if `max` wait or are on their way.
    pub(super) fn reserve(&mut self, max: usize) -> bool {
        let free = self.len + self.reserved < max;
        self.reserved += usize::from(free);
        free
    }

    /// Gives a place back, whether the run came or not.
    pub(super) fn release(&mut self) {
        self.reserved -= 1;
    }

    pub(super) fn push(&mut self, priority: i64, client: &str, id: &str) {
        let turns = self.levels.entry(Reverse(priority)).or_default();
        let waiting = turns.waiting.entry(client.to_owned()).or_default();
        if waiting.is_empty() {
            turns.order.push_back(client.to_owned());
        }
        waiting.push_back(id.to_owned());
        self.len += 1;
    }

    /// The next run; its client goes to the end of its priority.
    pub(super) fn pop(&mut self) -> Option<String> {
        let mut level = self.levels.first_entry()?;
        let turns = level.get_mut();
        let client = turns.order.pop_front()?;
        let waiting = turns.waiting.get_mut(&client)?;
        let id = waiting.pop_front()?;
        if waiting.is_empty() {
            turns.waiting.remove(&client);
        } else {
            turns.order.push_back(client);
        }
        if turns.order.is_empty() {
            level.remove();
        }
        self.len -= 1;
        Some(id)
    }

    /// Takes a run out, wherever it is. False if it does not wait.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        for turns in self.levels.values_mut() {
            let found = turns.order.iter().find_map(|client| {
                let at = turns.waiting.get(client)?.iter().position(|waiting| waiting == id)?;
                Some((client.clone(), at))
            });
            if let Some((client, at)) = found
                && let Some(waiting) = turns.waiting.get_mut(&client)
            {
                waiting.remove(at);
                if waiting.is_empty() {
                    turns.waiting.remove(&client);
                    turns.order.retain(|other| *other != client);
                }
                self.len -= 1;
                self.levels.retain(|_, turns| !turns.order.is_empty());
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(queue: &mut Queue) -> Vec<String> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn clients_take_turns() {
        let mut queue = Queue::default();
        for id in ["a1", "a2", "a3"] {
            queue.push(0, "a", id);
        }
        queue.push(0, "b", "b1");
        queue.push(0, "c", "c1");
        assert_eq!(drain(&mut queue), ["a1", "b1", "c1", "a2", "a3"]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn priorities_go_first() {
        let mut queue = Queue::default();
        queue.push(0, "a", "low");
        queue.push(5, "a", "high");
        queue.push(-1, "b", "lowest");
        assert_eq!(drain(&mut queue), ["high", "low", "lowest"]);
    }

    #[test]
    fn places_are_not_given_twice() {
        let mut queue = Queue::default();
        assert!(queue.reserve(2) && queue.reserve(2) && !queue.reserve(2));
        queue.push(0, "a", "a1");
        queue.release();
        assert!(!queue.reserve(2), "one waits, one is on its way");
        queue.release();
        assert!(queue.reserve(2));
    }

    #[test]
    fn removed_runs_never_come() {
        let mut queue = Queue::default();
        queue.push(0, "a", "a1");
        queue.push(0, "b", "b1");
        queue.push(0, "a", "a2");
        assert!(queue.remove("a1") && queue.remove("b1") && !queue.remove("b1"));
        assert_eq!((queue.len(), drain(&mut queue)), (1, vec!["a2".to_owned()]));
    }
}
