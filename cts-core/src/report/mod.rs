//! Reports for people: a model of a page, and its writers.
//!
//! A tool fills a [`Page`] with what it found, what it must warn about, plots over one time axis and tables.
//! [`write_html`] makes one self-contained file of it, [`write_svg`] and [`write_png`] a picture of one plot. This room knows nothing of logs, tools or CAN: times are
//! seconds, values are numbers and words. It writes to a `Write` and opens no file.

mod escape;
mod hash;
mod html;
mod page;
mod picture;
#[cfg(test)]
mod tests;
mod thin;
mod view;

pub use html::write_html;
pub use page::{
    Cell, Column, ColumnKind, Finding, Lane, Level, Line, Mark, Page, Panel, Plot, Severity, Shade, Span,
    Table, Trace, Warned,
};
pub use picture::{write_png, write_svg};
