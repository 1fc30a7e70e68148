//! Tables as files: one writer for all formats.

use std::io::Write;
use std::str::FromStr;

use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions};
use arrow_schema::ArrowError;

use super::{Table, text};
use crate::{Error, ErrorKind, Result};

/// A file format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Text, RFC 4180 quoting; lists as JSON, data as hex.
    #[default]
    Csv,
    /// One JSON object a line.
    Json,
    /// Arrow IPC file ("Feather v2").
    Ipc,
    /// Parquet with zstd (feature `parquet`).
    Parquet,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Json, Self::Ipc, Self::Parquet];

    /// `csv`, `json`, `ipc`, `parquet`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ipc => "ipc",
            Self::Parquet => "parquet",
        }
    }

    /// The usual file extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "jsonl",
            Self::Ipc => "arrow",
            Self::Parquet => "parquet",
        }
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            let expected = "one of csv, json, ipc, parquet".to_owned();
            ErrorKind::BadParam { name: "format".to_owned(), value: text.to_owned(), expected }.into()
        })
    }
}

/// Writes tables of one layout, one after another, into one file.
pub struct TableWriter<W: Write + Send> {
    kind: Kind<W>,
    header: bool,
}

enum Kind<W: Write + Send> {
    Csv(Box<csv::Writer<W>>),
    Json(W),
    /// Made with the first table, whose schema it needs.
    Ipc(Option<W>, Option<Box<FileWriter<W>>>),
    #[cfg(feature = "parquet")]
    Parquet(Box<super::parquet::ParquetWriter<W>>),
}

impl<W: Write + Send> TableWriter<W> {
    /// A writer in that format.
    ///
    /// # Errors
    /// `feature-not-built` for Parquet without the feature.
    pub fn new(format: Format, writer: W) -> Result<Self> {
        let kind = match format {
            Format::Csv => Kind::Csv(Box::new(csv::Writer::from_writer(writer))),
            Format::Json => Kind::Json(writer),
            Format::Ipc => Kind::Ipc(Some(writer), None),
            #[cfg(feature = "parquet")]
            Format::Parquet => Kind::Parquet(Box::new(super::parquet::ParquetWriter::new(writer))),
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => {
                return Err(ErrorKind::FeatureNotBuilt { what: "Parquet output", feature: "parquet" }.into());
            }
        };
        Ok(Self { kind, header: true })
    }

    /// Writes the rows of `table`, which must have the columns of the first one. A table without rows still gives
    /// the file its header.
    ///
    /// # Errors
    /// `io`.
    pub fn write(&mut self, table: Table) -> Result<()> {
        match &mut self.kind {
            Kind::Csv(writer) => {
                let header = std::mem::take(&mut self.header);
                text::write_csv(&table, header, writer).map_err(csv_error)
            }
            Kind::Json(writer) => text::write_json(&table, writer).map_err(|e| Error::io("write", e)),
            Kind::Ipc(writer, file) => {
                if let Some(writer) = writer.take() {
                    let options =
                        IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
                    let made = FileWriter::try_new_with_options(writer, &table.arrow_schema(), options);
                    *file = Some(Box::new(made.map_err(arrow_error)?));
                }
                let Some(file) = file else { return Ok(()) };
                table.into_record_batch().and_then(|batch| file.write(&batch)).map_err(arrow_error)
            }
            #[cfg(feature = "parquet")]
            Kind::Parquet(writer) => writer.write(table),
        }
    }

    /// Writes what the format needs at the end and gives the writer back. Needs one table, which may be empty.
    ///
    /// # Errors
    /// `io`.
    pub fn finish(self) -> Result<W> {
        let flushed = |mut writer: W| writer.flush().map(|()| writer).map_err(|e| Error::io("write", e));
        match self.kind {
            Kind::Csv(writer) => match writer.into_inner() {
                Ok(writer) => Ok(writer),
                Err(e) => {
                    Err(Error::io("write", std::io::Error::new(e.error().kind(), e.error().to_string())))
                }
            },
            Kind::Json(writer) | Kind::Ipc(Some(writer), _) => flushed(writer),
            Kind::Ipc(None, Some(file)) => file.into_inner().map_err(arrow_error).and_then(flushed),
            Kind::Ipc(None, None) => Err(Error::io("write", std::io::ErrorKind::BrokenPipe.into())),
            #[cfg(feature = "parquet")]
            Kind::Parquet(writer) => writer.finish(),
        }
    }
}

#[cold]
fn csv_error(error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(source) => Error::io("write", source),
        other => ErrorKind::BadCsv { reason: format!("{other:?}") }.into(),
    }
}

#[cold]
pub(super) fn arrow_error(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, source) => Error::io("write", source),
        other => Error::io("write", std::io::Error::other(other.to_string())),
    }
}
