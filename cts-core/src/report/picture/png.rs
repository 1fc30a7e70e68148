//! A picture as PNG.

use std::io;

use tiny_skia::{FillRule, LineJoin, Paint, Path, PathBuilder, Pixmap, Stroke, StrokeDash, Transform};

use super::font::{Font, Outline};
use super::shape::{Anchor, BACK, Color, Picture, Shape};

/// The file's bytes, with `scale` pixels for each unit.
pub(super) fn encode(picture: &Picture, scale: f32) -> io::Result<Vec<u8>> {
    let (width, height) = ((picture.width * scale).ceil() as u32, (picture.height * scale).ceil() as u32);
    let too_large = || io::Error::new(io::ErrorKind::InvalidInput, "the picture is too large");
    let mut pixels = Pixmap::new(width, height).ok_or_else(too_large)?;
    pixels.fill(tiny_skia::Color::from_rgba8(BACK.0, BACK.1, BACK.2, BACK.3));
    let (font, transform) = (Font::new(), Transform::from_scale(scale, scale));
    for shape in &picture.shapes {
        draw(shape, &font, transform, &mut pixels);
    }
    packed(&pixels).map_err(io::Error::other)
}

/// The background has no holes, so that red, green and blue say all. Lines on a plain ground pack well even in haste.
fn packed(pixels: &Pixmap) -> Result<Vec<u8>, ::png::EncodingError> {
    let mut out = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut out, pixels.width(), pixels.height());
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Eight);
    encoder.set_compression(::png::Compression::Fast);
    let rgb: Vec<u8> = pixels.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb)?;
    writer.finish()?;
    Ok(out)
}

fn draw(shape: &Shape, font: &Font, transform: Transform, pixels: &mut Pixmap) {
    match shape {
        Shape::Area { points, fill } => {
            if let Some(path) = path(std::slice::from_ref(points), true) {
                pixels.fill_path(&path, &paint(*fill), FillRule::Winding, transform, None);
            }
        }
        Shape::Lines { lines, color, width, dashed } => {
            let dash = if *dashed { StrokeDash::new(vec![5.0, 4.0], 0.0) } else { None };
            let stroke = Stroke { width: *width, line_join: LineJoin::Round, dash, ..Stroke::default() };
            if let Some(path) = path(lines, false) {
                pixels.stroke_path(&path, &paint(*color), &stroke, transform, None);
            }
        }
        Shape::Text { x, y, size, text, color, anchor } => {
            let share = match anchor {
                Anchor::Start => 0.0,
                Anchor::Middle => 0.5,
                Anchor::End => 1.0,
            };
            let mut outline = Builder(PathBuilder::new());
            font.outline(text, *size, (x - share * font.width(text, *size), *y), &mut outline);
            if let Some(path) = outline.0.finish() {
                pixels.fill_path(&path, &paint(*color), FillRule::Winding, transform, None);
            }
        }
    }
}

fn path(lines: &[Vec<(f32, f32)>], close: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for line in lines {
        let mut points = line.iter();
        if let Some((x, y)) = points.next() {
            path.move_to(*x, *y);
        }
        points.for_each(|(x, y)| path.line_to(*x, *y));
        if close {
            path.close();
        }
    }
    path.finish()
}

fn paint(Color(r, g, b, a): Color) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(r, g, b, a);
    paint
}

struct Builder(PathBuilder);

impl Outline for Builder {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.0.quad_to(x1, y1, x, y);
    }

    fn cubic_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.0.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.0.close();
    }
}
