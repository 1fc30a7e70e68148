//! From a schema and field paths to a plan of offsets, and its execution over many structs at a time.
//!
//! Names are resolved once. Execution goes field by field: the inner loop reads one scalar of many structs from a
//! known offset. Bench: `table/events`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::column::{Column, Values};
use crate::Result;
use crate::capnp::schema::{FieldKind, Type};
use crate::capnp::{Budget, Fault, ListReader, Pointer, Schema, StructReader};

/// Where times are counted from, in ns of mono time: the route's first event that is not `initData`.
pub type Origin = u64;

/// A struct to read from; `None` gives nulls, as for the members of a union that are not active.
pub(super) type Row<'a> = Option<StructReader<'a>>;

/// Nested structs deeper than this are left out; no openpilot type comes near it.
const MAX_DEPTH: usize = 12;

/// What to do with one field, or with the fields behind it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Offset of the discriminant and the number that makes the field active.
    guard: Option<(u32, u16)>,
    step: Step,
}

#[derive(Clone, Debug)]
enum Step {
    /// Fields of a group.
    Group(Vec<Node>),
    /// Fields of a struct behind a pointer.
    Struct(u32, Vec<Node>),
    /// A value into a column.
    Leaf { column: usize, offset: u32, default: u64, pointer: Option<Pointed> },
}

/// A leaf behind a pointer.
#[derive(Clone, Debug)]
enum Pointed {
    Text,
    Data,
    Any,
    List(Element),
}

/// Elements of a list.
#[derive(Clone, Debug)]
pub(super) enum Element {
    Scalar,
    Pointer(Box<PointedElement>),
    Struct(Vec<Node>),
}

#[derive(Clone, Debug)]
pub(super) struct PointedElement(Pointed);

/// Makes plans and the columns they fill.
pub(super) struct Planner<'s> {
    pub schema: &'s Schema,
    pub columns: Vec<Column>,
    /// Paths of field indexes to keep; `None` keeps all. A kept path keeps everything below it.
    pub keep: Option<BTreeSet<Vec<usize>>>,
    /// Path of the list that is exploded elsewhere and therefore left out here.
    pub without: Option<Vec<usize>>,
}

impl Planner<'_> {
    /// The plan for struct `index`, whose columns begin with `prefix`.
    pub(super) fn structure(&mut self, index: usize, prefix: &str, path: &[usize]) -> Vec<Node> {
        let schema = self.schema;
        let s = schema.structure(index);
        let mut nodes = Vec::new();
        if path.len() > MAX_DEPTH {
            return nodes;
        }
        for (i, field) in s.fields.iter().enumerate() {
            let path = [path, &[i]].concat();
            if !self.wanted(&path) {
                continue;
            }
            let name = format!("{prefix}{}", field.name);
            let guard = s.union.zip(field.which);
            let step = match &field.kind {
                FieldKind::Group(group) => Step::Group(self.structure(*group, &format!("{name}."), &path)),
                FieldKind::Slot { ty: Type::Struct(inner), offset, .. } => {
                    Step::Struct(*offset, self.structure(*inner, &format!("{name}."), &path))
                }
                FieldKind::Slot { ty, offset, default } => {
                    let (values, pointer) = self.leaf(ty, path.len());
                    self.columns.push(Column::new(name, values).with_unit(field.unit.as_deref()));
                    Step::Leaf { column: self.columns.len() - 1, offset: *offset, default: *default, pointer }
                }
            };
            nodes.push(Node { guard, step });
        }
        if let Some(offset) = s.union.filter(|_| !nodes.is_empty() && self.keep.is_none()) {
            nodes.push(self.which(index, prefix, offset));
        }
        nodes
    }

    /// A column that names the active member of the union.
    fn which(&mut self, index: usize, prefix: &str, offset: u32) -> Node {
        let mut members: Vec<_> =
            self.schema.structure(index).fields.iter().filter(|f| f.which.is_some()).collect();
        members.sort_by_key(|f| f.which);
        let names = Arc::new(members.iter().map(|f| f.name.clone()).collect());
        self.columns.push(Column::new(format!("{prefix}which"), Values::Enum { numbers: vec![], names }));
        Node {
            guard: None,
            step: Step::Leaf { column: self.columns.len() - 1, offset, default: 0, pointer: None },
        }
    }

    fn wanted(&self, path: &[usize]) -> bool {
        if self.without.as_deref() == Some(path) {
            return false;
        }
        let related = |kept: &Vec<usize>| kept.starts_with(path) || path.starts_with(kept);
        self.keep.as_ref().is_none_or(|keep| keep.iter().any(related))
    }

    fn leaf(&mut self, ty: &Type, depth: usize) -> (Values, Option<Pointed>) {
        match ty {
            Type::Text => (Values::text(), Some(Pointed::Text)),
            Type::Data => (Values::data(), Some(Pointed::Data)),
            Type::AnyPointer => (Values::Void(0), Some(Pointed::Any)),
            Type::List(element) => {
                let (element, plan) = self.element(element, depth);
                let values = Values::List { ends: vec![0], element: Box::new(Column::new("item", element)) };
                (values, Some(Pointed::List(plan)))
            }
            _ => (self.scalar(ty), None),
        }
    }

    /// The column and plan for list elements of type `ty`.
    pub(super) fn element(&mut self, ty: &Type, depth: usize) -> (Values, Element) {
        match ty {
            Type::Struct(index) => {
                let mut inner = Planner { schema: self.schema, columns: vec![], keep: None, without: None };
                let nodes = inner.structure(*index, "", &vec![0; depth]);
                (Values::Struct { rows: 0, fields: inner.columns }, Element::Struct(nodes))
            }
            ty if ty.is_pointer() => {
                let (values, pointed) = self.leaf(ty, depth + 1);
                let pointed = pointed.unwrap_or(Pointed::Any);
                (values, Element::Pointer(Box::new(PointedElement(pointed))))
            }
            _ => (self.scalar(ty), Element::Scalar),
        }
    }

    fn scalar(&self, ty: &Type) -> Values {
        match ty {
            Type::Bool => Values::Bool(vec![]),
            Type::Int8 => Values::Int8(vec![]),
            Type::Int16 => Values::Int16(vec![]),
            Type::Int32 => Values::Int32(vec![]),
            Type::Int64 => Values::Int64(vec![]),
            Type::UInt8 => Values::UInt8(vec![]),
            Type::UInt16 => Values::UInt16(vec![]),
            Type::UInt32 => Values::UInt32(vec![]),
            Type::UInt64 => Values::UInt64(vec![]),
            Type::Float32 => Values::Float32(vec![]),
            Type::Float64 => Values::Float64(vec![]),
            Type::Enum(index) => {
                let names = Arc::new(self.schema.enumeration(*index).enumerants.clone());
                Values::Enum { numbers: vec![], names }
            }
            _ => Values::Void(0),
        }
    }
}

/// Executes plans and keeps what could not be read, with the row it was in.
pub(super) struct Runner {
    pub budgets: Vec<Budget>,
    pub faults: Vec<(usize, Fault)>,
}

impl Runner {
    /// Appends the fields of `rows`; `origin[i]` is the row of the event that row `i` belongs to.
    pub(super) fn run(&mut self, nodes: &[Node], rows: &[Row<'_>], origin: &[u32], columns: &mut [Column]) {
        for node in nodes {
            match node.guard {
                None => self.step(&node.step, rows, origin, columns),
                Some((offset, which)) => {
                    let active = |row: &Row<'_>| row.is_some_and(|r| r.u16(offset) == which);
                    let rows: Vec<Row<'_>> = rows.iter().map(|row| row.filter(|_| active(row))).collect();
                    self.step(&node.step, &rows, origin, columns);
                }
            }
        }
    }

    fn step(&mut self, step: &Step, rows: &[Row<'_>], origin: &[u32], columns: &mut [Column]) {
        match step {
            Step::Group(nodes) => self.run(nodes, rows, origin, columns),
            Step::Struct(pointer, nodes) => {
                let inner: Vec<Row<'_>> = rows
                    .iter()
                    .zip(origin)
                    .map(|(row, origin)| row.map(|row| self.follow(row, *pointer, *origin)))
                    .collect();
                self.run(nodes, &inner, origin, columns);
            }
            Step::Leaf { column, offset, default, pointer: None } => {
                let column = &mut columns[*column];
                let start = column.len();
                scalars(&mut column.values, rows, *offset, *default);
                mark_absent(column, start, rows);
            }
            Step::Leaf { column, offset, pointer: Some(pointed), .. } => {
                for (row, origin) in rows.iter().zip(origin) {
                    let pointer = row.and_then(|row| row.pointer(*offset));
                    self.value(pointed, pointer, row.is_some(), *origin, &mut columns[*column]);
                }
            }
        }
    }

    fn follow<'a>(&mut self, row: StructReader<'a>, pointer: u32, origin: u32) -> StructReader<'a> {
        let read = row.pointer(pointer).map_or(Ok(None), Pointer::structure);
        let read = read.unwrap_or_else(|fault| {
            self.faults.push((origin as usize, fault));
            None
        });
        read.unwrap_or_else(|| StructReader::empty(row.message()))
    }

    /// Appends one value behind a pointer.
    fn value(
        &mut self,
        plan: &Pointed,
        pointer: Option<Pointer<'_>>,
        present: bool,
        origin: u32,
        column: &mut Column,
    ) {
        let read = self.pointed(plan, pointer, origin, column);
        if let Err(fault) = &read {
            self.faults.push((origin as usize, *fault));
            append_empty(&mut column.values);
        }
        if present && read.is_ok() { column.settle() } else { column.mark_last_null() }
    }

    fn pointed(
        &mut self,
        plan: &Pointed,
        pointer: Option<Pointer<'_>>,
        origin: u32,
        column: &mut Column,
    ) -> Result<(), Fault> {
        match (plan, &mut column.values) {
            (Pointed::Text, Values::Text { ends, bytes }) => {
                let text = pointer.map_or(Ok(&[][..]), |p| p.text())?;
                self.budgets[origin as usize].charge(1, text.len() as u64)?;
                match std::str::from_utf8(text) {
                    Ok(text) => bytes.extend_from_slice(text.as_bytes()),
                    Err(_) => bytes.extend_from_slice(String::from_utf8_lossy(text).as_bytes()),
                }
                ends.push(bytes.len() as i32);
            }
            (Pointed::Data, Values::Data { ends, bytes }) => {
                let data = pointer.map_or(Ok(&[][..]), |p| p.data())?;
                self.budgets[origin as usize].charge(1, data.len() as u64)?;
                bytes.extend_from_slice(data);
                ends.push(bytes.len() as i32);
            }
            (Pointed::List(plan), Values::List { ends, element }) => {
                if let Some(list) = pointer.map_or(Ok(None), |p| p.list())? {
                    self.elements(plan, &list, origin, element)?;
                }
                ends.push(element.len() as i32);
            }
            (_, values) => append_empty(values),
        }
        Ok(())
    }

    /// Appends the value of a service that is no struct.
    pub(super) fn element_value(
        &mut self,
        plan: &Element,
        pointer: Option<Pointer<'_>>,
        origin: u32,
        column: &mut Column,
    ) {
        if let Element::Pointer(plan) = plan {
            self.value(&plan.0, pointer, true, origin, column);
        }
    }

    /// Appends all elements of a list, or none when the list cannot be read.
    pub(super) fn elements(
        &mut self,
        plan: &Element,
        list: &ListReader<'_>,
        origin: u32,
        column: &mut Column,
    ) -> Result<(), Fault> {
        let budget = &mut self.budgets[origin as usize];
        budget.charge(u64::from(list.len()), list.bytes())?;
        budget.enter()?;
        let done = self.elements_inside(plan, list, origin, column);
        self.budgets[origin as usize].leave();
        done
    }

    fn elements_inside(
        &mut self,
        plan: &Element,
        list: &ListReader<'_>,
        origin: u32,
        column: &mut Column,
    ) -> Result<(), Fault> {
        match plan {
            Element::Scalar => list_scalars(&mut column.values, list)?,
            Element::Pointer(plan) => {
                for i in 0..list.len() {
                    let pointer = list.pointer(i)?;
                    self.value(&plan.0, Some(pointer), true, origin, column);
                }
            }
            Element::Struct(nodes) => {
                let rows: Result<Vec<Row<'_>>, Fault> =
                    (0..list.len()).map(|i| list.structure(i).map(Some)).collect();
                let rows = rows?;
                if let Values::Struct { rows: count, fields } = &mut column.values {
                    *count += rows.len();
                    self.run(nodes, &rows, &vec![origin; rows.len()], fields);
                }
            }
        }
        column.settle();
        Ok(())
    }
}

fn mark_absent(column: &mut Column, start: usize, rows: &[Row<'_>]) {
    if rows.iter().any(Option::is_none) {
        column.mark(start, rows.iter().map(Option::is_some));
    } else {
        column.settle();
    }
}

/// Appends a value that stands for nothing, at null places.
fn append_empty(values: &mut Values) {
    match values {
        Values::Text { ends, bytes } | Values::Data { ends, bytes } => ends.push(bytes.len() as i32),
        Values::List { ends, element } => ends.push(element.len() as i32),
        Values::Void(rows) => *rows += 1,
        _ => {}
    }
}

/// Appends one scalar per row: the hot loop. Nothing is looked up inside it.
fn scalars(values: &mut Values, rows: &[Row<'_>], offset: u32, default: u64) {
    macro_rules! append {
        ($out:expr, $read:ident, $from:expr) => {
            $out.extend(rows.iter().map(|row| row.map_or_else(Default::default, |r| $from(r.$read(offset)))))
        };
    }
    match values {
        Values::Bool(v) => append!(v, bool, |x: bool| x ^ (default & 1 == 1)),
        Values::Int8(v) => append!(v, u8, |x: u8| (x ^ default as u8) as i8),
        Values::Int16(v) => append!(v, u16, |x: u16| (x ^ default as u16) as i16),
        Values::Int32(v) => append!(v, u32, |x: u32| (x ^ default as u32) as i32),
        Values::Int64(v) => append!(v, u64, |x: u64| (x ^ default) as i64),
        Values::UInt8(v) => append!(v, u8, |x: u8| x ^ default as u8),
        Values::UInt16(v) => append!(v, u16, |x: u16| x ^ default as u16),
        Values::UInt32(v) => append!(v, u32, |x: u32| x ^ default as u32),
        Values::UInt64(v) => append!(v, u64, |x: u64| x ^ default),
        Values::Float32(v) => append!(v, u32, |x: u32| f32::from_bits(x ^ default as u32)),
        Values::Float64(v) => append!(v, u64, |x: u64| f64::from_bits(x ^ default)),
        Values::Enum { numbers, .. } => append!(numbers, u16, |x: u16| x ^ default as u16),
        Values::Void(count) => *count += rows.len(),
        Values::Text { .. } | Values::Data { .. } | Values::List { .. } | Values::Struct { .. } => {}
    }
}

/// Appends all elements of a list of scalars, or none.
fn list_scalars(values: &mut Values, list: &ListReader<'_>) -> Result<(), Fault> {
    macro_rules! append {
        ($out:expr, $ty:ty) => {{
            const WIDTH: usize = size_of::<$ty>();
            if !list.is_empty() {
                list.element(0, WIDTH)?;
            }
            for i in 0..list.len() {
                let mut bytes = [0; WIDTH];
                bytes.copy_from_slice(list.element(i, WIDTH)?);
                $out.push(<$ty>::from_le_bytes(bytes));
            }
        }};
    }
    match values {
        Values::Bool(v) => {
            for i in 0..list.len() {
                v.push(list.bit(i)?);
            }
        }
        Values::Int8(v) => append!(v, i8),
        Values::Int16(v) => append!(v, i16),
        Values::Int32(v) => append!(v, i32),
        Values::Int64(v) => append!(v, i64),
        Values::UInt8(v) => append!(v, u8),
        Values::UInt16(v) => append!(v, u16),
        Values::UInt32(v) => append!(v, u32),
        Values::UInt64(v) => append!(v, u64),
        Values::Float32(v) => append!(v, f32),
        Values::Float64(v) => append!(v, f64),
        Values::Enum { numbers, .. } => append!(numbers, u16),
        Values::Void(count) => *count += list.len() as usize,
        Values::Text { .. } | Values::Data { .. } | Values::List { .. } | Values::Struct { .. } => {}
    }
    Ok(())
}
