//! Bits of values that lie in the data section.

use crate::capnp::Value;
use crate::capnp::schema::{Schema, Type};
use crate::{ErrorKind, Result};

/// The bits of a value that is not behind a pointer.
pub(super) fn scalar(schema: &Schema, ty: &Type, value: &Value<'_>, name: &str) -> Result<u64> {
    match (ty, value) {
        (Type::Void, Value::Null) => Ok(0),
        (Type::Bool, Value::Bool(on)) => Ok(u64::from(*on)),
        (Type::Float32, Value::Float(v)) => Ok(u64::from((*v as f32).to_bits())),
        (Type::Float64, Value::Float(v)) => Ok(v.to_bits()),
        (Type::Enum(index), Value::Name(given)) => {
            let known = schema.enums[*index].enumerants.iter().position(|n| n == given);
            known.map(|n| n as u64).ok_or_else(|| mismatch(name, value, &schema.enums[*index].name))
        }
        (Type::Bool | Type::Void | Type::Float32 | Type::Float64, _) => {
            Err(mismatch(name, value, &format!("{ty:?}")))
        }
        (_, Value::UInt(v)) => integer(ty, i128::from(*v), name),
        (_, Value::Int(v)) => integer(ty, i128::from(*v), name),
        _ => Err(mismatch(name, value, &format!("{ty:?}"))),
    }
}

fn integer(ty: &Type, value: i128, name: &str) -> Result<u64> {
    let bits = 8 * ty.width();
    let signed = matches!(ty, Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64);
    let (low, high) = if signed { (-(1i128 << (bits - 1)), 1 << (bits - 1)) } else { (0, 1i128 << bits) };
    if (low..high).contains(&value) {
        return Ok(value as u64);
    }
    let (value, range) = (value.to_string(), format!("from {low} to {}", high - 1));
    Err(ErrorKind::OutOfRange { name: name.to_owned(), value, range }.into())
}

#[cold]
pub(super) fn mismatch(name: &str, value: &Value<'_>, expected: &str) -> crate::Error {
    let mut value = format!("{value:?}");
    value.truncate(value.floor_char_boundary(40));
    ErrorKind::BadParam { name: name.to_owned(), value, expected: expected.to_owned() }.into()
}
