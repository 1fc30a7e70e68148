//! Times as the service writes them, RFC 3339 in UTC with microseconds, and where they come from.

use std::fmt::Debug;

use jiff::Timestamp;

/// Microseconds since 1970, or of a span.
pub type Micros = i64;

/// Where the engine's times come from; tests let theirs jump.
pub trait Clock: Debug + Send + Sync {
    /// The time of day. People and programs set it, forward and back.
    fn now(&self) -> Micros;

    /// Time that only goes on, also while the machine sleeps.
    fn uptime(&self) -> Uptime;
}

/// Time since a start of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uptime {
    /// Which start that was; spans of different ones cannot be compared.
    pub boot: String,
    /// How long ago.
    pub micros: Micros,
}

/// The clocks of the machine.
#[derive(Clone, Debug)]
pub struct SystemClock {
    boot: String,
}

impl Default for SystemClock {
    fn default() -> Self {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        // Elsewhere than on Linux nothing is known of earlier processes.
        Self { boot: boot.map_or_else(|_| uuid::Uuid::new_v4().to_string(), |id| id.trim().to_owned()) }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Micros {
        now()
    }

    fn uptime(&self) -> Uptime {
        let time = rustix::time::clock_gettime(UPTIME);
        Uptime { boot: self.boot.clone(), micros: time.tv_sec * 1_000_000 + time.tv_nsec / 1000 }
    }
}

#[cfg(target_os = "linux")]
const UPTIME: rustix::time::ClockId = rustix::time::ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const UPTIME: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

/// Now.
pub fn now() -> Micros {
    Timestamp::now().as_microsecond()
}

/// `2026-11-23T06:48:01.168010Z`; without a fraction when that is zero.
pub fn text(at: Micros) -> String {
    match Timestamp::from_microsecond(at) {
        Ok(time) if at % 1_000_000 == 0 => format!("{time:.0}"),
        Ok(time) => format!("{time:.6}"),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_have_six_digits_or_none() {
        assert_eq!(text(1_795_416_481_168_010), "2026-11-23T06:48:01.168010Z");
        assert_eq!(text(1_795_416_481_000_000), "2026-11-23T06:48:01Z");
    }

    #[test]
    fn uptime_goes_on() {
        let clock = SystemClock::default();
        let (first, second) = (clock.uptime(), clock.uptime());
        assert!(first.boot == second.boot && 0 < first.micros && first.micros <= second.micros);
    }
}
