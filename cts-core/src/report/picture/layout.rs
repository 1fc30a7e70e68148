//! Where everything of a plot stands: panels above each other, one axis of time below.

use super::super::page::{Level, Line, Panel, Plot, Shade};
use super::super::thin;
use super::font::Font;
use super::rows;
use super::scale::Scale;
use super::shape::{Anchor, GRID, MUTED, Picture, SHADE, SHADE_EDGE, Shape, TEXT, series};

const LEFT: f32 = 130.0;
const RIGHT: f32 = 24.0;
/// Height of a panel of lines.
const LINES: f32 = 260.0;
/// Height of the heading of a panel.
const HEAD: f32 = 30.0;
pub(super) const SMALL: f32 = 12.0;

/// A picture in the making.
pub(super) struct Canvas {
    pub picture: Picture,
    pub font: Font,
    pub time: Scale,
    /// Where the next panel begins.
    pub top: f32,
}

pub(super) fn picture(plot: &Plot, width: f32) -> Picture {
    let (low, high) = plot.extent().unwrap_or((0.0, 1.0));
    let pad = (high - low).max(1e-3) * 0.01;
    let time = Scale { low: low - pad, high: high + pad, from: LEFT, to: width - RIGHT };
    let picture = Picture { width, height: 0.0, title: plot.title.clone(), shapes: Vec::new() };
    let mut canvas = Canvas { picture, font: Font::new(), time, top: 36.0 };
    canvas.picture.text((24.0, 34.0), 20.0, &plot.title, TEXT, Anchor::Start);
    if !plot.note.is_empty() {
        canvas.top += 20.0;
        canvas.picture.text((24.0, 54.0), 13.0, &plot.note, MUTED, Anchor::Start);
    }
    let mut events = !plot.marks.is_empty();
    for (i, panel) in plot.panels.iter().enumerate() {
        if events && i == usize::from(matches!(plot.panels[0], Panel::Lines { .. })) {
            rows::marks(&mut canvas, plot);
            events = false;
        }
        match panel {
            Panel::Lines { title, unit, lines, levels } => {
                canvas.lines(plot, i == 0, (title, unit), lines, levels);
            }
            Panel::Lanes { title, lanes } => rows::lanes(&mut canvas, plot, title, lanes),
            Panel::Traces { title, traces } => rows::traces(&mut canvas, plot, title, traces),
        }
    }
    if events {
        rows::marks(&mut canvas, plot);
    }
    canvas.time_axis();
    canvas.picture
}

impl Canvas {
    /// The heading of a panel, its grid of time and its windows; returns its top.
    pub(super) fn panel(&mut self, plot: &Plot, title: &str, height: f32, named: bool) -> f32 {
        self.picture.text((24.0, self.top + 22.0), 13.0, title, TEXT, Anchor::Start);
        let top = self.top + HEAD;
        self.top = top + height;
        for (t, _) in self.time.ticks(10) {
            let x = self.time.place(t);
            self.picture.line((x, top), (x, top + height), GRID, false);
        }
        for shade in &plot.shades {
            self.shade(shade, top, height, named);
        }
        for (row, kind) in kinds(plot).iter().enumerate() {
            for mark in plot.marks.iter().filter(|mark| mark.kind == *kind && mark.t.is_finite()).take(200) {
                let x = self.time.place(mark.t);
                self.picture.line((x, top), (x, top + height), series(row).alpha(110), true);
            }
        }
        top
    }

    fn shade(&mut self, shade: &Shade, top: f32, height: f32, named: bool) {
        let (left, right) = (self.time.within(shade.start), self.time.within(shade.end));
        if left.is_nan() || right.is_nan() || right <= left {
            return;
        }
        self.picture.rect(left, top, right - left, height, SHADE);
        for x in [left, right] {
            self.picture.line((x, top), (x, top + height), SHADE_EDGE, shade.partial);
        }
        if named {
            let label =
                if shade.partial { format!("{} (partial)", shade.label) } else { shade.label.clone() };
            let label = self.font.fitted(&label, SMALL, right - left - 8.0);
            self.picture.text((left + 4.0, top + 14.0), SMALL, &label, MUTED, Anchor::Start);
        }
    }

    fn lines(&mut self, plot: &Plot, named: bool, name: (&str, &str), lines: &[Line], levels: &[Level]) {
        let title = if name.1.is_empty() { name.0.to_owned() } else { format!("{} ({})", name.0, name.1) };
        let head = self.top + 22.0;
        let top = self.panel(plot, &title, LINES, named);
        let scale = values(lines, levels, top);
        for (value, label) in scale.ticks(6) {
            let y = scale.place(value);
            self.picture.line((self.time.from, y), (self.time.to, y), GRID, false);
            self.picture.text((LEFT - 8.0, y + 4.0), SMALL, &label, MUTED, Anchor::End);
        }
        for level in levels.iter().filter(|level| level.y.is_finite()) {
            let y = scale.place(level.y);
            self.picture.line((self.time.from, y), (self.time.to, y), MUTED, true);
            self.picture.text((self.time.to - 4.0, y - 4.0), SMALL, &level.label, MUTED, Anchor::End);
        }
        let mut x = 24.0 + self.font.width(&title, 13.0) + 24.0;
        for (i, line) in lines.iter().enumerate() {
            let lines = stretches(line, &self.time, &scale);
            self.picture.shapes.push(Shape::Lines { lines, color: series(i), width: 1.8, dashed: false });
            self.picture.rect(x, head - 9.0, 10.0, 10.0, series(i));
            self.picture.text((x + 16.0, head), SMALL, &line.name, MUTED, Anchor::Start);
            x += self.font.width(&line.name, SMALL) + 40.0;
        }
    }

    fn time_axis(&mut self) {
        for (t, label) in self.time.ticks(10) {
            let at = (self.time.place(t), self.top + 18.0);
            self.picture.text(at, SMALL, &format!("{label} s"), MUTED, Anchor::Middle);
        }
        self.picture.height = self.top + 32.0;
    }
}

/// Kinds of marks in the order of their first mark.
pub(super) fn kinds(plot: &Plot) -> Vec<&str> {
    let mut kinds: Vec<&str> = Vec::new();
    for mark in &plot.marks {
        if !kinds.contains(&mark.kind.as_str()) {
            kinds.push(&mark.kind);
        }
    }
    kinds
}

fn values(lines: &[Line], levels: &[Level], top: f32) -> Scale {
    let all = lines.iter().flat_map(|line| &line.y).chain(levels.iter().map(|level| &level.y));
    let range = all.filter(|y| y.is_finite()).map(|y| (*y, *y)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let (low, high) = range.unwrap_or((0.0, 1.0));
    let pad = if high > low { (high - low) * 0.08 } else { 0.5 };
    Scale { low: low - pad, high: high + pad, from: top + LINES, to: top }
}

/// A line between its gaps.
fn stretches(line: &Line, time: &Scale, scale: &Scale) -> Vec<Vec<(f32, f32)>> {
    let kept = thin::line(&line.t, &line.y, 8000);
    let gap = |i: &usize| !line.y[*i].is_finite();
    let parts = kept.split(gap).filter(|part| !part.is_empty()).map(|part| {
        let mut points: Vec<(f32, f32)> = Vec::with_capacity(part.len() + 1);
        for i in part {
            let (x, y) = (time.place(line.t[*i]), scale.place(line.y[*i]));
            if let (true, Some(last)) = (line.step, points.last()) {
                points.push((x, last.1));
            }
            points.push((x, y));
        }
        if let [(x, y)] = points[..] {
            points.push((x + 1.0, y));
        }
        points
    });
    parts.collect()
}
