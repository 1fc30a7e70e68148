//! The car: its state from tick to tick, and the frames that show it.

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;

use super::layout::{Frame, MILES, RECEIVED, RETURNED, SENT, STEERING_DEG, WHEEL_KPH, WHEELS, put, seal};
use super::script::{Moment, moment};

/// The car after the frames of the latest tick. What services show is what the frames said.
pub(super) struct Car {
    rng: Pcg32,
    rows: Vec<Row>,
    returned: Vec<Frame>,
    /// Steering noise in degrees, which wanders.
    wander: f64,
    pub now: Moment,
    pub cruise_on: bool,
    pub cruise_active: bool,
    /// mph; 0 before the first set.
    pub set_mph: u64,
    /// Units of 0x13A: front right, rear right, rear left, front left.
    pub wheels: [u64; 4],
    /// Units of 0x119.
    pub steering: i16,
    /// m/s², from the script.
    pub acceleration: f64,
}

/// An address on a bus: when it comes, and its payload.
struct Row {
    bus: u8,
    address: u32,
    every: u32,
    phase: u32,
    sent: bool,
    counter: u8,
    payload: u64,
    /// Whether the payload has a byte that changes.
    alive: bool,
}

/// The frames of one tick.
pub(super) struct Traffic {
    pub received: Vec<Frame>,
    pub sent: Vec<Frame>,
}

impl Car {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Pcg32::new(seed, 1);
        let mut rows = Vec::new();
        for (table, sent) in [(RECEIVED, false), (SENT, true)] {
            for (bus, every, addresses) in table {
                for address in *addresses {
                    let n = rows.len() as u32;
                    let (payload, counter) = (rng.next_u64(), (rng.next_u32() & 15) as u8);
                    let (bus, address, every, phase) = (*bus, *address, *every, n % every);
                    rows.push(Row { bus, address, every, phase, sent, counter, payload, alive: n % 2 == 1 });
                }
            }
        }
        Self {
            rng,
            rows,
            returned: Vec::new(),
            wander: 0.0,
            now: moment(0),
            cruise_on: false,
            cruise_active: false,
            set_mph: 0,
            wheels: [0; 4],
            steering: 0,
            acceleration: 0.0,
        }
    }

    /// Goes on by 10 ms.
    pub(super) fn tick(&mut self, tick: u32) -> Traffic {
        self.advance(tick * 10);
        let mut traffic = Traffic { received: std::mem::take(&mut self.returned), sent: Vec::new() };
        for i in 0..self.rows.len() {
            if tick % self.rows[i].every == self.rows[i].phase {
                let frame = self.frame(i);
                let to = if self.rows[i].sent { &mut traffic.sent } else { &mut traffic.received };
                to.push(frame);
            }
        }
        self.returned = traffic.sent.iter().map(|f| Frame { bus: f.bus + RETURNED, ..*f }).collect();
        traffic
    }

    fn advance(&mut self, ms: u32) {
        let (before, now) = (self.now, moment(ms));
        self.cruise_on ^= now.main && !before.main;
        if self.cruise_on && now.set && !before.set {
            self.set_mph = (now.mph + 0.5) as u64;
            self.cruise_active = true;
        }
        if self.cruise_on && now.resume && !before.resume && self.set_mph > 0 {
            self.set_mph += u64::from(self.cruise_active);
            self.cruise_active = true;
        }
        self.cruise_active &= !now.brake;
        let mph_per_second = (moment(ms + 100).mph - now.mph) * 10.0;
        self.acceleration = mph_per_second / MILES / 3.6;
        self.wander = 0.98 * self.wander + 0.08 * self.noise();
        self.now = now;
    }

    /// From -1 to 1.
    fn noise(&mut self) -> f64 {
        f64::from(self.rng.next_u32() as i32) / 2_147_483_648.0
    }

    fn frame(&mut self, row: usize) -> Frame {
        let (bus, address, sent) = (self.rows[row].bus, self.rows[row].address, self.rows[row].sent);
        if address == 0x13a {
            let units = self.now.mph / MILES / WHEEL_KPH;
            self.wheels = [(); 4].map(|()| (units + 0.5 * self.noise() + 0.5) as u64);
        }
        if address == 0x119 {
            self.steering = ((self.now.steering + self.wander) / STEERING_DEG) as i16;
        }
        let change = self.rng.next_u32() % 3;
        let state = &mut self.rows[row];
        if state.alive {
            let byte = state.payload.to_le_bytes()[3].wrapping_add(change as u8).wrapping_sub(1);
            put(&mut state.payload, 24, 8, u64::from(byte));
        }
        state.counter = (state.counter + 1) & 15;
        let (mut payload, counter) = (state.payload, state.counter);
        if !sent {
            self.show(bus, address, &mut payload);
        }
        Frame { bus, address, data: seal(address, payload, counter) }
    }

    /// Writes the car's state into the payloads that carry it.
    fn show(&self, bus: u8, address: u32, payload: &mut u64) {
        let now = &self.now;
        match (bus, address) {
            (0, 0x13a) => {
                WHEELS.iter().zip(self.wheels).for_each(|(bit, speed)| put(payload, *bit, 13, speed))
            }
            (0, 0x119) => {
                *payload = 0;
                put(payload, 32, 16, self.steering as u16 as u64);
            }
            (0, 0x139) => {
                *payload = 0;
                put(payload, 16, 12, (now.mph / MILES / 0.05625) as u64);
                put(payload, 34, 1, u64::from(now.brake || now.cruise_brake));
                put(payload, 36, 12, if now.brake { 400 } else { 0 });
            }
            (0, 0x13c) => bits(payload, &[(58, now.cruise_brake), (62, now.brake)]),
            (0, 0x146) => bits(payload, &[(42, now.main), (43, now.set), (44, now.resume)]),
            (0, 0x240) => bits(payload, &[(40, self.cruise_on), (41, self.cruise_active)]),
            (0, 0x241) => {
                bits(payload, &[(54, self.cruise_on), (55, self.cruise_active)]);
                // A big-endian signal, 51|12: the high four bits in byte 6, the low eight in byte 7.
                put(payload, 48, 4, self.set_mph >> 8);
                put(payload, 56, 8, self.set_mph);
            }
            (2, 0x220) => {
                *payload = 0;
                put(payload, 16, 16, if now.cruise_brake { 120 } else { 0 });
                bits(payload, &[(36, now.cruise_brake), (38, now.cruise_brake), (39, self.cruise_active)]);
            }
            (0, 0x390) => bits(payload, &[(50, now.left), (51, now.right)]),
            (0, 0x1c5) => bits(payload, &[(33, now.pulses)]),
            (0, 0x2a7) => bits(payload, &[(47, now.decoy)]),
            _ => {}
        }
    }
}

fn bits(payload: &mut u64, bits: &[(u32, bool)]) {
    bits.iter().for_each(|(bit, on)| put(payload, *bit, 1, u64::from(*on)));
}
