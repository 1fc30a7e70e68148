//! Times as the service writes them: RFC 3339 in UTC with microseconds.

use jiff::Timestamp;

/// Microseconds since 1970.
pub type Micros = i64;

/// Now.
pub fn now() -> Micros {
    Timestamp::now().as_microsecond()
}

/// `2026-11-23T06:48:01.168010Z`; without a fraction when that is zero.
pub fn text(at: Micros) -> String {
    match Timestamp::from_microsecond(at) {
        Ok(time) if at % 1_000_000 == 0 => format!("{time:.0}"),
        Ok(time) => format!("{time:.6}"),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_have_six_digits_or_none() {
        assert_eq!(text(1_795_416_481_168_010), "2026-11-23T06:48:01.168010Z");
        assert_eq!(text(1_795_416_481_000_000), "2026-11-23T06:48:01Z");
    }
}
