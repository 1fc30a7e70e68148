//! Tables of the sample logs.

use cts_core::log::{Completeness, EventSchema, Log, ReadOptions};
use cts_core::table::{EventTable, EventTableOptions, Format, FrameTable, Table, TableWriter, Values};

use crate::data;

fn log(name: &str) -> Option<Log> {
    Some(Log::open(data(name)?, &ReadOptions::default()).unwrap())
}

fn table(log: &Log, service: &str, options: EventTableOptions) -> Table {
    let mut record = Completeness::default();
    let mut table = EventTable::new(EventSchema::embedded(), service, options).unwrap();
    table.push(log, Some(40), log.event(1).unwrap().mono_time(), &mut record).unwrap();
    assert!(record.is_complete(), "{record:?}");
    table.take()
}

fn fields(fields: &[&str]) -> EventTableOptions {
    EventTableOptions { fields: fields.iter().map(|f| (*f).to_owned()).collect(), ..Default::default() }
}

/// Every column against the dynamic values of the same events, which another reader confirms.
#[test]
fn tables_hold_what_the_dynamic_values_say() {
    let Some(log) = log("rav4-40.rlog.zst") else { return };
    let schema = EventSchema::embedded();
    for service in
        ["carState", "selfdriveState", "accelerometer", "gpsLocationExternal", "carParams", "initData"]
    {
        let table = table(&log, service, EventTableOptions::default());
        let mut out = Vec::new();
        let mut writer = TableWriter::new(Format::Json, &mut out).unwrap();
        writer.write(table.clone()).unwrap();
        writer.finish().unwrap();
        let which = schema.find(service).unwrap()[0].which;
        let events: Vec<_> = log.events().filter(|e| e.which() == which).collect();
        assert_eq!(table.rows(), events.len());
        for (line, event) in out.split(|b| *b == b'\n').zip(&events) {
            let row: serde_json::Value = serde_json::from_slice(line).unwrap();
            let want = serde_json::to_value(schema.value(event).0).unwrap();
            let mut leaves = 0;
            compare(&row, "", &want[service], &mut leaves);
            assert!(leaves > 3, "{service}: {leaves}");
        }
    }
}

/// Each leaf of `want` stands in the flat row under its dotted name.
fn compare(row: &serde_json::Value, path: &str, want: &serde_json::Value, leaves: &mut u32) {
    match want {
        serde_json::Value::Object(fields) => {
            for (name, want) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(row, &path, want, leaves);
            }
        }
        serde_json::Value::Array(elements) => {
            for (i, want) in elements.iter().enumerate() {
                match want {
                    serde_json::Value::Object(_) => compare(&row[path][i], "", want, leaves),
                    _ => assert_eq!(&row[path][i], want, "{path}[{i}]"),
                }
            }
            assert_eq!(row[path].as_array().map(Vec::len), Some(elements.len()), "{path}");
            *leaves += 1;
        }
        _ => {
            assert_eq!(&row[path], want, "{path}");
            *leaves += 1;
        }
    }
}

#[test]
fn lists_are_exploded_or_kept() {
    let Some(log) = log("rav4-40.rlog.zst") else { return };
    let rows = table(&log, "pandaStates", fields(&["controlsAllowed", "pandaType"]));
    assert_eq!(rows.rows(), 600);
    let names: Vec<_> = rows.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["mono_time", "t", "segment", "valid", "index", "controlsAllowed", "pandaType"]);
    let kept = table(&log, "pandaStates", EventTableOptions { keep_lists: true, ..Default::default() });
    assert!(matches!(kept.columns.last().unwrap().values, Values::List { .. }));
    let can = table(&log, "can", EventTableOptions::default());
    assert_eq!(can.rows(), 135_468);
    let text = table(&log, "logMessage", EventTableOptions::default());
    assert_eq!(text.columns.last().unwrap().name, "logMessage");
    let explode = EventTableOptions { explode: Some("safetyConfigs".into()), ..fields(&["brand"]) };
    let params = table(&log, "carParams", explode);
    assert!(params.column("safetyConfigs.safetyModel").is_some() && params.column("brand").is_some());
    assert!(params.rows() >= 2);
}

#[test]
fn wrong_names_are_named() {
    let schema = EventSchema::embedded();
    let error = |service: &str, options| match EventTable::new(schema, service, options) {
        Ok(_) => panic!("{service} accepted"),
        Err(error) => error.to_string(),
    };
    assert_eq!(
        error("carState", fields(&["wheelSpeeds.flo"])),
        "`carState` has no field `wheelSpeeds.flo` (did you mean `wheelSpeeds.fl`?)"
    );
    assert!(error("carstat", fields(&[])).contains("did you mean `carState`"));
    let explode = EventTableOptions { explode: Some("vEgo".into()), ..Default::default() };
    assert!(error("carState", explode).contains("a list of structs"));
}

#[test]
fn frames_are_those_of_the_events() {
    let Some(log) = log("subaru-synth.rlog.zst") else { return };
    let mut record = Completeness::default();
    let mut frames = FrameTable::new(false);
    frames.push(&log, 0, &mut record);
    assert_eq!(frames.rows(), 275_820);
    let batch = frames.take().into_record_batch().unwrap();
    let names: Vec<_> = batch.schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["mono_time", "t", "bus", "address", "data", "service"]);
    assert_eq!(batch.schema().field(0).metadata()["unit"], "ns");
    let mut both = FrameTable::new(true);
    both.push(&log, 0, &mut record);
    assert!(both.rows() > 275_820);
}

/// Every service of the embedded schema has a plan, whole and as lists, and becomes a record batch.
#[test]
fn every_service_has_a_table() {
    let schema = EventSchema::embedded();
    for service in schema.services() {
        for keep_lists in [false, true] {
            let options = EventTableOptions { keep_lists, ..Default::default() };
            let mut table = EventTable::new(schema, service.name, options).unwrap();
            table.take().into_record_batch().unwrap();
        }
    }
}

#[cfg(feature = "parquet")]
#[test]
fn files_read_back_as_they_were_written() {
    let Some(log) = log("rav4-40.rlog.zst") else { return };
    for service in ["carState", "initData", "pandaStates"] {
        let want = table(&log, service, EventTableOptions::default());
        let want_batch = want.clone().into_record_batch().unwrap();
        let write = |format| {
            let mut writer = TableWriter::new(format, Vec::new()).unwrap();
            writer.write(want.clone()).unwrap();
            writer.finish().unwrap()
        };
        let ipc = write(Format::Ipc);
        let mut reader = arrow_ipc::reader::FileReader::try_new(std::io::Cursor::new(ipc), None).unwrap();
        assert_eq!(reader.next().unwrap().unwrap(), want_batch);
        let parquet = bytes::Bytes::from(write(Format::Parquet));
        let reader =
            parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(parquet, 1 << 20).unwrap();
        let rows: usize = reader
            .map(|batch| {
                let batch = batch.unwrap();
                assert_eq!(batch.schema().fields().len(), want_batch.num_columns());
                batch.num_rows()
            })
            .sum();
        assert_eq!(rows, want.rows());
    }
}

#[cfg(feature = "polars")]
#[test]
fn data_frames_hold_the_columns() {
    let Some(log) = log("rav4-40.rlog.zst") else { return };
    let frame = table(&log, "carState", EventTableOptions::default()).into_polars().unwrap();
    assert_eq!(frame.height(), 5993);
    let want = table(&log, "carState", fields(&["vEgo"]));
    let Values::Float32(want) = &want.column("vEgo").unwrap().values else { panic!("vEgo is a Float32") };
    let got: Vec<f32> = frame.column("vEgo").unwrap().f32().unwrap().into_no_null_iter().collect();
    assert_eq!(&got, want);
    assert!(frame.column("gearShifter").unwrap().dtype().is_categorical());
    for service in ["initData", "pandaStates", "carParams", "can"] {
        assert!(table(&log, service, EventTableOptions::default()).into_polars().unwrap().height() > 0);
    }
}
