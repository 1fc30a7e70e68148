//! Panels that are rows: events, states and bits.

use super::super::page::{Lane, Mark, Plot, Trace};
use super::super::thin;
use super::layout::{Canvas, SMALL, kinds};
use super::shape::{Anchor, BACK, Color, LANE, MUTED, Shape, TEXT, series};

const ROW: f32 = 26.0;
/// Most of anything that is drawn in one row; more cannot be told apart.
const MOST: usize = 4000;

fn names<'a>(canvas: &mut Canvas, top: f32, names: impl Iterator<Item = &'a str>) {
    for (row, name) in names.enumerate() {
        let name = canvas.font.fitted(name, SMALL, canvas.time.from - 20.0);
        let at = (canvas.time.from - 8.0, top + row as f32 * ROW + ROW / 2.0 + 4.0);
        canvas.picture.text(at, SMALL, &name, TEXT, Anchor::End);
    }
}

pub(super) fn marks(canvas: &mut Canvas, plot: &Plot) {
    let kinds = kinds(plot);
    let top = canvas.panel(plot, "Events", kinds.len() as f32 * ROW, false);
    names(canvas, top, kinds.iter().copied());
    for (row, kind) in kinds.iter().enumerate() {
        let mut marks: Vec<&Mark> =
            plot.marks.iter().filter(|mark| mark.kind == *kind && mark.t.is_finite()).take(MOST).collect();
        marks.sort_by(|a, b| a.t.total_cmp(&b.t));
        let y = top + row as f32 * ROW + ROW / 2.0;
        for (i, mark) in marks.iter().enumerate() {
            let x = canvas.time.place(mark.t);
            let points = symbol(row, x, y);
            canvas.picture.shapes.push(Shape::Area { points, fill: series(row) });
            let next = marks.get(i + 1).map_or(canvas.time.to, |next| canvas.time.place(next.t));
            // A label is shown whole or not at all.
            if canvas.font.width(&mark.label, SMALL) < next - x - 20.0 {
                canvas.picture.text((x + 9.0, y + 4.0), SMALL, &mark.label, MUTED, Anchor::Start);
            }
        }
    }
}

/// Kinds differ by shape, not only by colour.
fn symbol(row: usize, x: f32, y: f32) -> Vec<(f32, f32)> {
    let unit: &[(f32, f32)] = match row % 5 {
        0 => &[
            (1.0, 0.4),
            (0.4, 1.0),
            (-0.4, 1.0),
            (-1.0, 0.4),
            (-1.0, -0.4),
            (-0.4, -1.0),
            (0.4, -1.0),
            (1.0, -0.4),
        ],
        1 => &[(0.0, -1.0), (1.0, 1.0), (-1.0, 1.0)],
        2 => &[(0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)],
        3 => &[(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
        _ => &[(0.0, 1.0), (1.0, -1.0), (-1.0, -1.0)],
    };
    unit.iter().map(|(dx, dy)| (x + dx * 5.0, y + dy * 5.0)).collect()
}

pub(super) fn lanes(canvas: &mut Canvas, plot: &Plot, title: &str, lanes: &[Lane]) {
    let top = canvas.panel(plot, title, lanes.len() as f32 * ROW, false);
    names(canvas, top, lanes.iter().map(|lane| lane.name.as_str()));
    let mut labels: Vec<&str> = Vec::new();
    for (row, lane) in lanes.iter().enumerate() {
        let y = top + row as f32 * ROW + 3.0;
        canvas.picture.rect(canvas.time.from, y, canvas.time.to - canvas.time.from, ROW - 6.0, LANE);
        let sizes: Vec<f64> = lane.spans.iter().map(|span| span.end - span.start).collect();
        for i in thin::largest(&sizes, MOST) {
            let span = &lane.spans[i];
            let tone = labels.iter().position(|label| *label == span.label).unwrap_or_else(|| {
                labels.push(&span.label);
                labels.len() - 1
            });
            // Also left out: times that are no numbers.
            if span.end >= span.start {
                bar(
                    canvas,
                    (canvas.time.within(span.start), canvas.time.within(span.end)),
                    y,
                    &span.label,
                    tone,
                );
            }
        }
    }
}

fn bar(canvas: &mut Canvas, (left, right): (f32, f32), y: f32, label: &str, tone: usize) {
    canvas.picture.rect(left, y, (right - left).max(1.0), ROW - 6.0, series(tone));
    let label = canvas.font.fitted(label, SMALL, right - left - 10.0);
    canvas.picture.text((left + 5.0, y + 14.0), SMALL, &label, BACK, Anchor::Start);
}

pub(super) fn traces(canvas: &mut Canvas, plot: &Plot, title: &str, traces: &[Trace]) {
    let top = canvas.panel(plot, title, traces.len() as f32 * ROW, false);
    names(canvas, top, traces.iter().map(|trace| trace.name.as_str()));
    for (row, trace) in traces.iter().enumerate() {
        let edges = thin::trace(&trace.edges, MOST);
        let Some(first) = edges.first() else { continue };
        let low = top + (row + 1) as f32 * ROW - 5.0;
        let level = |value: bool| if value { low - ROW + 10.0 } else { low };
        let color: Color = series(row);
        let mut points = vec![(canvas.time.place(first.0), level(first.1))];
        for pair in edges.windows(2) {
            let x = canvas.time.place(pair[1].0);
            points.extend([(x, level(pair[0].1)), (x, level(pair[1].1))]);
        }
        let last = edges.last().map_or(*first, |last| *last);
        points.push((canvas.time.place(trace.end.max(last.0)), level(last.1)));
        let shape = Shape::Lines { lines: vec![points], color, width: 1.5, dashed: false };
        canvas.picture.shapes.push(shape);
    }
}
