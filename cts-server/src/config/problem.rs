//! What is wrong with a configuration, where it says so, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use super::values::Environment;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The table of fields.
    Default,
    /// The profile of an environment.
    Profile(Environment),
    /// A default that cannot be used on this machine was replaced.
    Fallback,
    /// A default that lies below the directory of another field.
    Follows(&'static str),
    /// A line, from 1, of a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Variable(String),
    /// A flag, with its dashes.
    Flag(String),
}

impl Origin {
    /// Whether someone chose the value, so that it must not be replaced.
    pub fn is_chosen(&self) -> bool {
        matches!(self, Self::File { .. } | Self::Variable(_) | Self::Flag(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Profile(environment) => write!(f, "profile {environment}"),
            Self::Fallback => f.write_str("fallback"),
            Self::Follows(name) => write!(f, "follows {name}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// Whether a problem keeps the service from starting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It does.
    Error,
    /// It does not.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub level: Level,
    /// Where it is written, when somewhere.
    pub origin: Option<Origin>,
    /// What is wrong, with the names and values involved.
    pub message: String,
    /// What to do.
    pub remedy: Option<String>,
}

impl Problem {
    pub(crate) fn error(message: impl Into<String>) -> Self {
        Self { level: Level::Error, origin: None, message: message.into(), remedy: None }
    }

    pub(crate) fn warning(message: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::error(message) }
    }

    pub(crate) fn at(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.level == Level::Error { "error" } else { "warning" };
        write!(f, "{level}: ")?;
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(remedy) = &self.remedy {
            write!(f, "\n  remedy: {remedy}")?;
        }
        Ok(())
    }
}

/// All problems of a configuration that cannot be used; the warnings are among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
