//! What a page says, as data: findings first, then warnings, plots and tables.

/// A page. Everything in it is plain text: writers escape it.
///
/// Times are seconds on one axis for the whole page, so that a time in a finding or a table can be shown in a plot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The name of the analysis.
    pub title: String,
    /// What was analyzed: the log or route, in one line.
    pub subtitle: String,
    /// Facts about input and parameters: name and value, shown beside the title.
    pub facts: Vec<(String, String)>,
    /// What was found, the most important first.
    pub findings: Vec<Finding>,
    /// What the reader must know before trusting the rest: missing or damaged data, assumptions.
    pub warnings: Vec<Warned>,
    /// Pictures over time.
    pub plots: Vec<Plot>,
    /// Numbers with their origin.
    pub tables: Vec<Table>,
    /// Small print at the end: program, version, how times are counted. The only place for the time of writing.
    pub notes: Vec<String>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A plain fact.
    #[default]
    Info,
    /// Found what was looked for.
    Good,
    /// Worth a look.
    Notice,
    /// Something is wrong.
    Alert,
}

impl Severity {
    /// `info`, `good`, `notice` or `alert`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Good => "good",
            Self::Notice => "notice",
            Self::Alert => "alert",
        }
    }
}

/// One sentence of what was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The sentence.
    pub text: String,
    /// A second, smaller line: the evidence (bus, address, bytes, counts).
    pub detail: String,
    /// The time or span in seconds that shows it; start and end are equal for a moment.
    pub time: Option<(f64, f64)>,
}

/// A warning about the data under the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Warned {
    /// A stable word, such as `damaged`.
    pub code: String,
    /// The sentence.
    pub text: String,
}

/// Panels above each other over one time axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plot {
    /// What it shows.
    pub title: String,
    /// One line below the title; may be empty.
    pub note: String,
    /// From the top down.
    pub panels: Vec<Panel>,
    /// Moments drawn through all panels, and as a panel of their own with a row for each kind.
    pub marks: Vec<Mark>,
    /// Spans shaded behind all panels.
    pub shades: Vec<Shade>,
}

/// One part of a plot.
#[derive(Clone, Debug, PartialEq)]
pub enum Panel {
    /// Lines over a common scale of values.
    Lines {
        /// What they show.
        title: String,
        /// The unit of all of them: `mph`.
        unit: String,
        /// The lines.
        lines: Vec<Line>,
        /// Values to compare with, drawn across.
        levels: Vec<Level>,
    },
    /// States that last: one row a lane.
    Lanes {
        /// What they show.
        title: String,
        /// The lanes, from the top down.
        lanes: Vec<Lane>,
    },
    /// Bits over time: one row a trace.
    Traces {
        /// What they show.
        title: String,
        /// The traces, from the top down.
        traces: Vec<Trace>,
    },
}

/// Values over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Times in seconds, not descending.
    pub t: Vec<f64>,
    /// Values, as many as times; NaN is a gap.
    pub y: Vec<f64>,
    /// Decimals that mean something in a readout.
    pub decimals: u8,
    /// Whether a value holds until the next one (states), instead of a straight line between them.
    pub step: bool,
}

/// A value drawn across a panel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Level {
    /// The value, in the unit of its panel.
    pub y: f64,
    /// What it is.
    pub label: String,
}

/// A moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mark {
    /// Time in seconds.
    pub t: f64,
    /// Marks of one kind share a row and a colour: `set`, `brake`.
    pub kind: String,
    /// What happened, with its values.
    pub label: String,
}

/// A shaded span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shade {
    /// Start in seconds.
    pub start: f64,
    /// End in seconds.
    pub end: f64,
    /// What it is.
    pub label: String,
    /// Whether the data does not cover it whole.
    pub partial: bool,
}

/// A row of states.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lane {
    /// Its name.
    pub name: String,
    /// Its states, in order, not overlapping.
    pub spans: Vec<Span>,
}

/// A state that lasts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// Start in seconds.
    pub start: f64,
    /// End in seconds.
    pub end: f64,
    /// What the state is; equal labels of a lane have one colour.
    pub label: String,
    /// More about it, for the readout; may be empty.
    pub value: String,
}

/// A bit over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// Its name.
    pub name: String,
    /// Where it is: bus, address, bit.
    pub origin: String,
    /// When it is first known, its value there, and each change after: seconds and value, times not descending.
    pub edges: Vec<(f64, bool)>,
    /// Until when it is known, in seconds.
    pub end: f64,
}

/// Rows of cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What it lists.
    pub title: String,
    /// One line below the title; may be empty.
    pub note: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each with as many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// Its heading.
    pub name: String,
    /// How its cells are shown and sorted.
    pub kind: ColumnKind,
    /// Its unit; may be empty.
    pub unit: String,
    /// What it means, in one sentence; may be empty.
    pub help: String,
}

impl Column {
    /// A column without unit and help.
    pub fn new(name: impl Into<String>, kind: ColumnKind) -> Self {
        Self { name: name.into(), kind, ..Self::default() }
    }

    /// Adds the unit.
    #[must_use]
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// Adds what it means.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

/// How the cells of a column are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColumnKind {
    /// Words.
    #[default]
    Text,
    /// A number with so many decimals.
    Number {
        /// Digits after the point.
        decimals: u8,
    },
    /// Seconds on the page's axis, with three decimals; a click shows the time in the plots.
    Time,
    /// `0x1F4`: upper-case hexadecimal with at least so many digits.
    Hex {
        /// Fewest digits.
        digits: u8,
    },
    /// Bytes: `12 AB 00`.
    Bytes,
}

/// The content of a cell. A cell that does not fit its column's kind is shown as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// Words.
    Text(String),
    /// A number, for `Number` and `Time`; NaN and infinities are shown as nothing.
    Number(f64),
    /// A whole number, for `Number`, `Time` and `Hex`: counts, mono times in ns, addresses.
    Int(i64),
    /// Bytes of a frame.
    Bytes(Vec<u8>),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<u64> for Cell {
    /// Counts and mono times; what exceeds an `i64` becomes its largest value.
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Cell {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u8> for Cell {
    fn from(value: u8) -> Self {
        Self::Int(value.into())
    }
}

impl From<&[u8]> for Cell {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

impl Page {
    /// The first and the last time in the plots, in seconds; `None` when they hold no finite time.
    pub fn extent(&self) -> Option<(f64, f64)> {
        self.plots.iter().filter_map(Plot::extent).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }
}

impl Plot {
    /// The first and the last time of the plot, in seconds; `None` when it holds no finite time.
    pub fn extent(&self) -> Option<(f64, f64)> {
        let mut extent = None;
        let mut add = |t: f64| {
            if t.is_finite() {
                let (first, last) = extent.unwrap_or((t, t));
                extent = Some((t.min(first), t.max(last)));
            }
        };
        self.marks.iter().for_each(|mark| add(mark.t));
        // Shades do not widen the axis: a window may reach beyond the data.
        for panel in &self.panels {
            match panel {
                Panel::Lines { lines, .. } => lines.iter().flat_map(|line| &line.t).for_each(|t| add(*t)),
                Panel::Lanes { lanes, .. } => {
                    lanes
                        .iter()
                        .flat_map(|lane| &lane.spans)
                        .flat_map(|s| [s.start, s.end])
                        .for_each(&mut add);
                }
                Panel::Traces { traces, .. } => {
                    for trace in traces.iter().filter(|trace| !trace.edges.is_empty()) {
                        trace.edges.iter().for_each(|edge| add(edge.0));
                        add(trace.end);
                    }
                }
            }
        }
        extent
    }
}
