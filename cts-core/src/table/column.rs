//! One column: plain vectors and a null mask.

use std::sync::Arc;

/// A named column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Dotted path of the field, or the name of a fixed column.
    pub name: String,
    /// Unit of the values where it is known.
    pub unit: Option<String>,
    /// The values; at null places the type's zero.
    pub values: Values,
    /// False where the value is null; empty while there is no null.
    pub present: Vec<bool>,
}

/// The values of a column.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are the definition")]
pub enum Values {
    Bool(Vec<bool>),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    UInt8(Vec<u8>),
    UInt16(Vec<u16>),
    UInt32(Vec<u32>),
    UInt64(Vec<u64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    /// UTF-8. Value `i` is `bytes[ends[i]..ends[i + 1]]`; `ends` starts with 0.
    Text {
        ends: Vec<i32>,
        bytes: Vec<u8>,
    },
    /// As `Text`, of any bytes.
    Data {
        ends: Vec<i32>,
        bytes: Vec<u8>,
    },
    /// Numbers of an enum and its names in order; a number without a name stands for itself.
    Enum {
        numbers: Vec<u16>,
        names: Arc<Vec<String>>,
    },
    /// Value `i` is the elements `ends[i]..ends[i + 1]`.
    List {
        ends: Vec<i32>,
        element: Box<Column>,
    },
    /// Structs inside lists.
    Struct {
        rows: usize,
        fields: Vec<Column>,
    },
    /// No values at all, as `Void` fields have.
    Void(usize),
}

impl Values {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::Bool(v) => v.len(),
            Self::Int8(v) => v.len(),
            Self::Int16(v) => v.len(),
            Self::Int32(v) => v.len(),
            Self::Int64(v) => v.len(),
            Self::UInt8(v) => v.len(),
            Self::UInt16(v) => v.len(),
            Self::UInt32(v) => v.len(),
            Self::UInt64(v) => v.len(),
            Self::Float32(v) => v.len(),
            Self::Float64(v) => v.len(),
            Self::Text { ends, .. } | Self::Data { ends, .. } | Self::List { ends, .. } => ends.len() - 1,
            Self::Enum { numbers, .. } => numbers.len(),
            Self::Struct { rows, .. } => *rows,
            Self::Void(rows) => *rows,
        }
    }

    /// Bytes of the values in memory, those of lists and structs left out.
    #[cfg(feature = "parquet")]
    pub(super) fn bytes(&self) -> usize {
        let width = match self {
            Self::Text { bytes, .. } | Self::Data { bytes, .. } => return bytes.len(),
            Self::List { .. } | Self::Struct { .. } | Self::Void(_) => return 0,
            Self::Bool(_) | Self::Int8(_) | Self::UInt8(_) => 1,
            Self::Int16(_) | Self::UInt16(_) | Self::Enum { .. } => 2,
            Self::Int32(_) | Self::UInt32(_) | Self::Float32(_) => 4,
            Self::Int64(_) | Self::UInt64(_) | Self::Float64(_) => 8,
        };
        self.len() * width
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn text() -> Self {
        Self::Text { ends: vec![0], bytes: Vec::new() }
    }

    pub(super) fn data() -> Self {
        Self::Data { ends: vec![0], bytes: Vec::new() }
    }

    /// The same column without values.
    pub(super) fn emptied(&self) -> Self {
        match self {
            Self::Bool(_) => Self::Bool(vec![]),
            Self::Int8(_) => Self::Int8(vec![]),
            Self::Int16(_) => Self::Int16(vec![]),
            Self::Int32(_) => Self::Int32(vec![]),
            Self::Int64(_) => Self::Int64(vec![]),
            Self::UInt8(_) => Self::UInt8(vec![]),
            Self::UInt16(_) => Self::UInt16(vec![]),
            Self::UInt32(_) => Self::UInt32(vec![]),
            Self::UInt64(_) => Self::UInt64(vec![]),
            Self::Float32(_) => Self::Float32(vec![]),
            Self::Float64(_) => Self::Float64(vec![]),
            Self::Text { .. } => Self::text(),
            Self::Data { .. } => Self::data(),
            Self::Enum { names, .. } => Self::Enum { numbers: vec![], names: names.clone() },
            Self::List { element, .. } => Self::List { ends: vec![0], element: Box::new(element.emptied()) },
            Self::Struct { fields, .. } => {
                Self::Struct { rows: 0, fields: fields.iter().map(Column::emptied).collect() }
            }
            Self::Void(_) => Self::Void(0),
        }
    }
}

impl Column {
    /// An empty column.
    pub(super) fn new(name: impl Into<String>, values: Values) -> Self {
        Self { name: name.into(), unit: None, values, present: Vec::new() }
    }

    pub(super) fn with_unit(mut self, unit: Option<&str>) -> Self {
        self.unit = unit.map(str::to_owned);
        self
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether value `row` is null.
    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        self.present.get(row) == Some(&false)
    }

    /// Marks the values from `start` on by `present`.
    pub(super) fn mark(&mut self, start: usize, present: impl Iterator<Item = bool>) {
        self.present.resize(start, true);
        self.present.extend(present);
    }

    /// Marks the value appended last as null.
    pub(super) fn mark_last_null(&mut self) {
        let len = self.len();
        self.present.resize(len - 1, true);
        self.present.push(false);
    }

    /// After values were appended: completes the mask, if there is one.
    pub(super) fn settle(&mut self) {
        if !self.present.is_empty() {
            let len = self.len();
            self.present.resize(len, true);
        }
    }

    /// Gives enum numbers without a name their number as name, so that every number has one. The names only grow:
    /// later tables of the same column agree with earlier ones.
    pub(super) fn name_all(&mut self) {
        match &mut self.values {
            Values::Enum { numbers, names } => {
                let most = numbers.iter().max().map_or(0, |most| *most as usize + 1);
                if most > names.len() {
                    let more: Vec<String> = (names.len()..most).map(|number| number.to_string()).collect();
                    Arc::make_mut(names).extend(more);
                }
            }
            Values::List { element, .. } => element.name_all(),
            Values::Struct { fields, .. } => fields.iter_mut().for_each(Self::name_all),
            _ => {}
        }
    }

    /// The same column without values.
    pub(super) fn emptied(&self) -> Self {
        Self {
            values: self.values.emptied(),
            present: vec![],
            name: self.name.clone(),
            unit: self.unit.clone(),
        }
    }
}
