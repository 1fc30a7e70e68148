//! Spans of time and unions of them.

/// A span of time, both ends included, in ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Start.
    pub start: u64,
    /// End, not before the start.
    pub end: u64,
}

impl Span {
    /// A span around another, wider by `before` and `after`.
    #[must_use]
    pub fn widened(self, before: u64, after: u64) -> Self {
        Self { start: self.start.saturating_sub(before), end: self.end.saturating_add(after) }
    }

    /// Whether it holds `t`.
    pub fn contains(self, t: u64) -> bool {
        (self.start..=self.end).contains(&t)
    }

    /// Its length in s.
    pub fn seconds(self) -> f64 {
        (self.end - self.start) as f64 / 1e9
    }
}

/// Spans in order that neither touch nor overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(Vec<Span>);

impl Spans {
    /// The union of any spans.
    pub fn union(spans: impl IntoIterator<Item = Span>) -> Self {
        let mut all: Vec<Span> = spans.into_iter().collect();
        all.sort_unstable_by_key(|span| (span.start, span.end));
        let mut union = Self::default();
        all.into_iter().for_each(|span| union.push(span));
        union
    }

    /// Adds a span that starts no earlier than those before it start, or overlaps the last one only.
    pub fn push(&mut self, span: Span) {
        match self.0.last_mut() {
            Some(last) if span.start <= last.end => {
                last.start = last.start.min(span.start);
                last.end = last.end.max(span.end);
            }
            _ => self.0.push(span),
        }
    }

    /// The spans.
    pub fn as_slice(&self) -> &[Span] {
        &self.0
    }

    /// Which span holds `t`.
    pub fn find(&self, t: u64) -> Option<usize> {
        let at = self.0.partition_point(|span| span.start <= t).checked_sub(1)?;
        self.0[at].contains(t).then_some(at)
    }
}
