//! How old things are, on a machine whose clock may be set.
//!
//! A clock that jumps a year ahead makes everything a year old, and the next clean-up would remove it all. So the clock is
//! compared with the time that has really passed, and the difference is held back from all ages until that much is old
//! anyway: nothing goes before it has lived its time, and nothing stays for ever.

use serde::{Deserialize, Serialize};

use super::Engine;
use crate::clock::{self, Micros, Uptime};
use crate::failure::Failure;
use crate::store;

/// Name of [`Seen`] in the store.
const NAME: &str = "clocks";
const MINUTE: Micros = 60 * 1_000_000;
/// Differences that clocks of one machine show without being set.
const TOLERANCE: Micros = 10 * MINUTE;

/// The clocks when they were last looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    now: Micros,
    boot: String,
    uptime: Micros,
    /// Jumps ahead that still matter, the newest last.
    jumps: Vec<Jump>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Jump {
    by: Micros,
    /// How long ago it was, in time that really passed.
    ago: Micros,
}

impl Seen {
    fn new(now: Micros, uptime: Uptime) -> Self {
        Self { now, boot: uptime.boot, uptime: uptime.micros, jumps: Vec::new() }
    }

    /// Looks again; gives the jump since the last time, which is negative when the clock was set back.
    fn look(&mut self, now: Micros, uptime: Uptime, max_age: Micros) -> Option<Micros> {
        let same_boot = uptime.boot == self.boot;
        // How long the machine was off nobody knows; an eighth of the age may be lost by believing the clock.
        let (lived, tolerance) = if same_boot {
            (uptime.micros - self.uptime, TOLERANCE)
        } else {
            (0, (max_age / 8).max(TOLERANCE))
        };
        let by = now - self.now - lived;
        self.jumps.iter_mut().for_each(|jump| jump.ago += lived);
        // What was there before has lived its time since.
        self.jumps.retain(|jump| jump.ago < max_age);
        (self.now, self.boot, self.uptime) = (now, uptime.boot, uptime.micros);
        if by > tolerance {
            self.jumps.push(Jump { by, ago: 0 });
        } else if by < -TOLERANCE {
            self.undo(-by);
        } else {
            return None;
        }
        Some(by)
    }

    /// A clock that is set back takes back what it was ahead.
    fn undo(&mut self, mut by: Micros) {
        while let Some(last) = self.jumps.last_mut().filter(|_| by > 0) {
            let taken = by.min(last.by);
            (last.by, by) = (last.by - taken, by - taken);
            if last.by == 0 {
                self.jumps.pop();
            }
        }
    }

    /// How much older things look than they may be.
    fn held_back(&self) -> Micros {
        self.jumps.iter().map(|jump| jump.by).sum()
    }
}

impl Engine {
    /// What was made before this time has lived its time; `None` when age does not matter. Looks at the clocks.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn oldest(&self) -> Result<Option<Micros>, Failure> {
        let age = i64::try_from(self.0.settings.retention.max_age.as_micros()).ok().filter(|age| *age > 0);
        let (Some(age), clock) = (age, &self.0.settings.clock) else {
            return Ok(None);
        };
        let (now, uptime) = (clock.now(), clock.uptime());
        let (seen, jump) = self.0.store.write_now(|db| {
            // What cannot be read is forgotten.
            let known = store::fact(db, NAME)?.and_then(|text| serde_json::from_str::<Seen>(&text).ok());
            let mut seen = known.unwrap_or_else(|| Seen::new(now, uptime.clone()));
            let jump = seen.look(now, uptime, age);
            store::set_fact(db, NAME, &serde_json::to_string(&seen).unwrap_or_default())?;
            Ok((seen, jump))
        })?;
        let held_back = seen.held_back();
        if let Some(by) = jump {
            tell(by, held_back);
        }
        Ok(Some(now.saturating_sub(age).saturating_sub(held_back)))
    }
}

fn tell(by: Micros, held_back: Micros) {
    let hours = |micros: Micros| (micros / MINUTE) as f64 / 60.0;
    tracing::warn!(
        jump_hours = hours(by),
        held_back_hours = hours(held_back),
        now = clock::text(clock::now()),
        "the clock was set, or the machine was off; what was made before is removed by age later by what is held back"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Micros = 60 * MINUTE;
    const DAY: Micros = 24 * HOUR;
    const WEEK: Micros = 7 * DAY;

    fn at(boot: &str, micros: Micros) -> Uptime {
        Uptime { boot: boot.to_owned(), micros }
    }

    /// How old a thing of time zero counts after each look.
    fn ages(looks: &[(Micros, &str, Micros)]) -> Vec<Micros> {
        let mut seen = Seen::new(0, at("a", 0));
        let age = |&(now, boot, uptime): &(Micros, &str, Micros)| {
            seen.look(now, at(boot, uptime), WEEK);
            now - seen.held_back()
        };
        looks.iter().map(age).collect()
    }

    #[test]
    fn a_clock_that_goes_right_is_believed() {
        assert_eq!(ages(&[(HOUR, "a", HOUR), (DAY + MINUTE, "a", DAY)]), [HOUR, DAY + MINUTE]);
    }

    #[test]
    fn a_jump_ahead_makes_nothing_older() {
        let year = 365 * DAY;
        assert_eq!(ages(&[(HOUR + year, "a", HOUR), (DAY + year, "a", DAY)]), [HOUR, DAY]);
    }

    #[test]
    fn what_has_lived_its_time_since_goes() {
        let (mut seen, year) = (Seen::new(0, at("a", 0)), 365 * DAY);
        assert_eq!(seen.look(year + HOUR, at("a", HOUR), WEEK), Some(year));
        assert_eq!(seen.look(year + HOUR + WEEK - 1, at("a", HOUR + WEEK - 1), WEEK), None);
        assert_eq!(seen.held_back(), year);
        seen.look(year + HOUR + WEEK, at("a", HOUR + WEEK), WEEK);
        assert_eq!(seen.held_back(), 0);
    }

    #[test]
    fn a_clock_that_is_set_back_is_believed_again() {
        let year = 365 * DAY;
        let looks = [(year, "a", HOUR), (2 * year, "a", 2 * HOUR), (3 * HOUR, "a", 3 * HOUR)];
        assert_eq!(ages(&looks), [HOUR, 2 * HOUR, 3 * HOUR]);
        assert_eq!(ages(&[(-DAY, "a", HOUR)]), [-DAY], "nobody is younger than nothing");
    }

    #[test]
    fn restarts_of_the_machine_hide_how_long_it_was_off() {
        assert_eq!(ages(&[(12 * HOUR, "b", 0)]), [12 * HOUR], "a night");
        assert_eq!(ages(&[(30 * DAY, "b", 0), (31 * DAY, "b", DAY)]), [0, DAY], "a holiday or a wrong clock");
    }
}
