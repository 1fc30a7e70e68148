//! How things look in JSON; the shapes that older clients know, with both spellings where they differ.
//!
//! These types are the schemas of the OpenAPI document, too.

mod artifact;
mod download;
mod log;
mod monitor;
mod run;
mod upload;

use serde::Serialize;
use serde_json::Number;
use utoipa::ToSchema;

pub(super) use artifact::{ArtifactView, download_path};
pub(super) use download::DownloadView;
pub(super) use log::{LogLine, LogList};
pub(super) use monitor::{MonitorEvent, MonitorView};
pub(super) use run::{FullRunView, RunView, ids};
pub(super) use upload::UploadView;

use crate::failure::{Details, Failure};
use crate::store::InputRef;

/// What a run or a monitor reads.
#[derive(Serialize, ToSchema)]
#[schema(as = Input)]
pub(super) struct InputView<'a> {
    /// `path` or `upload`.
    r#type: &'a str,
    /// The path or route, or the id of the upload.
    value: &'a str,
}

impl<'a> InputView<'a> {
    fn new(input: &'a InputRef) -> Self {
        Self { r#type: &input.kind, value: &input.value }
    }
}

/// What was seen of a failure, and what would help.
#[derive(Serialize, ToSchema)]
#[schema(as = ErrorDetails)]
pub(super) struct ErrorView {
    #[serde(flatten)]
    details: Details,
    /// A stable word.
    code: String,
    /// What would help.
    suggested_fix: String,
    /// Whether it was tried again before this failure stood.
    recovery_attempted: bool,
}

impl ErrorView {
    fn new(failure: &Failure) -> Self {
        Self {
            details: (*failure.details).clone(),
            code: failure.code.clone(),
            suggested_fix: failure.suggested_fix.clone(),
            recovery_attempted: failure.recovery_attempted,
        }
    }
}

/// Percent with one decimal, or none when that is zero.
fn percent(percent: f64) -> Number {
    let tenths = (percent * 10.0).round();
    let whole = (tenths % 10.0 == 0.0).then(|| Number::from((tenths / 10.0) as u64));
    whole.or_else(|| Number::from_f64(tenths / 10.0)).unwrap_or_else(|| 0.into())
}

/// `12.3s`. Clocks may be set back meanwhile.
fn seconds(micros: i64) -> String {
    format!("{:.1}s", micros.max(0) as f64 / 1e6)
}
