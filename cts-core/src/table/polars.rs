//! Tables as Polars data frames.

use polars::prelude::{
    Categories, Column as PolarsColumn, DataFrame, DataType, PlSmallStr, PolarsResult, Series,
};
use polars_arrow::array::{
    Array, BinaryArray, BooleanArray, ListArray, NullArray, PrimitiveArray, StructArray, Utf8Array,
};
use polars_arrow::bitmap::Bitmap;
use polars_arrow::datatypes::{ArrowDataType, Field};
use polars_arrow::offset::OffsetsBuffer;
use polars_buffer::Buffer;

use super::Table;
use super::column::{Column, Values};

impl Table {
    /// The table as a data frame; enums become categoricals, lists of structs lists of structs. Numbers are taken
    /// over without a copy; Polars keeps text and data in a layout of its own.
    ///
    /// # Errors
    /// Only when the columns contradict each other, which no table of this crate does.
    pub fn into_polars(self) -> PolarsResult<DataFrame> {
        let rows = self.rows();
        let columns = self.columns.into_iter().map(into_column).collect::<PolarsResult<Vec<_>>>()?;
        DataFrame::new(rows, columns)
    }
}

fn into_column(column: Column) -> PolarsResult<PolarsColumn> {
    let name = PlSmallStr::from_str(&column.name);
    let is_enum = matches!(column.values, Values::Enum { .. });
    let series = Series::try_from((name, array(column)?))?;
    if is_enum {
        return Ok(series.cast(&DataType::from_categories(Categories::global()))?.into());
    }
    Ok(series.into())
}

fn array(column: Column) -> PolarsResult<Box<dyn Array>> {
    macro_rules! primitive {
        ($values:expr, $present:expr, $dtype:ident) => {
            Box::new(PrimitiveArray::try_new(ArrowDataType::$dtype, Buffer::from($values), $present)?)
        };
    }
    let present = (!column.present.is_empty()).then(|| Bitmap::from(&column.present[..]));
    Ok(match column.values {
        Values::Bool(v) => {
            Box::new(BooleanArray::try_new(ArrowDataType::Boolean, Bitmap::from(&v[..]), present)?)
        }
        Values::Int8(v) => primitive!(v, present, Int8),
        Values::Int16(v) => primitive!(v, present, Int16),
        Values::Int32(v) => primitive!(v, present, Int32),
        Values::Int64(v) => primitive!(v, present, Int64),
        Values::UInt8(v) => primitive!(v, present, UInt8),
        Values::UInt16(v) => primitive!(v, present, UInt16),
        Values::UInt32(v) => primitive!(v, present, UInt32),
        Values::UInt64(v) => primitive!(v, present, UInt64),
        Values::Float32(v) => primitive!(v, present, Float32),
        Values::Float64(v) => primitive!(v, present, Float64),
        Values::Text { ends, bytes } => {
            let ends = OffsetsBuffer::try_from(Buffer::from(ends))?;
            Box::new(Utf8Array::<i32>::try_new(ArrowDataType::Utf8, ends, Buffer::from(bytes), present)?)
        }
        Values::Data { ends, bytes } => {
            let ends = OffsetsBuffer::try_from(Buffer::from(ends))?;
            Box::new(BinaryArray::<i32>::try_new(ArrowDataType::Binary, ends, Buffer::from(bytes), present)?)
        }
        Values::Enum { numbers, names } => {
            let valid = |row: usize| column.present.get(row) != Some(&false);
            let name = |(row, number): (usize, u16)| valid(row).then(|| names[number as usize].as_str());
            Box::new(numbers.into_iter().enumerate().map(name).collect::<Utf8Array<i32>>())
        }
        Values::List { ends, element } => {
            let ends: Vec<i64> = ends.into_iter().map(i64::from).collect();
            let values = array(*element)?;
            let dtype = ListArray::<i64>::default_datatype(values.dtype().clone());
            Box::new(ListArray::try_new(
                dtype,
                OffsetsBuffer::try_from(Buffer::from(ends))?,
                values,
                present,
            )?)
        }
        Values::Struct { rows, fields } => {
            let names: Vec<PlSmallStr> =
                fields.iter().map(|field| PlSmallStr::from_str(&field.name)).collect();
            let arrays = fields.into_iter().map(array).collect::<PolarsResult<Vec<_>>>()?;
            let types =
                names.into_iter().zip(&arrays).map(|(name, a)| Field::new(name, a.dtype().clone(), true));
            Box::new(StructArray::try_new(ArrowDataType::Struct(types.collect()), rows, arrays, present)?)
        }
        Values::Void(rows) => Box::new(NullArray::try_new(ArrowDataType::Null, rows)?),
    })
}
