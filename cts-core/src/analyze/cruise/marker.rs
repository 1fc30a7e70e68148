//! Markers: the driver sets the left turn signal before something worth a look, and the right one after it.

use super::span::Span;

/// How markers are read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarkerRule {
    /// Whether there are any.
    pub enabled: bool,
    /// Added before the left lamp, in ns.
    pub pre: u64,
    /// Added after the right lamp, in ns.
    pub post: u64,
    /// Longest time from left to right, in ns.
    pub timeout: u64,
}

/// A marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// When the left lamp rose, in ns of mono time.
    pub left: u64,
    /// When the right one did; `None` for a marker that the log cut off.
    pub right: Option<u64>,
}

impl Marker {
    /// Whether the log ends before the right lamp rose.
    pub fn is_partial(&self) -> bool {
        self.right.is_none()
    }

    /// The time it is about.
    pub fn window(&self, rule: &MarkerRule) -> Span {
        Span { start: self.left, end: self.right.unwrap_or(self.left) }.widened(rule.pre, rule.post)
    }
}

/// Pairs left and right: the last left rise opens, the next right rise within the timeout closes.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairing {
    open: Option<u64>,
}

impl Pairing {
    /// What rose at `t`; both at once (hazard lights) count as left. A marker when one closes.
    pub(super) fn step(&mut self, t: u64, left: bool, right: bool, rule: &MarkerRule) -> Option<Marker> {
        if left {
            self.open = Some(t);
            return None;
        }
        let open = self.open.take_if(|_| right)?;
        (t.saturating_sub(open) <= rule.timeout).then_some(Marker { left: open, right: Some(t) })
    }

    /// The marker that is open when the log ends at `end`.
    pub(super) fn finish(self, end: u64, rule: &MarkerRule) -> Option<Marker> {
        let left = self.open.filter(|open| end.saturating_sub(*open) <= rule.timeout)?;
        Some(Marker { left, right: None })
    }
}
