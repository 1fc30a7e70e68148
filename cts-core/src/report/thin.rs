//! Fewer points that look the same: in each equal piece of time the first, lowest, highest and last one stay.

/// Indices of at most about `points` points of a line, ascending. Points without a finite time, and those older than
/// their predecessor, are left out. A value that is not finite is a gap; of the gaps in a piece of time one stays.
pub(super) fn line(t: &[f64], y: &[f64], points: usize) -> Vec<usize> {
    let sound = in_order(t.iter().zip(y).map(|(t, _)| *t));
    let (Some(first), Some(last)) = (sound.first(), sound.last()) else { return sound };
    if sound.len() <= points {
        return sound;
    }
    let pieces = Pieces::new(t[*first], t[*last], points / 5);
    let mut kept = Vec::with_capacity(points + 5);
    let mut group = Group::default();
    for i in sound {
        let piece = pieces.of(t[i]);
        if piece != group.piece {
            group.finish(&mut kept);
            group = Group { piece, ..Group::default() };
        }
        group.add(i, y);
    }
    group.finish(&mut kept);
    kept
}

/// At most about `edges` edges of a bit: a piece of time with more keeps up to three, so that its activity stays
/// visible and its value at the end is right. Edges that change nothing are left out.
pub(super) fn trace(all: &[(f64, bool)], edges: usize) -> Vec<(f64, bool)> {
    let sound = in_order(all.iter().map(|edge| edge.0));
    let mut changes: Vec<(f64, bool)> = Vec::new();
    for edge in sound.into_iter().map(|i| all[i]) {
        if changes.last().is_none_or(|last| last.1 != edge.1) {
            changes.push(edge);
        }
    }
    let (Some(first), Some(last)) = (changes.first(), changes.last()) else { return changes };
    if changes.len() <= edges {
        return changes;
    }
    let pieces = Pieces::new(first.0, last.0, edges / 3);
    let mut kept = Vec::with_capacity(edges + 3);
    for group in changes.chunk_by(|a, b| pieces.of(a.0) == pieces.of(b.0)) {
        match group {
            [first, second, .., last] if group.len() % 2 == 1 => kept.extend([*first, *second, *last]),
            [first, .., last] => kept.extend([*first, *last]),
            _ => kept.extend_from_slice(group),
        }
    }
    kept
}

/// Indices of the `limit` largest, ascending; of equal ones the first.
pub(super) fn largest(sizes: &[f64], limit: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    if sizes.len() > limit {
        order.sort_by(|a, b| sizes[*b].total_cmp(&sizes[*a]));
        order.truncate(limit);
        order.sort_unstable();
    }
    order
}

fn in_order(times: impl Iterator<Item = f64>) -> Vec<usize> {
    let mut latest = f64::NEG_INFINITY;
    let keep = |(i, t): (usize, f64)| {
        let sound = t.is_finite() && t >= latest;
        if sound {
            latest = t;
        }
        sound.then_some(i)
    };
    times.enumerate().filter_map(keep).collect()
}

/// Equal pieces of time.
struct Pieces {
    start: f64,
    per_second: f64,
    last: f64,
}

impl Pieces {
    fn new(start: f64, end: f64, count: usize) -> Self {
        let count = count.max(1) as f64;
        let span = (end - start).max(f64::MIN_POSITIVE);
        Self { start, per_second: (count / span).min(f64::MAX), last: count - 1.0 }
    }

    fn of(&self, t: f64) -> usize {
        ((t - self.start) * self.per_second).clamp(0.0, self.last) as usize
    }
}

/// The points of one piece that stay.
#[derive(Default)]
struct Group {
    piece: usize,
    first: Option<usize>,
    low: Option<usize>,
    high: Option<usize>,
    last: Option<usize>,
    gap: Option<usize>,
}

impl Group {
    fn add(&mut self, i: usize, y: &[f64]) {
        if !y[i].is_finite() {
            self.gap.get_or_insert(i);
            return;
        }
        self.first.get_or_insert(i);
        self.last = Some(i);
        if self.low.is_none_or(|low| y[i] < y[low]) {
            self.low = Some(i);
        }
        if self.high.is_none_or(|high| y[i] > y[high]) {
            self.high = Some(i);
        }
    }

    fn finish(self, kept: &mut Vec<usize>) {
        let mut all: Vec<usize> =
            [self.first, self.low, self.high, self.last, self.gap].into_iter().flatten().collect();
        all.sort_unstable();
        all.dedup();
        kept.append(&mut all);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_lines_stay_whole_and_unsound_points_go() {
        let t = [0.0, 1.0, f64::NAN, 0.5, 2.0];
        assert_eq!(line(&t, &[1.0; 5], 100), [0, 1, 4]);
        assert_eq!(line(&[], &[], 100), [0usize; 0]);
        assert_eq!(line(&[3.0; 1000], &[1.0; 1000], 10).len(), 2);
    }

    #[test]
    fn trace_without_changes_is_one_edge() {
        assert_eq!(trace(&[(0.0, true), (1.0, true)], 10), [(0.0, true)]);
    }

    #[test]
    fn largest_keeps_order() {
        assert_eq!(largest(&[1.0, 5.0, 2.0, 5.0], 2), [1, 3]);
    }

    /// The slow, obvious way to the extremes of a piece.
    fn extremes(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
        values.filter(|v| v.is_finite()).map(|v| (v, v)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    proptest! {
        #[test]
        fn extremes_of_every_piece_stay(
            steps in prop::collection::vec((0u32..100, prop::option::weighted(0.95, -1e6f64..1e6)), 1..400),
            points in 5usize..120,
        ) {
            let mut at = 0.0;
            let t: Vec<f64> = steps.iter().map(|s| { at += f64::from(s.0) / 100.0; at }).collect();
            let y: Vec<f64> = steps.iter().map(|s| s.1.unwrap_or(f64::NAN)).collect();
            let kept = line(&t, &y, points);
            prop_assert!(kept.len() <= points.max(5) && kept.is_sorted_by(|a, b| a < b));
            prop_assert_eq!(extremes(kept.iter().map(|i| y[*i])), extremes(y.iter().copied()));
            let pieces = Pieces::new(t[0], t[t.len() - 1], points / 5);
            for piece in 0..points / 5 {
                let all = (0..t.len()).filter(|i| pieces.of(t[*i]) == piece);
                let some = kept.iter().copied().filter(|i| pieces.of(t[*i]) == piece);
                prop_assert_eq!(extremes(some.map(|i| y[i])), extremes(all.map(|i| y[i])));
            }
        }

        #[test]
        fn traces_alternate_and_end_right(
            steps in prop::collection::vec((0u32..100, any::<bool>()), 1..400),
            edges in 3usize..60,
        ) {
            let mut at = 0.0;
            let all: Vec<(f64, bool)> =
                steps.iter().map(|s| { at += f64::from(s.0) / 100.0; (at, s.1) }).collect();
            let kept = trace(&all, edges);
            prop_assert!(kept.len() <= edges);
            prop_assert!(kept.windows(2).all(|w| w[0].1 != w[1].1 && w[0].0 <= w[1].0));
            prop_assert_eq!(kept.last().map(|e| e.1), all.last().map(|e| e.1));
            prop_assert!(kept.iter().all(|edge| all.contains(edge)));
        }
    }
}
