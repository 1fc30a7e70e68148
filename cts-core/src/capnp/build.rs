//! Writes messages by a schema: the inverse of [`ValueReader`](super::ValueReader).
//!
//! For logs made in memory: tests, demonstrations, bridges. One segment, content in the order in which it is set.

mod place;
mod scalar;
#[cfg(test)]
mod tests;

use super::schema::{FieldKind, Schema, Type};
use super::{Value, WORD};
use crate::{ErrorKind, Result};
pub use place::Place;
use scalar::{mismatch, scalar};

/// Most words or list elements that a pointer can count: 29 bits.
const MOST: usize = 1 << 29;

/// Builds one framed message of one segment.
#[derive(Clone, Debug)]
pub struct Builder<'s> {
    schema: &'s Schema,
    index: usize,
    root: Spot,
    /// The segment table, then the segment.
    bytes: Vec<u8>,
}

/// Where a struct lies in the message.
#[derive(Clone, Copy, Debug)]
struct Spot {
    /// Byte offset of the data section.
    start: usize,
    /// Bytes of the data section.
    data: usize,
}

impl<'s> Builder<'s> {
    /// A message whose root is a struct of type `index`, all fields at their defaults.
    pub fn new(schema: &'s Schema, index: usize) -> Self {
        let mut builder = Self { schema, index, root: Spot { start: 0, data: 0 }, bytes: vec![0; 2 * WORD] };
        let (words, pointers) = schema.size(index);
        builder.root = builder.allocate(words, pointers);
        builder.point(WORD, builder.root, words, pointers);
        builder
    }

    /// Sets the field at a dotted path; see [`Builder::put`].
    ///
    /// # Errors
    /// `no-such-field`; else as [`Builder::put`].
    pub fn set<'v>(&mut self, path: &str, value: impl Into<Value<'v>>) -> Result<&mut Self> {
        self.put(&Place::new(self.schema, self.index, path)?, value)
    }

    /// Sets a field. Structs on the way come into being, members of unions become the active ones.
    ///
    /// A value has the form in which it is read: numbers within their type's range, enum values as
    /// [`Value::Name`] or number, structs and groups as [`Value::Struct`] with any of their fields. `Null` leaves
    /// the default, and chooses a union member all the same. Text and data also fit `AnyPointer`.
    ///
    /// # Errors
    /// `bad-param` for a value of another type or a place inside a list, `out-of-range` for a number that does not
    /// fit, `no-such-field` for names in structs, `too-large`.
    ///
    /// # Panics
    /// When the place was resolved for another type.
    pub fn put<'v>(&mut self, place: &Place, value: impl Into<Value<'v>>) -> Result<&mut Self> {
        assert_eq!(place.root, self.index, "a place belongs to one type");
        self.follow(self.root, &place.steps, &value.into())?;
        Ok(self)
    }

    /// The framed message.
    pub fn finish(mut self) -> Vec<u8> {
        let words = (self.bytes.len() / WORD - 1) as u64;
        self.word(0, words << 32);
        self.bytes
    }

    fn follow(&mut self, spot: Spot, steps: &[(usize, usize)], value: &Value<'_>) -> Result<()> {
        let Some(((index, field), rest)) = steps.split_first() else {
            return Ok(());
        };
        let schema = self.schema;
        let s = &schema.structs[*index];
        let field = &s.fields[*field];
        if let (Some(which), Some(offset)) = (field.which, s.union) {
            self.bits(spot.start + 2 * offset as usize, 2, u64::from(which));
        }
        match (&field.kind, rest) {
            (FieldKind::Group(group), []) => self.structure(spot, *group, value, &field.name),
            (FieldKind::Group(_), rest) => self.follow(spot, rest, value),
            (FieldKind::Slot { ty: Type::Struct(inner), offset, .. }, [_, ..]) => {
                let inner = self.enter(spot, *offset, *inner);
                self.follow(inner, rest, value)
            }
            (FieldKind::Slot { .. }, [_, ..]) => Err(mismatch(&field.name, value, "a struct, not a list")),
            (FieldKind::Slot { .. }, []) if *value == Value::Null => Ok(()),
            (FieldKind::Slot { ty, offset, .. }, []) if ty.is_pointer() => {
                self.pointed(spot.pointer(*offset), ty, value, &field.name)
            }
            (FieldKind::Slot { ty, offset, default }, []) => {
                let bits = scalar(schema, ty, value, &field.name)? ^ default;
                match ty {
                    Type::Void => {}
                    Type::Bool => self.bit(spot.start, *offset as usize, bits & 1 == 1),
                    _ => self.bits(spot.start + *offset as usize * ty.width(), ty.width(), bits),
                }
                Ok(())
            }
        }
    }

    /// The struct behind pointer `offset`, which comes into being when the pointer is null.
    fn enter(&mut self, spot: Spot, offset: u32, index: usize) -> Spot {
        let (words, pointers) = self.schema.size(index);
        let at = spot.pointer(offset);
        let word = self.bytes[at..].first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        if word != 0 && words + pointers > 0 {
            let start = at + WORD + (word as u32 >> 2) as usize * WORD;
            return Spot { start, data: words * WORD };
        }
        let inner = self.allocate(words, pointers);
        self.point(at, inner, words, pointers);
        inner
    }

    /// Points from byte `at` to a struct that lies behind it.
    fn point(&mut self, at: usize, to: Spot, words: usize, pointers: usize) {
        // The place of an empty struct does not matter, but its pointer must not be null: offset -1 by convention.
        let offset = if words + pointers == 0 { -1 } else { ((to.start - at) / WORD) as i64 - 1 };
        self.word(at, struct_pointer(offset, words, pointers));
    }

    fn structure(&mut self, spot: Spot, index: usize, value: &Value<'_>, name: &str) -> Result<()> {
        let fields = match value {
            Value::Struct(fields) => fields,
            Value::Null => return Ok(()),
            _ => return Err(mismatch(name, value, "a struct")),
        };
        for (name, value) in fields {
            let place = Place::new(self.schema, index, name)?;
            self.follow(spot, &place.steps, value)?;
        }
        Ok(())
    }

    /// Writes what the pointer at byte `at` points to.
    fn pointed(&mut self, at: usize, ty: &Type, value: &Value<'_>, name: &str) -> Result<()> {
        match (ty, value) {
            (_, Value::Null) => Ok(()),
            (Type::Text | Type::AnyPointer, Value::Text(text)) => {
                let start = self.list(at, 2, text.len() + 1, text.len() + 1)?;
                self.bytes[start..start + text.len()].copy_from_slice(text.as_bytes());
                Ok(())
            }
            (Type::Data | Type::AnyPointer, Value::Data(data)) => {
                let start = self.list(at, 2, data.len(), data.len())?;
                self.bytes[start..start + data.len()].copy_from_slice(data);
                Ok(())
            }
            (Type::Struct(index), Value::Struct(_)) => {
                let inner = self.enter(Spot { start: at, data: 0 }, 0, *index);
                self.structure(inner, *index, value, name)
            }
            (Type::List(element), Value::List(values)) => self.elements(at, element, values, name),
            _ => Err(mismatch(name, value, &format!("{ty:?}"))),
        }
    }

    fn elements(&mut self, at: usize, ty: &Type, values: &[Value<'_>], name: &str) -> Result<()> {
        if let Type::Struct(index) = ty {
            return self.structs(at, *index, values, name);
        }
        let (code, bits) = match ty {
            Type::Void => (0, 0),
            Type::Bool => (1, 1),
            ty if ty.is_pointer() => (6, 64),
            ty => (2 + ty.width().trailing_zeros() as u64, 8 * ty.width()),
        };
        let start = self.list(at, code, values.len(), (values.len() * bits).div_ceil(8))?;
        for (i, value) in values.iter().enumerate() {
            if ty.is_pointer() {
                self.pointed(start + i * WORD, ty, value, name)?;
                continue;
            }
            let value = scalar(self.schema, ty, value, name)?;
            match ty {
                Type::Void => {}
                Type::Bool => self.bit(start, i, value == 1),
                ty => self.bits(start + i * ty.width(), ty.width(), value),
            }
        }
        Ok(())
    }

    /// A list of structs: a tag word with their number and size, then one after the other.
    fn structs(&mut self, at: usize, index: usize, values: &[Value<'_>], name: &str) -> Result<()> {
        let (words, pointers) = self.schema.size(index);
        let step = (words + pointers) * WORD;
        let content = values.len() * (words + pointers);
        let tag = self.list(at, 7, content, WORD + content * WORD)?;
        self.word(tag, struct_pointer(values.len() as i64, words, pointers));
        for (i, value) in values.iter().enumerate() {
            let spot = Spot { start: tag + WORD + i * step, data: words * WORD };
            self.structure(spot, index, value, name)?;
        }
        Ok(())
    }

    /// Allocates `bytes` for a list and points to it from byte `at`.
    fn list(&mut self, at: usize, code: u64, count: usize, bytes: usize) -> Result<usize> {
        let start = self.bytes.len();
        if count >= MOST || (start + bytes) / WORD >= MOST {
            return Err(too_large(bytes));
        }
        self.bytes.resize(start + bytes.next_multiple_of(WORD), 0);
        let offset = ((start - at) / WORD - 1) as u64;
        self.word(at, 1 | offset << 2 | code << 32 | (count as u64) << 35);
        Ok(start)
    }

    fn allocate(&mut self, words: usize, pointers: usize) -> Spot {
        let start = self.bytes.len();
        self.bytes.resize(start + (words + pointers) * WORD, 0);
        Spot { start, data: words * WORD }
    }

    fn word(&mut self, at: usize, word: u64) {
        self.bits(at, WORD, word);
    }

    fn bits(&mut self, at: usize, width: usize, bits: u64) {
        self.bytes[at..at + width].copy_from_slice(&bits.to_le_bytes()[..width]);
    }

    fn bit(&mut self, start: usize, index: usize, on: bool) {
        let byte = &mut self.bytes[start + index / 8];
        *byte = *byte & !(1 << (index % 8)) | u8::from(on) << (index % 8);
    }
}

impl Spot {
    fn pointer(self, offset: u32) -> usize {
        self.start + self.data + offset as usize * WORD
    }
}

/// `offset` is counted from the word after the pointer; in the tag of a list it is the number of elements.
fn struct_pointer(offset: i64, words: usize, pointers: usize) -> u64 {
    u64::from((offset as u32) << 2) | (words as u64) << 32 | (pointers as u64) << 48
}

#[cold]
fn too_large(bytes: usize) -> crate::Error {
    let what = format!("a message with a list of {bytes} bytes");
    ErrorKind::TooLarge { what, limit: MOST as u64, name: "words in a segment" }.into()
}
