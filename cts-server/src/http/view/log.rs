//! Log lines.

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock;
use crate::store::{Level, LogEntry};

/// A log line.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct LogLine<'a> {
    #[schema(format = DateTime)]
    timestamp: String,
    level: Level,
    message: &'a str,
    /// `tool` or `service`.
    source: &'a str,
}

impl<'a> LogLine<'a> {
    pub(in crate::http) fn new(entry: &'a LogEntry) -> Self {
        let timestamp = clock::text(entry.at);
        Self { timestamp, level: entry.level, message: &entry.message, source: entry.source }
    }
}

/// Lines of a log.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct LogList<'a> {
    pub(in crate::http) run_id: &'a str,
    /// In their order.
    pub(in crate::http) logs: Vec<LogLine<'a>>,
    /// Whether as many lines came as were asked for, so that there may be earlier ones.
    pub(in crate::http) has_more: bool,
}
