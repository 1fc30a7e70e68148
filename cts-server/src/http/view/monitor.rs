//! Monitors.

use serde::Serialize;
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;

use super::{ErrorView, InputView, percent};
use crate::clock;
use crate::engine::{Monitor, MonitorState, MonitorStatus, calm};
use crate::failure::Category;

/// A monitor.
#[derive(Serialize, ToSchema)]
#[schema(as = Monitor)]
pub(in crate::http) struct MonitorView<'a> {
    monitor_id: &'a str,
    id: &'a str,
    tool_id: &'a str,
    status: MonitorStatus,
    #[schema(format = DateTime)]
    started_at: String,
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// Such as `12.3s`; up to now for a running one.
    uptime: String,
    /// The parameters as they were given, with the input.
    #[schema(value_type = Object)]
    params: &'a Map<String, Value>,
    input: InputView<'a>,
    /// Number of events so far.
    events: u64,
    /// Clients that listen.
    subscribers: usize,
    /// Percent of the log, if that is known.
    #[schema(value_type = Option<f64>)]
    progress: Option<Number>,
    /// The WebSocket of its events.
    stream_url: String,
    /// Why it failed.
    error: Option<String>,
    error_category: Option<Category>,
    error_details: Option<ErrorView>,
    /// What the tool found; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    report: Option<Value>,
}

impl<'a> MonitorView<'a> {
    /// As lists show it.
    pub(in crate::http) fn new(monitor: &'a Monitor) -> Self {
        Self::of(monitor, &monitor.state())
    }

    /// With its report, which is null before the end.
    pub(in crate::http) fn full(monitor: &'a Monitor) -> Self {
        let state = monitor.state();
        let view = Self::of(monitor, &state);
        Self { report: Some(state.report.unwrap_or_default()), ..view }
    }

    fn of(monitor: &'a Monitor, state: &MonitorState) -> Self {
        let failure = state.failure.as_ref();
        Self {
            monitor_id: &monitor.id,
            id: &monitor.id,
            tool_id: monitor.tool.name,
            status: state.status,
            started_at: clock::text(monitor.started_at),
            ended_at: state.ended_at.map(clock::text),
            uptime: format!("{:.1}s", monitor.uptime().as_secs_f64()),
            params: &monitor.params,
            input: InputView::new(&monitor.input),
            events: monitor.feed.count(),
            subscribers: monitor.feed.subscribers(),
            progress: state.progress.map(percent),
            stream_url: format!("/v1/monitors/{}/stream", monitor.id),
            error: failure.map(|failure| calm(&failure.message)),
            error_category: failure.map(|failure| failure.category),
            error_details: failure.map(ErrorView::new),
            report: None,
        }
    }
}

/// A message of a monitor's WebSocket.
#[derive(ToSchema)]
#[expect(dead_code, reason = "events are written where they happen; this is their form for the document")]
pub(in crate::http) struct MonitorEvent {
    #[schema(format = DateTime)]
    timestamp: String,
    /// What was seen, such as `can_counts` or `panda_change`; `dropped` when the client was too slow; `end` at the end.
    r#type: String,
    monitor_id: String,
    /// `mono_time_ns` and `seconds` of the log for what was seen, `events` for `dropped`, `status`, `events`, `report` or
    /// `error` for `end`.
    #[schema(value_type = Object)]
    data: Map<String, Value>,
}
