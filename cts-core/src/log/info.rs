//! What a log holds: the car, the software, when, how long, how many of what.

use std::collections::BTreeMap;

use serde::Serialize;

use super::input::{Input, InputRecord};
use super::{Batch, CanService, Completeness, Event, EventSchema, frames, which};
use crate::Result;
use crate::capnp::Value;

/// A summary of a log or route. Times are mono time in ns unless the name says otherwise.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LogInfo {
    /// From `carParams`: make.
    pub brand: Option<String>,
    /// From `carParams`: the car.
    pub car_fingerprint: Option<String>,
    /// From `initData`.
    pub dongle_id: Option<String>,
    /// From `initData`: type of the device.
    pub device_type: Option<String>,
    /// From `initData`: openpilot's version.
    pub version: Option<String>,
    /// From `initData`.
    pub git_remote: Option<String>,
    /// From `initData`.
    pub git_branch: Option<String>,
    /// From `initData`.
    pub git_commit: Option<String>,
    /// The first time, `initData` left out.
    pub first_mono_time_ns: Option<u64>,
    /// The last time.
    pub last_mono_time_ns: Option<u64>,
    /// Seconds from the first to the last time.
    pub duration_s: f64,
    /// Wall time of the first event, in ns since 1970, by the most trusted source that the log has.
    pub start_wall_time_ns: Option<i64>,
    /// The source of the wall time: `gps`, `clocks` or `initData`.
    pub wall_time_source: Option<&'static str>,
    /// How the drive ended: `endOfRoute`, `endOfSegment`; `None` when the logger did not end properly.
    pub end: Option<String>,
    /// Events by service, most frequent first.
    pub services: Vec<ServiceRate>,
    /// CAN frames by service and bus.
    pub buses: Vec<BusRate>,
    /// Whether the log is thinned: no question about CAN timing can be answered from a qlog.
    pub thinned_can: bool,
}

/// Events of one service.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceRate {
    /// Name, or the number of a service that the schema does not know.
    pub service: String,
    /// Whether the schema knows it.
    pub known: bool,
    /// Number of events.
    pub events: u64,
    /// Events per second over the whole duration.
    pub rate_hz: f64,
}

/// CAN frames on one bus.
#[derive(Clone, Debug, Serialize)]
pub struct BusRate {
    /// `can` or `sendcan`.
    pub service: &'static str,
    /// `src` of the log.
    pub bus: u8,
    /// Number of frames.
    pub frames: u64,
    /// Frames per second over the whole duration.
    pub rate_hz: f64,
    /// Number of different addresses.
    pub addresses: u64,
}

impl LogInfo {
    /// Reads all of `input`.
    ///
    /// # Errors
    /// Those of [`Input::read`].
    pub fn read(input: &mut Input, schema: &EventSchema) -> Result<(Self, InputRecord)> {
        let mut gather = Gather { schema, info: Self::default(), wall: [None; 3], buses: BTreeMap::new() };
        let record = input.read(|_, batch, record| {
            gather.batch(batch, record);
            Ok(())
        })?;
        let total = &record.total;
        let info = gather.finish(total);
        Ok((info, record))
    }
}

/// Pairs of wall and mono time in ns, one per source.
type Pair = Option<(i64, u64)>;

struct Gather<'s> {
    schema: &'s EventSchema,
    info: LogInfo,
    /// By trust: gps, clocks, initData.
    wall: [Pair; 3],
    buses: BTreeMap<(bool, u8), (u64, std::collections::BTreeSet<u32>)>,
}

impl Gather<'_> {
    fn batch(&mut self, batch: &Batch, record: &mut Completeness) {
        for event in batch.events() {
            if CanService::of(&event).is_some() {
                self.frames(&event, record);
                continue;
            }
            let Some(service) = self.schema.by_which(event.which()) else { continue };
            match service.name {
                "initData" if self.info.version.is_none() => self.init_data(&event),
                "carParams" if self.info.car_fingerprint.is_none() => self.car_params(&event),
                "gpsLocationExternal" | "gpsLocation" => self.gps(&event),
                "clocks" if event.valid() => {
                    let wall = self.integer(&event, "wallTimeNanos");
                    self.wall[1] = wall.map(|wall| (wall, event.mono_time())).or(self.wall[1]);
                }
                "sentinel" => self.sentinel(&event),
                _ => {}
            }
        }
    }

    fn frames(&mut self, event: &Event<'_>, record: &mut Completeness) {
        let sendcan = event.which() == which::SENDCAN;
        match frames(event) {
            Ok(list) => {
                for frame in list {
                    match frame {
                        Ok(frame) => {
                            let (count, addresses) = self.buses.entry((sendcan, frame.bus)).or_default();
                            *count += 1;
                            addresses.insert(frame.address);
                        }
                        Err(fault) => record.note_value(event.index(), event.offset(), fault.0),
                    }
                }
            }
            Err(fault) => record.note_value(event.index(), event.offset(), fault.0),
        }
    }

    /// A field of the event's value, by its newest name.
    fn field<T>(&self, event: &Event<'_>, name: &str, take: impl Fn(&Value<'_>) -> Option<T>) -> Option<T> {
        let (value, _) = self.schema.value(event);
        let Value::Struct(event) = &value else { return None };
        let Value::Struct(fields) = &event.last()?.1 else { return None };
        fields.iter().find(|(field, _)| *field == name).and_then(|(_, value)| take(value))
    }

    fn text(&self, event: &Event<'_>, name: &str) -> Option<String> {
        self.field(event, name, |value| match value {
            Value::Text(text) if !text.is_empty() => Some(text.to_string()),
            Value::Name(name) => Some((*name).to_owned()),
            _ => None,
        })
    }

    fn integer(&self, event: &Event<'_>, name: &str) -> Option<i64> {
        self.field(event, name, |value| match value {
            Value::Int(v) => Some(*v),
            Value::UInt(v) => i64::try_from(*v).ok(),
            _ => None,
        })
        .filter(|value| *value > 0)
    }

    fn init_data(&mut self, event: &Event<'_>) {
        self.info.dongle_id = self.text(event, "dongleId");
        self.info.device_type = self.text(event, "deviceType");
        self.info.version = self.text(event, "version");
        self.info.git_remote = self.text(event, "gitRemote");
        self.info.git_branch = self.text(event, "gitBranch");
        self.info.git_commit = self.text(event, "gitCommit");
        self.wall[2] = self.integer(event, "wallTimeNanos").map(|wall| (wall, event.mono_time()));
    }

    fn car_params(&mut self, event: &Event<'_>) {
        self.info.brand = self.text(event, "brand");
        self.info.car_fingerprint = self.text(event, "carFingerprint");
    }

    /// Source: openpilot `GpsLocationData`: `hasFix`, before it `flags` == 1.
    fn gps(&mut self, event: &Event<'_>) {
        let fix = self.field(event, "hasFix", |v| Some(*v == Value::Bool(true))) == Some(true)
            || self.field(event, "flags", |v| Some(*v == Value::UInt(1))) == Some(true);
        if fix && let Some(ms) = self.integer(event, "unixTimestampMillis") {
            self.wall[0] = Some((ms.saturating_mul(1_000_000), event.mono_time()));
        }
    }

    fn sentinel(&mut self, event: &Event<'_>) {
        self.info.end = self.text(event, "type").filter(|name| name.starts_with("end"));
    }

    fn finish(mut self, total: &Completeness) -> LogInfo {
        let info = &mut self.info;
        (info.first_mono_time_ns, info.last_mono_time_ns) = (total.first_mono_time, total.last_mono_time);
        let span = total.last_mono_time.zip(total.first_mono_time).map_or(0, |(last, first)| last - first);
        info.duration_s = span as f64 / 1e9;
        let rate = |count: u64| if span == 0 { 0.0 } else { count as f64 / (span as f64 / 1e9) };
        let names = ["gps", "clocks", "initData"];
        let best = self.wall.iter().zip(names).find_map(|(pair, name)| pair.map(|pair| (pair, name)));
        if let (Some(((wall, mono), name)), Some(first)) = (best, total.first_mono_time) {
            info.start_wall_time_ns = Some(wall.wrapping_sub(mono.wrapping_sub(first) as i64));
            info.wall_time_source = Some(name);
        }
        let services = total.by_which.iter().map(|(which, events)| ServiceRate {
            service: self.schema.name(*which),
            known: self.schema.by_which(*which).is_some(),
            events: *events,
            rate_hz: rate(*events),
        });
        info.services = services.collect();
        info.services.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| a.service.cmp(&b.service)));
        let buses = self.buses.iter().map(|((sendcan, bus), (frames, addresses))| BusRate {
            service: if *sendcan { "sendcan" } else { "can" },
            bus: *bus,
            frames: *frames,
            rate_hz: rate(*frames),
            addresses: addresses.len() as u64,
        });
        info.buses = buses.collect();
        // Live traffic comes as about 100 `can` events a second; qlogs keep a few per minute.
        let can = total.by_which.get(&which::CAN).copied().unwrap_or_default();
        info.thinned_can = can > 0 && span > 5_000_000_000 && rate(can) < 5.0;
        self.info
    }
}
