//! Columns, headers and orders that clients of the Python tool rely on.

use super::*;

/// The tables whose columns are frozen. Source: comma-tools `docs/knowledge/schemas.md` and its sample reports.
const FROZEN: [(&str, &str); 6] = [
    (
        "counts_by_segment",
        "address_hex,bus,pre_count,window_count,post_count,delta,uniq_pre,uniq_window,uniq_post",
    ),
    ("candidates", "BIT,score,rises_set,falls_end,toggles,penalty,bus"),
    ("edges", "BIT,ts_abs,ts_rel,ts_mmss,edge_type,speed_mph,bus"),
    ("runs", "BIT,SPAN,bus"),
    ("timeline", "ts_abs,ts_rel,ts_mmss,BIT,event,value,speed_mph,bus"),
    ("engaged_intervals", "BIT,SPAN,bus"),
];

const HEADER: &[&str] = &[
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
    "meta_json",
];

#[test]
fn columns_and_headers_are_the_frozen_ones() {
    let (bytes, _) = demo(60);
    let (dir, _) = run(Input::from_bytes("demo", bytes), json!({"export_csv": true, "export_json": true}));
    let bit = "address_hex,bit_global,byte_index,bit_lsb,bit_msb,label_lsb,label_msb";
    let span = "start_abs,start_rel,start_mmss,end_abs,end_rel,end_mmss,duration_s,duration_mmss";
    for (name, columns) in FROZEN {
        let text = text(&dir, &format!("{name}.csv"));
        let columns = columns.replace("BIT", bit).replace("SPAN", span);
        let head: Vec<&str> = text.split('\n').take_while(|line| line.starts_with('#')).collect();
        let keys: Vec<&str> = head.iter().map(|line| line[2..].split_once(": ").unwrap().0).collect();
        assert_eq!(keys, HEADER, "{name}");
        assert_eq!(head[0], format!("# schema_version: {name}.v1"));
        assert!(head.iter().all(|line| !line.ends_with('\r')));
        let table: Vec<&str> = text.split('\n').skip(head.len()).collect();
        assert_eq!(table[0], format!("{columns}\r"), "{name}");
        assert!(
            table.len() > 2 && table[..table.len() - 1].iter().all(|line| line.ends_with('\r')),
            "{name}"
        );
        let sidecar = std::fs::read_to_string(dir.path().join(format!("{name}.analysis_meta.json"))).unwrap();
        assert_eq!(head.last().unwrap().strip_prefix("# meta_json: "), Some(sidecar.as_str()));
        let meta: Value = serde_json::from_str(&sidecar).unwrap();
        assert_eq!((&meta["timestamp"], &meta["cli_args"]["speed_min"]), (&Value::Null, &json!(55.0)));
        let json: Value = serde_json::from_str(&text_of(&dir, name)).unwrap();
        assert_eq!(json.as_array().unwrap().len(), table.len() - 2, "{name}");
        let keys: Vec<&String> = json[0].as_object().unwrap().keys().collect();
        assert_eq!(keys, columns.split(',').collect::<Vec<_>>());
    }
    orders(&dir);
    let config: Value = serde_json::from_str(&text(&dir, "config_snapshot.json")).unwrap();
    assert_eq!(config["marker_config"]["timeout"], 15.0);
}

fn text_of(dir: &tempfile::TempDir, name: &str) -> String {
    text(dir, &format!("{name}.json"))
}

/// Rows stand in the frozen order.
fn orders(dir: &tempfile::TempDir) {
    let number = |row: &BTreeMap<String, String>, key: &str| row[key].parse::<f64>().unwrap_or(-1.0);
    let sorted = |name: &str, keys: &[(&str, f64)], last: &str| {
        let list = rows(dir, name);
        let key = |row: &BTreeMap<String, String>| -> (Vec<f64>, String) {
            (keys.iter().map(|(key, sign)| number(row, key) * sign).collect(), row[last].clone())
        };
        assert!(list.windows(2).all(|pair| key(&pair[0]) <= key(&pair[1])), "{name}");
    };
    sorted("counts_by_segment.csv", &[("delta", -1.0), ("window_count", -1.0)], "address_hex");
    sorted("candidates.csv", &[("score", -1.0)], "address_hex");
    sorted("edges.csv", &[("ts_abs", 1.0)], "address_hex");
    sorted("runs.csv", &[("duration_s", -1.0)], "address_hex");
    sorted("timeline.csv", &[("ts_abs", 1.0)], "address_hex");
    sorted("engaged_intervals.csv", &[("start_abs", 1.0)], "address_hex");
    // Times at the head of a window are relative to its start; numbers are those of the shortest float.
    let edges = rows(dir, "edges.csv");
    assert!(edges.iter().all(|row| row["ts_abs"].contains('.')), "{:?}", edges[0]);
}
