//! A plot as a picture of its own: laid out once as shapes, then written as SVG or PNG.

mod font;
mod layout;
mod png;
mod rows;
mod scale;
mod shape;
mod svg;

use std::io::{self, Write};

use super::page::Plot;

/// Width of a picture, in units of which a PNG has two pixels each. The height follows from the plot.
const WIDTH: f32 = 1200.0;

/// Writes the plot as SVG, for a light background: lines, events, states, bits and windows.
///
/// The same plot gives the same bytes. Writes many small pieces: give it a buffer.
///
/// # Errors
/// What `out` reports.
pub fn write_svg(plot: &Plot, out: &mut impl Write) -> io::Result<()> {
    svg::write(&layout::picture(plot, WIDTH), out)
}

/// Writes the same picture as [`write_svg`] as PNG, 2400 pixels wide.
///
/// # Errors
/// What `out` reports.
pub fn write_png(plot: &Plot, out: &mut impl Write) -> io::Result<()> {
    out.write_all(&png::encode(&layout::picture(plot, WIDTH), 2.0)?)
}
