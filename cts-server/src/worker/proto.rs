//! What service and worker say to each other, a JSON object a line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::settings::Limits;

/// What a worker shall do; the only thing it is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The run, for messages.
    pub run: String,
    /// The tool.
    pub tool: String,
    /// Its parameters, the input among them.
    pub params: Map<String, Value>,
    /// Where its files go; also its working directory.
    pub work_dir: PathBuf,
    /// Where routes are searched.
    pub search_dirs: Vec<PathBuf>,
    /// What the worker may use.
    pub limits: JobLimits,
    /// Whether it shall tell each finding of a monitor.
    #[serde(default)]
    pub findings: bool,
    /// A file whose hash it shall tell with its report.
    #[serde(default)]
    pub hash: Option<PathBuf>,
}

/// What the operating system lets a worker use; zero means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobLimits {
    /// CPU time in s.
    pub cpu_seconds: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Open files.
    pub open_files: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
}

impl From<&Limits> for JobLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            cpu_seconds: limits.cpu_seconds,
            memory_bytes: limits.memory_bytes,
            open_files: limits.open_files,
            file_bytes: limits.artifact_bytes,
        }
    }
}

/// What a worker says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Said {
    /// It waits for its job.
    Ready,
    /// How far the job is.
    Progress {
        /// Bytes of the input that are done.
        done: u64,
        /// All bytes of the input, if known.
        total: Option<u64>,
    },
    /// A line for people.
    Log {
        /// `DEBUG`, `INFO`, `WARNING` or `ERROR`.
        level: String,
        /// The line.
        message: String,
    },
    /// A file is whole, in the working directory.
    Artifact {
        /// Its plain name there.
        name: String,
        /// Its media type.
        content_type: String,
    },
    /// A monitor saw something.
    Finding {
        /// What, and when.
        finding: Value,
    },
    /// The job is done.
    Report {
        /// The report of the tool.
        report: Value,
        /// SHA-256 of the file that it was asked for.
        #[serde(default)]
        hash: Option<String>,
    },
    /// The job failed.
    Error {
        /// Why.
        failure: Failure,
    },
}
