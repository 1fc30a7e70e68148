//! Reports for people: a model of a page, and its writers.
//!
//! A tool fills a [`Page`] with what it found, what it must warn about, plots over one time axis and tables.
//! A writer makes one self-contained file of it. This room knows nothing of logs, tools or CAN: times are
//! seconds, values are numbers and words. It writes to a `Write` and opens no file.

mod page;

pub use page::{
    Cell, Column, ColumnKind, Finding, Lane, Level, Line, Mark, Page, Panel, Plot, Severity, Shade, Span,
    Table, Trace, Warned,
};
