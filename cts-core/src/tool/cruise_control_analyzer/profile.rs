//! Profiles in files: which signals of a car mean what.
//!
//! ```toml
//! name = "my car"
//! speed = ["0@0x13A:12|13@1+(0.057,0)", "0@0x13A:25|13@1+(0.057,0)"]   # their mean
//! speed_unit = "kph"                                                   # mph, kph or m/s
//! main = "0x146:b42"          # also set, resume, cancel, cruise_on, cruise_active, brake, left, right, engaged
//! set = "0x146:b43"
//! set_speed = "0x241:51|12@0+"
//! set_speed_unit = "mph"
//! [states]                    # more bits to follow, by any name
//! es_brake = "2@0x220:b38"
//! ```
//!
//! With `dbc = "subaru_global_2017_generated"`, a name on the search path or a file, a place can be a signal by name:
//! `0@Wheel_Speeds.FR`.
//!
//! A place is a bit (`0x146:b42`, `1@0x321:B5.3`), a signal as DBC files write it (`[BUS@]ADDRESS:START|SIZE@ORDER SIGN`,
//! then optionally `(FACTOR,OFFSET)`), or a field of the log such as `carState.vEgo`.

use serde::Deserialize;

use crate::analyze::cruise::{Profile, Role, Source, TrackSpec, subaru};
use crate::can::bits::{BitOrder, WatchSpec, parse_address};
use crate::dbc::{ByteOrder, Dbc, Number, Search, Signal};
use crate::{Error, ErrorKind, Result};

/// Bits here are numbered as DBC files number them.
const ORDER: BitOrder = BitOrder::Lsb;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Option<String>,
    dbc: Option<String>,
    speed: Places,
    #[serde(default)]
    speed_unit: Unit,
    main: Option<String>,
    set: Option<String>,
    resume: Option<String>,
    cancel: Option<String>,
    cruise_on: Option<String>,
    cruise_active: Option<String>,
    set_speed: Option<String>,
    #[serde(default)]
    set_speed_unit: Unit,
    brake: Option<String>,
    left: Option<String>,
    right: Option<String>,
    engaged: Option<String>,
    #[serde(default)]
    states: std::collections::BTreeMap<String, String>,
}

/// One place or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Places {
    One(String),
    Several(Vec<String>),
}

#[derive(Clone, Copy, Default, Deserialize)]
enum Unit {
    #[default]
    #[serde(rename = "mph")]
    Mph,
    #[serde(rename = "kph")]
    Kph,
    #[serde(rename = "m/s")]
    MetresPerSecond,
}

impl Unit {
    fn to_mph(self) -> f64 {
        match self {
            Self::Mph => 1.0,
            Self::Kph => subaru::MILES,
            Self::MetresPerSecond => 3.6 * subaru::MILES,
        }
    }
}

/// Reads a profile file.
///
/// # Errors
/// `no-such-file`, `io`; `bad-param` with the line, or the place that cannot be read.
pub(super) fn open(path: &str) -> Result<Profile> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", e).path(path))?;
    parse(&text, path).map_err(|e| e.path(path))
}

fn parse(text: &str, path: &str) -> Result<Profile> {
    let file: File = toml::from_str(text).map_err(|error| {
        let line =
            error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() as u64 + 1);
        let bad = bad(path, &format!("a profile: {}", error.message()));
        line.map_or(bad, |line| {
            Error::from(kind(path, &format!("a profile: {}", error.message()))).line(line)
        })
    })?;
    let dbc = file.dbc.as_deref().map(|name| load(name, path)).transpose()?;
    let dbc = dbc.as_ref();
    let mut tracks = vec![speed(&file, dbc)?];
    let named = [
        ("main", Role::Main, &file.main),
        ("set", Role::Set, &file.set),
        ("resume", Role::Resume, &file.resume),
        ("cancel", Role::Cancel, &file.cancel),
        ("cruise_on", Role::CruiseOn, &file.cruise_on),
        ("cruise_activated", Role::CruiseActive, &file.cruise_active),
        ("brake", Role::Brake, &file.brake),
        ("left_blinker", Role::Left, &file.left),
        ("right_blinker", Role::Right, &file.right),
        ("engaged", Role::Engaged, &file.engaged),
    ];
    for (name, role, place) in named {
        if let Some(place) = place {
            tracks.push(track(name, role, source(place, dbc)?));
        }
    }
    if let Some(place) = &file.set_speed {
        let (scale, unit) = (file.set_speed_unit.to_mph(), "mph".to_owned());
        tracks.push(TrackSpec { scale, unit, ..track("set_speed", Role::SetSpeed, source(place, dbc)?) });
    }
    for (name, place) in &file.states {
        tracks.push(track(name, Role::State, source(place, dbc)?));
    }
    let stem = std::path::Path::new(path).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    Ok(Profile { name: file.name.or(stem).unwrap_or_default(), tracks })
}

fn track(name: &str, role: Role, source: Source) -> TrackSpec {
    TrackSpec { name: name.to_owned(), role, source, scale: 1.0, unit: String::new(), initial: None }
}

fn speed(file: &File, dbc: Option<&Dbc>) -> Result<TrackSpec> {
    let places = match &file.speed {
        Places::One(one) => std::slice::from_ref(one),
        Places::Several(several) => several,
    };
    let mut sources = places.iter().map(|place| source(place, dbc));
    let mut first = sources.next().ok_or_else(|| bad("speed", "one place or more"))??;
    for (next, place) in sources.zip(&places[1..]) {
        match (&mut first, next?) {
            (Source::Can { bus, address, signals }, Source::Can { bus: b, address: a, signals: more })
                if (*bus, *address) == (b, a) =>
            {
                signals.extend(more);
            }
            _ => return Err(bad(place, "a signal of the same message and bus as the first speed")),
        }
    }
    let (scale, unit) = (file.speed_unit.to_mph(), "mph".to_owned());
    Ok(TrackSpec { scale, unit, ..track("speed", Role::Speed, first) })
}

const FORMS: &str = "a bit such as `0x146:b42`, a signal such as `0@0x13A:12|13@1+(0.057,0)`, a field such as \
                     `carState.vEgo`, or with `dbc` a signal such as `Wheel_Speeds.FR`";

/// The database: a file beside the profile, or a name on the search path.
fn load(name: &str, profile: &str) -> Result<Dbc> {
    let dir = std::path::Path::new(profile).parent().unwrap_or(std::path::Path::new(""));
    let beside = dir.join(name);
    let name = if beside.is_file() { beside.to_string_lossy().into_owned() } else { name.to_owned() };
    Ok(Search::with_environment([]).load(&name)?.dbc)
}

fn source(place: &str, dbc: Option<&Dbc>) -> Result<Source> {
    if let Some(sample) = super::fields::sample(place) {
        return Ok(sample);
    }
    if let Some(source) = dbc_signal(place) {
        return Ok(source);
    }
    if let Some(source) = dbc.and_then(|dbc| named_signal(place, dbc)) {
        return Ok(source);
    }
    match WatchSpec::parse(place, ORDER).map_err(|_| bad(place, FORMS))?.as_slice() {
        [one] => Ok(bit(one)),
        _ => Err(bad(place, FORMS)),
    }
}

/// `0@Wheel_Speeds.FR`.
fn named_signal(place: &str, dbc: &Dbc) -> Option<Source> {
    let (bus, name) = match place.split_once('@') {
        Some((bus, name)) => (Some(bus.trim().parse().ok()?), name),
        None => (None, place),
    };
    let (message, signal) = name.trim().split_once('.')?;
    let message = dbc.message_named(message)?;
    let signal = message.signal(signal)?.clone();
    Some(Source::Can { bus, address: message.id.address, signals: vec![signal] })
}

/// The source of one bit.
pub(super) fn bit(watch: &WatchSpec) -> Source {
    let (start, name) = (watch.bit.global(), watch.bit.to_string());
    let signal = Signal { name, start, size: 1, factor: 1.0, ..Signal::default() };
    Source::Can { bus: watch.bus, address: watch.address, signals: vec![signal] }
}

/// `0@0x13A:12|13@1+(0.057,0)`.
fn dbc_signal(place: &str) -> Option<Source> {
    let compact: String = place.chars().filter(|c| !c.is_whitespace()).collect();
    let (head, layout) = compact.split_once(':')?;
    let (start, rest) = layout.split_once('|')?;
    let (size, rest) = rest.split_once('@')?;
    let (form, scaling) = rest.split_at_checked(2)?;
    let (bus, address) = match head.split_once('@') {
        Some((bus, address)) => (Some(bus.parse().ok()?), address),
        None => (None, head),
    };
    let (order, number) = match form {
        "1+" => (ByteOrder::LittleEndian, Number::Unsigned),
        "1-" => (ByteOrder::LittleEndian, Number::Signed),
        "0+" => (ByteOrder::BigEndian, Number::Unsigned),
        "0-" => (ByteOrder::BigEndian, Number::Signed),
        _ => return None,
    };
    let (factor, offset) = match scaling {
        "" => (1.0, 0.0),
        scaling => {
            let (factor, offset) = scaling.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
            (factor.parse().ok()?, offset.parse().ok()?)
        }
    };
    let (start, size) = (start.parse().ok()?, size.parse().ok()?);
    let signal =
        Signal { name: layout.to_owned(), start, size, order, number, factor, offset, ..Signal::default() };
    signal.bits()?;
    Some(Source::Can { bus, address: parse_address(address)?, signals: vec![signal] })
}

fn kind(value: &str, expected: &str) -> ErrorKind {
    ErrorKind::BadParam { name: "profile".into(), value: value.into(), expected: expected.into() }
}

#[cold]
fn bad(value: &str, expected: &str) -> Error {
    kind(value, expected).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        let check = |place: &str, want: Option<(Option<u8>, u32, u16, u16)>| {
            let got = source(place, None).ok().map(|source| match source {
                Source::Can { bus, address, signals } => (bus, address, signals[0].start, signals[0].size),
                Source::Sample { id, .. } => (None, id, 0, 0),
            });
            assert_eq!(got, want, "{place}");
        };
        check("0x146:b42", Some((None, 0x146, 42, 1)));
        check("1@0x321:B5.3", Some((Some(1), 0x321, 43, 1)));
        check("0x146:B5b2", Some((None, 0x146, 42, 1)));
        check("2@0x13A:12|13@1+ (0.057,0)", Some((Some(2), 0x13A, 12, 13)));
        check("0x241:51|12@0+", Some((None, 0x241, 51, 12)));
        check("carState.vEgo", Some((None, 0, 0, 0)));
        check("0x241:510|12@1+", None);
        check("0x146:[5]&0x0C", None);
        check("Wheel_Speeds.FR", None);
    }

    #[test]
    fn a_file_gives_tracks_and_errors_have_a_line() {
        let text = "speed = [\"0x13A:12|13@1+(0.057,0)\", \"0x13A:25|13@1+(0.057,0)\"]\nspeed_unit = \"kph\"\n\
                    set = \"0x146:b43\"\n[states]\nx = \"0x220:b38\"\n";
        let profile = parse(text, "a/car.toml").unwrap();
        let names: Vec<&str> = profile.tracks.iter().map(|track| track.name.as_str()).collect();
        assert_eq!((profile.name.as_str(), names), ("car", vec!["speed", "set", "x"]));
        let text = "dbc = \"subaru_global_2017_generated\"\nspeed = \"0@Wheel_Speeds.FR\"\n";
        let profile = parse(text, "car.toml").unwrap();
        assert_eq!(profile.tracks[0].place(), "0@0x13A FR");
        let error = parse("speed = \"0x13A:b1\"\nsett = \"0x146:b43\"\n", "car.toml").unwrap_err();
        assert_eq!((error.code(), error.at().line), ("bad-param", Some(2)));
        let error = parse("speed = [\"0x13A:b1\", \"0x13B:b1\"]\n", "car.toml").unwrap_err().to_string();
        assert!(error.contains("same message"), "{error}");
    }
}
