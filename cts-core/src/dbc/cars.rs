//! Which database belongs to which car.
//!
//! Source: the `dbc_dict` of opendbc's platform configurations (`opendbc/car/*/values.py`), the buses of its
//! `carstate.py` and `radar_interface.py`, and `opendbc/car/fingerprints.py` `MIGRATION` for old names.

const CARS: &str = include_str!("data/cars.txt");
const OLD_FINGERPRINTS: &str = include_str!("data/old_fingerprints.txt");
const RENAMED: &str = include_str!("data/renamed.txt");

/// The databases of a car: bus and name, sorted by bus. Two of one bus: the first that knows an address is right.
///
/// The bus is that of a car with one panda: 0 to 2. Old fingerprints, such as `HONDA CIVIC 2016 TOURING`, are known too.
/// `None` for a car that is not known.
pub fn for_car(fingerprint: &str) -> Option<Vec<(u8, &'static str)>> {
    let fingerprint = current(fingerprint);
    let mut databases = "";
    for line in data_lines(CARS) {
        if !line.starts_with(' ') {
            databases = line;
        } else if line.split_whitespace().any(|name| name == fingerprint) {
            return Some(pairs(databases));
        }
    }
    None
}

/// The databases of a make whose cars all have the same ones; `brand` as in `carParams`. `None` for all other makes.
pub fn for_brand(brand: &str) -> Option<Vec<(u8, &'static str)>> {
    let first_car = match brand {
        "body" => "COMMA_BODY",
        "gm" => "CADILLAC_ATS",
        "mazda" => "MAZDA_CX5",
        "psa" => "PSA_PEUGEOT_208",
        "rivian" => "RIVIAN_R1",
        _ => return None,
    };
    for_car(first_car)
}

/// All fingerprints of which the databases are known.
pub fn fingerprints() -> impl Iterator<Item = &'static str> {
    data_lines(CARS).filter(|line| line.starts_with(' ')).flat_map(str::split_whitespace)
}

/// The fingerprint as it is called now.
fn current(fingerprint: &str) -> &str {
    let pairs = data_lines(OLD_FINGERPRINTS).filter_map(|line| line.split_once('\t'));
    pairs.filter(|(old, _)| *old == fingerprint).map(|(_, new)| new).next().unwrap_or(fingerprint)
}

/// What a database has been called at other times.
pub(super) fn other_names(name: &str) -> impl Iterator<Item = &'static str> + use<'_> {
    let line = data_lines(RENAMED).find(|line| line.split(' ').any(|known| known == name)).unwrap_or("");
    line.split(' ').filter(move |known| !known.is_empty() && *known != name)
}

fn data_lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with('#'))
}

fn pairs(line: &'static str) -> Vec<(u8, &'static str)> {
    let pairs = line.split(' ').filter_map(|pair| pair.split_once('='));
    pairs.filter_map(|(bus, name)| Some((bus.parse().ok()?, name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cars_old_and_new() {
        let rav4 = for_car("TOYOTA_RAV4").unwrap();
        assert_eq!(
            rav4,
            [(0, "toyota_new_mc_pt_generated"), (1, "toyota_adas"), (2, "toyota_new_mc_pt_generated")]
        );
        assert_eq!(for_car("TOYOTA RAV4 2017").unwrap(), rav4);
        assert_eq!(for_car("SUBARU_OUTBACK").unwrap()[0], (0, "subaru_global_2017_generated"));
        assert_eq!(for_car("MOCK"), None);
        assert_eq!(for_brand("subaru"), None);
        assert!(for_brand("mazda").is_some());
        assert_eq!(other_names("vw_mqb").collect::<Vec<_>>(), ["vw_mqb_2010"]);
    }

    #[test]
    fn every_line_of_the_data_says_something() {
        let all: Vec<_> = fingerprints().collect();
        assert!(all.len() > 240);
        assert!(all.iter().all(|name| !for_car(name).unwrap().is_empty()));
        let mut sorted = all.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), all.len());
        // Some old names lead to cars that openpilot only reads dashcam video of.
        let new = data_lines(OLD_FINGERPRINTS).filter_map(|line| line.split_once('\t')).map(|(_, new)| new);
        let lost: Vec<_> = new.filter(|new| for_car(new).is_none()).collect();
        assert_eq!(lost, [""; 0]);
    }
}
