//! What cannot be right in a database, whatever its text looks like.

use rustc_hash::FxHashMap;

use super::{Dbc, Finding, Message, Number, Signal};

/// Names under which counters and checksums go where nobody verifies them.
const COUNTER_NAMES: &[&str] = &["counter", "alivecounter", "alive_counter", "_bz", "rolling_counter", "cnt"];
const CHECKSUM_NAMES: &[&str] = &["checksum", "chksum", "crc", "_cs"];

/// Everything in `dbc` that contradicts itself, in the order of the lines. Only lines are known, no columns; what the
/// text itself looks like is told by [`Dbc::parse`].
pub fn lint(dbc: &Dbc) -> Vec<Finding> {
    let mut findings = Vec::new();
    duplicate_names(dbc, &mut findings);
    let checks = super::Checks::of(dbc);
    for message in &dbc.messages {
        let verified = checks.message(message.id.address);
        for signal in &message.signals {
            beyond(message, signal, &mut findings);
            ranges(signal, &mut findings);
            choices(signal, &mut findings);
            check_names(signal, verified, &mut findings);
        }
        overlaps(message, &mut findings);
        if let Some(checksum) =
            verified.filter(|checks| checks.covers_itself(message.size)).and_then(|c| c.checksum())
        {
            let line = message.signal(checksum.name()).map_or(message.line, |signal| signal.line);
            let text = format!("`{}` of `{}` lies in bytes that it covers", checksum.name(), message.name);
            findings.push(Finding::new("checksum-place", line, 0, text));
        }
    }
    findings.sort_by_key(|finding| finding.line);
    findings
}

fn duplicate_names(dbc: &Dbc, findings: &mut Vec<Finding>) {
    let mut first: FxHashMap<&str, &Message> = FxHashMap::default();
    for message in &dbc.messages {
        if let Some(known) = first.insert(&message.name, message) {
            let text = format!("`{}` is also the name of {:#X}", message.name, known.id.address);
            findings.push(Finding::new("duplicate-message-name", message.line, 0, text));
        }
    }
}

fn beyond(message: &Message, signal: &Signal, findings: &mut Vec<Finding>) {
    let end = message.size.saturating_mul(8);
    let last = signal.bits().map(|bits| bits.iter().copied().max().unwrap_or(0));
    let text = match last {
        Some(last) if last < end => return,
        Some(last) => format!("`{}` reaches bit {last}, `{}` has {end} bits", signal.name, message.name),
        None => format!("`{}`: no payload has bits {}|{}", signal.name, signal.start, signal.size),
    };
    findings.push(Finding::new("signal-beyond-message", signal.line, 0, text));
}

fn ranges(signal: &Signal, findings: &mut Vec<Finding>) {
    let mut find = |code, text| findings.push(Finding::new(code, signal.line, 0, text));
    if signal.factor == 0.0 {
        find("zero-factor", format!("the factor of `{}` is 0", signal.name));
    }
    if signal.min == signal.max {
        return;
    }
    if signal.min > signal.max {
        return find("range-reversed", format!("`{}` has [{}|{}]", signal.name, signal.min, signal.max));
    }
    let Some((low, high)) = signal.physical_limits() else {
        return;
    };
    // Rounded limits, such as 204.7 for 204.75, are no mistake.
    let slack = signal.factor.abs();
    if signal.min < low - slack || signal.max > high + slack {
        let text =
            format!("`{}` has [{}|{}], its bits reach [{low}|{high}]", signal.name, signal.min, signal.max);
        find("range-outside-raw-range", text);
    }
}

fn choices(signal: &Signal, findings: &mut Vec<Finding>) {
    let mut find = |code, text| findings.push(Finding::new(code, signal.line, 0, text));
    let mut seen: FxHashMap<i64, &str> = FxHashMap::default();
    let (low, high) = signal.raw_limits();
    for choice in &signal.choices {
        let value = i128::from(choice.value);
        if value < low || value > high {
            find(
                "choice-outside-raw-range",
                format!(
                    "`{}` cannot be {} (\"{}\"): its raw values are {low} to {high}",
                    signal.name, value, choice.text
                ),
            );
        }
        if let Some(other) = seen.insert(choice.value, &choice.text).filter(|other| *other != choice.text) {
            find(
                "ambiguous-choice",
                format!("{value} of `{}` is \"{other}\" and \"{}\"", signal.name, choice.text),
            );
        }
    }
}

fn check_names(signal: &Signal, verified: Option<&super::MessageChecks>, findings: &mut Vec<Finding>) {
    let name = signal.name.to_lowercase();
    let is = |names: &[&str]| names.iter().any(|ending| name.ends_with(ending));
    let counter = verified.and_then(|checks| checks.counter()).map(|counter| counter.name());
    let checksum = verified.and_then(|checks| checks.checksum()).map(|checksum| checksum.name());
    if is(COUNTER_NAMES) && counter != Some(signal.name.as_str()) {
        let text = format!("`{}` looks like a counter but is not verified", signal.name);
        findings.push(Finding::new("counter-name", signal.line, 0, text));
    }
    if is(CHECKSUM_NAMES) && checksum != Some(signal.name.as_str()) {
        let text = format!("`{}` looks like a checksum but is not verified", signal.name);
        findings.push(Finding::new("checksum-name", signal.line, 0, text));
    }
}

fn overlaps(message: &Message, findings: &mut Vec<Finding>) {
    let masks: Vec<[u64; 8]> = message.signals.iter().map(mask).collect();
    for (at, signal) in message.signals.iter().enumerate() {
        let shares = |other: usize| masks[at].iter().zip(&masks[other]).any(|(a, b)| a & b != 0);
        let earlier = (0..at).filter(|other| shares(*other));
        let together = earlier.filter(|other| message.can_meet(signal, &message.signals[*other]));
        let names: Vec<&str> = together.map(|other| message.signals[other].name.as_str()).collect();
        if !names.is_empty() {
            let text = format!("`{}` shares bits with `{}`", signal.name, names.join("`, `"));
            findings.push(Finding::new("overlap", signal.line, 0, text));
        }
    }
}

fn mask(signal: &Signal) -> [u64; 8] {
    let mut mask = [0; 8];
    for bit in signal.bits().unwrap_or_default() {
        if let Some(word) = mask.get_mut(usize::from(bit / 64)) {
            *word |= 1 << (bit % 64);
        }
    }
    mask
}

impl Signal {
    /// Smallest and largest raw value that its bits can hold; meaningless for floats.
    pub fn raw_limits(&self) -> (i128, i128) {
        let size = u32::from(self.size.clamp(1, 64));
        match self.number {
            Number::Signed => (-(1_i128 << (size - 1)), (1_i128 << (size - 1)) - 1),
            _ => (0, (1_i128 << size) - 1),
        }
    }

    /// Smallest and largest physical value that its bits can hold; `None` for floats.
    pub fn physical_limits(&self) -> Option<(f64, f64)> {
        if matches!(self.number, Number::Float32 | Number::Float64) {
            return None;
        }
        let (low, high) = self.raw_limits();
        let at = |raw: i128| raw as f64 * self.factor + self.offset;
        Some((at(low).min(at(high)), at(low).max(at(high))))
    }
}

impl Message {
    /// Whether one frame can hold both signals: no switch needs two values for it.
    pub fn can_meet(&self, a: &Signal, b: &Signal) -> bool {
        let (of_a, of_b) = (self.conditions(a), self.conditions(b));
        !of_a.iter().any(|(switch, ranges)| {
            let other = of_b.iter().find(|(other, _)| other == switch);
            other.is_some_and(|(_, others)| {
                let meets = |(first, last): &(u64, u64)| others.iter().any(|(f, l)| first <= l && f <= last);
                !ranges.iter().any(meets)
            })
        })
    }

    /// What has to hold for a signal to be there: each switch with its values, up to the root.
    fn conditions<'a>(&'a self, signal: &'a Signal) -> Vec<(&'a str, &'a [(u64, u64)])> {
        let mut conditions = Vec::new();
        let mut next = Some(signal);
        // A switch that depends on itself would never end.
        while let Some(presence) = next.and_then(|signal| signal.presence.as_ref()) {
            if conditions.len() > self.signals.len() {
                break;
            }
            conditions.push((presence.switch.as_str(), presence.ranges.as_slice()));
            next = self.signal(&presence.switch);
        }
        conditions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(signals: &str) -> Vec<(&'static str, u32)> {
        let (dbc, _) = Dbc::parse("test", &format!("BO_ 1 A: 2 X\n{signals}"));
        lint(&dbc).into_iter().map(|f| (f.code, f.line)).collect()
    }

    #[test]
    fn each_contradiction_is_found() {
        assert_eq!(codes(" SG_ S : 8|9@1+ (1,0) [0|0] \"\" X\n"), [("signal-beyond-message", 2)]);
        assert_eq!(codes(" SG_ S : 9|4@0+ (1,0) [0|0] \"\" X\n"), [("signal-beyond-message", 2)]);
        assert_eq!(codes(" SG_ S : 0|4@1+ (1,0) [0|16] \"\" X\n"), []);
        assert_eq!(codes(" SG_ S : 0|4@1+ (1,0) [0|17] \"\" X\n"), [("range-outside-raw-range", 2)]);
        assert_eq!(codes(" SG_ S : 0|4@1+ (1,0) [3|1] \"\" X\n"), [("range-reversed", 2)]);
        assert_eq!(codes(" SG_ S : 0|4@1+ (0,0) [0|0] \"\" X\n"), [("zero-factor", 2)]);
        assert_eq!(
            codes(" SG_ S : 0|1@1+ (1,0) [0|0] \"\" X\nVAL_ 1 S 2 \"a\" 1 \"b\" 1 \"c\";\n"),
            [("choice-outside-raw-range", 2), ("ambiguous-choice", 2)]
        );
        assert_eq!(codes(" SG_ Alive_Counter : 0|1@1+ (1,0) [0|0] \"\" X\n"), [("counter-name", 2)]);
        let (dbc, _) = Dbc::parse("test", "BO_ 1 A: 2 X\nBO_ 2 A: 2 X\n");
        assert_eq!(lint(&dbc)[0].code, "duplicate-message-name");
    }

    #[test]
    fn overlap_knows_multiplexing() {
        let switch = " SG_ M0 M : 0|4@1+ (1,0) [0|0] \"\" X\n";
        let signal = |name: &str| format!(" SG_ {name} : 4|4@1+ (1,0) [0|0] \"\" X\n");
        let text = format!("{switch}{}{}", signal("A m0"), signal("B m1"));
        assert_eq!(codes(&text), []);
        let text = format!("{switch}{}{}", signal("A m0"), signal("B m0"));
        assert_eq!(codes(&text), [("overlap", 4)]);
        let text = format!("{switch}{}{}", signal("A m0"), signal("B"));
        assert_eq!(codes(&text), [("overlap", 4)]);
    }
}
