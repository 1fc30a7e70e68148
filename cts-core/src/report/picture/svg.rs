//! A picture as SVG.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::super::escape::markup;
use super::shape::{Anchor, BACK, Color, Picture, Shape};

pub(super) fn write(picture: &Picture, out: &mut impl Write) -> io::Result<()> {
    let (w, h, title) = (picture.width, picture.height, markup(&picture.title));
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" "
    )?;
    writeln!(out, "role=\"img\" font-family=\"Noto Sans, Segoe UI, Roboto, Helvetica, Arial, sans-serif\">")?;
    writeln!(out, "<title>{title}</title>\n<rect width=\"{w}\" height=\"{h}\" {}/>", paint("fill", BACK))?;
    for shape in &picture.shapes {
        match shape {
            Shape::Area { points, fill } => {
                writeln!(out, "<path d=\"{}Z\" {}/>", path(points), paint("fill", *fill))?;
            }
            Shape::Lines { lines, color, width, dashed } => {
                let d: String = lines.iter().map(|line| path(line)).collect();
                let dash = if *dashed { " stroke-dasharray=\"5 4\"" } else { "" };
                let stroke = paint("stroke", *color);
                let width = format_args!("stroke-width=\"{width}\" stroke-linejoin=\"round\"");
                writeln!(out, "<path d=\"{d}\" fill=\"none\" {stroke} {width}{dash}/>")?;
            }
            Shape::Text { x, y, size, text, color, anchor } => {
                let anchor = match anchor {
                    Anchor::Start => "start",
                    Anchor::Middle => "middle",
                    Anchor::End => "end",
                };
                let (x, y) = (short(*x), short(*y));
                write!(out, "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" text-anchor=\"{anchor}\" ")?;
                writeln!(out, "{}>{}</text>", paint("fill", *color), markup(text))?;
            }
        }
    }
    out.write_all(b"</svg>\n")
}

fn path(points: &[(f32, f32)]) -> String {
    let mut d = String::new();
    for (i, (x, y)) in points.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(d, "{}{} {}", if i == 0 { 'M' } else { 'L' }, short(*x), short(*y));
    }
    d
}

/// Tenths are finer than a pixel.
fn short(value: f32) -> f32 {
    (value * 10.0).round() / 10.0
}

fn paint(property: &str, Color(r, g, b, a): Color) -> String {
    let opacity =
        if a == 255 { String::new() } else { format!(" {property}-opacity=\"{:.2}\"", f32::from(a) / 255.0) };
    format!("{property}=\"#{r:02x}{g:02x}{b:02x}\"{opacity}")
}
