//! Times, in order.

use std::time::Duration;

/// Times of one kind of request.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The time that this share of all does not exceed, in ms.
    pub(crate) fn at(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let place = (last as f64 * share).round() as usize;
        sorted.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }

    /// Median, 99th percentile and maximum, as cells of a table.
    pub(crate) fn cells(&self) -> String {
        format!("{} | {:.2} | {:.2} | {:.2}", self.len(), self.at(0.5), self.at(0.99), self.at(1.0))
    }
}
