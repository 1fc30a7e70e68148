//! Many tables out of one reading: each service to a file of its own.

use std::io::Write;

use super::plan::Origin;
use super::spread::spread;
use super::{EventTable, EventTableOptions, Format, FrameTable, Table, TableWriter};
use crate::Result;
use crate::log::{Batch, Completeness, EventSchema, which};

/// Rows that are gathered before they are written as one piece; more make better Parquet, fewer less memory.
const PIECE: usize = 64 << 10;

/// The name under which all CAN frames are exported as [`FrameTable`] gives them.
pub const FRAMES: &str = "frames";

/// Writes the tables of several services while a log is read once. Memory is bounded by a piece of each table.
pub struct Exporter<'s, W: Write + Send> {
    schema: &'s EventSchema,
    format: Format,
    jobs: Vec<Job<'s, W>>,
    /// Makes the file of a service when it is first seen; `None` when only named ones are wanted.
    open: Option<Open<'s, W>>,
    seen: Vec<u16>,
    origin: Option<Origin>,
}

/// Makes the file of a service.
type Open<'s, W> = Box<dyn FnMut(&str) -> Result<W> + 's>;

struct Job<'s, W: Write + Send> {
    name: String,
    source: Source<'s>,
    writer: TableWriter<W>,
    rows: u64,
}

enum Source<'s> {
    Events(Box<EventTable<'s>>),
    Frames(FrameTable),
}

impl<'s, W: Write + Send> Exporter<'s, W> {
    /// An exporter without tables; [`Exporter::add`] adds them.
    pub fn new(schema: &'s EventSchema, format: Format) -> Self {
        Self { schema, format, jobs: Vec::new(), open: None, seen: Vec::new(), origin: None }
    }

    /// An exporter of every service that the log turns out to hold. `open` makes the file for a service.
    pub fn all(schema: &'s EventSchema, format: Format, open: impl FnMut(&str) -> Result<W> + 's) -> Self {
        Self { open: Some(Box::new(open)), ..Self::new(schema, format) }
    }

    /// Adds the table of a service, or of all frames for the name [`FRAMES`].
    ///
    /// # Errors
    /// Those of [`EventTable::new`] and [`TableWriter::new`].
    pub fn add(&mut self, name: &str, options: EventTableOptions, writer: W) -> Result<()> {
        let source = match name {
            FRAMES => Source::Frames(FrameTable::new(true)),
            _ => Source::Events(Box::new(EventTable::new(self.schema, name, options)?)),
        };
        let writer = TableWriter::new(self.format, writer)?;
        self.jobs.push(Job { name: name.to_owned(), source, writer, rows: 0 });
        Ok(())
    }

    /// Reads a batch into all tables. Times count from the first event that is not `initData`.
    ///
    /// # Errors
    /// Those of the writers, and of making further files.
    pub fn push(&mut self, batch: &Batch, segment: Option<u32>, record: &mut Completeness) -> Result<()> {
        self.discover(batch)?;
        self.origin = self.origin.or_else(|| batch.start());
        let origin = self.origin.unwrap_or_default();
        for job in &mut self.jobs {
            let rows = match &mut job.source {
                Source::Events(table) => {
                    table.push(batch, segment, origin, record)?;
                    table.rows()
                }
                Source::Frames(table) => {
                    table.push(batch, origin, record);
                    table.rows()
                }
            };
            if rows >= PIECE {
                job.write()?;
            }
        }
        Ok(())
    }

    /// Adds the tables of services that are seen for the first time; `can` and `sendcan` become [`FRAMES`].
    fn discover(&mut self, batch: &Batch) -> Result<()> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        for event in batch.events() {
            if self.seen.contains(&event.which()) {
                continue;
            }
            self.seen.push(event.which());
            let name = match (event.which(), self.schema.by_which(event.which())) {
                (which::CAN | which::SENDCAN, _) => FRAMES,
                (_, Some(service)) => service.name,
                (_, None) => continue,
            };
            if self.jobs.iter().all(|job| job.name != name) {
                self.add(name, EventTableOptions::default(), open(name)?)?;
            }
        }
        self.open = Some(open);
        Ok(())
    }

    /// Writes what is left and gives back each file with its service and number of rows. Most of the encoding
    /// happens here; the tables are shared out among the processor's cores.
    ///
    /// # Errors
    /// Those of the writers.
    pub fn finish(self) -> Result<Vec<(String, u64, W)>> {
        spread(self.jobs, |job| job.source.values(), Job::finish).into_iter().collect()
    }
}

impl Source<'_> {
    /// Values to encode.
    fn values(&self) -> usize {
        match self {
            Self::Events(table) => table.rows() * table.width(),
            Self::Frames(table) => table.rows() * 6,
        }
    }
}

impl<W: Write + Send> Job<'_, W> {
    fn finish(mut self) -> Result<(String, u64, W)> {
        self.write()?;
        Ok((self.name, self.rows, self.writer.finish()?))
    }

    fn write(&mut self) -> Result<()> {
        let table: Table = match &mut self.source {
            Source::Events(table) => table.take(),
            Source::Frames(table) => table.take(),
        };
        self.rows += table.rows() as u64;
        self.writer.write(table)
    }
}
