//! Writes events, field by field, and counts them.

use std::collections::BTreeMap;
use std::io::Write;

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;
use rustc_hash::FxHashMap;

use super::GarbledEvent;
use crate::capnp::{Builder, Place, Schema, Value};
use crate::log::EventSchema;
use crate::{Error, Result};

/// A writer of events.
pub(super) struct Events<'w, W> {
    out: &'w mut W,
    schema: &'static Schema,
    root: usize,
    /// Paths that were resolved before.
    places: FxHashMap<&'static str, Place>,
    /// The next event becomes garbage of the same length.
    pub garble_next: bool,
    written: Written,
}

/// What was written.
#[derive(Default)]
pub(super) struct Written {
    pub bytes: u64,
    pub by_service: BTreeMap<&'static str, u64>,
    pub garbled: Option<GarbledEvent>,
}

impl<'w, W: Write> Events<'w, W> {
    pub(super) fn new(out: &'w mut W) -> Self {
        let schema = EventSchema::embedded();
        let (places, written) = (FxHashMap::default(), Written::default());
        Self { out, schema: schema.types(), root: schema.root(), places, garble_next: false, written }
    }

    /// Writes one event. Paths start with the service's name. Whether it can be read: not when it was garbled.
    pub(super) fn emit(
        &mut self,
        service: &'static str,
        mono: u64,
        fields: Vec<(&'static str, Value<'_>)>,
    ) -> Result<bool> {
        let mut event = Builder::new(self.schema, self.root);
        for (path, value) in [("logMonoTime", mono.into())].into_iter().chain(fields) {
            if !self.places.contains_key(path) {
                self.places.insert(path, Place::new(self.schema, self.root, path)?);
            }
            event.put(&self.places[path], value)?;
        }
        let mut bytes = event.finish();
        let garbled = std::mem::take(&mut self.garble_next);
        if garbled {
            Pcg32::new(mono, 2).fill_bytes(&mut bytes);
            let (offset, len) = (self.written.bytes, bytes.len() as u64);
            self.written.garbled = Some(GarbledEvent { offset, len, mono_time: mono });
        } else {
            *self.written.by_service.entry(service).or_default() += 1;
        }
        self.written.bytes += bytes.len() as u64;
        self.out.write_all(&bytes).map_err(|e| Error::io("write", e))?;
        Ok(!garbled)
    }

    pub(super) fn finish(self) -> Result<Written> {
        self.out.flush().map_err(|e| Error::io("write", e))?;
        Ok(self.written)
    }
}
