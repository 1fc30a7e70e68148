//! Values of any type, read by a schema: for JSON and for languages with dynamic types.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::schema::{Field, FieldKind, Schema, Type};
use super::{Budget, Fault, ListReader, Pointer, StructReader};

/// A value with its names.
///
/// Serialises as `to_dict(verbose=True)` of pycapnp gives it: all fields, null pointers as the default of their
/// type, of a union the active member. `Data` is upper-case hex; numbers that are not finite are the strings
/// `NaN`, `Infinity`, `-Infinity`; enum values that the schema does not know are numbers.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are the definition")]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f64),
    /// Bytes that are not UTF-8 become U+FFFD.
    Text(std::borrow::Cow<'a, str>),
    Data(&'a [u8]),
    /// Name of an enum value.
    Name(&'a str),
    List(Vec<Value<'a>>),
    Struct(Vec<(&'a str, Value<'a>)>),
}

/// Reads values of one message. A part that cannot be read becomes `Null`, and its fault is kept.
pub struct ValueReader<'a> {
    schema: &'a Schema,
    budget: Budget,
    /// What could not be read.
    pub faults: Vec<Fault>,
}

impl<'a> ValueReader<'a> {
    /// A reader for one message of `bytes` bytes.
    pub fn new(schema: &'a Schema, bytes: usize) -> Self {
        Self { schema, budget: Budget::for_message(bytes), faults: Vec::new() }
    }

    /// All fields of a struct of type `index`.
    pub fn structure(&mut self, index: usize, reader: StructReader<'a>) -> Value<'a> {
        let s = self.schema.structure(index);
        // A list of empty structs costs a message nothing, but each has all its fields here.
        if let Err(fault) = self.budget.charge(s.fields.len() as u64 / 8, 0) {
            return self.keep(Err(fault));
        }
        let which = s.union.map(|offset| reader.u16(offset));
        let mut fields = Vec::with_capacity(s.fields.len());
        for field in s.fields.iter().filter(|f| f.which.is_none() || f.which == which) {
            fields.push((field.name.as_str(), self.field(field, reader)));
        }
        Value::Struct(fields)
    }

    /// One field of a struct.
    pub fn field(&mut self, field: &'a Field, reader: StructReader<'a>) -> Value<'a> {
        match &field.kind {
            FieldKind::Group(group) => self.structure(*group, reader),
            FieldKind::Slot { ty, offset, default } if !ty.is_pointer() => {
                self.scalar(ty, *default, |bytes| match bytes {
                    0 => u64::from(reader.bool(*offset)),
                    1 => u64::from(reader.u8(*offset)),
                    2 => u64::from(reader.u16(*offset)),
                    4 => u64::from(reader.u32(*offset)),
                    _ => reader.u64(*offset),
                })
            }
            FieldKind::Slot { ty, offset, .. } => {
                let read = self.budget.enter().and_then(|()| {
                    let value = self.pointed(ty, reader.pointer(*offset), reader);
                    self.budget.leave();
                    value
                });
                self.keep(read)
            }
        }
    }

    /// A value by its pointer alone, such as the `can` list of an event.
    pub fn pointer(
        &mut self,
        ty: &'a Type,
        pointer: Option<Pointer<'a>>,
        owner: StructReader<'a>,
    ) -> Value<'a> {
        let read = self.pointed(ty, pointer, owner);
        self.keep(read)
    }

    fn keep(&mut self, read: Result<Value<'a>, Fault>) -> Value<'a> {
        read.unwrap_or_else(|fault| {
            self.faults.push(fault);
            Value::Null
        })
    }

    /// `bits` reads the value's bits by their width in bytes, 0 for one bit.
    fn scalar(&mut self, ty: &'a Type, default: u64, bits: impl FnOnce(usize) -> u64) -> Value<'a> {
        match ty {
            Type::Void => Value::Null,
            Type::Bool => Value::Bool(bits(0) ^ default & 1 == 1),
            Type::Int8 => Value::Int(i64::from((bits(1) ^ default) as i8)),
            Type::Int16 => Value::Int(i64::from((bits(2) ^ default) as i16)),
            Type::Int32 => Value::Int(i64::from((bits(4) ^ default) as i32)),
            Type::Int64 => Value::Int((bits(8) ^ default) as i64),
            Type::UInt8 => Value::UInt(u64::from((bits(1) ^ default) as u8)),
            Type::UInt16 => Value::UInt(u64::from((bits(2) ^ default) as u16)),
            Type::UInt32 => Value::UInt(u64::from((bits(4) ^ default) as u32)),
            Type::UInt64 => Value::UInt(bits(8) ^ default),
            Type::Float32 => Value::Float(f64::from(f32::from_bits((bits(4) ^ default) as u32))),
            Type::Float64 => Value::Float(f64::from_bits(bits(8) ^ default)),
            Type::Enum(index) => {
                let number = (bits(2) ^ default) as u16;
                let names = &self.schema.enumeration(*index).enumerants;
                names.get(number as usize).map_or(Value::UInt(u64::from(number)), |name| Value::Name(name))
            }
            _ => Value::Null,
        }
    }

    fn pointed(
        &mut self,
        ty: &'a Type,
        pointer: Option<Pointer<'a>>,
        owner: StructReader<'a>,
    ) -> Result<Value<'a>, Fault> {
        match ty {
            Type::Text => {
                let bytes = pointer.map_or(Ok(&[][..]), |p| p.text())?;
                self.budget.charge(1, bytes.len() as u64)?;
                Ok(Value::Text(String::from_utf8_lossy(bytes)))
            }
            Type::Data => {
                let bytes = pointer.map_or(Ok(&[][..]), |p| p.data())?;
                self.budget.charge(1, bytes.len() as u64)?;
                Ok(Value::Data(bytes))
            }
            Type::Struct(index) => {
                let reader = pointer.map_or(Ok(None), |p| p.structure())?;
                let reader = reader.unwrap_or_else(|| StructReader::empty(owner.message()));
                self.budget.charge(1, reader.data().len() as u64)?;
                Ok(self.structure(*index, reader))
            }
            Type::List(element) => {
                let list = pointer.map_or(Ok(None), |p| p.list())?;
                list.map_or(Ok(Value::List(Vec::new())), |list| self.list(element, list, owner))
            }
            _ => Ok(Value::Null),
        }
    }

    fn list(
        &mut self,
        ty: &'a Type,
        list: ListReader<'a>,
        owner: StructReader<'a>,
    ) -> Result<Value<'a>, Fault> {
        self.budget.charge(u64::from(list.len()), list.bytes())?;
        self.budget.enter()?;
        let mut values = Vec::with_capacity(list.len() as usize);
        for i in 0..list.len() {
            let read = self.element(ty, &list, i, owner);
            values.push(self.keep(read));
        }
        self.budget.leave();
        Ok(Value::List(values))
    }

    fn element(
        &mut self,
        ty: &'a Type,
        list: &ListReader<'a>,
        i: u32,
        owner: StructReader<'a>,
    ) -> Result<Value<'a>, Fault> {
        match ty {
            Type::Struct(index) => Ok(self.structure(*index, list.structure(i)?)),
            ty if ty.is_pointer() => self.pointed(ty, Some(list.pointer(i)?), owner),
            Type::Bool => Ok(Value::Bool(list.bit(i)?)),
            Type::Void => Ok(Value::Null),
            _ => {
                let mut bytes = [0; 8];
                let width = ty.width();
                bytes[..width].copy_from_slice(list.element(i, width)?);
                Ok(self.scalar(ty, 0, |_| u64::from_le_bytes(bytes)))
            }
        }
    }
}

impl Type {
    /// Bytes of a scalar; 0 for bits, void and pointers.
    pub fn width(&self) -> usize {
        match self {
            Self::Int8 | Self::UInt8 => 1,
            Self::Int16 | Self::UInt16 | Self::Enum(_) => 2,
            Self::Int32 | Self::UInt32 | Self::Float32 => 4,
            Self::Int64 | Self::UInt64 | Self::Float64 => 8,
            _ => 0,
        }
    }
}

/// What [`Builder`](super::Builder) takes without naming the variant.
macro_rules! from {
    ($($ty:ty => $variant:ident),* $(,)?) => {$(
        impl From<$ty> for Value<'_> {
            fn from(value: $ty) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! {
    bool => Bool, f32 => Float, f64 => Float,
    i8 => Int, i16 => Int, i32 => Int, i64 => Int,
    u8 => UInt, u16 => UInt, u32 => UInt, u64 => UInt,
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(data: &'a [u8]) -> Self {
        Self::Data(data)
    }
}

/// Upper-case hex, the form of payloads everywhere in this crate.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    bytes
        .iter()
        .flat_map(|b| [DIGITS[(b >> 4) as usize] as char, DIGITS[(b & 15) as usize] as char])
        .collect()
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(v) => serializer.serialize_bool(*v),
            Self::Int(v) => serializer.serialize_i64(*v),
            Self::UInt(v) => serializer.serialize_u64(*v),
            Self::Float(v) if v.is_finite() => serializer.serialize_f64(*v),
            Self::Float(v) if v.is_nan() => serializer.serialize_str("NaN"),
            Self::Float(v) => serializer.serialize_str(if *v > 0.0 { "Infinity" } else { "-Infinity" }),
            Self::Text(v) => serializer.serialize_str(v),
            Self::Name(v) => serializer.serialize_str(v),
            Self::Data(v) => serializer.serialize_str(&hex(v)),
            Self::List(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                values.iter().try_for_each(|v| list.serialize_element(v))?;
                list.end()
            }
            Self::Struct(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                fields.iter().try_for_each(|(name, v)| map.serialize_entry(name, v))?;
                map.end()
            }
        }
    }
}
