//! Numbers of CSV rows, written the way the Python tools wrote them.

/// The two upper-case hex digits of each byte.
pub(super) static HEX: [[u8; 2]; 256] = hex_table();

const fn hex_table() -> [[u8; 2]; 256] {
    let (digits, mut table, mut i) = (b"0123456789ABCDEF", [[0; 2]; 256], 0);
    while i < 256 {
        table[i] = [digits[i >> 4], digits[i & 15]];
        i += 1;
    }
    table
}

/// Appends a payload in upper-case hex.
pub fn push_hex(out: &mut Vec<u8>, data: &[u8]) {
    data.iter().for_each(|byte| out.extend_from_slice(&HEX[usize::from(*byte)]));
}

/// Appends an address in upper-case hex, at least three digits, without `0x`.
pub fn push_address(out: &mut Vec<u8>, address: u32) {
    for shift in (0..8).rev().map(|digit| digit * 4) {
        if shift < 12 || address >> shift != 0 {
            out.push(HEX[(address >> shift & 15) as usize][1]);
        }
    }
}

/// Appends nanoseconds as seconds with six decimals, as Python formats `ns / 1e9` with `%.6f`.
///
/// Python rounds the nearest double, not the integer. Both give the same digits unless the ns lie exactly
/// between two microseconds, as long as the double's error (2^-53 of up to 1e6 s, 0.11 ns) stays below 1 ns.
pub fn push_seconds(out: &mut Vec<u8>, ns: i64) {
    let size = ns.unsigned_abs();
    if size >= 1_000_000_000_000_000 || size % 1000 == 500 {
        out.extend_from_slice(slow_seconds(ns).as_bytes());
        return;
    }
    if ns < 0 {
        out.push(b'-');
    }
    let micros = (size + 500) / 1000;
    let (whole, fraction) = (micros / 1_000_000, micros % 1_000_000);
    out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    let mut digits = [b'.', 0, 0, 0, 0, 0, 0];
    let mut rest = fraction as u32;
    for digit in digits[1..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits);
}

/// The definition that the fast way must match.
fn slow_seconds(ns: i64) -> String {
    format!("{:.6}", ns as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(ns: i64) -> String {
        let mut out = Vec::new();
        push_seconds(&mut out, ns);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn seconds_are_those_of_python() {
        // As `'%.6f' % (ns / 1e9)` prints them; 7812500 is a tie that rounds to even.
        let known = [
            (0, "0.000000"),
            (-500, "-0.000000"),
            (-600, "-0.000001"),
            (-400, "-0.000000"),
            (500, "0.000000"),
            (1_500, "0.000002"),
            (2_500, "0.000003"),
            (7_812_500, "0.007812"),
            (23_437_500, "0.023438"),
            (59_999_999_500, "60.000000"),
            (59_999_998_500, "59.999998"),
            (i64::MIN, "-9223372036.854776"),
        ];
        known.iter().for_each(|(ns, want)| assert_eq!(seconds(*ns), *want, "{ns}"));
    }

    #[test]
    fn addresses_have_three_digits_or_more() {
        let text = |address| {
            let mut out = Vec::new();
            push_address(&mut out, address);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(0), "000");
        assert_eq!(text(0x1D2), "1D2");
        assert_eq!(text(0x18DB_33F1), "18DB33F1");
        assert_eq!(text(u32::MAX), "FFFFFFFF");
    }

    proptest! {
        #[test]
        fn the_fast_way_matches_the_slow_one(ns: i64, shift in 0u32..60, micros in -1_000_000_000_000i64..1_000_000_000_000) {
            for ns in [ns >> shift, micros * 1000 + 500, micros * 1000 + 499, micros * 1000 + 501, micros * 1000] {
                prop_assert_eq!(seconds(ns), slow_seconds(ns));
            }
        }
    }
}
