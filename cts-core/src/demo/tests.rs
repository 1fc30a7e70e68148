use std::collections::BTreeMap;

use super::layout::{WHEEL_KPH, WHEELS, get, put, seal};
use super::*;
use crate::capnp::Value;
use crate::log::{EventSchema, Log, ReadOptions, frames, which};

fn written(drive: &Drive) -> (Vec<u8>, Truth) {
    let mut bytes = Vec::new();
    let truth = drive.write(&mut bytes).unwrap();
    assert_eq!(truth.bytes, bytes.len() as u64);
    (bytes, truth)
}

fn strict() -> ReadOptions {
    ReadOptions { strict: true, ..ReadOptions::default() }
}

fn field<'v, 'a>(value: &'v Value<'a>, path: &str) -> &'v Value<'a> {
    path.split('.').fold(value, |value, name| match value {
        Value::Struct(fields) => &fields.iter().find(|(n, _)| *n == name).unwrap().1,
        _ => panic!("{path}"),
    })
}

#[test]
fn the_log_holds_what_the_truth_says() {
    let (bytes, truth) = written(&Drive::new(7, 60));
    let log = Log::from_bytes(&bytes, &strict()).unwrap();
    let schema = EventSchema::embedded();
    let (mut counts, mut by_bus, mut last) = (BTreeMap::new(), BTreeMap::new(), 0);
    for event in log.events() {
        let (_, faults) = schema.value(&event);
        assert_eq!(faults, []);
        *counts.entry(schema.name(event.which())).or_insert(0u64) += 1;
        for frame in frames(&event).unwrap().filter(|_| event.which() == which::CAN) {
            *by_bus.entry(frame.unwrap().bus).or_insert(0u64) += 1;
        }
        assert!(event.mono_time() > last, "in order");
        last = event.mono_time();
    }
    let said: BTreeMap<String, u64> =
        truth.by_service.iter().map(|(name, n)| (name.to_string(), *n)).collect();
    assert_eq!((counts, by_bus), (said, truth.frames_by_bus.clone()));
    assert_eq!(log.completeness().events, truth.events);
    assert_eq!((truth.by_service["can"], truth.by_service["carState"]), (6000, 6000));
    assert_eq!((truth.by_service["pandaStates"], truth.by_service["deviceState"]), (600, 120));
    let per_second = truth.frames_by_bus.values().sum::<u64>() / 60;
    assert!((2200..2400).contains(&per_second), "{per_second} frames/s");
    assert_eq!(truth.frames_by_bus.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 128]);
}

#[test]
fn car_state_shows_what_the_frames_say() {
    let (bytes, _) = written(&Drive::new(1, 30));
    let log = Log::from_bytes(&bytes, &strict()).unwrap();
    let schema = EventSchema::embedded();
    let (mut wheels, mut steering, mut compared) = (None, None, 0);
    for event in log.events() {
        for frame in frames(&event).unwrap().map(|frame| frame.unwrap()).filter(|frame| frame.bus == 0) {
            let data = frame.data.try_into().unwrap();
            assert_eq!(
                seal(frame.address, u64::from_le_bytes(data), (get(data, 8, 4)) as u8),
                data,
                "checksum"
            );
            match frame.address {
                0x13a => wheels = Some(WHEELS.map(|bit| get(data, bit, 13) as f64 * WHEEL_KPH / 3.6)),
                0x119 => steering = Some(f64::from(get(data, 32, 16) as i16) * -0.0217),
                _ => {}
            }
        }
        let (value, _) = schema.value(&event);
        if schema.name(event.which()) != "carState" || wheels.is_none() || steering.is_none() {
            continue;
        }
        let number = |path: &str| match field(&value, path) {
            Value::Float(v) => *v,
            other => panic!("{other:?}"),
        };
        let [fr, rr, rl, fl] = wheels.unwrap();
        let pairs = [
            ("carState.wheelSpeeds.fl", fl),
            ("carState.wheelSpeeds.rr", rr),
            ("carState.vEgo", (fr + rr + rl + fl) / 4.0),
            ("carState.steeringAngleDeg", steering.unwrap()),
        ];
        for (path, expected) in pairs {
            assert!((number(path) - expected).abs() < 1e-5, "{path}: {} is not {expected}", number(path));
            compared += 1;
        }
    }
    assert!(compared > 11_000, "{compared}");
}

/// Payloads that opendbc's packer made and its parser accepted.
#[test]
fn frames_are_laid_out_as_opendbc_lays_them_out() {
    let mut wheels = 0;
    WHEELS.iter().zip([1000, 999, 1001, 1002]).for_each(|(bit, units)| put(&mut wheels, *bit, 13, units));
    assert_eq!(seal(0x13a, wheels, 5), [0x7c, 0x85, 0x3e, 0xce, 0x47, 0xfa, 0x50, 0x1f]);
    let mut steering = 0;
    put(&mut steering, 16, 11, 123); // Steer_Torque_Sensor -123
    put(&mut steering, 29, 1, 1); // Steer_Warning
    put(&mut steering, 32, 16, 567); // Steering_Angle -12.3039
    put(&mut steering, 48, 11, (-25i64) as u64); // Steer_Torque_Output 250
    assert_eq!(seal(0x119, steering, 9), [0xe5, 0x09, 0x7b, 0x20, 0x37, 0x02, 0xe7, 0x07]);
}

#[test]
fn the_seed_decides_every_byte() {
    let (bytes, truth) = written(&Drive::new(42, 5));
    assert_eq!((bytes.clone(), truth), written(&Drive::new(42, 5)));
    assert_ne!(bytes, written(&Drive::new(43, 5)).0);
    let start = written(&Drive::new(42, 60)).0;
    let body = bytes.len() - 200; // the sentinel at the end
    assert_eq!(start[..body], bytes[..body], "a longer drive goes on where a shorter one ends");
}

#[test]
fn planted_events_are_where_the_script_puts_them() {
    let (_, truth) = written(&Drive::new(3, 60));
    let edges = |name: &str| {
        let signal = truth.signals.iter().find(|s| s.name == name).unwrap();
        signal.edges.iter().map(|e| (e.seconds, e.rising)).collect::<Vec<_>>()
    };
    let check = |name: &str, expected: &[f64], slack: f64| {
        let found = edges(name);
        assert_eq!(found.len(), expected.len(), "{name}: {found:?}");
        for (i, ((seconds, rising), expected)) in found.iter().zip(expected).enumerate() {
            assert!(*seconds > expected - 0.001 && *seconds < expected + slack, "{name}: {found:?}");
            assert_eq!(*rising, i % 2 == 0, "{name}");
        }
    };
    check("main", &[3.0, 3.4], 0.03);
    check("set", &[12.5, 12.9, 26.0, 26.3], 0.03);
    check("resume", &[20.0, 20.4, 46.0, 46.4], 0.03);
    check("brake", &[35.0, 37.2, 57.5, 59.5], 0.03);
    check("cruise_on", &[3.0], 0.06);
    check("cruise_active", &[12.5, 35.0, 46.0, 57.5], 0.06);
    check("window_pulses", &[28.0, 30.0, 32.5, 34.5, 38.0, 40.0], 0.03);
    check("decoy_pulses", &[9.0, 11.0, 29.0, 31.0, 33.5, 35.5, 39.0, 41.0], 0.06);
    assert_eq!(edges("left_blinker").len(), 12);
    let markers: Vec<_> =
        truth.markers.iter().map(|m| (m.left_seconds as u32, m.right_seconds as u32)).collect();
    assert_eq!(markers, [(18, 24), (41, 48)]);
    assert!(truth.bands.len() >= 5, "{:?}", truth.bands);
    assert!(
        truth.speed_range_mph[0] < 45.0 && truth.speed_range_mph[1] > 56.9,
        "{:?}",
        truth.speed_range_mph
    );
    let long = written(&Drive::new(3, 70)).1;
    let pulses =
        |truth: &Truth| truth.signals.iter().find(|s| s.name == "window_pulses").unwrap().edges.len();
    assert_eq!(pulses(&long), pulses(&truth), "the second minute plants nothing in the window");
}

/// Looks at every bit of every address: only the planted one has three pulses of 2 s and toggles nowhere else.
#[test]
fn no_other_bit_looks_like_the_planted_one() {
    for seed in [1, 2, 3] {
        let (bytes, truth) = written(&Drive::new(seed, 60));
        let log = Log::from_bytes(&bytes, &strict()).unwrap();
        let mut last: BTreeMap<(u8, u32), u64> = BTreeMap::new();
        let mut toggles: BTreeMap<(u8, u32, u32), Vec<f64>> = BTreeMap::new();
        for event in log.events().filter(|event| event.which() == which::CAN) {
            let seconds = (event.mono_time() - truth.first_can_mono_time) as f64 / 1e9;
            for frame in frames(&event).unwrap().map(|frame| frame.unwrap()) {
                let payload = u64::from_le_bytes(frame.data.try_into().unwrap());
                let changed = last.insert((frame.bus, frame.address), payload).unwrap_or(payload) ^ payload;
                for bit in (0..64).filter(|bit| changed >> bit & 1 == 1) {
                    toggles.entry((frame.bus, frame.address, bit)).or_default().push(seconds);
                }
            }
        }
        let window = truth.window.start_seconds..truth.window.start_seconds + truth.window.duration_seconds;
        let pulses = |t: &[f64]| t.chunks(2).all(|p| p.len() == 2 && (1.5..2.5).contains(&(p[1] - p[0])));
        let alike =
            toggles.iter().filter(|(_, t)| t.len() == 6 && pulses(t) && t.iter().all(|t| window.contains(t)));
        assert_eq!(alike.map(|(bit, _)| *bit).collect::<Vec<_>>(), [(0, 0x1c5, 33)], "seed {seed}");
    }
}

#[test]
fn a_garbled_event_is_missing_and_nothing_else() {
    let (bytes, truth) = written(&Drive::new(5, 10).with_damage());
    let garbled = truth.garbled.clone().unwrap();
    let log = Log::from_bytes(&bytes, &ReadOptions::default()).unwrap();
    let record = log.completeness();
    assert_eq!(record.events, truth.events);
    assert_eq!(truth.by_service["can"], 999);
    assert!(record.damage_count > 0);
    assert_eq!((record.damage[0].offset, record.bytes_skipped), (garbled.offset, garbled.len));
    assert!(written(&Drive::new(5, 10)).1.garbled.is_none());
}

#[test]
fn short_drives_are_logs_too() {
    for seconds in [0, 1] {
        let (bytes, truth) = written(&Drive::new(9, seconds));
        let log = Log::from_bytes(&bytes, &strict()).unwrap();
        assert_eq!((log.completeness().events, truth.by_service["sentinel"]), (truth.events, 2));
    }
}
