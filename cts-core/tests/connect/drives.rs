//! Drives by what users paste.

use cts_core::io::connect::Watch;
use cts_core::route::Target;
use serde_json::json;

use crate::comma::{Comma, DONGLE, LOG, route};
use crate::lab::Lab;

const T: u64 = 1_690_462_879_000;

fn drive(name: &str, start: u64, minutes: u64) -> serde_json::Value {
    let times = |add: u64| (0..minutes).map(|n| start + (n + add) * 60_000).collect::<Vec<_>>();
    json!({
        "fullname": name, "segment_numbers": (0..minutes).collect::<Vec<_>>(),
        "segment_start_times": times(0), "segment_end_times": times(1), "length": 3.5,
    })
}

fn located(comma: &Comma, text: &str, days: u32) -> Result<String, String> {
    let target: Target = text.parse().unwrap();
    let spec = Lab::new(comma).client.locate(&target, days, &Watch::default());
    spec.map(|spec| spec.to_string()).map_err(|e| format!("{} {e}", e.code()))
}

#[test]
fn addresses_of_the_old_form_lead_to_segments() {
    let comma = Comma::new(&[]);
    let other = format!("{DONGLE}|00000009--0696c823fa");
    comma.drives(&json!([drive(&route(), T, 5), drive(&other, T + 900_000, 2)]).to_string());
    let address = |start: u64, end: u64| format!("https://connect.comma.ai/{DONGLE}/{start}/{end}");
    assert_eq!(located(&comma, &address(T + 70_000, T + 130_000), 7), Ok(format!("{}/1:3", route())));
    let both = located(&comma, &address(T, T + 901_000), 7).unwrap_err();
    assert!(both.contains(&other) && both.contains(&route()) && both.starts_with("bad-route"), "{both}");
    let request = comma.requests().pop().unwrap();
    assert_eq!(request.query, format!("start={T}&end={}", T + 901_000));
}

#[test]
fn drives_are_looked_for_around_the_time() {
    let comma = Comma::new(&[]);
    let address = format!("https://connect.comma.ai/{DONGLE}/{T}/{}", T + 1000);
    let error = located(&comma, &address, 2).unwrap_err();
    assert!(error.starts_with("not-in-connect"), "{error}");
    let queries: Vec<String> = comma.requests().into_iter().map(|request| request.query).collect();
    let days = 2 * 24 * 3600 * 1000;
    let around = format!("start={}&end={}", T - days, T + 1000 + days);
    assert_eq!(queries, [format!("start={T}&end={}", T + 1000), around]);
}

#[test]
fn routes_need_no_request_and_devices_are_no_drives() {
    let comma = Comma::new(&[]);
    assert_eq!(located(&comma, &format!("{DONGLE}/{LOG}/3:5/q"), 7), Ok(format!("{}/3:5/q", route())));
    for text in [DONGLE, LOG] {
        assert!(located(&comma, text, 7).unwrap_err().starts_with("bad-route"), "{text}");
    }
    assert!(comma.requests().is_empty());
}

#[test]
fn drives_of_a_device_are_listed() {
    let comma = Comma::new(&[]);
    let foreign = drive("b2a0ccea32023010|00000009--0696c823fa", T, 1);
    comma.drives(&json!([drive(&route(), T, 5), foreign, { "fullname": "x" }, 7]).to_string());
    let drives =
        Lab::new(&comma).client.drives(DONGLE.parse().unwrap(), T, T + 1, &Watch::default()).unwrap();
    assert_eq!(drives.len(), 1);
    assert_eq!((drives[0].span(), drives[0].miles), (Some((T, T + 300_000)), Some(3.5)));
}
