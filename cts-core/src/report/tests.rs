//! Pages as a whole.

use super::*;

fn html(page: &Page) -> String {
    let mut out = Vec::new();
    write_html(page, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// 40 minutes: eight lines of 50 Hz, forty busy bits, a million cells.
fn long_page() -> Page {
    let t: Vec<f64> = (0..120_000).map(|i| f64::from(i) * 0.02).collect();
    let line = |n: usize| Line {
        name: format!("line {n}"),
        y: t.iter().map(|t| (t * (n + 1) as f64).sin() * 123.456).collect(),
        t: t.clone(),
        decimals: 3,
        step: false,
    };
    let trace = |n: usize| Trace {
        name: format!("bit {n}"),
        edges: t.iter().enumerate().map(|(i, t)| (*t, i % 2 == 0)).collect(),
        end: 2400.0,
        ..Trace::default()
    };
    let lines = (0..8).map(line).collect();
    let panels = vec![
        Panel::Lines { title: String::new(), unit: String::new(), lines, levels: vec![] },
        Panel::Traces { title: String::new(), traces: (0..40).map(trace).collect() },
    ];
    let row = |t: &f64| vec![Cell::Number(*t), Cell::Int(1 << 50), Cell::Bytes(vec![0xAB; 8])];
    let column = |name, kind| Column::new(name, kind);
    let columns = vec![
        column("t", ColumnKind::Time),
        column("mono time", ColumnKind::Number { decimals: 0 }),
        column("data", ColumnKind::Bytes),
    ];
    let table = Table { columns, rows: t.iter().map(row).collect(), ..Table::default() };
    let plots = vec![Plot { panels, ..Plot::default() }];
    Page { plots, tables: vec![table.clone(), table.clone(), table], ..Page::default() }
}

#[test]
fn long_drives_stay_small_and_say_what_was_left_out() {
    let text = html(&long_page());
    assert!(text.len() < 10_000_000, "{}", text.len());
    assert!(
        text.contains("of 120000 points")
            && text.contains("of 120000 edges")
            && text.contains("\"total\":120000")
    );
    assert_eq!(text, html(&long_page()));
}

#[test]
fn words_cannot_leave_their_place() {
    let bad = || "</script><!--<img src=x>\u{2028}\"'".to_owned();
    let page = Page {
        title: bad(),
        facts: vec![(bad(), bad())],
        findings: vec![Finding { text: bad(), detail: bad(), ..Finding::default() }],
        warnings: vec![Warned { code: bad(), text: bad() }],
        plots: vec![Plot { title: bad(), note: bad(), ..Plot::default() }],
        notes: vec![bad()],
        ..Page::default()
    };
    let (text, plain) = (html(&page), html(&Page::default()));
    assert!(!text.contains("<img") && !text.contains("<!--"));
    assert_eq!(text.matches("</script").count(), plain.matches("</script").count());
    assert_eq!(plain.matches("</script").count(), 2);
}

#[test]
fn pictures_of_nothing_and_of_odd_values() {
    let odd = Line { t: vec![0.0, f64::INFINITY], y: vec![f64::NAN, 1.0], ..Line::default() };
    let lines = |lines| Panel::Lines { title: String::new(), unit: String::new(), lines, levels: vec![] };
    let far = Line { t: vec![-1e300, 1e300], y: vec![-1e300, 1e300], ..Line::default() };
    for panels in [vec![], vec![lines(vec![])], vec![lines(vec![odd])], vec![lines(vec![far])]] {
        let plot = Plot { panels, ..Plot::default() };
        let (mut svg, mut png) = (Vec::new(), Vec::new());
        write_svg(&plot, &mut svg).unwrap();
        write_png(&plot, &mut png).unwrap();
        let svg = String::from_utf8(svg).unwrap();
        assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(png.starts_with(b"\x89PNG"));
    }
}
