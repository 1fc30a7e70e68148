//! The signals of a Subaru of the global platform, and how to tell one by its frames.
//!
//! Source: opendbc `subaru_global_2017`, `subaru_global_2020_hybrid`; checksum: opendbc `can/dbc.py`, rule for
//! `subaru_global_`.

use super::spec::{Profile, Role, Source, TrackSpec};
use crate::dbc::{ByteOrder, Signal};

/// Miles in a kilometre, as the Python tool had it.
pub const MILES: f64 = 0.621371;

/// km/h of one unit of a wheel speed.
const WHEEL_KPH: f64 = 0.057;

/// Address and name of the message with the wheel speeds.
pub const WHEEL_SPEEDS: u32 = 0x13A;

/// Name, role, address, bit, name of the signal.
const BITS: &[(&str, Role, u32, u16, &str)] = &[
    ("main", Role::Main, 0x146, 42, "Main"),
    ("set", Role::Set, 0x146, 43, "Set"),
    ("resume", Role::Resume, 0x146, 44, "Resume"),
    ("cruise_on", Role::CruiseOn, 0x241, 54, "Cruise_On"),
    ("cruise_activated", Role::CruiseActive, 0x241, 55, "Cruise_Activated"),
    ("cruise_activated_0x240", Role::State, 0x240, 41, "Cruise_Activated"),
    ("cruise_activated_0x220", Role::State, 0x220, 39, "Cruise_Activated"),
    ("brake_lights", Role::Brake, 0x139, 34, "Brake_Lights"),
    ("es_brake", Role::State, 0x220, 38, "Cruise_Brake_Active"),
    ("left_blinker", Role::Left, 0x390, 50, "LEFT_BLINKER"),
    ("right_blinker", Role::Right, 0x390, 51, "RIGHT_BLINKER"),
];

/// The profile `subaru`.
pub fn profile() -> Profile {
    let mut tracks = vec![speed()];
    tracks.extend(BITS.iter().map(|(name, role, address, start, signal)| {
        let signal =
            Signal { name: (*signal).into(), start: *start, size: 1, factor: 1.0, ..Signal::default() };
        track(name, *role, *address, vec![signal], 1.0, "")
    }));
    // A Motorola signal: four bits in byte 6, eight in byte 7. What the dashboard shows, so that its unit is the car's.
    let set = Signal {
        name: "Cruise_Set_Speed".into(),
        start: 51,
        size: 12,
        order: ByteOrder::BigEndian,
        factor: 1.0,
        ..Signal::default()
    };
    tracks.push(track("set_speed", Role::SetSpeed, 0x241, vec![set], 1.0, "as shown"));
    Profile { name: "subaru".into(), tracks }
}

fn speed() -> TrackSpec {
    let wheel = |(name, start): (&str, u16)| Signal {
        name: name.into(),
        start,
        size: 13,
        factor: WHEEL_KPH,
        unit: "kph".into(),
        ..Signal::default()
    };
    let wheels = [("FR", 12), ("RR", 25), ("RL", 38), ("FL", 51)].map(wheel);
    track("speed", Role::Speed, WHEEL_SPEEDS, wheels.to_vec(), MILES, "mph")
}

fn track(name: &str, role: Role, address: u32, signals: Vec<Signal>, scale: f64, unit: &str) -> TrackSpec {
    let source = Source::Can { bus: None, address, signals };
    TrackSpec { name: name.into(), role, source, scale, unit: unit.into(), initial: None }
}

/// Whether a frame is one of the platform: an address that it has, and its checksum in the first byte.
pub fn is_one(address: u32, data: &[u8]) -> bool {
    let known = matches!(address, WHEEL_SPEEDS | 0x146 | 0x139 | 0x240 | 0x241);
    let Some((first, rest)) = data.split_first().filter(|_| known && data.len() == 8) else { return false };
    let bytes = address.to_le_bytes();
    *first == bytes.iter().chain(rest).fold(0u8, |sum, byte| sum.wrapping_add(*byte))
}
