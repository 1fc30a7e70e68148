//! From values to places, and round numbers for axes.

/// Maps a range of values onto a range of places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub low: f64,
    pub high: f64,
    pub from: f32,
    pub to: f32,
}

impl Scale {
    /// The place of a value; values beyond the range stay at most one range away.
    pub(super) fn place(&self, value: f64) -> f32 {
        let share = (value - self.low) / (self.high - self.low).max(f64::MIN_POSITIVE);
        self.from + (self.to - self.from) * share.clamp(-1.0, 2.0) as f32
    }

    /// The place of a value, kept between the ends.
    pub(super) fn within(&self, value: f64) -> f32 {
        self.place(value.clamp(self.low, self.high))
    }

    /// At most about `count` round values, with as many decimals as tell them apart.
    pub(super) fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        let raw = (self.high - self.low) / count.max(1) as f64;
        if !raw.is_finite() || raw <= 0.0 {
            return Vec::new();
        }
        let power = 10f64.powi(raw.log10().floor() as i32);
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|f| f * power).find(|s| *s >= raw * 0.999);
        let step = step.unwrap_or(10.0 * power);
        let decimals = (-step.log10() - 1e-9).ceil().clamp(0.0, 9.0) as usize;
        let (first, last) = ((self.low / step).ceil(), (self.high / step).floor());
        // Values so large that their steps vanish have no ticks.
        if last - first > 4.0 * count as f64 || first.abs() > 1e15 {
            return Vec::new();
        }
        let values = (0..=(last - first) as usize).map(|i| (first + i as f64) * step);
        values.map(|value| (value, format!("{value:.decimals$}"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let ticks = |low, high| {
            let list = Scale { low, high, from: 0.0, to: 1.0 }.ticks(5);
            list.into_iter().map(|tick| tick.1).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(ticks(0.0, 60.0), "0 20 40 60");
        assert_eq!(ticks(43.1, 57.9), "45 50 55");
        assert_eq!(ticks(-0.1, 0.1), "-0.10 -0.05 0.00 0.05 0.10");
        assert_eq!(ticks(1.0, 1.0), "");
        assert_eq!(ticks(f64::NAN, 1.0), "");
    }
}
