//! Services: names of the members of the `Event` union, old and new, and the values behind them.

use std::path::Path;
use std::sync::OnceLock;

use super::Event;
use crate::capnp::schema::{FieldKind, Type};
use crate::capnp::{Schema, Value, ValueReader};
use crate::error::nearest;
use crate::{Error, ErrorKind, Result};

/// Type id of `Event`. Source: openpilot `cereal/log.capnp`.
const EVENT_ID: u64 = 0xd314_cfd9_5722_9c11;

/// The newest schema, as data. Its origin and how it is rebuilt: `schema/README.md`.
const SNAPSHOT: &str = include_str!("../../schema/cereal.txt");

/// A schema whose root is openpilot's `Event`.
#[derive(Clone, Debug)]
pub struct EventSchema {
    schema: Schema,
    event: usize,
}

/// One service of a schema.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    /// The newest name.
    pub name: &'a str,
    /// Number of the union member on the wire.
    pub which: u16,
    /// Type of the value.
    pub ty: &'a Type,
}

impl EventSchema {
    /// The embedded snapshot of the newest openpilot schema, which reads all logs since 2019-05.
    pub fn embedded() -> &'static Self {
        static EMBEDDED: OnceLock<EventSchema> = OnceLock::new();
        EMBEDDED.get_or_init(|| {
            #[expect(clippy::expect_used, reason = "a constant; a test reads it")]
            Schema::from_snapshot(SNAPSHOT).and_then(Self::new).expect("the embedded schema is sound")
        })
    }

    /// A fork's schema: the output of `capnp compile -o- log.capnp`. Old names of types that openpilot has too
    /// keep working.
    ///
    /// # Errors
    /// `bad-schema`.
    pub fn from_request(bytes: &[u8]) -> Result<Self> {
        let mut schema = Schema::from_request(bytes)?;
        schema.adopt_names(&Self::embedded().schema);
        Self::new(schema)
    }

    /// As [`EventSchema::from_request`], from a file.
    ///
    /// # Errors
    /// `no-such-file`, `io`, `bad-schema`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let bytes = std::fs::read(&path).map_err(|e| Error::io("read", e).path(&path))?;
        Self::from_request(&bytes).map_err(|e| e.path(&path))
    }

    fn new(schema: Schema) -> Result<Self> {
        let missing = || ErrorKind::BadSchema { reason: format!("no struct `Event` (id {EVENT_ID:#x})") };
        let event = schema.struct_by_id(EVENT_ID).ok_or_else(missing)?;
        Ok(Self { schema, event })
    }

    /// The types.
    pub fn types(&self) -> &Schema {
        &self.schema
    }

    /// Index of the struct `Event` among the types.
    pub fn root(&self) -> usize {
        self.event
    }

    /// All services, in declaration order.
    pub fn services(&self) -> impl Iterator<Item = Service<'_>> {
        self.schema.structure(self.event).fields.iter().filter_map(|field| match (&field.kind, field.which) {
            (FieldKind::Slot { ty, .. }, Some(which)) => Some(Service { name: &field.name, which, ty }),
            _ => None,
        })
    }

    /// The service with that number on the wire.
    pub fn by_which(&self, which: u16) -> Option<Service<'_>> {
        self.services().find(|service| service.which == which)
    }

    /// The service's name, or its number for one that the schema does not know.
    pub fn name(&self, which: u16) -> String {
        self.by_which(which).map_or_else(|| which.to_string(), |service| service.name.to_owned())
    }

    /// All services that have or had a name, the newest meaning first. Some names meant another service in older
    /// logs: `onroadEvents`, `liveTracks`, `driverMonitoringState`, `liveLocationKalman`.
    ///
    /// # Errors
    /// `no-such-service`.
    pub fn find(&self, name: &str) -> Result<Vec<Service<'_>>> {
        let event = self.schema.structure(self.event);
        let aliases = event.aliases.iter().filter(|(old, _)| old == name).map(|(_, new)| new.as_str());
        let mut found: Vec<Service<'_>> = Vec::new();
        for name in [name].into_iter().chain(aliases) {
            let new = self.services().find(|s| s.name == name && found.iter().all(|f| f.which != s.which));
            found.extend(new);
        }
        if found.is_empty() {
            let old = event.aliases.iter().map(|(old, _)| old.as_str());
            let suggestion = nearest(name, self.services().map(|s| s.name).chain(old));
            return Err(ErrorKind::NoSuchService { name: name.to_owned(), suggestion }.into());
        }
        Ok(found)
    }

    /// The whole event as pycapnp's `to_dict(verbose=True)` shows it: `logMonoTime`, `valid` and the service. An
    /// unknown service is shown as `"which": number`. Parts that cannot be read are null; their reasons are
    /// returned beside.
    pub fn value<'a>(&'a self, event: &Event<'a>) -> (Value<'a>, Vec<crate::capnp::Fault>) {
        let mut reader = ValueReader::new(&self.schema, event.bytes().len());
        let mut fields =
            vec![("logMonoTime", Value::UInt(event.mono_time())), ("valid", Value::Bool(event.valid()))];
        match (self.by_which(event.which()), event.root()) {
            (Some(service), Ok(root)) => {
                fields.push((service.name, reader.pointer(service.ty, root.pointer(0), root)));
            }
            (None, _) => fields.push(("which", Value::UInt(u64::from(event.which())))),
            (_, Err(fault)) => reader.faults.push(fault),
        }
        (Value::Struct(fields), reader.faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::which;

    #[test]
    fn the_numbers_in_code_are_those_of_the_schema() {
        let schema = EventSchema::embedded();
        let number = |name: &str| schema.find(name).unwrap()[0].which;
        assert_eq!(number("initData"), which::INIT_DATA);
        assert_eq!(number("can"), which::CAN);
        assert_eq!(number("sendcan"), which::SENDCAN);
        assert_eq!(number("sentinel"), which::SENTINEL);
        assert_eq!(schema.services().count(), 150);
    }

    #[test]
    fn old_names_lead_to_new_places() {
        let schema = EventSchema::embedded();
        let names = |name: &str| schema.find(name).unwrap().iter().map(|s| s.name).collect::<Vec<_>>();
        assert_eq!(names("userFlag"), ["userBookmark"]);
        assert_eq!(names("health"), ["pandaStateDEPRECATED"]);
        assert_eq!(names("onroadEvents"), ["onroadEvents", "onroadEventsDEPRECATED"]);
        let error = schema.find("carstate").unwrap_err();
        assert!(error.to_string().contains("did you mean `carState`"), "{error}");

        let path = |service: &str, path: &str| {
            let types = schema.types();
            let mut at = types.inner_struct(schema.find(service).unwrap()[0].ty).unwrap();
            let mut names = vec![];
            for step in types.resolve(at, path).unwrap() {
                let field = &types.structure(at).fields[step];
                names.push(field.name.as_str());
                at = match &field.kind {
                    FieldKind::Group(group) => *group,
                    FieldKind::Slot { ty, .. } => types.inner_struct(ty).unwrap_or(at),
                };
            }
            names.join(".")
        };
        assert_eq!(path("controlsState", "enabled"), "deprecated.enabled");
        assert_eq!(path("carState", "wheelSpeeds.fl"), "wheelSpeeds.fl");
        assert_eq!(path("carState", "steeringAngle"), "steeringAngleDeg");
        assert_eq!(path("carParams", "carName"), "brand");
        let types = schema.types();
        let car_state = types.inner_struct(schema.find("carState").unwrap()[0].ty).unwrap();
        let error = types.resolve(car_state, "wheelSpeeds.fx").unwrap_err();
        assert!(error.to_string().contains("wheelSpeeds.f"), "{error}");
    }
}
