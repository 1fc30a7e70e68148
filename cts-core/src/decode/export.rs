//! Decoded signals to files while a log is read.

use std::io::Write;
use std::slice;

use super::align::{Aligner, Resample};
use super::decoder::{Decoder, MessageStats};
use super::long::LongNames;
use crate::Result;
use crate::log::{Batch, Completeness};
use crate::table::{Format, Table, TableWriter, spread};

/// Frames that are gathered before they are decoded and written: about what two segments have.
const PIECE: usize = 1 << 18;

/// The form of the tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// One table for each message, a row a frame.
    #[default]
    Messages,
    /// One table with a row per value.
    Long,
    /// One table with a row per tick of a clock.
    Aligned {
        /// Time between ticks.
        period_ns: u64,
        /// How values come onto the clock.
        resample: Resample,
    },
}

/// The name of the one table of the layouts that have only one.
pub const SIGNALS: &str = "signals";

/// Makes the file of a table.
type Open<'s, W> = Box<dyn FnMut(&str) -> Result<W> + 's>;

/// Writes decoded signals piece by piece. Memory is bounded by a piece of about two segments.
pub struct SignalExporter<'s, W: Write + Send> {
    decoder: Decoder,
    shape: Shape,
    format: Format,
    open: Open<'s, W>,
    files: Vec<File<W>>,
}

enum Shape {
    Messages,
    Long(LongNames),
    Aligned(Aligner),
}

struct File<W: Write + Send> {
    name: String,
    writer: TableWriter<W>,
    rows: u64,
}

/// What an export gave.
#[derive(Debug)]
pub struct Exported<W> {
    /// Name, rows and writer of each file.
    pub files: Vec<(String, u64, W)>,
    /// What was seen of each message.
    pub stats: Vec<MessageStats>,
    /// Frames that no message explains.
    pub unknown_frames: u64,
}

impl<'s, W: Write + Send> SignalExporter<'s, W> {
    /// An exporter of what `decoder` decodes. `open` makes a file: for a message by its label when it is first
    /// seen, else at once for [`SIGNALS`]. An aligned table has the columns of the messages that `seen` accepts by
    /// their labels, whether they come or not: its columns must be known before the first row.
    ///
    /// # Errors
    /// Those of `open`, of [`TableWriter::new`] and of [`Aligner::new`].
    pub fn new(
        decoder: Decoder,
        layout: Layout,
        seen: impl Fn(&str) -> bool,
        format: Format,
        open: impl FnMut(&str) -> Result<W> + 's,
    ) -> Result<Self> {
        let (decoder, shape) = match layout {
            Layout::Messages => (decoder, Shape::Messages),
            Layout::Long => (decoder.in_order(), Shape::Long(LongNames::default())),
            Layout::Aligned { period_ns, resample } => {
                let aligner = Aligner::new(&decoder, seen, period_ns, resample)?;
                (decoder, Shape::Aligned(aligner))
            }
        };
        let single = !matches!(shape, Shape::Messages);
        let mut exporter = Self { decoder, shape, format, open: Box::new(open), files: Vec::new() };
        if single {
            exporter.file(SIGNALS)?;
        }
        Ok(exporter)
    }

    /// Reads a batch.
    ///
    /// # Errors
    /// Those of the writers, and of making files.
    pub fn push(&mut self, batch: &Batch, record: &mut Completeness) -> Result<()> {
        self.decoder.push(batch, record);
        if self.decoder.rows() >= PIECE { self.write() } else { Ok(()) }
    }

    /// Writes what is left. Most of the encoding happens here; files are shared out among the processor's cores.
    ///
    /// # Errors
    /// Those of the writers, and of making files.
    pub fn finish(mut self) -> Result<Exported<W>> {
        let last = self.tables(true)?;
        let mut jobs: Vec<_> = self.files.into_iter().map(|file| (file, Vec::new())).collect();
        last.into_iter().for_each(|(file, table)| jobs[file].1.push(table));
        let files = spread(
            jobs,
            |(_, tables)| cells(tables),
            |(mut file, tables)| {
                tables.into_iter().try_for_each(|table| file.write(table))?;
                Ok((file.name, file.rows, file.writer.finish()?))
            },
        );
        Ok(Exported {
            stats: self.decoder.stats(),
            unknown_frames: self.decoder.unknown_frames(),
            files: files.into_iter().collect::<Result<_>>()?,
        })
    }

    /// The position of a file, which is made when it is new.
    fn file(&mut self, name: &str) -> Result<usize> {
        if let Some(found) = self.files.iter().position(|file| file.name == name) {
            return Ok(found);
        }
        let writer = TableWriter::new(self.format, (self.open)(name)?)?;
        self.files.push(File { name: name.to_owned(), writer, rows: 0 });
        Ok(self.files.len() - 1)
    }

    /// What is gathered, as tables with the positions of their files.
    fn tables(&mut self, last: bool) -> Result<Vec<(usize, Table)>> {
        Ok(match &mut self.shape {
            Shape::Messages => {
                let tables = self.decoder.take().into_iter();
                tables.map(|of| Ok((self.file(&of.label)?, of.table))).collect::<Result<_>>()?
            }
            Shape::Long(names) => vec![(0, self.decoder.take_long(names)?)],
            Shape::Aligned(aligner) => {
                let tables = self.decoder.take();
                let table = aligner.push(&tables, self.decoder.origin());
                let rest = last.then(|| aligner.finish());
                [Some(table), rest].into_iter().flatten().map(|table| (0, table)).collect()
            }
        })
    }

    /// Writes what is gathered.
    fn write(&mut self) -> Result<()> {
        let mut tables: Vec<Option<Table>> = Vec::new();
        for (file, table) in self.tables(false)? {
            tables.resize(self.files.len(), None);
            tables[file] = Some(table);
        }
        let jobs = self.files.iter_mut().zip(tables).filter_map(|(file, table)| Some((file, table?)));
        let done = spread(
            jobs.collect(),
            |(_, table)| cells(slice::from_ref(table)),
            |(file, table)| file.write(table),
        );
        done.into_iter().collect()
    }
}

/// Values to encode.
fn cells(tables: &[Table]) -> usize {
    tables.iter().map(|table| table.rows() * table.columns.len()).sum()
}

impl<W: Write + Send> File<W> {
    fn write(&mut self, table: Table) -> Result<()> {
        self.rows += table.rows() as u64;
        self.writer.write(table)
    }
}
