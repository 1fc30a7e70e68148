//! From a log to the engine: frames, samples, and which profile fits the car.

use super::fields::Fields;
use super::{MarkerType, Mode, Params, profile};
use crate::analyze::cruise::{Config, Cruise, MarkerRule, Outcome, Profile, Role, Source, TrackSpec, subaru};
use crate::can::bits::WatchSpec;
use crate::capnp::Value;
use crate::log::{Batch, Completeness, Event, EventSchema, Input, InputRecord, frames, which};
use crate::tool::Ctx;
use crate::{ErrorKind, Result};

/// How long to wait for `carParams` before the frames themselves tell the car, in ns.
const PATIENCE: u64 = 1_000_000_000;

/// What the log was found to be.
pub(super) struct Read {
    pub(super) outcome: Outcome,
    pub(super) record: InputRecord,
    /// The car by `carParams`; empty if the log does not say.
    pub(super) car: String,
    /// Mono time of the first `can` event: the zero of times in the log.
    pub(super) origin: u64,
    /// A hash of what was read.
    pub(super) digest: u64,
}

/// Reads the whole log.
pub(super) fn read(ctx: &Ctx, input: &mut Input, params: &Params) -> Result<Read> {
    let engaged = engaged_bit(params)?;
    let wanted = match params.profile.as_str() {
        "auto" => None,
        "subaru" => Some(subaru::profile()),
        "events" => Some(super::fields::profile()),
        path => Some(profile::open(path)?),
    };
    let schema = EventSchema::embedded();
    let mut reader = Reader {
        cruise: Cruise::new(config(params)),
        fields: Fields::new(schema),
        car_params: schema.find("carParams").ok().and_then(|found| Some(found.first()?.which)),
        schema,
        engaged,
        car: Car::default(),
        first: None,
        origin: None,
        digest: 0,
    };
    if let Some(wanted) = wanted {
        reader.follow(wanted)?;
    }
    let record = ctx.read(input, |_, batch, record| reader.batch(batch, record))?;
    reader.decide()?;
    let (car, digest) = (reader.car.name(), reader.digest);
    let origin = reader.origin;
    let none = || ErrorKind::NotALog { reason: "it holds no event of a drive".into() };
    let outcome = reader.cruise.finish().ok_or_else(none)?;
    Ok(Read { origin: origin.unwrap_or(outcome.first_t), outcome, record, car, digest })
}

fn ns(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

fn config(params: &Params) -> Config {
    let marker = MarkerRule {
        enabled: params.marker_type == MarkerType::Blinkers,
        pre: ns(params.marker_pre),
        post: ns(params.marker_post),
        timeout: ns(params.marker_timeout),
    };
    Config { marker, filter: params.engaged_mode == Mode::Filter, margin: ns(params.engaged_margin) }
}

/// The bit that the user names.
fn engaged_bit(params: &Params) -> Result<Option<TrackSpec>> {
    let Some(text) = &params.engaged_bit else { return Ok(None) };
    let bad = |expected: &str| ErrorKind::BadParam {
        name: "engaged_bit".into(),
        value: text.clone(),
        expected: expected.into(),
    };
    let watches = WatchSpec::parse(text, params.bit_order.order())
        .map_err(|_| bad("one bit such as `0x027:b34` or `0x027:MSB B29`"))?;
    let [watch] = &watches[..] else { return Err(bad("one bit, not a mask of several").into()) };
    let mut watch = watch.clone();
    match (watch.bus, params.engaged_bus) {
        (Some(bit), Some(bus)) if bit != bus => return Err(bad("on the bus of `engaged_bus`").into()),
        (None, bus) => watch.bus = bus,
        _ => {}
    }
    Ok(Some(TrackSpec {
        name: "engaged_bit".into(),
        role: Role::Engaged,
        source: profile::bit(&watch),
        scale: 1.0,
        unit: String::new(),
        initial: None,
    }))
}

/// What tells the car.
#[derive(Default)]
struct Car {
    brand: Option<String>,
    fingerprint: String,
    safety_model: String,
    /// Frames of the Subaru global platform, checksum and all: wheel speeds, others.
    subaru: [u32; 2],
}

impl Car {
    fn name(&self) -> String {
        self.fingerprint.clone()
    }

    /// `None` while nothing says which car it is.
    fn is_subaru_global(&self) -> Option<bool> {
        let brand = self.brand.as_ref()?.to_lowercase();
        let old = format!("{} {}", self.fingerprint, self.safety_model).to_lowercase().contains("preglobal");
        Some(brand == "subaru" && !old)
    }

    fn speaks_subaru(&self) -> bool {
        self.subaru.iter().all(|count| *count > 2)
    }
}

struct Reader {
    cruise: Cruise,
    fields: Fields,
    car_params: Option<u16>,
    schema: &'static EventSchema,
    engaged: Option<TrackSpec>,
    car: Car,
    /// The first time of a frame or sample.
    first: Option<u64>,
    origin: Option<u64>,
    digest: u64,
}

impl Reader {
    fn batch(&mut self, batch: &Batch, record: &mut Completeness) -> Result<()> {
        for event in batch.events() {
            let t = event.mono_time();
            self.digest = fold(self.digest, t ^ u64::from(event.which()) << 48);
            if event.which() == which::CAN {
                self.can(&event, record);
            } else if Some(event.which()) == self.car_params {
                self.car_params(&event);
            } else {
                let (cruise, first) = (&mut self.cruise, &mut self.first);
                let read = self.fields.read(&event, |id, value| {
                    first.get_or_insert(t);
                    cruise.sample(t, id, value);
                });
                if let Err(fault) = read {
                    record.note_value(event.index(), event.offset(), fault.0);
                }
            }
            if !self.cruise.is_following() {
                let waited = self.first.is_some_and(|first| t > first + PATIENCE);
                if waited || self.car.is_subaru_global() == Some(false) {
                    self.decide()?;
                }
            }
        }
        Ok(())
    }

    fn can(&mut self, event: &Event<'_>, record: &mut Completeness) {
        let t = event.mono_time();
        let list = match frames(event) {
            Ok(list) => list,
            Err(fault) => return record.note_value(event.index(), event.offset(), fault.0),
        };
        self.origin.get_or_insert(t);
        self.first.get_or_insert(t);
        let following = self.cruise.is_following();
        for frame in list {
            match frame {
                Ok(frame) => {
                    if !following && frame.bus < 128 && subaru::is_one(frame.address, frame.data) {
                        self.car.subaru[usize::from(frame.address != subaru::WHEEL_SPEEDS)] += 1;
                    }
                    self.digest = fold(self.digest, u64::from(frame.address) << 8 | u64::from(frame.bus));
                    for chunk in frame.data.chunks(8) {
                        let mut word = [0; 8];
                        word[..chunk.len()].copy_from_slice(chunk);
                        self.digest = fold(self.digest, u64::from_le_bytes(word));
                    }
                    self.cruise.frame(t, frame.bus, frame.address, frame.data);
                }
                Err(fault) => record.note_value(event.index(), event.offset(), fault.0),
            }
        }
    }

    fn car_params(&mut self, event: &Event<'_>) {
        if self.car.brand.is_some() {
            return;
        }
        let (value, _) = self.schema.value(event);
        let params = last(&value);
        self.car.fingerprint = params.and_then(|p| text(field(p, "carFingerprint")?)).unwrap_or_default();
        let brand = params.and_then(|p| text(field(p, "brand")?)).filter(|brand| !brand.is_empty());
        let safety = params.and_then(|p| match field(p, "safetyConfigs")? {
            Value::List(list) => text(field(list.first()?, "safetyModel")?),
            _ => None,
        });
        self.car.safety_model = safety.unwrap_or_default();
        self.car.brand = brand;
    }

    /// Settles the profile.
    fn decide(&mut self) -> Result<()> {
        if self.cruise.is_following() {
            return Ok(());
        }
        let subaru = self.car.is_subaru_global() != Some(false) && self.car.speaks_subaru();
        self.follow(if subaru { subaru::profile() } else { super::fields::profile() })
    }

    fn follow(&mut self, mut profile: Profile) -> Result<()> {
        if let Some(engaged) = self.engaged.take() {
            // Before all others, so that it is the one that counts.
            profile.tracks.insert(0, engaged);
        }
        self.cruise.follow(profile)
    }
}

/// A step of SplitMix64 over the state and a word.
fn fold(state: u64, word: u64) -> u64 {
    let mut x = state.wrapping_add(0x9E37_79B9_7F4A_7C15) ^ word;
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^ (x >> 29)
}

/// Two words of a hash over bytes, for names.
pub(super) fn digest(seed: u64, bytes: &[u8]) -> [u64; 2] {
    let words = bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    let first = words.fold(fold(seed, bytes.len() as u64), fold);
    [first, fold(first, !seed)]
}

/// The service's own value.
fn last<'v, 'a>(value: &'v Value<'a>) -> Option<&'v Value<'a>> {
    match value {
        Value::Struct(fields) => fields.last().map(|(_, value)| value),
        _ => None,
    }
}

fn field<'v, 'a>(value: &'v Value<'a>, name: &str) -> Option<&'v Value<'a>> {
    match value {
        Value::Struct(fields) => fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value),
        _ => None,
    }
}

fn text(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_string()),
        Value::Name(name) => Some((*name).to_owned()),
        _ => None,
    }
}

/// Whether a profile reads frames.
pub(super) fn needs_frames(profile: &Profile) -> bool {
    profile.tracks.iter().any(|track| track.role == Role::Speed && matches!(track.source, Source::Can { .. }))
}
