//! The events of one service as a table.

use super::Table;
use super::column::{Column, Values};
use super::plan::{Element, Node, Origin, Planner, Row, Runner};
use crate::capnp::schema::{FieldKind, Type};
use crate::capnp::{Budget, Fault, StructReader};
use crate::log::{Batch, Completeness, Event, EventSchema, Service};
use crate::{ErrorKind, Result};

/// Structs read at a time: their readers fit the L2 cache.
const CHUNK: usize = 1024;

/// What the table should hold.
#[derive(Clone, Debug, Default)]
pub struct EventTableOptions {
    /// Dotted field paths, old or new names; a struct's path takes all below it. All fields when empty.
    pub fields: Vec<String>,
    /// A list of structs to explode: a row per element, with its `index`, beside the event's other columns.
    pub explode: Option<String>,
    /// For services that are lists themselves (`can`, `pandaStates`, `onroadEvents`): one row per event with a
    /// list column, instead of one row per element with its `index`.
    pub keep_lists: bool,
}

/// Builds the table of one service, batch by batch.
///
/// Columns: `mono_time` (ns, u64), `t` (s since the origin, f64), `segment` (i32, null when unknown), `valid`
/// (bool), `index` (u32, only when a list is exploded), then the fields: nested structs dotted, groups too; members
/// of unions null while another is active, with a column `which`. Null struct pointers read as their defaults.
pub struct EventTable<'s> {
    service: Service<'s>,
    /// Older services of the same name; the first that a log shows replaces `service`.
    others: Vec<Service<'s>>,
    schema: &'s EventSchema,
    options: EventTableOptions,
    layout: Layout,
    fixed: Table,
    columns: Vec<Column>,
    seen: bool,
}

enum Layout {
    /// One row per event.
    Struct(Vec<Node>),
    /// One row per event, one column with the value.
    Value(Element),
    /// One row per element of the service's own list.
    Elements(Vec<Node>),
    /// One row per element of a list inside the struct: the event's own columns, the way to the list, its columns.
    Exploded { event: Vec<Node>, way: Vec<Hop>, elements: Vec<Node> },
}

/// A step towards an exploded list.
enum Hop {
    Struct(u32),
    Guard(u32, u16),
    List(u32),
}

impl<'s> EventTable<'s> {
    /// Prepares a table for the service of that name, old or new.
    ///
    /// # Errors
    /// `no-such-service`, `no-such-field`, `bad-param` for an `explode` that is no list of structs.
    pub fn new(schema: &'s EventSchema, service: &str, options: EventTableOptions) -> Result<Self> {
        let found = schema.find(service)?;
        let mut columns = Vec::new();
        // Fields may be those of an older service of the name; the newest one's error tells most.
        let mut first_error = None;
        let chosen = found.iter().find_map(|service| {
            columns.clear();
            let layout = plan(schema, *service, &options, &mut columns);
            layout.map(|layout| (*service, layout)).map_err(|e| first_error.get_or_insert(e).code()).ok()
        });
        let (service, layout) = match (chosen, first_error) {
            (Some(chosen), _) => chosen,
            (None, Some(error)) => return Err(error),
            (None, None) => {
                return Err(ErrorKind::NoSuchService { name: service.to_owned(), suggestion: None }.into());
            }
        };
        let mut table = Self {
            service,
            others: found,
            schema,
            options,
            layout,
            fixed: Table::default(),
            columns,
            seen: false,
        };
        table.fixed = table.fixed_columns();
        Ok(table)
    }

    fn fixed_columns(&self) -> Table {
        let mut columns = vec![
            Column::new("mono_time", Values::UInt64(vec![])).with_unit(Some("ns")),
            Column::new("t", Values::Float64(vec![])).with_unit(Some("s")),
            Column::new("segment", Values::Int32(vec![])),
            Column::new("valid", Values::Bool(vec![])),
        ];
        if matches!(self.layout, Layout::Elements(_) | Layout::Exploded { .. }) {
            columns.push(Column::new("index", Values::UInt32(vec![])));
        }
        Table { columns }
    }

    /// The service that the table reads: its newest name.
    pub fn service(&self) -> &str {
        self.service.name
    }

    /// Whether the table reads this kind of event.
    #[inline]
    pub fn takes(&self, which: u16) -> bool {
        which == self.service.which
    }

    /// Rows collected since the last [`EventTable::take`].
    pub fn rows(&self) -> usize {
        self.fixed.rows()
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.fixed.columns.len() + self.columns.len()
    }

    /// Appends the service's events of `batch`. Parts that cannot be read are null and noted in `record`.
    ///
    /// # Errors
    /// As [`EventTable::new`], when the log turns out to hold an older service of the same name.
    pub fn push(
        &mut self,
        batch: &Batch,
        segment: Option<u32>,
        origin: Origin,
        record: &mut Completeness,
    ) -> Result<()> {
        if !self.seen {
            self.choose(batch)?;
        }
        let which = self.service.which;
        let mut events = batch.events().filter(|event| event.which() == which);
        loop {
            let chunk: Vec<Event<'_>> = events.by_ref().take(CHUNK).collect();
            if chunk.is_empty() {
                return Ok(());
            }
            self.chunk(&chunk, segment, origin, record);
        }
    }

    /// Settles which of several services of one name the log holds, by the first event of any of them.
    fn choose(&mut self, batch: &Batch) -> Result<()> {
        for event in batch.events() {
            if event.which() == self.service.which {
                self.seen = true;
                return Ok(());
            }
            if let Some(other) = self.others.iter().find(|other| other.which == event.which()) {
                self.service = *other;
                self.columns.clear();
                self.layout = plan(self.schema, self.service, &self.options, &mut self.columns)?;
                self.fixed = self.fixed_columns();
                self.seen = true;
                return Ok(());
            }
        }
        Ok(())
    }

    fn chunk(
        &mut self,
        events: &[Event<'_>],
        segment: Option<u32>,
        origin: Origin,
        record: &mut Completeness,
    ) {
        let budgets = events.iter().map(|e| Budget::for_message(e.bytes().len())).collect();
        let mut runner = Runner { budgets, faults: Vec::new() };
        // Rows by event: which event each row belongs to, and its index inside it.
        let (mut of, mut index) = (Vec::new(), Vec::new());
        let roots: Vec<Row<'_>> = events.iter().map(|event| event.root().ok()).collect();
        match &self.layout {
            Layout::Struct(nodes) => {
                of = (0..events.len() as u32).collect();
                let rows: Vec<Row<'_>> =
                    roots.iter().enumerate().map(|(i, r)| value(*r, i, &mut runner)).collect();
                runner.run(nodes, &rows, &of, &mut self.columns);
            }
            Layout::Value(plan) => {
                of = (0..events.len() as u32).collect();
                values(plan, &roots, &mut runner, &mut self.columns);
            }
            Layout::Elements(nodes) => {
                let rows = elements(&roots, 0, &mut runner, &mut of, &mut index);
                runner.run(nodes, &rows, &of, &mut self.columns);
            }
            Layout::Exploded { event, way, elements: nodes } => {
                let parents: Vec<Row<'_>> =
                    roots.iter().enumerate().map(|(i, r)| value(*r, i, &mut runner)).collect();
                let rows = explode(way, &parents, &mut runner, &mut of, &mut index);
                let repeated: Vec<Row<'_>> = of.iter().map(|i| parents[*i as usize]).collect();
                // Each row pays for its event's values again.
                for i in &of {
                    let more = Budget::for_message(events[*i as usize].bytes().len());
                    let left = &mut runner.budgets[*i as usize];
                    left.extend(&more);
                }
                runner.run(event, &repeated, &of, &mut self.columns);
                runner.run(nodes, &rows, &of, &mut self.columns);
            }
        }
        self.fixed(events, &of, &index, segment, origin);
        for (row, fault) in runner.faults {
            record.note_value(events[row].index(), events[row].offset(), fault.0);
        }
    }

    fn fixed(
        &mut self,
        events: &[Event<'_>],
        of: &[u32],
        index: &[u32],
        segment: Option<u32>,
        origin: Origin,
    ) {
        let rows = || of.iter().map(|i| &events[*i as usize]);
        let start = self.fixed.rows();
        for column in &mut self.fixed.columns {
            match (&mut column.values, column.name.as_str()) {
                (Values::UInt64(v), _) => v.extend(rows().map(Event::mono_time)),
                (Values::Float64(v), _) => v.extend(rows().map(|e| seconds(e.mono_time(), origin))),
                (Values::Bool(v), _) => v.extend(rows().map(Event::valid)),
                (Values::UInt32(v), _) => v.extend_from_slice(index),
                (Values::Int32(v), _) => {
                    v.extend(of.iter().map(|_| segment.unwrap_or_default() as i32));
                    if segment.is_none() {
                        column.mark(start, of.iter().map(|_| false));
                    } else {
                        column.settle();
                    }
                }
                _ => {}
            }
        }
    }

    /// Takes the rows collected so far; the table goes on empty.
    pub fn take(&mut self) -> Table {
        let all = self.fixed.columns.iter_mut().chain(&mut self.columns);
        let columns = all.map(|column| {
            column.name_all();
            let empty = column.emptied();
            std::mem::replace(column, empty)
        });
        Table { columns: columns.collect() }
    }
}

/// Seconds from `origin` to `mono_time`; negative before it.
#[inline]
pub(super) fn seconds(mono_time: u64, origin: Origin) -> f64 {
    mono_time.wrapping_sub(origin) as i64 as f64 / 1e9
}

fn plan(
    schema: &EventSchema,
    service: Service<'_>,
    options: &EventTableOptions,
    columns: &mut Vec<Column>,
) -> Result<Layout> {
    let types = schema.types();
    let mut planner = Planner { schema: types, columns: std::mem::take(columns), keep: None, without: None };
    let inner = match service.ty {
        Type::Struct(index) => Some(*index),
        Type::List(element) if !options.keep_lists => types.inner_struct(element),
        _ => None,
    };
    let Some(inner) = inner else {
        if let Some(field) = options.fields.first() {
            let (service, field) = (service.name.to_owned(), field.clone());
            return Err(ErrorKind::NoSuchField { service, field, suggestion: None }.into());
        }
        let (values, element) = planner.element(service.ty, 0);
        planner.columns.push(Column::new(service.name, values));
        *columns = planner.columns;
        return Ok(Layout::Value(element));
    };
    if !options.fields.is_empty() {
        let paths =
            options.fields.iter().map(|field| types.resolve(inner, field).map_err(|e| rename(e, service)));
        planner.keep = Some(paths.collect::<Result<_>>()?);
    }
    let layout = match (&options.explode, service.ty) {
        (Some(path), Type::Struct(_)) => {
            let steps = types.resolve(inner, path).map_err(|e| rename(e, service))?;
            let (way, element) = way_to(schema, inner, &steps).ok_or_else(|| ErrorKind::BadParam {
                name: "explode".to_owned(),
                value: path.clone(),
                expected: format!("a list of structs in `{}`", service.name),
            })?;
            planner.without = Some(steps.clone());
            let event = planner.structure(inner, "", &[]);
            let elements = match &planner.keep {
                // The way itself counts as chosen.
                Some(keep) if !keep.iter().any(|kept| kept.starts_with(&steps)) => {
                    planner.keep = None;
                    planner.structure(element, &format!("{path}."), &[])
                }
                _ => {
                    planner.without = None;
                    planner.structure(element, &format!("{path}."), &steps)
                }
            };
            Layout::Exploded { event, way, elements }
        }
        (_, Type::Struct(_)) => Layout::Struct(planner.structure(inner, "", &[])),
        _ => Layout::Elements(planner.structure(inner, "", &[])),
    };
    *columns = planner.columns;
    Ok(layout)
}

/// Puts the service's name where the error has the struct's.
fn rename(error: crate::Error, service: Service<'_>) -> crate::Error {
    match error.kind() {
        ErrorKind::NoSuchField { field, suggestion, .. } => ErrorKind::NoSuchField {
            service: service.name.to_owned(),
            field: field.clone(),
            suggestion: suggestion.clone(),
        }
        .into(),
        _ => error,
    }
}

/// The hops from a struct to the list of structs at `steps`, and the struct of its elements.
fn way_to(schema: &EventSchema, start: usize, steps: &[usize]) -> Option<(Vec<Hop>, usize)> {
    let types = schema.types();
    let (mut at, mut way) = (start, Vec::new());
    for (i, step) in steps.iter().enumerate() {
        let s = types.structure(at);
        let field = &s.fields[*step];
        if let Some((offset, which)) = s.union.zip(field.which) {
            way.push(Hop::Guard(offset, which));
        }
        match &field.kind {
            FieldKind::Group(group) => at = *group,
            FieldKind::Slot { ty: Type::Struct(inner), offset, .. } => {
                way.push(Hop::Struct(*offset));
                at = *inner;
            }
            FieldKind::Slot { ty: Type::List(element), offset, .. } if i + 1 == steps.len() => {
                let Type::Struct(inner) = **element else { return None };
                way.push(Hop::List(*offset));
                return Some((way, inner));
            }
            FieldKind::Slot { .. } => return None,
        }
    }
    None
}

/// The service's struct; the default when the pointer is null or cannot be read.
fn value<'a>(root: Row<'a>, row: usize, runner: &mut Runner) -> Row<'a> {
    let root = root?;
    let read = root.pointer(0).map_or(Ok(None), |pointer| pointer.structure());
    match read {
        Ok(value) => Some(value.unwrap_or_else(|| StructReader::empty(root.message()))),
        Err(fault) => {
            runner.faults.push((row, fault));
            None
        }
    }
}

/// Services whose value is text, data or a list: the events' root structs act as the elements of a list.
fn values(plan: &Element, roots: &[Row<'_>], runner: &mut Runner, columns: &mut [Column]) {
    for (i, root) in roots.iter().enumerate() {
        let pointer = root.and_then(|root| root.pointer(0));
        runner.element_value(plan, pointer, i as u32, &mut columns[0]);
    }
}

/// The structs of the list behind pointer `pointer` of each row.
fn elements<'a>(
    rows: &[Row<'a>],
    pointer: u32,
    runner: &mut Runner,
    of: &mut Vec<u32>,
    index: &mut Vec<u32>,
) -> Vec<Row<'a>> {
    let mut all = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let read = row.and_then(|row| row.pointer(pointer)).map_or(Ok(None), |p| p.list());
        let list = match read {
            Ok(Some(list)) => list,
            Ok(None) => continue,
            Err(fault) => {
                runner.faults.push((i, fault));
                continue;
            }
        };
        if let Err(fault) = runner.budgets[i].charge(u64::from(list.len()), list.bytes()) {
            runner.faults.push((i, fault));
            continue;
        }
        for n in 0..list.len() {
            match list.structure(n) {
                Ok(element) => {
                    all.push(Some(element));
                    of.push(i as u32);
                    index.push(n);
                }
                Err(fault) => runner.faults.push((i, fault)),
            }
        }
    }
    all
}

fn explode<'a>(
    way: &[Hop],
    parents: &[Row<'a>],
    runner: &mut Runner,
    of: &mut Vec<u32>,
    index: &mut Vec<u32>,
) -> Vec<Row<'a>> {
    let mut rows = parents.to_vec();
    for hop in way {
        match hop {
            Hop::Guard(offset, which) => {
                rows.iter_mut().for_each(|row| *row = row.filter(|r| r.u16(*offset) == *which));
            }
            Hop::Struct(pointer) => {
                for (i, row) in rows.iter_mut().enumerate() {
                    let read: Result<_, Fault> =
                        row.and_then(|r| r.pointer(*pointer)).map_or(Ok(None), |p| p.structure());
                    *row = read.unwrap_or_else(|fault| {
                        runner.faults.push((i, fault));
                        None
                    });
                }
            }
            Hop::List(pointer) => return elements(&rows, *pointer, runner, of, index),
        }
    }
    Vec::new()
}
