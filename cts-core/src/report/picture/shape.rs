//! What a picture is made of. Places are in units from the top left.

/// Red, green, blue, and opacity from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Color(pub u8, pub u8, pub u8, pub u8);

pub(super) const BACK: Color = Color(255, 255, 255, 255);
pub(super) const TEXT: Color = Color(0x16, 0x19, 0x1D, 255);
pub(super) const MUTED: Color = Color(0x56, 0x5E, 0x69, 255);
pub(super) const GRID: Color = Color(0xE6, 0xE9, 0xED, 255);
pub(super) const LANE: Color = Color(0xEE, 0xF0, 0xF3, 255);
pub(super) const SHADE: Color = Color(0xBA, 0x86, 0x0B, 33);
pub(super) const SHADE_EDGE: Color = Color(0x8C, 0x62, 0x00, 120);

/// Colours that stay apart for most people with a colour vision deficiency, dark enough on white.
const SERIES: [Color; 8] = [
    Color(0x00, 0x67, 0xA6, 255),
    Color(0xC2, 0x4E, 0x00, 255),
    Color(0x00, 0x7A, 0x5A, 255),
    Color(0xA8, 0x43, 0x7F, 255),
    Color(0x62, 0x50, 0xB5, 255),
    Color(0x8A, 0x65, 0x00, 255),
    Color(0x00, 0x7C, 0x8A, 255),
    Color(0x5F, 0x66, 0x70, 255),
];

/// The colour of the n-th series.
pub(super) fn series(n: usize) -> Color {
    SERIES[n % SERIES.len()]
}

impl Color {
    /// The same colour with another opacity.
    pub(super) fn alpha(self, alpha: u8) -> Self {
        Self(self.0, self.1, self.2, alpha)
    }
}

/// Which point of a text stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// A filled outline.
    Area { points: Vec<(f32, f32)>, fill: Color },
    /// Connected lines, each of at least two points.
    Lines { lines: Vec<Vec<(f32, f32)>>, color: Color, width: f32, dashed: bool },
    /// One line of text; `y` is its base line.
    Text { x: f32, y: f32, size: f32, text: String, color: Color, anchor: Anchor },
}

/// A picture: its size, what it shows in words, and its shapes from the back to the front.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picture {
    pub width: f32,
    pub height: f32,
    pub title: String,
    pub shapes: Vec<Shape>,
}

impl Picture {
    pub(super) fn rect(&mut self, x: f32, y: f32, width: f32, height: f32, fill: Color) {
        let points = vec![(x, y), (x + width, y), (x + width, y + height), (x, y + height)];
        self.shapes.push(Shape::Area { points, fill });
    }

    pub(super) fn line(&mut self, from: (f32, f32), to: (f32, f32), color: Color, dashed: bool) {
        self.shapes.push(Shape::Lines { lines: vec![vec![from, to]], color, width: 1.0, dashed });
    }

    pub(super) fn text(&mut self, at: (f32, f32), size: f32, text: &str, color: Color, anchor: Anchor) {
        if !text.is_empty() {
            let text = text.to_owned();
            self.shapes.push(Shape::Text { x: at.0, y: at.1, size, text, color, anchor });
        }
    }
}
