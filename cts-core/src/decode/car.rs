//! Which car a log is of.

use crate::capnp::Value;
use crate::log::{Event, EventSchema, Input};
use crate::{ErrorKind, Result};

/// The car of a log, as `carParams` names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Car {
    /// The make.
    pub brand: String,
    /// The platform.
    pub fingerprint: String,
}

impl Car {
    /// Reads `input` until the first `carParams`; `None` if there is none.
    ///
    /// # Errors
    /// Those of [`Input::read`].
    pub fn read(input: &mut Input, schema: &EventSchema) -> Result<Option<Self>> {
        let mut car = None;
        let read = input.read(|_, batch, _| {
            let named = |event: &Event<'_>| {
                schema.by_which(event.which()).is_some_and(|service| service.name == "carParams")
            };
            car = batch.events().find(named).map(|event| Self::of(&event, schema));
            // Only an error stops a reading.
            if car.is_some() { Err(ErrorKind::Canceled.into()) } else { Ok(()) }
        });
        match (car, read) {
            (Some(car), _) => Ok(Some(car)),
            (None, read) => read.map(|_| None),
        }
    }

    fn of(event: &Event<'_>, schema: &EventSchema) -> Self {
        let (value, _) = schema.value(event);
        let params = match &value {
            Value::Struct(event) => event.last().map(|(_, params)| params),
            _ => None,
        };
        let text = |name: &str| match params {
            Some(Value::Struct(fields)) => fields.iter().find_map(|(field, value)| match value {
                Value::Text(text) if *field == name => Some(text.to_string()),
                _ => None,
            }),
            _ => None,
        };
        let (brand, fingerprint) = (text("brand"), text("carFingerprint"));
        Self { brand: brand.unwrap_or_default(), fingerprint: fingerprint.unwrap_or_default() }
    }
}
