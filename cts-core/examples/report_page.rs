//! Writes pages about the synthetic drive into a directory: `report_page DIR [SECONDS]`.
//!
//! What the pages show is what was planted, next to the speed decoded from the frames. `hostile.html` has markup in all its words.
//! The tests of `tests/page` open the files in a browser.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use cts_core::demo::{Drive, Edge, PlantedSignal, Truth};
use cts_core::log::{Log, ReadOptions, frames};
use cts_core::report::{
    Cell, Column, ColumnKind, Finding, Lane, Level, Line, Mark, Page, Panel, Plot, Severity, Shade, Span,
    Table, Trace, Warned, write_html, write_png, write_svg,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("usage: report_page DIR [SECONDS]")?;
    let seconds = args.next().map_or(Ok(60), |text| text.parse())?;
    let page = drive_page(seconds)?;
    fs::create_dir_all(&dir)?;
    let dir = Path::new(&dir);
    write_to(&dir.join("report.html"), |out| write_html(&page, out))?;
    write_to(&dir.join("hostile.html"), |out| write_html(&hostile_page(), out))?;
    write_to(&dir.join("timeline.svg"), |out| write_svg(&page.plots[0], out))?;
    write_to(&dir.join("timeline.png"), |out| write_png(&page.plots[0], out))?;
    write_to(&dir.join("bits.png"), |out| write_png(&page.plots[1], out))?;
    write_to(&dir.join("hostile.svg"), |out| write_svg(&hostile_page().plots[0], out))?;
    write_to(&dir.join("empty.html"), |out| write_html(&Page::default(), out))
}

fn write_to(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    write(&mut out)?;
    Ok(out.flush()?)
}

fn drive_page(seconds: u32) -> Result<Page> {
    let mut bytes = Vec::new();
    let truth = Drive::new(1, seconds).write(&mut bytes)?;
    let log = Log::from_bytes(&bytes, &ReadOptions::default())?;
    let first = truth.first_can_mono_time;
    let (mut speed, mut steering) = (Line::default(), Line::default());
    let mut payloads = Vec::new();
    for event in log.events() {
        for frame in frames(&event)? {
            let frame = frame?;
            let t = (event.mono_time() as f64 - first as f64) / 1e9;
            match (frame.bus, frame.address, frame.data.first_chunk::<8>()) {
                (0, 0x13A, Some(data)) => {
                    // Four wheels of 13 bits, 0.057 km/h each. Source: opendbc `subaru_global_2017.dbc` `Wheel_Speeds`.
                    let all = u64::from_le_bytes(*data);
                    let sum: u64 = [12, 25, 38, 51].iter().map(|at| all >> at & 0x1FFF).sum();
                    speed.t.push(t);
                    speed.y.push(sum as f64 / 4.0 * 0.057 / 1.609_344);
                }
                (0, 0x119, Some(data)) => {
                    steering.t.push(t);
                    steering.y.push(f64::from(i16::from_le_bytes([data[4], data[5]])) * -0.0217);
                }
                (0, 0x146, Some(data)) => payloads.push((event.mono_time(), data.to_vec())),
                _ => {}
            }
        }
    }
    (speed.name, speed.decimals) = ("speed".into(), 2);
    (steering.name, steering.decimals) = ("steering angle".into(), 1);
    Ok(Page {
        title: "Cruise control analysis".into(),
        subtitle: format!("synthetic drive, seed {}", truth.seed),
        facts: facts(&truth),
        findings: find(&truth),
        warnings: vec![
            Warned { code: "damaged".into(), text: "1 damaged place, 2416 bytes left out, near 30.0 s".into() },
            Warned { code: "missing".into(), text: "No frames of 0x222 on bus 0: the second cruise state is not shown".into() },
        ],
        plots: vec![speed_plot(&truth, speed, steering), bits_plot(&truth)],
        tables: vec![edge_table(&truth), frame_table(&truth, &payloads)],
        notes: vec!["Times are seconds since the first CAN event. Bits are counted from the lowest of the first byte.".into()],
    })
}

fn facts(truth: &Truth) -> Vec<(String, String)> {
    let frames: u64 = truth.frames_by_bus.values().sum();
    let [low, high] = truth.speed_range_mph;
    vec![
        ("Duration".into(), format!("{} s", truth.seconds)),
        ("Frames".into(), frames.to_string()),
        ("Events".into(), truth.events.to_string()),
        ("Speed".into(), format!("{low:.1} to {high:.1} mph")),
        ("Band".into(), format!("{} to {} mph", truth.band_mph[0], truth.band_mph[1])),
    ]
}

fn find(truth: &Truth) -> Vec<Finding> {
    let mut list = Vec::new();
    for signal in truth.signals.iter().filter(|s| ["set", "resume", "cruise_active"].contains(&s.name)) {
        for edge in signal.edges.iter().filter(|edge| edge.rising).take(3) {
            list.push(Finding {
                severity: Severity::Good,
                text: format!("{} rises at {:.1} mph", signal.name, edge.speed_mph),
                detail: format!("bus {}, address 0x{:X}, bit {}", signal.bus, signal.address, signal.bit),
                time: Some((edge.seconds, edge.seconds)),
            });
        }
    }
    let window = &truth.window;
    list.push(Finding {
        severity: Severity::Notice,
        text: "One bit toggles only between the markers".into(),
        detail: "bus 0, address 0x1C5, bit 33: 6 edges inside, none outside".into(),
        time: Some((window.start_seconds, window.start_seconds + window.duration_seconds)),
    });
    let info = |text: &str| Finding { text: text.into(), ..Finding::default() };
    list.push(info("The speed was in the band seven times"));
    list.push(Finding {
        severity: Severity::Alert,
        ..info("Cruise control was left by the brake, not by the driver's button")
    });
    list
}

fn speed_plot(truth: &Truth, speed: Line, steering: Line) -> Plot {
    let line = |title: &str, unit: &str, line, levels| Panel::Lines {
        title: title.into(),
        unit: unit.into(),
        lines: vec![line],
        levels,
    };
    let level = |y: f64| Level { y, label: format!("{y} mph") };
    let mut marks = Vec::new();
    for signal in truth.signals.iter().filter(|s| ["main", "set", "resume", "brake"].contains(&s.name)) {
        for edge in signal.edges.iter().filter(|edge| edge.rising) {
            let label = format!("{:.1} mph", edge.speed_mph);
            marks.push(Mark { t: edge.seconds, kind: signal.name.into(), label });
        }
    }
    let shades = truth.markers.iter().map(|marker| Shade {
        start: marker.left_seconds,
        end: marker.right_seconds,
        label: "marker window".into(),
        partial: marker.left_seconds > 30.0,
    });
    Plot {
        title: "Speed and cruise control".into(),
        note: "Mean of four wheels, 0x13A on bus 0".into(),
        panels: vec![
            line("Speed", "mph", speed, truth.band_mph.map(level).to_vec()),
            lanes(truth),
            line("Steering angle", "°", steering, vec![]),
        ],
        marks,
        shades: shades.collect(),
    }
}

fn lanes(truth: &Truth) -> Panel {
    let names = ["cruise_on", "cruise_active", "brake_lights"];
    let lanes = truth.signals.iter().filter(|s| names.contains(&s.name)).map(|signal| Lane {
        name: signal.name.replace('_', " "),
        spans: signal
            .edges
            .chunk_by(|a, b| a.rising && !b.rising)
            .map(|pair| Span {
                start: pair[0].seconds,
                end: pair.get(1).map_or(f64::from(truth.seconds), |edge| edge.seconds),
                label: signal.name.replace("cruise_", "").replace("brake_lights", "braking"),
                value: format!("{:.1} mph", pair[0].speed_mph),
            })
            .collect(),
    });
    Panel::Lanes { title: "States".into(), lanes: lanes.collect() }
}

fn bits_plot(truth: &Truth) -> Plot {
    let traces = truth.signals.iter().map(|signal| Trace {
        name: signal.name.into(),
        origin: format!("{}:0x{:X} bit {}", signal.bus, signal.address, signal.bit),
        edges: [(0.0, false)].into_iter().chain(signal.edges.iter().map(|e| (e.seconds, e.rising))).collect(),
        end: f64::from(truth.seconds),
    });
    let panels = vec![Panel::Traces { title: "Candidate bits".into(), traces: traces.collect() }];
    Plot { title: "Bits".into(), panels, ..Plot::default() }
}

fn edge_table(truth: &Truth) -> Table {
    let mut edges: Vec<_> =
        truth.signals.iter().flat_map(|s| s.edges.iter().map(move |edge| (s, edge))).collect();
    edges.sort_by_key(|(_, edge)| edge.mono_time);
    let row = |(signal, edge): (&PlantedSignal, &Edge)| -> Vec<Cell> {
        vec![
            edge.seconds.into(),
            edge.mono_time.into(),
            signal.name.into(),
            signal.bus.into(),
            signal.address.into(),
            signal.bit.into(),
            if edge.rising { "rise" } else { "fall" }.into(),
            edge.speed_mph.into(),
        ]
    };
    let rows = edges.into_iter().map(row).collect();
    let columns = vec![
        Column::new("Time", ColumnKind::Time).unit("s").help("Seconds since the first CAN event"),
        Column::new("Mono time", ColumnKind::Number { decimals: 0 }).unit("ns"),
        Column::new("Signal", ColumnKind::Text),
        Column::new("Bus", ColumnKind::Number { decimals: 0 }),
        Column::new("Address", ColumnKind::Hex { digits: 3 }),
        Column::new("Bit", ColumnKind::Number { decimals: 0 }),
        Column::new("Edge", ColumnKind::Text),
        Column::new("Speed", ColumnKind::Number { decimals: 2 }).unit("mph"),
    ];
    Table { title: "Edges".into(), note: "Every change of a planted bit".into(), columns, rows }
}

fn frame_table(truth: &Truth, payloads: &[(u64, Vec<u8>)]) -> Table {
    let rows = payloads.iter().map(|(mono, data)| {
        let t = (*mono as f64 - truth.first_can_mono_time as f64) / 1e9;
        vec![t.into(), (*mono).into(), 0u8.into(), 0x146u32.into(), Cell::Bytes(data.clone())]
    });
    let columns = vec![
        Column::new("Time", ColumnKind::Time).unit("s"),
        Column::new("Mono time", ColumnKind::Number { decimals: 0 }).unit("ns"),
        Column::new("Bus", ColumnKind::Number { decimals: 0 }),
        Column::new("Address", ColumnKind::Hex { digits: 3 }),
        Column::new("Data", ColumnKind::Bytes),
    ];
    Table { title: "Button frames".into(), note: String::new(), columns, rows: rows.collect() }
}

/// Every word of this page tries to run a script.
fn hostile_page() -> Page {
    let bad = || {
        "</script></title><!--<script>window.hacked=1</script><img src=x onerror=window.hacked=1>\u{2028}'\"&amp;".to_owned()
    };
    let line = Line {
        name: bad(),
        t: vec![0.0, 1.0, 2.0, 3.0],
        y: vec![1.0, f64::NAN, f64::INFINITY, 2.0],
        ..Line::default()
    };
    let plot = Plot {
        title: bad(),
        note: bad(),
        panels: vec![
            Panel::Lines {
                title: bad(),
                unit: bad(),
                lines: vec![line],
                levels: vec![Level { y: 1.5, label: bad() }],
            },
            Panel::Lanes {
                title: bad(),
                lanes: vec![Lane {
                    name: bad(),
                    spans: vec![Span { start: 0.0, end: 2.0, label: bad(), value: bad() }],
                }],
            },
            Panel::Traces {
                title: bad(),
                traces: vec![
                    Trace { name: bad(), origin: bad(), edges: vec![(0.0, true)], end: 3.0 },
                    Trace::default(),
                ],
            },
            Panel::Lines { title: String::new(), unit: String::new(), lines: vec![], levels: vec![] },
        ],
        marks: vec![Mark { t: 1.0, kind: bad(), label: bad() }, Mark { t: f64::NAN, ..Mark::default() }],
        shades: vec![Shade { start: -10.0, end: 1.0, label: bad(), partial: true }],
    };
    let column = Column { name: bad(), kind: ColumnKind::Hex { digits: 3 }, unit: bad(), help: bad() };
    Page {
        title: bad(),
        subtitle: bad(),
        facts: vec![(bad(), bad())],
        findings: vec![Finding {
            text: bad(),
            detail: bad(),
            time: Some((f64::NAN, 1.0)),
            ..Finding::default()
        }],
        warnings: vec![Warned { code: bad(), text: bad() }],
        plots: vec![plot, Plot::default()],
        tables: vec![Table {
            title: bad(),
            note: bad(),
            columns: vec![column],
            rows: vec![vec![Cell::Text(bad())], vec![Cell::Int(-1)], vec![]],
        }],
        notes: vec![bad()],
    }
}
