//! What driver and road do: one minute, times in ms.

/// Everything that happens at one time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub mph: f64,
    /// Degrees, left positive.
    pub steering: f64,
    pub main: bool,
    pub set: bool,
    pub resume: bool,
    pub brake: bool,
    /// The car brakes for cruise control.
    pub cruise_brake: bool,
    pub left: bool,
    pub right: bool,
    pub pulses: bool,
    pub decoy: bool,
}

const MINUTE: u32 = 60_000;

/// Start and length of the window in which one bit toggles that never does elsewhere.
pub(super) const WINDOW: (u32, u32) = (27_000, 16_000);

type Spans = [(u32, u32)];

const MAIN: &Spans = &[(3_000, 3_400)];
const SET: &Spans = &[(12_500, 12_900), (26_000, 26_300)];
const RESUME: &Spans = &[(20_000, 20_400), (46_000, 46_400)];
const BRAKE: &Spans = &[(35_000, 37_200), (57_500, 59_500)];
const CRUISE_BRAKE: &Spans = &[(22_000, 23_000), (31_500, 32_500), (52_000, 53_000)];
/// Two marker pairs: left, then right, each a few flashes.
const LEFT: &Spans = &[(17_000, 19_000), (40_000, 42_000)];
const RIGHT: &Spans = &[(24_000, 26_000), (48_000, 50_500)];
const PULSES: &Spans = &[(28_000, 30_000), (32_500, 34_500), (38_000, 40_000)];
/// Three pulses of 2 s in the window as well, but one before it too.
const DECOY: &Spans = &[(9_000, 11_000), (29_000, 31_000), (33_500, 35_500), (39_000, 41_000)];

/// Crosses 50 and 56 mph several times and ends as it begins.
const SPEED: &[(u32, f64)] = &[
    (0, 44.0),
    (7_000, 52.0),
    (12_000, 56.6),
    (16_000, 54.0),
    (24_000, 54.4),
    (30_000, 57.2),
    (34_500, 55.4),
    (38_500, 47.6),
    (44_000, 51.6),
    (50_000, 56.9),
    (55_000, 53.5),
    (MINUTE, 44.0),
];

const STEERING: &[(u32, f64)] = &[
    (0, 0.0),
    (5_000, 3.2),
    (9_000, -1.0),
    (14_000, -4.5),
    (20_000, 0.5),
    (31_000, 6.0),
    (40_000, -8.5),
    (50_000, 2.0),
    (MINUTE, 0.0),
];

/// What happens `ms` after the start.
pub(super) fn moment(ms: u32) -> Moment {
    let at = ms % MINUTE;
    let once = |spans: &Spans| within(spans, ms);
    Moment {
        mph: curve(SPEED, at),
        steering: curve(STEERING, at),
        main: once(MAIN),
        set: within(SET, at),
        resume: within(RESUME, at),
        brake: within(BRAKE, at),
        cruise_brake: within(CRUISE_BRAKE, at),
        left: flashes(LEFT, at),
        right: flashes(RIGHT, at),
        pulses: once(PULSES),
        decoy: once(DECOY),
    }
}

fn within(spans: &Spans, at: u32) -> bool {
    spans.iter().any(|(from, to)| (*from..*to).contains(&at))
}

/// A lamp is lit for 0.4 s and dark for 0.3 s; the last flash is never cut short.
fn flashes(spans: &Spans, at: u32) -> bool {
    spans.iter().any(|(from, to)| (*from..*to).contains(&at) && (at - from) % 700 < 400)
}

/// Smooth between the points: a polynomial, because sines differ between machines in their last bit.
fn curve(points: &[(u32, f64)], at: u32) -> f64 {
    let next = points.iter().position(|(ms, _)| *ms > at).unwrap_or(points.len() - 1).max(1);
    let ((t0, a), (t1, b)) = (points[next - 1], points[next]);
    let x = f64::from(at - t0) / f64::from(t1 - t0);
    a + (b - a) * x * x * (3.0 - 2.0 * x)
}
