//! Tables as Arrow record batches. The vectors become Arrow's buffers without a copy; only booleans are packed.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, DictionaryArray, ListArray, NullArray, PrimitiveArray, RecordBatch,
    RecordBatchOptions, StringArray, StructArray,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use super::Table;
use super::column::{Column, Values};

/// An enum column's type: names by number.
fn enum_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8))
}

impl Table {
    /// The Arrow schema: types, and `unit` in the metadata of fields whose unit is known.
    pub fn arrow_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(arrow_field).collect::<Vec<_>>()))
    }

    /// The table as a record batch; enums become dictionaries of their names, lists of structs lists of structs.
    ///
    /// # Errors
    /// Only when the columns contradict each other, which no table of this crate does.
    pub fn into_record_batch(self) -> Result<RecordBatch, ArrowError> {
        let schema = self.arrow_schema();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows()));
        let arrays = self.columns.into_iter().map(into_array).collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new_with_options(schema, arrays, &options)
    }
}

fn arrow_field(column: &Column) -> Field {
    let metadata = column.unit.iter().map(|unit| ("unit".to_owned(), unit.clone()));
    Field::new(&column.name, data_type(&column.values), true).with_metadata(HashMap::from_iter(metadata))
}

fn data_type(values: &Values) -> DataType {
    match values {
        Values::Bool(_) => DataType::Boolean,
        Values::Int8(_) => DataType::Int8,
        Values::Int16(_) => DataType::Int16,
        Values::Int32(_) => DataType::Int32,
        Values::Int64(_) => DataType::Int64,
        Values::UInt8(_) => DataType::UInt8,
        Values::UInt16(_) => DataType::UInt16,
        Values::UInt32(_) => DataType::UInt32,
        Values::UInt64(_) => DataType::UInt64,
        Values::Float32(_) => DataType::Float32,
        Values::Float64(_) => DataType::Float64,
        Values::Text { .. } => DataType::Utf8,
        Values::Data { .. } => DataType::Binary,
        Values::Enum { .. } => enum_type(),
        Values::List { element, .. } => DataType::List(Arc::new(arrow_field(element))),
        Values::Struct { fields, .. } => DataType::Struct(fields.iter().map(arrow_field).collect()),
        Values::Void(_) => DataType::Null,
    }
}

fn into_array(column: Column) -> Result<ArrayRef, ArrowError> {
    macro_rules! primitive {
        ($values:expr, $nulls:expr, $ty:ty) => {
            Arc::new(PrimitiveArray::<$ty>::try_new(ScalarBuffer::from($values), $nulls)?)
        };
    }
    use arrow_array::types::*;
    let nulls = (!column.present.is_empty()).then(|| NullBuffer::from(column.present));
    Ok(match column.values {
        Values::Bool(v) => Arc::new(BooleanArray::new(v.into(), nulls)),
        Values::Int8(v) => primitive!(v, nulls, Int8Type),
        Values::Int16(v) => primitive!(v, nulls, Int16Type),
        Values::Int32(v) => primitive!(v, nulls, Int32Type),
        Values::Int64(v) => primitive!(v, nulls, Int64Type),
        Values::UInt8(v) => primitive!(v, nulls, UInt8Type),
        Values::UInt16(v) => primitive!(v, nulls, UInt16Type),
        Values::UInt32(v) => primitive!(v, nulls, UInt32Type),
        Values::UInt64(v) => primitive!(v, nulls, UInt64Type),
        Values::Float32(v) => primitive!(v, nulls, Float32Type),
        Values::Float64(v) => primitive!(v, nulls, Float64Type),
        Values::Text { ends, bytes } => {
            Arc::new(StringArray::try_new(offsets(ends), Buffer::from_vec(bytes), nulls)?)
        }
        Values::Data { ends, bytes } => {
            Arc::new(BinaryArray::try_new(offsets(ends), Buffer::from_vec(bytes), nulls)?)
        }
        Values::Enum { numbers, names } => {
            let keys = PrimitiveArray::<UInt16Type>::try_new(ScalarBuffer::from(numbers), nulls)?;
            Arc::new(DictionaryArray::try_new(keys, Arc::new(StringArray::from_iter_values(names.iter())))?)
        }
        Values::List { ends, element } => {
            let field = Arc::new(arrow_field(&element));
            Arc::new(ListArray::try_new(field, offsets(ends), into_array(*element)?, nulls)?)
        }
        Values::Struct { rows, fields } if fields.is_empty() => {
            Arc::new(StructArray::new_empty_fields(rows, nulls))
        }
        Values::Struct { fields, .. } => {
            let types = fields.iter().map(arrow_field).collect();
            let arrays = fields.into_iter().map(into_array).collect::<Result<Vec<_>, _>>()?;
            Arc::new(StructArray::try_new(types, arrays, nulls)?)
        }
        Values::Void(rows) => Arc::new(NullArray::new(rows)),
    })
}

/// Offsets grow by construction: every append adds the buffer's new length.
fn offsets(ends: Vec<i32>) -> OffsetBuffer<i32> {
    OffsetBuffer::new(ScalarBuffer::from(ends))
}
