//! High phases of one bit inside the window, found as its toggles come.

/// One bit that has toggled in the window and nowhere else so far.
#[derive(Debug)]
pub(super) struct Track {
    /// Number of the bit, byte * 8 + bit.
    pub(super) bit: u16,
    /// Rank of its first toggle among the first toggles of all bits.
    pub(super) rank: u64,
    pub(super) toggles: u64,
    high: bool,
    rise: Option<f64>,
    at_start: AtStart,
    pulses: Vec<f64>,
}

/// Toggles at the very start of the window. The last of them gives the bit's state there, and only then is each looked
/// at, so the rise of a bit that goes high exactly at the start opens no pulse (as in the old tool).
#[derive(Debug, Default)]
struct AtStart {
    count: u64,
    first: bool,
    last: bool,
}

impl Track {
    pub(super) fn new(bit: u16, rank: u64) -> Self {
        Self {
            bit,
            rank,
            toggles: 0,
            high: false,
            rise: None,
            at_start: AtStart::default(),
            pulses: Vec::new(),
        }
    }

    /// The bit became `value` at `t`, and the window starts at `start`, both seconds.
    pub(super) fn toggle(&mut self, t: f64, value: bool, start: f64) {
        self.toggles += 1;
        if t < start {
            self.high = value;
        } else if t == start {
            if self.at_start.count == 0 {
                self.at_start.first = value;
            }
            self.at_start.count += 1;
            self.at_start.last = value;
        } else {
            self.settle(start);
            self.step(t, value);
        }
    }

    /// The lengths of all pulses, seconds; one still high at the end of the window is closed there.
    pub(super) fn finish(mut self, start: f64, end: f64) -> Vec<f64> {
        self.settle(start);
        if let (true, Some(rise)) = (end > start, self.rise) {
            self.pulses.push(end - rise);
        }
        self.pulses
    }

    fn settle(&mut self, start: f64) {
        let AtStart { count, first, last } = std::mem::take(&mut self.at_start);
        if count == 0 {
            return;
        }
        self.high = last;
        // Toggles of a bit alternate, so the first value and the count are all of them.
        let mut value = first;
        for _ in 0..count {
            self.step(start, value);
            value = !value;
        }
    }

    fn step(&mut self, t: f64, value: bool) {
        if value && !self.high {
            self.rise = Some(t);
        } else if !value && self.high {
            self.pulses.extend(self.rise.take().map(|rise| t - rise));
        }
        self.high = value;
    }
}
