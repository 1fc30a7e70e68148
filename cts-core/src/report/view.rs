//! The data of a page as its script reads it: thinned to what a screen can show, so that a page stays small.

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

use super::page::{Cell, ColumnKind, Lane, Level, Line, Mark, Page, Panel, Plot, Shade, Table, Trace};
use super::thin;

/// What a page may hold. The defaults keep it below 10 MB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    pub points: usize,
    pub points_a_line: usize,
    pub edges: usize,
    pub spans: usize,
    pub marks: usize,
    pub cells: usize,
}

impl Default for Budget {
    fn default() -> Self {
        let points_a_line = 20_000;
        Self { points: 160_000, points_a_line, edges: 80_000, spans: 20_000, marks: 10_000, cells: 240_000 }
    }
}

#[derive(Serialize)]
pub(super) struct PageView<'a> {
    plots: Vec<PlotView<'a>>,
    tables: Vec<TableView<'a>>,
    extent: Option<(f64, f64)>,
}

#[derive(Serialize)]
struct PlotView<'a> {
    title: &'a str,
    note: &'a str,
    panels: Vec<PanelView<'a>>,
    marks: Vec<MarkView<'a>>,
    shades: Vec<ShadeView<'a>>,
    /// Sentences about what is not shown.
    thinned: Vec<String>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum PanelView<'a> {
    Lines { title: &'a str, unit: &'a str, lines: Vec<LineView<'a>>, levels: Vec<LevelView<'a>> },
    Lanes { title: &'a str, lanes: Vec<LaneView<'a>> },
    Traces { title: &'a str, traces: Vec<TraceView<'a>> },
}

#[derive(Serialize)]
struct LineView<'a> {
    name: &'a str,
    decimals: u8,
    step: bool,
    t: Vec<f64>,
    /// NaN is written as null.
    y: Vec<f64>,
}

#[derive(Serialize)]
struct LevelView<'a> {
    y: f64,
    label: &'a str,
}

#[derive(Serialize)]
struct MarkView<'a> {
    t: f64,
    kind: &'a str,
    label: &'a str,
}

#[derive(Serialize)]
struct ShadeView<'a> {
    start: f64,
    end: f64,
    label: &'a str,
    partial: bool,
}

#[derive(Serialize)]
struct LaneView<'a> {
    name: &'a str,
    spans: Vec<(f64, f64, &'a str, &'a str)>,
}

#[derive(Serialize)]
struct TraceView<'a> {
    name: &'a str,
    origin: &'a str,
    /// The value from the first time on.
    first: u8,
    t: Vec<f64>,
    end: f64,
}

#[derive(Serialize)]
struct TableView<'a> {
    title: &'a str,
    note: &'a str,
    columns: Vec<ColumnView<'a>>,
    /// Number of rows in all.
    total: usize,
    /// Columns of cells.
    cells: Vec<CellsView<'a>>,
}

#[derive(Serialize)]
struct ColumnView<'a> {
    name: &'a str,
    kind: &'static str,
    digits: u8,
    unit: &'a str,
    help: &'a str,
}

/// One column of the rows shown.
struct CellsView<'a> {
    rows: &'a [Vec<Cell>],
    column: usize,
}

impl Serialize for CellsView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.rows.len()))?;
        for row in self.rows {
            match row.get(self.column).unwrap_or(&Cell::Empty) {
                Cell::Empty => seq.serialize_element(&())?,
                Cell::Text(text) => seq.serialize_element(text)?,
                Cell::Number(value) => seq.serialize_element(value)?,
                // A script cannot hold every larger number.
                Cell::Int(value) if value.unsigned_abs() > 1 << 53 => {
                    seq.serialize_element(&value.to_string())?
                }
                Cell::Int(value) => seq.serialize_element(value)?,
                Cell::Bytes(bytes) => seq.serialize_element(&spaced_hex(bytes))?,
            }
        }
        seq.end()
    }
}

/// `12 AB 00`.
pub(super) fn spaced_hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(" ")
}

impl<'a> PageView<'a> {
    pub(super) fn new(page: &'a Page, budget: &Budget) -> Self {
        let shares = Shares::new(page, budget);
        let plots = page.plots.iter().map(|plot| PlotView::new(plot, &shares)).collect();
        let tables = page.tables.iter().map(|table| TableView::new(table, shares.cells)).collect();
        let extent = page.extent().map(|(a, b)| (time(a), time(b)));
        Self { plots, tables, extent }
    }
}

/// The budget of one line, trace, lane, plot's marks, table.
struct Shares {
    points: usize,
    edges: usize,
    spans: usize,
    marks: usize,
    cells: usize,
}

impl Shares {
    fn new(page: &Page, budget: &Budget) -> Self {
        let (mut lines, mut traces, mut lanes) = (0, 0, 0);
        for panel in page.plots.iter().flat_map(|plot| &plot.panels) {
            match panel {
                Panel::Lines { lines: list, .. } => lines += list.len(),
                Panel::Lanes { lanes: list, .. } => lanes += list.len(),
                Panel::Traces { traces: list, .. } => traces += list.len(),
            }
        }
        // A small table leaves its share to the large ones.
        let sizes: Vec<usize> = page.tables.iter().map(|t| t.rows.len() * t.columns.len()).collect();
        Self {
            points: (budget.points / lines.max(1)).min(budget.points_a_line).max(5),
            edges: (budget.edges / traces.max(1)).max(3),
            spans: (budget.spans / lanes.max(1)).max(1),
            marks: (budget.marks / page.plots.len().max(1)).max(1),
            cells: fair_share(&sizes, budget.cells),
        }
    }
}

/// The largest share for each so that the sum of what they take stays within `total`.
fn fair_share(sizes: &[usize], total: usize) -> usize {
    let mut sorted = sizes.to_vec();
    sorted.sort_unstable();
    let mut left = total;
    for (i, size) in sorted.iter().enumerate() {
        let share = left / (sorted.len() - i);
        if *size > share {
            return share;
        }
        left -= size;
    }
    total
}

impl<'a> PlotView<'a> {
    fn new(plot: &'a Plot, shares: &Shares) -> Self {
        let mut thinned = Vec::new();
        let panels = plot.panels.iter().map(|panel| PanelView::new(panel, shares, &mut thinned)).collect();
        let marks: Vec<_> = plot.marks.iter().filter(|mark| mark.t.is_finite()).take(shares.marks).collect();
        if marks.len() < plot.marks.len() {
            thinned.push(format!("events: the first {} of {}", marks.len(), plot.marks.len()));
        }
        let mut marks: Vec<MarkView> = marks.into_iter().map(MarkView::from).collect();
        marks.sort_by(|a, b| a.t.total_cmp(&b.t));
        let sound = |shade: &&Shade| shade.start.is_finite() && shade.end >= shade.start;
        let shades = plot.shades.iter().filter(sound).map(ShadeView::from).collect();
        Self { title: &plot.title, note: &plot.note, panels, marks, shades, thinned }
    }
}

impl<'a> PanelView<'a> {
    fn new(panel: &'a Panel, shares: &Shares, thinned: &mut Vec<String>) -> Self {
        match panel {
            Panel::Lines { title, unit, lines, levels } => Self::Lines {
                title,
                unit,
                lines: lines.iter().map(|line| LineView::new(line, shares.points, thinned)).collect(),
                levels: levels.iter().map(LevelView::from).collect(),
            },
            Panel::Lanes { title, lanes } => Self::Lanes {
                title,
                lanes: lanes.iter().map(|lane| LaneView::new(lane, shares.spans, thinned)).collect(),
            },
            Panel::Traces { title, traces } => Self::Traces {
                title,
                traces: traces.iter().map(|trace| TraceView::new(trace, shares.edges, thinned)).collect(),
            },
        }
    }
}

impl<'a> LineView<'a> {
    fn new(line: &'a Line, points: usize, thinned: &mut Vec<String>) -> Self {
        let kept = thin::line(&line.t, &line.y, points);
        let all = line.t.len().min(line.y.len());
        if all > points {
            let piece = span(&line.t, &kept) / (points / 5) as f64;
            let (name, kept) = (&line.name, kept.len());
            thinned.push(format!(
                "{name}: {kept} of {all} points: the first, lowest, highest and last of every {piece:.3} s"
            ));
        }
        let digits = i32::from(line.decimals.min(9)) + 2;
        Self {
            name: &line.name,
            decimals: line.decimals,
            step: line.step,
            t: kept.iter().map(|i| time(line.t[*i])).collect(),
            y: kept.iter().map(|i| round(line.y[*i], digits)).collect(),
        }
    }
}

impl<'a> LaneView<'a> {
    fn new(lane: &'a Lane, spans: usize, thinned: &mut Vec<String>) -> Self {
        let sizes: Vec<f64> = lane.spans.iter().map(|span| span.end - span.start).collect();
        let kept = thin::largest(&sizes, spans);
        if kept.len() < sizes.len() {
            thinned.push(format!("{}: the longest {} of {} states", lane.name, kept.len(), sizes.len()));
        }
        let kept = kept.iter().map(|i| &lane.spans[*i]).filter(|s| s.start.is_finite() && s.end >= s.start);
        let spans = kept.map(|s| (time(s.start), time(s.end), s.label.as_str(), s.value.as_str())).collect();
        Self { name: &lane.name, spans }
    }
}

impl<'a> TraceView<'a> {
    fn new(trace: &'a Trace, edges: usize, thinned: &mut Vec<String>) -> Self {
        let kept = thin::trace(&trace.edges, edges);
        if kept.len() >= edges / 3 && trace.edges.len() > edges {
            let (name, kept, all) = (&trace.name, kept.len(), trace.edges.len());
            thinned
                .push(format!("{name}: {kept} of {all} edges: up to three in each of {} pieces", edges / 3));
        }
        let last = kept.last().map_or(0.0, |edge| edge.0);
        Self {
            name: &trace.name,
            origin: &trace.origin,
            first: kept.first().is_some_and(|edge| edge.1).into(),
            t: kept.iter().map(|edge| time(edge.0)).collect(),
            end: time(trace.end.max(last)),
        }
    }
}

impl<'a> TableView<'a> {
    fn new(table: &'a Table, cells: usize) -> Self {
        let rows = (cells / table.columns.len().max(1)).min(table.rows.len());
        let rows = &table.rows[..rows];
        let columns = table.columns.iter().map(|column| {
            let (kind, digits) = match column.kind {
                ColumnKind::Text => ("text", 0),
                ColumnKind::Number { decimals } => ("number", decimals),
                ColumnKind::Time => ("time", 3),
                ColumnKind::Hex { digits } => ("hex", digits),
                ColumnKind::Bytes => ("bytes", 0),
            };
            ColumnView { name: &column.name, kind, digits, unit: &column.unit, help: &column.help }
        });
        Self {
            title: &table.title,
            note: &table.note,
            columns: columns.collect(),
            total: table.rows.len(),
            cells: (0..table.columns.len()).map(|column| CellsView { rows, column }).collect(),
        }
    }
}

impl<'a> From<&'a Level> for LevelView<'a> {
    fn from(level: &'a Level) -> Self {
        Self { y: level.y, label: &level.label }
    }
}

impl<'a> From<&'a Mark> for MarkView<'a> {
    fn from(mark: &'a Mark) -> Self {
        Self { t: time(mark.t), kind: &mark.kind, label: &mark.label }
    }
}

impl<'a> From<&'a Shade> for ShadeView<'a> {
    fn from(shade: &'a Shade) -> Self {
        Self { start: time(shade.start), end: time(shade.end), label: &shade.label, partial: shade.partial }
    }
}

fn span(t: &[f64], kept: &[usize]) -> f64 {
    kept.first().zip(kept.last()).map_or(0.0, |(first, last)| t[*last] - t[*first])
}

/// Microseconds are finer than any clock of a log's frames.
fn time(t: f64) -> f64 {
    round(t, 6)
}

fn round(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { rounded } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_tables_leave_their_share_to_large_ones() {
        assert_eq!(fair_share(&[10, 500, 500], 410), 200);
        assert_eq!(fair_share(&[10, 20], 100), 100);
        assert_eq!(fair_share(&[], 100), 100);
    }

    #[test]
    fn large_numbers_keep_their_digits() {
        let rows = vec![vec![Cell::Int(i64::MAX)], vec![Cell::Int(7)], vec![Cell::Number(f64::NAN)], vec![]];
        let json = serde_json::to_string(&CellsView { rows: &rows, column: 0 }).unwrap();
        assert_eq!(json, r#"["9223372036854775807",7,null,null]"#);
    }
}
