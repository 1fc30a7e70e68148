//! Columns: CAN frames and the events of one service as tables, and tables as files.
//!
//! Values are read column by column from the bytes of a batch into plain vectors; Arrow arrays and Polars series
//! take these vectors over without a copy. This room knows logs and schemas; it does not know tools.

mod arrow;
mod column;
mod events;
mod export;
mod file;
mod frames;
#[cfg(feature = "parquet")]
mod parquet;
mod plan;
#[cfg(feature = "polars")]
mod polars;
mod spread;
mod text;

pub use column::{Column, Values};
pub use events::{EventTable, EventTableOptions};
pub use export::{Exporter, FRAMES};
pub use file::{Format, TableWriter};
pub use frames::FrameTable;
pub use plan::Origin;
pub(crate) use spread::spread;

/// Equally long columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The columns, in order.
    pub columns: Vec<Column>,
}

impl Table {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, Column::len)
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}
