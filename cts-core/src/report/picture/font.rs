//! The letters of pictures: Latin letters of Noto Sans, compiled in.

use ttf_parser::{Face, GlyphId, OutlineBuilder};

static BYTES: &[u8] = include_bytes!("../../../assets/font/NotoSans-Latin.ttf");

/// The font. Letters that it lacks are drawn as its box.
pub(super) struct Font(Option<Face<'static>>);

impl Font {
    pub(super) fn new() -> Self {
        // A test holds that the bytes are a font.
        Self(Face::parse(BYTES, 0).ok())
    }

    /// Width of a text.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        let Some(face) = &self.0 else { return 0.0 };
        text.chars().map(|c| advance(face, glyph(face, c))).sum::<f32>() * size
            / f32::from(face.units_per_em())
    }

    /// The text, shortened to a width; empty when not even three letters fit.
    pub(super) fn fitted(&self, text: &str, size: f32, width: f32) -> String {
        if self.width(text, size) <= width {
            return text.to_owned();
        }
        let ends = text.char_indices().map(|(at, _)| at).skip(3).take(200).collect::<Vec<_>>();
        let cut = ends.iter().rev().map(|end| format!("{}…", &text[..*end]));
        cut.into_iter().find(|short| self.width(short, size) <= width).unwrap_or_default()
    }

    /// Draws the outlines of a text from its start on the base line.
    pub(super) fn outline(&self, text: &str, size: f32, at: (f32, f32), out: &mut impl Outline) {
        let Some(face) = &self.0 else { return };
        let scale = size / f32::from(face.units_per_em());
        let mut x = at.0;
        for c in text.chars() {
            let id = glyph(face, c);
            face.outline_glyph(id, &mut Placed { out, x, y: at.1, scale });
            x += advance(face, id) * scale;
        }
    }
}

fn glyph(face: &Face<'_>, c: char) -> GlyphId {
    face.glyph_index(c).unwrap_or(GlyphId(0))
}

fn advance(face: &Face<'_>, id: GlyphId) -> f32 {
    f32::from(face.glyph_hor_advance(id).unwrap_or(0))
}

/// Takes outlines in places of the picture.
pub(super) trait Outline {
    fn move_to(&mut self, x: f32, y: f32);
    fn line_to(&mut self, x: f32, y: f32);
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32);
    fn cubic_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32);
    fn close(&mut self);
}

/// Turns font units, which grow upwards, into places.
struct Placed<'a, O> {
    out: &'a mut O,
    x: f32,
    y: f32,
    scale: f32,
}

impl<O> Placed<'_, O> {
    fn place(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.y - y * self.scale)
    }
}

impl<O: Outline> OutlineBuilder for Placed<'_, O> {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.out.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.out.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.place(x1, y1), self.place(x, y));
        self.out.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.place(x1, y1), self.place(x2, y2), self.place(x, y));
        self.out.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.out.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn font_has_the_letters_that_pictures_use() {
        let font = Font::new();
        let face = font.0.as_ref().unwrap();
        assert!((' '..='~').chain("°±²µ×–…".chars()).all(|c| face.glyph_index(c).is_some()));
        assert!(font.width("mm", 12.0) > font.width("ii", 12.0));
    }

    #[test]
    fn long_text_is_shortened() {
        let font = Font::new();
        let short = font.fitted("marker window", 12.0, 60.0);
        assert!(short.ends_with('…') && font.width(&short, 12.0) <= 60.0, "{short}");
        assert_eq!(font.fitted("marker window", 12.0, 10.0), "");
    }
}
