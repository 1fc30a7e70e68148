//! What openpilot itself says of the car: fields of its services as samples, resolved to offsets once.

use crate::analyze::cruise::{Profile, Role, Source, TrackSpec};
use crate::capnp::schema::{FieldKind, Type};
use crate::capnp::{Fault, ListReader, StructReader};
use crate::log::{Event, EventSchema};

/// mph of a metre per second.
const MPH: f64 = 3.6 * crate::analyze::cruise::subaru::MILES;

/// Track, role, service, path, factor, unit. Newer services first: the first that is seen counts.
const FIELDS: &[(&str, Role, &str, &str, f64, &str)] = &[
    ("speed", Role::Speed, "carState", "vEgo", MPH, "mph"),
    ("engaged", Role::Engaged, "selfdriveState", "enabled", 1.0, ""),
    ("engaged_controls_state", Role::Engaged, "controlsState", "enabled", 1.0, ""),
    ("cruise_on", Role::CruiseOn, "carState", "cruiseState.available", 1.0, ""),
    ("cruise_activated", Role::CruiseActive, "carState", "cruiseState.enabled", 1.0, ""),
    ("set_speed", Role::SetSpeed, "carState", "cruiseState.speed", MPH, "mph"),
    ("brake", Role::Brake, "carState", "brakePressed", 1.0, ""),
    ("gas", Role::State, "carState", "gasPressed", 1.0, ""),
    ("left_blinker", Role::Left, "carState", "leftBlinker", 1.0, ""),
    ("right_blinker", Role::Right, "carState", "rightBlinker", 1.0, ""),
    ("control", Role::State, "carControl", "enabled", 1.0, ""),
    ("control_cancel", Role::State, "carControl", "cruiseControl.cancel", 1.0, ""),
    ("control_resume", Role::State, "carControl", "cruiseControl.resume", 1.0, ""),
];

/// Track, role, number in `ButtonEvent.Type`. Source: opendbc `car.capnp` `CarState.ButtonEvent.Type`.
const BUTTONS: &[(&str, Role, u32, &str)] = &[
    ("main", Role::Main, 8, "mainCruise"),
    ("set", Role::Set, 9, "setCruise"),
    ("resume", Role::Resume, 10, "resumeCruise"),
    ("decel", Role::Set, 4, "decelCruise"),
    ("accel", Role::Resume, 3, "accelCruise"),
    ("cancel", Role::Cancel, 5, "cancel"),
    ("gap", Role::Button, 11, "gapAdjustCruise"),
];

/// Samples of buttons have numbers from here on.
const FIRST_BUTTON: u32 = 1000;

/// The profile `events`: any car, by what openpilot says of it.
pub(super) fn profile() -> Profile {
    let fields = (0..).zip(FIELDS).map(|(id, (name, role, service, path, scale, unit))| TrackSpec {
        name: (*name).into(),
        role: *role,
        source: Source::Sample { id, path: format!("{service}.{path}") },
        scale: *scale,
        unit: (*unit).into(),
        initial: None,
    });
    let buttons = BUTTONS.iter().map(|(name, role, number, path)| TrackSpec {
        name: (*name).into(),
        role: *role,
        source: Source::Sample { id: FIRST_BUTTON + number, path: format!("carState.buttonEvents.{path}") },
        scale: 1.0,
        unit: String::new(),
        // The first event of a button is a change already.
        initial: Some(0.0),
    });
    Profile { name: "events".into(), tracks: fields.chain(buttons).collect() }
}

/// The source of that path, as in `carState.vEgo`.
pub(super) fn sample(path: &str) -> Option<Source> {
    let found = profile().tracks.into_iter().map(|track| track.source);
    found.into_iter().find(|source| matches!(source, Source::Sample { path: known, .. } if known == path))
}

/// Where a scalar lies: pointers to follow, then an offset.
struct Probe {
    id: u32,
    pointers: Vec<u32>,
    ty: Type,
    offset: u32,
    default: u64,
}

impl Probe {
    fn new(schema: &EventSchema, id: u32, service: &str, path: &str) -> Option<(u16, Self)> {
        let (types, service) = (schema.types(), *schema.find(service).ok()?.first()?);
        let mut at = types.inner_struct(service.ty)?;
        let (mut pointers, mut leaf) = (Vec::new(), None);
        for step in types.resolve(at, path).ok()? {
            match &types.structure(at).fields[step].kind {
                FieldKind::Group(group) => at = *group,
                FieldKind::Slot { ty: Type::Struct(inner), offset, .. } => {
                    pointers.push(*offset);
                    at = *inner;
                }
                FieldKind::Slot { ty, offset, default } => leaf = Some((ty.clone(), *offset, *default)),
            }
        }
        let (ty, offset, default) = leaf?;
        Some((service.which, Self { id, pointers, ty, offset, default }))
    }

    fn read(&self, root: StructReader<'_>) -> Result<f64, Fault> {
        let mut at = root;
        for pointer in &self.pointers {
            let inner = at.pointer(*pointer).map_or(Ok(None), |pointer| pointer.structure())?;
            at = inner.unwrap_or_else(|| StructReader::empty(at.message()));
        }
        Ok(match self.ty {
            Type::Bool => f64::from(u8::from(at.bool(self.offset) ^ (self.default & 1 == 1))),
            Type::Float32 => f64::from(f32::from_bits(at.u32(self.offset) ^ self.default as u32)),
            Type::UInt16 | Type::Enum(_) => f64::from(at.u16(self.offset) ^ self.default as u16),
            _ => f64::NAN,
        })
    }
}

/// Reads the fields of events.
pub(super) struct Fields {
    probes: Vec<(u16, Probe)>,
    /// Service and pointer of the list of button events, offsets of `pressed` and `type`.
    buttons: Option<(u16, u32, Probe, Probe)>,
}

impl Fields {
    pub(super) fn new(schema: &EventSchema) -> Self {
        let fields = (0..).zip(FIELDS);
        let probes = fields.filter_map(|(id, field)| Probe::new(schema, id, field.2, field.3)).collect();
        Self { probes, buttons: buttons(schema) }
    }

    /// Gives the samples of an event: number and value.
    pub(super) fn read(&self, event: &Event<'_>, mut give: impl FnMut(u32, f64)) -> Result<(), Fault> {
        let which = event.which();
        let mut mine = self.probes.iter().filter(|(of, _)| *of == which).peekable();
        if mine.peek().is_none() {
            return Ok(());
        }
        let Some(value) = event.value()? else { return Ok(()) };
        let Some(root) = value.structure()? else { return Ok(()) };
        for (_, probe) in mine {
            let value = probe.read(root)?;
            if value.is_finite() {
                give(probe.id, value);
            }
        }
        let Some((_, at, pressed, kind)) = self.buttons.as_ref().filter(|(of, ..)| *of == which) else {
            return Ok(());
        };
        let list = root.pointer(*at).map_or(Ok(None), |pointer| pointer.list())?;
        list.map_or(Ok(()), |list| each_button(&list, pressed, kind, give))
    }
}

/// More buttons in one event than any car has: the rest is not looked at.
const MOST_BUTTONS: u32 = 64;

fn each_button(
    list: &ListReader<'_>,
    pressed: &Probe,
    kind: &Probe,
    mut give: impl FnMut(u32, f64),
) -> Result<(), Fault> {
    for i in 0..list.len().min(MOST_BUTTONS) {
        let button = list.structure(i)?;
        give(FIRST_BUTTON + kind.read(button)? as u32, pressed.read(button)?);
    }
    Ok(())
}

fn buttons(schema: &EventSchema) -> Option<(u16, u32, Probe, Probe)> {
    let (types, service) = (schema.types(), *schema.find("carState").ok()?.first()?);
    let state = types.inner_struct(service.ty)?;
    let [step] = types.resolve(state, "buttonEvents").ok()?[..] else { return None };
    let FieldKind::Slot { ty, offset, .. } = &types.structure(state).fields[step].kind else { return None };
    let button = types.inner_struct(ty)?;
    let probe = |name: &str| {
        let [step] = types.resolve(button, name).ok()?[..] else { return None };
        let FieldKind::Slot { ty, offset, default } = &types.structure(button).fields[step].kind else {
            return None;
        };
        Some(Probe { id: 0, pointers: vec![], ty: ty.clone(), offset: *offset, default: *default })
    };
    Some((service.which, *offset, probe("pressed")?, probe("type")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capnp::{Builder, Value};
    use crate::log::{Log, ReadOptions};

    #[test]
    fn every_field_is_in_the_schema_and_is_read() {
        let schema = EventSchema::embedded();
        let fields = Fields::new(schema);
        assert_eq!(fields.probes.len(), FIELDS.len());
        let mut event = Builder::new(schema.types(), schema.root());
        let button = |kind, pressed: bool| {
            Value::Struct(vec![("type", Value::Name(kind)), ("pressed", pressed.into())])
        };
        event.set("logMonoTime", 5u64).unwrap();
        event.set("carState.vEgo", 10.0).unwrap();
        event.set("carState.cruiseState.enabled", true).unwrap();
        let list = vec![button("setCruise", true), button("cancel", false), button("resumeCruise", true)];
        event.set("carState.buttonEvents", Value::List(list)).unwrap();
        let log = Log::from_bytes(&event.finish(), &ReadOptions::default()).unwrap();
        let mut got = Vec::new();
        fields.read(&log.events().next().unwrap(), |id, value| got.push((id, value))).unwrap();
        let on: Vec<_> = got.iter().filter(|(_, value)| *value != 0.0).copied().collect();
        assert_eq!(on, [(0, 10.0), (4, 1.0), (1009, 1.0), (1010, 1.0)]);
        assert!(got.contains(&(1005, 0.0)));
    }
}
