//! The services of a drive: what openpilot would publish about the car's frames.

use std::io::Write;

use serde_json::json;

use super::car::Car;
use super::events::Events;
use super::layout::{Frame, MILES, STEERING_DEG, WHEEL_KPH};
use crate::Result;
use crate::capnp::Value;

/// 2026-01-01 00:00 UTC.
const WALL_TIME: u64 = 1_767_225_600_000_000_000;
/// Places move from here, in degrees; a degree of latitude has 111 km.
const ORIGIN: (f64, f64) = (32.7, -117.2);
const DONGLE: &str = "0000000000demo01";

/// What stands at the start of a log.
pub(super) fn begin(events: &mut Events<'_, impl Write>, seed: u64, mono: u64) -> Result<()> {
    let wall = WALL_TIME + seed % 365 * 86_400_000_000_000;
    events.emit(
        "initData",
        mono,
        vec![
            ("initData.dongleId", DONGLE.into()),
            ("initData.deviceType", Value::Name("tici")),
            ("initData.version", "0.10.1".into()),
            ("initData.gitRemote", "https://github.com/commaai/openpilot.git".into()),
            ("initData.gitBranch", "release3".into()),
            ("initData.wallTimeNanos", wall.into()),
        ],
    )?;
    sentinel(events, "startOfRoute", mono + 1_000_000)?;
    car_params(events, mono + 300_000_000)
}

/// What stands at its end.
pub(super) fn end(events: &mut Events<'_, impl Write>, mono: u64) -> Result<()> {
    sentinel(events, "endOfRoute", mono)
}

fn sentinel(events: &mut Events<'_, impl Write>, kind: &'static str, mono: u64) -> Result<()> {
    events.emit("sentinel", mono, vec![("sentinel.type", Value::Name(kind))]).map(drop)
}

fn car_params(events: &mut Events<'_, impl Write>, mono: u64) -> Result<()> {
    let safety = vec![("safetyModel", Value::Name("subaru")), ("safetyParam", Value::UInt(0))];
    events.emit(
        "carParams",
        mono,
        vec![
            ("carParams.brand", "subaru".into()),
            ("carParams.carFingerprint", "SUBARU_IMPREZA".into()),
            ("carParams.carVin", "JF1DEMO0000000000".into()),
            ("carParams.pcmCruise", true.into()),
            ("carParams.mass", 1568.0.into()),
            ("carParams.wheelbase", 2.67.into()),
            ("carParams.steerRatio", 15.0.into()),
            ("carParams.steerLimitTimer", 0.4.into()),
            ("carParams.transmissionType", Value::Name("automatic")),
            ("carParams.lateralTuning.torque.friction", 0.2.into()),
            ("carParams.safetyConfigs", Value::List(vec![Value::Struct(safety)])),
        ],
    )?;
    Ok(())
}

/// A `can` or `sendcan` event. Whether it can be read.
pub(super) fn can(
    events: &mut Events<'_, impl Write>,
    service: &'static str,
    mono: u64,
    frames: &[Frame],
) -> Result<bool> {
    let frame = |f: &'_ Frame| (f.address.into(), f.bus.into(), f.data);
    let list = frames.iter().map(frame).collect::<Vec<(Value<'_>, Value<'_>, [u8; 8])>>();
    let list = list.iter().map(|(address, src, data)| {
        Value::Struct(vec![("address", address.clone()), ("src", src.clone()), ("dat", Value::Data(data))])
    });
    let list = Value::List(list.collect());
    events.emit(service, mono, vec![(service, list)])
}

/// All services but `can` of one tick.
pub(super) fn tick(
    events: &mut Events<'_, impl Write>,
    tick: u32,
    mono: u64,
    car: &Car,
    sent: &[Frame],
) -> Result<()> {
    car_state(events, mono + 1_100_000, car)?;
    selfdrive_state(events, mono + 2_000_000, car)?;
    if !sent.is_empty() {
        can(events, "sendcan", mono + 2_600_000, sent)?;
    }
    if tick % 10 == 3 {
        panda_states(events, tick, mono + 3_500_000, car)?;
    }
    if tick % 50 == 20 {
        device_state(events, tick, mono + 4_200_000)?;
    }
    if tick % 100 == 40 {
        gps(events, tick, mono + 5_000_000, car)?;
    }
    if tick % 100 == 60 {
        log_message(events, tick, mono + 5_600_000, car)?;
    }
    Ok(())
}

fn car_state(events: &mut Events<'_, impl Write>, mono: u64, car: &Car) -> Result<()> {
    let [fr, rr, rl, fl] = car.wheels.map(|units| units as f64 * WHEEL_KPH / 3.6);
    let speed = (fr + rr + rl + fl) / 4.0;
    let set = car.set_mph as f64 / MILES / 3.6;
    events.emit(
        "carState",
        mono,
        vec![
            ("carState.vEgo", speed.into()),
            ("carState.vEgoRaw", speed.into()),
            ("carState.aEgo", car.acceleration.into()),
            ("carState.wheelSpeeds.fl", fl.into()),
            ("carState.wheelSpeeds.fr", fr.into()),
            ("carState.wheelSpeeds.rl", rl.into()),
            ("carState.wheelSpeeds.rr", rr.into()),
            ("carState.steeringAngleDeg", (f64::from(car.steering) * STEERING_DEG).into()),
            ("carState.brakePressed", car.now.brake.into()),
            ("carState.leftBlinker", car.now.left.into()),
            ("carState.rightBlinker", car.now.right.into()),
            ("carState.cruiseState.available", car.cruise_on.into()),
            ("carState.cruiseState.enabled", car.cruise_active.into()),
            ("carState.cruiseState.speed", set.into()),
            ("carState.gearShifter", Value::Name("drive")),
            ("carState.canValid", true.into()),
        ],
    )?;
    Ok(())
}

fn selfdrive_state(events: &mut Events<'_, impl Write>, mono: u64, car: &Car) -> Result<()> {
    let state = if car.cruise_active { "enabled" } else { "disabled" };
    events.emit(
        "selfdriveState",
        mono,
        vec![
            ("selfdriveState.state", Value::Name(state)),
            ("selfdriveState.enabled", car.cruise_active.into()),
            ("selfdriveState.active", car.cruise_active.into()),
            ("selfdriveState.engageable", car.cruise_on.into()),
            ("selfdriveState.personality", Value::Name("standard")),
        ],
    )?;
    Ok(())
}

fn panda_states(events: &mut Events<'_, impl Write>, tick: u32, mono: u64, car: &Car) -> Result<()> {
    let panda = Value::Struct(vec![
        ("pandaType", Value::Name("tres")),
        ("voltage", (14_150 + tick % 7 * 10).into()),
        ("ignitionLine", true.into()),
        ("controlsAllowed", car.cruise_active.into()),
        ("safetyModel", Value::Name("subaru")),
        ("faultStatus", Value::Name("none")),
        ("harnessStatus", Value::Name("normal")),
        ("uptime", (1_200 + tick / 100).into()),
        ("interruptLoad", 0.11.into()),
    ]);
    events.emit("pandaStates", mono, vec![("pandaStates", Value::List(vec![panda]))])?;
    Ok(())
}

fn device_state(events: &mut Events<'_, impl Write>, tick: u32, mono: u64) -> Result<()> {
    let warm = 58.0 + f64::from(tick % 3000) / 1000.0;
    let cores = |base: f64| Value::List((0..8).map(|i| (base + f64::from(i % 4) * 0.5).into()).collect());
    let usage =
        Value::List((0..8u32).map(|i| Value::Int(i64::from(31 + (tick / 50 + 5 * i) % 17))).collect());
    events.emit(
        "deviceState",
        mono,
        vec![
            ("deviceState.started", true.into()),
            ("deviceState.deviceType", Value::Name("tici")),
            ("deviceState.freeSpacePercent", 71.5.into()),
            ("deviceState.memoryUsagePercent", 42i8.into()),
            ("deviceState.cpuUsagePercent", usage),
            ("deviceState.cpuTempC", cores(warm)),
            ("deviceState.maxTempC", (warm + 1.5).into()),
            ("deviceState.thermalStatus", Value::Name("ok")),
            ("deviceState.networkType", Value::Name("cell4G")),
            ("deviceState.powerDrawW", 8.25.into()),
        ],
    )?;
    Ok(())
}

fn gps(events: &mut Events<'_, impl Write>, tick: u32, mono: u64, car: &Car) -> Result<()> {
    let seconds = f64::from(tick) / 100.0;
    let speed = car.now.mph / MILES / 3.6;
    let north = [speed, 0.0, 0.0].map(Value::Float).to_vec();
    events.emit(
        "gpsLocationExternal",
        mono,
        vec![
            ("gpsLocationExternal.flags", 1u16.into()),
            ("gpsLocationExternal.hasFix", true.into()),
            // The way north at the drive's mean speed.
            ("gpsLocationExternal.latitude", (ORIGIN.0 + seconds * 23.7 / 111_000.0).into()),
            ("gpsLocationExternal.longitude", ORIGIN.1.into()),
            ("gpsLocationExternal.altitude", 84.0.into()),
            ("gpsLocationExternal.speed", speed.into()),
            ("gpsLocationExternal.vNED", Value::List(north)),
            ("gpsLocationExternal.horizontalAccuracy", 1.4.into()),
            ("gpsLocationExternal.verticalAccuracy", 2.1.into()),
            ("gpsLocationExternal.speedAccuracy", 0.2.into()),
            ("gpsLocationExternal.satelliteCount", 19i8.into()),
            ("gpsLocationExternal.source", Value::Name("ublox")),
            (
                "gpsLocationExternal.unixTimestampMillis",
                ((WALL_TIME / 1_000_000) as i64 + i64::from(tick) * 10).into(),
            ),
        ],
    )?;
    Ok(())
}

/// A line of JSON, in the form of openpilot's own log messages.
fn log_message(events: &mut Events<'_, impl Write>, tick: u32, mono: u64, car: &Car) -> Result<()> {
    let mph = (car.now.mph * 10.0) as u64 as f64 / 10.0;
    let line = json!({
        "msg": format!("cruise {}, {mph} mph", if car.cruise_active { "active" } else { "inactive" }),
        "ctx": { "dongle_id": DONGLE, "version": "0.10.1", "device": "tici" },
        "level": "INFO",
        "levelnum": 20,
        "name": "swaglog",
        "filename": "card.py",
        "lineno": 120,
        "module": "card",
        "funcName": "state_update",
        "process": "MainProcess",
        "thread": "MainThread",
        "created": (WALL_TIME / 1_000_000_000 + u64::from(tick) / 100) as f64,
    });
    events.emit("logMessage", mono, vec![("logMessage", Value::Text(line.to_string().into()))])?;
    Ok(())
}
