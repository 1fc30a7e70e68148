use proptest::prelude::*;

use super::super::times::{clock, round_millis};
use super::*;

#[test]
fn python_repr_has_its_thresholds_and_exponents() {
    // Written by Python 3: repr(x).
    let cases = [
        (9.0, "9.0"),
        (-0.0, "-0.0"),
        (0.66096, "0.66096"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (-1e-6, "-1e-06"),
        (1.5e-7, "1.5e-07"),
        (1e-100, "1e-100"),
        (5e-324, "5e-324"),
        (9_999_999_999_999_998.0, "9999999999999998.0"),
        (1e16, "1e+16"),
        (1.5e16, "1.5e+16"),
        (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
        (0.1 + 0.2, "0.30000000000000004"),
        (f64::INFINITY, "inf"),
    ];
    for (x, text) in cases {
        assert_eq!(python_repr(x), text);
    }
}

#[test]
fn clock_and_rounding_are_those_of_python() {
    // Written by Python 3: f"{int(s // 60):02d}:{s - 60 * int(s // 60):06.3f}" and round(x, 3).
    let clocks = [
        (0.0, "00:00.000"),
        (5.55, "00:05.550"),
        (59.9999, "00:60.000"),
        (59.999_999_999_999_99, "00:60.000"),
        (60.0, "01:00.000"),
        (6000.25, "100:00.250"),
        (0.0625, "00:00.062"),
    ];
    for (seconds, text) in clocks {
        assert_eq!(clock(seconds), text);
    }
    for (x, rounded) in
        [(0.0625, 0.062), (0.1875, 0.188), (2.0005, 2.001), (1e-9, 0.0), (2.675, 2.675), (0.0005, 0.001)]
    {
        assert_eq!(round_millis(x), rounded, "{x}");
    }
}

#[test]
fn window_includes_both_ends() {
    let window = Some(Window { start_s: 20.0, duration_s: 15.5 });
    let segments = [19_999_999_999, 20_000_000_000, 35_500_000_000, 35_500_000_001]
        .map(|ns| Window::segment(window, ns));
    assert_eq!(segments, [Segment::Pre, Segment::Window, Segment::Window, Segment::Post]);
    assert_eq!(Window::segment(None, 0), Segment::Pre);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn printed_seconds_are_what_the_table_gives_back(
        ns in prop_oneof![
            -2000_i64..2000,
            -(1_i64 << 53)..(1 << 53),
            // Ties and their neighbors.
            (-10_000_000_i64..10_000_000_000, -1_i64..=1).prop_map(|(micros, off)| micros * 1000 + 500 + off),
        ],
    ) {
        let text = format!("{:.6}", ns as f64 / 1e9);
        let parsed: f64 = text.parse().unwrap();
        prop_assert_eq!(printed_seconds(ns).to_bits(), parsed.to_bits(), "{} {}", ns, text);
    }

    #[test]
    fn python_repr_reads_back(x: f64) {
        prop_assert_eq!(python_repr(x).parse::<f64>().unwrap().to_bits(), x.to_bits());
    }
}
