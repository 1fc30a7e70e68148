//! Parquet with zstd compression.

use std::io::Write;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, Encoding, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use ::parquet::schema::types::ColumnPath;

use super::Table;
use super::column::{Column, Values};
use super::file::arrow_error;
use crate::{Error, Result};

pub(super) struct ParquetWriter<W: Write + Send> {
    writer: Option<W>,
    file: Option<ArrowWriter<W>>,
}

impl<W: Write + Send> ParquetWriter<W> {
    pub(super) fn new(writer: W) -> Self {
        Self { writer: Some(writer), file: None }
    }

    pub(super) fn write(&mut self, table: Table) -> Result<()> {
        if let Some(writer) = self.writer.take() {
            let file = ArrowWriter::try_new(writer, table.arrow_schema(), Some(properties(&table)));
            self.file = Some(file.map_err(parquet_error)?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let batch = table.into_record_batch().map_err(arrow_error)?;
        file.write(&batch).map_err(parquet_error)?;
        // Whoever writes a file per message has a hundred of them open for a whole route.
        if file.memory_size() > MOST_BUFFERED { file.flush().map_err(parquet_error) } else { Ok(()) }
    }

    pub(super) fn finish(self) -> Result<W> {
        match (self.file, self.writer) {
            (Some(file), _) => file.into_inner().map_err(parquet_error),
            (None, Some(writer)) => Ok(writer),
            (None, None) => Err(Error::io("write", std::io::ErrorKind::BrokenPipe.into())),
        }
    }
}

/// Columns whose values hardly repeat: a dictionary of them costs more than it saves. Times grow, so that their
/// differences are stored.
const WITHOUT_DICTIONARY: [&str; 3] = ["mono_time", "t", "data"];

/// Bytes that a file may hold back before it ends a row group.
const MOST_BUFFERED: usize = 512 << 10;

/// Columns of fewer bytes are not compressed: to prepare zstd for one costs more than to write it, and encoding has
/// already made it small.
const LEAST_COMPRESSED: usize = 8 << 10;

/// zstd level 1: on logs it is within a few percent of higher levels at a fraction of their time. Statistics are
/// kept for the times only: they let readers skip, and those of other columns cost time that nobody gets back.
///
/// `first` is the table's first piece: columns that are small there are small.
fn properties(first: &Table) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_column_statistics_enabled(ColumnPath::from("mono_time"), EnabledStatistics::Chunk)
        .set_column_encoding(ColumnPath::from("mono_time"), Encoding::DELTA_BINARY_PACKED)
        .set_column_encoding(ColumnPath::from("data"), Encoding::DELTA_LENGTH_BYTE_ARRAY);
    for name in WITHOUT_DICTIONARY {
        builder = builder.set_column_dictionary_enabled(ColumnPath::from(name), false);
    }
    let mut small = Vec::new();
    first.columns.iter().for_each(|column| small_leaves(column, &[], &mut small));
    for path in small {
        builder = builder.set_column_compression(path, Compression::UNCOMPRESSED);
    }
    builder.build()
}

/// The leaves of a column that are too small to compress, by their paths in the file: a list is a group `list`.
fn small_leaves(column: &Column, above: &[String], small: &mut Vec<ColumnPath>) {
    let path = [above, std::slice::from_ref(&column.name)].concat();
    match &column.values {
        Values::List { element, .. } => {
            small_leaves(element, &[path, vec!["list".to_owned()]].concat(), small)
        }
        Values::Struct { fields, .. } => fields.iter().for_each(|field| small_leaves(field, &path, small)),
        values if values.bytes() < LEAST_COMPRESSED => small.push(ColumnPath::new(path)),
        _ => {}
    }
}

#[cold]
fn parquet_error(error: ParquetError) -> Error {
    Error::io("write", std::io::Error::other(error))
}
