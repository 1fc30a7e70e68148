//! What stands at the head of each table and beside it: parameters, sources, windows.

use serde_json::{Map, Value, json};

use super::cell::{Table, clock, round};
use super::read::digest;
use super::tables::Found;
use super::{Mode, Params, TOOL};
use crate::analyze::cruise::{Role, score};

/// What all tables of a run share.
pub(super) struct Meta {
    /// The snapshot of the configuration.
    pub(super) config: Map<String, Value>,
    analysis_id: String,
    shared: Map<String, Value>,
}

/// How buses are treated, in a word.
const BUS_POLICY: &str = "per-bus";

impl Meta {
    pub(super) fn new(found: &Found<'_>, params: &Params, file: (&str, Option<u64>)) -> Self {
        let config = config(found, params, file);
        let text = serde_json::to_string(&config).unwrap_or_default();
        let [a, b] = digest(found.read.digest, text.as_bytes());
        let analysis_id = uuid(a, b);
        let shared = shared(found, params, &config);
        Self { config, analysis_id, shared }
    }

    /// The metadata of a table.
    fn of(&self, table: &Table) -> Map<String, Value> {
        let mut meta = self.config.clone();
        meta.insert("tool_version".into(), env!("CARGO_PKG_VERSION").into());
        meta.insert("schema_version".into(), table.schema.into());
        for (key, value) in &self.shared {
            meta.insert(key.clone(), value.clone());
            if key == "bus_policy" && !table.rows.is_empty() {
                let map = id_bus_map(table);
                if !map.is_empty() {
                    meta.insert("id_bus_map".into(), map.into());
                }
            }
        }
        if table.name == "candidates" {
            meta.insert("reserved_fields".into(), json!(["score_engaged"]));
        }
        meta.insert("analysis_id".into(), self.analysis_id.as_str().into());
        meta
    }

    /// The sidecar of a table: one line.
    pub(super) fn sidecar(&self, table: &Table) -> String {
        serde_json::to_string(&self.of(table)).unwrap_or_default()
    }

    /// The lines above a table, ending in LF.
    pub(super) fn header(&self, table: &Table) -> String {
        let meta = self.of(table);
        let keys = [
            "schema_version",
            "analysis_id",
            "tool_version",
            "time_origin",
            "window_start_abs_s",
            "window_end_abs_s",
            "window_start_mmss",
            "window_end_mmss",
            "main_source",
            "brake_source",
            "speed_source",
            "id_bus_map",
            "bus_policy",
            "scoring",
        ];
        let mut out = String::new();
        for key in keys {
            let value = match meta.get(key) {
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
                None => continue,
            };
            out.push_str(&format!("# {key}: {value}\n"));
        }
        out + "# meta_json: " + &self.sidecar(table) + "\n"
    }
}

fn config(found: &Found<'_>, params: &Params, (name, size): (&str, Option<u64>)) -> Map<String, Value> {
    let extension = std::path::Path::new(name).extension().map(|e| format!(".{}", e.to_string_lossy()));
    let config = json!({
        // The only place for wall-clock time, which the core does not know: equal runs give equal bytes.
        "timestamp": null,
        "cli_args": params.to_json(),
        "input_metadata": { "file_path": name, "file_size": size, "file_extension": extension },
        "gate_sources": {
            "main_source": source(found, &[Role::CruiseOn, Role::Main]),
            "brake_source": source(found, &[Role::Brake]),
            "speed_source": source(found, &[Role::Speed]),
        },
        "bus_selection_policy": BUS_POLICY,
        "analyzer_version": env!("CARGO_PKG_VERSION"),
        "marker_config": {
            "marker_type": params.marker_type.name(), "pre_time": params.marker_pre, "post_time": params.marker_post,
            "timeout": params.marker_timeout, "enabled": params.marker_type == super::MarkerType::Blinkers,
        },
        "tool": TOOL.name,
        "profile": found.outcome.profile.name,
        "car": found.read.car,
    });
    match config {
        Value::Object(config) => config,
        _ => Map::new(),
    }
}

/// Where the first of the roles that was seen is read, with its bus; `none` for none.
pub(super) fn source(found: &Found<'_>, roles: &[Role]) -> String {
    let track = roles.iter().find_map(|role| found.outcome.main(*role));
    track.map_or("none".to_owned(), |track| {
        let place = found.outcome.spec(track).place();
        match track.bus {
            Some(bus) if !place.contains('@') => format!("{bus}@{place}"),
            _ => place,
        }
    })
}

fn shared(found: &Found<'_>, params: &Params, config: &Map<String, Value>) -> Map<String, Value> {
    let (start, end) = (found.window_start(), found.window_end());
    let seconds = |t: u64| round(t as f64 / 1e9, 3);
    let gates = &config["gate_sources"];
    let intervals = found.outcome.engaged.as_ref().map_or(0, |engaged| engaged.widened.as_slice().len());
    let shared = json!({
        "time_origin": "window_start",
        "window_start_abs_s": seconds(start),
        "window_end_abs_s": seconds(end),
        "window_start_mmss": clock(found.log_s(start)),
        "window_end_mmss": clock(found.log_s(end)),
        "main_source": gates["main_source"],
        "brake_source": gates["brake_source"],
        "speed_source": gates["speed_source"],
        "bus_policy": BUS_POLICY,
        "engaged_mode": params.engaged_mode.name(),
        "engaged_bit": params.engaged_bit,
        "engaged_bus": params.engaged_bus,
        "engaged_margin_s": params.engaged_margin,
        "engaged_intervals_count": intervals,
        "scoring": {
            "chatter_penalty_start": score::CHATTER_START, "chatter_penalty_slope": score::CHATTER_SLOPE,
            "busy_share": score::BUSY_SHARE, "busy_penalty": score::BUSY_PENALTY,
            "checksum_penalty": score::CHECKSUM_PENALTY,
            "rule": "100 * max(window lift, event lift) * toggles / (toggles + 2) - penalty",
        },
        "set_speed_min_mph": params.speed_min,
        "set_speed_max_mph": params.speed_max,
        "window_is_whole_log": found.outcome.whole_log,
        "frames_outside_engaged_left_out": params.engaged_mode == Mode::Filter,
    });
    match shared {
        Value::Object(shared) => shared,
        _ => Map::new(),
    }
}

/// Address and bus of a table's rows; of an address on several buses the lowest.
fn id_bus_map(table: &Table) -> Map<String, Value> {
    use super::cell::Cell;
    let column = |name| table.columns.iter().position(|column| *column == name);
    let mut map = Map::new();
    let (Some(address), Some(bus)) = (column("address_hex"), column("bus")) else { return map };
    for row in &table.rows {
        if let (Cell::Text(address), Cell::Int(bus)) = (&row[address], &row[bus]) {
            let known = map.entry(address.clone()).or_insert_with(|| (*bus).into());
            if known.as_i64().is_some_and(|known| *bus < known) {
                *known = (*bus).into();
            }
        }
    }
    map
}

/// A UUID of version 8 (RFC 9562: its bits are the maker's own) from two words.
fn uuid(a: u64, b: u64) -> String {
    let a = a & !0xF000 | 0x8000;
    let b = b & !(0b11 << 62) | 0b10 << 62;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        a >> 32,
        a >> 16 & 0xFFFF,
        a & 0xFFFF,
        b >> 48,
        b & 0xFFFF_FFFF_FFFF
    )
}
