//! Failures as the outside sees them: category, stable code, message, details, and what would help.

mod cause;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use cause::{OUT_OF_MEMORY, TOO_LARGE, io_code};

/// Who has to act on a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// The tool failed: an error of its own, a crash, a limit, an output that makes no sense.
    ToolError,
    /// The request or the input is wrong.
    ValidationError,
    /// The machine refused: disk, permission, a missing part.
    SystemError,
    /// No tool of that name.
    ToolNotFound,
}

impl Category {
    /// Its name, as clients see it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ToolError => "tool_error",
            Self::ValidationError => "validation_error",
            Self::SystemError => "system_error",
            Self::ToolNotFound => "tool_not_found",
        }
    }
}

/// One failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Who has to act.
    pub category: Category,
    /// A stable word, such as `bad-param`.
    pub code: String,
    /// What went wrong, and where.
    pub message: String,
    /// What was seen of it.
    #[serde(default)]
    pub details: Box<Details>,
    /// What would help.
    pub suggested_fix: String,
    /// Whether the run was tried again before this failure stood.
    #[serde(default)]
    pub recovery_attempted: bool,
}

/// What was seen of a failure; only what is known is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Details {
    /// Exit code of the worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Signal that ended the worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// End of what the worker wrote to standard error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_stderr: Option<String>,
    /// Seconds from the start of the attempt to the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_time: Option<f64>,
    /// Largest resident memory of the worker that was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
    /// The limit that was hit: `wall_time`, `cpu_time`, `memory`, `open_files`, `artifact_size`, `artifacts`,
    /// `output_size`, `pipe_size`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_hit: Option<String>,
    /// Its value, in seconds or bytes, or a number of files; 0 if the service set none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_value: Option<u64>,
    /// The parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// The place in the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Kind of an operating system error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// Attempts that were made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

/// A place in the input; see [`cts_core::At`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are those of `cts_core::At`")]
pub struct Place {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
}

impl Failure {
    /// A failure without details.
    pub fn new(category: Category, code: &str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        let (code, message, suggested_fix) = (code.to_owned(), message.into(), fix.into());
        Self { category, code, message, details: Box::default(), suggested_fix, recovery_attempted: false }
    }

    /// A wrong request.
    pub fn validation(code: &str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Category::ValidationError, code, message, fix)
    }

    /// A refusal of the machine.
    pub fn system(code: &str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Category::SystemError, code, message, fix)
    }

    /// An I/O failure of the service; `action` and `what` say of what.
    #[cold]
    pub fn io(action: &str, what: &std::path::Path, error: &std::io::Error) -> Self {
        let (code, fix) = io_code(error);
        let mut failure = Self::system(code, format!("cannot {action}: {error}: {what:?}"), fix);
        failure.details.error_type = Some(error.kind().to_string());
        failure
    }

    /// Whether the same run may succeed a little later.
    pub fn is_transient(&self) -> bool {
        matches!(self.code.as_str(), "disk-full" | "worker-start" | "worker-died" | "too-many-files" | "busy")
    }
}
