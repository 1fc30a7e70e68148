//! A synthetic drive with planted events: a log for demonstrations, tests and benches, without a car.
//!
//! No car was driven and no frame recorded. A script says what driver and road do, a model of a Subaru turns that
//! into frames, and the services follow from the frames, as they do on the road. The same seed gives the same
//! bytes on every machine: only exact arithmetic is used, and PCG32, whose crate keeps its values across versions.
//!
//! This room writes logs; it does not read them, and nothing else depends on it.

mod car;
mod events;
mod layout;
mod script;
mod services;
#[cfg(test)]
mod tests;
mod truth;

use std::io::Write;

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;

use crate::Result;
use car::Car;
use events::Events;
use truth::Recorder;
pub use truth::{Band, Edge, GarbledEvent, Marker, PlantedSignal, Truth, Window};

/// Ticks of the main loop in a second; each is one `can` event.
const TICKS_PER_SECOND: u32 = 100;

/// A drive that can be written as a log.
#[derive(Clone, Debug)]
pub struct Drive {
    seed: u64,
    seconds: u32,
    damaged: bool,
}

impl Drive {
    /// A drive of so many seconds, at most a day. The script is one minute long; longer drives repeat its traffic, but not what
    /// is planted inside the window. All that differs between seeds is noise, payloads without meaning, and times.
    pub fn new(seed: u64, seconds: u32) -> Self {
        Self { seed, seconds: seconds.min(86_400), damaged: false }
    }

    /// The same drive with the `can` event in its middle overwritten by garbage, its segment table too.
    pub fn with_damage(mut self) -> Self {
        self.damaged = true;
        self
    }

    /// Writes the log, uncompressed (about 100 kB a second), and says what is in it. Writes many small pieces:
    /// give it a buffer or a compressor.
    ///
    /// # Errors
    /// `io`.
    pub fn write(&self, out: &mut impl Write) -> Result<Truth> {
        let mut rng = Pcg32::new(self.seed, 0);
        let mut events = Events::new(out);
        let mut recorder = Recorder::default();
        let mut car = Car::new(self.seed);
        // The device has been up for 20 to 60 minutes.
        let start = 1_200_000_000_000 + u64::from(rng.next_u32() % 2_400_000) * 1_000_000;
        services::begin(&mut events, self.seed, start - 400_000_000)?;
        let ticks = self.seconds * TICKS_PER_SECOND;
        for tick in 0..ticks {
            let mono = start + u64::from(tick) * 10_000_000 + u64::from(rng.next_u32() % 400_000);
            let traffic = car.tick(tick);
            events.garble_next = self.damaged && tick == ticks / 2;
            if services::can(&mut events, "can", mono, &traffic.received)? {
                recorder.observe(mono, &traffic.received);
            }
            services::tick(&mut events, tick, mono, &car, &traffic.sent)?;
        }
        services::end(&mut events, start + u64::from(ticks) * 10_000_000)?;
        Ok(recorder.finish(self.seed, self.seconds, start, events.finish()?))
    }
}
