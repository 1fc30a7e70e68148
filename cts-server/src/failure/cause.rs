//! From errors of tools and of the operating system to failures: who has to act, and what would help.

use cts_core::{Class, Error, ErrorKind};

use super::{Category, Failure, Place};

/// What helps when a run wrote too much.
pub const TOO_LARGE: &str = "Ask for less output, for instance with filters, or raise max_artifact_size_mb.";
/// What helps when a run needed too much memory.
pub const OUT_OF_MEMORY: &str =
    "Use a smaller part of the input, or raise worker_memory_mb if the machine has the memory.";

/// Errors of the operating system that `std` has no stable name for. Source: errno(3), Linux.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// Code and remedy of an operating system error.
pub fn io_code(error: &std::io::Error) -> (&'static str, &'static str) {
    use std::io::ErrorKind as Kind;
    match error.kind() {
        Kind::StorageFull | Kind::QuotaExceeded => (
            "disk-full",
            "Free space on the disk of the data directory, or remove old runs; then start the run again.",
        ),
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => (
            "permission-denied",
            "Let the user that the service runs as read the input and write its data directory.",
        ),
        Kind::FileTooLarge => ("artifact-too-large", TOO_LARGE),
        Kind::OutOfMemory => ("out-of-memory", OUT_OF_MEMORY),
        Kind::NotFound => ("no-such-file", "Check the path; it is a path on the machine of the service."),
        // Names that no file can have: too long, or with a NUL in it.
        Kind::InvalidFilename | Kind::InvalidInput => {
            ("bad-name", "Use a name of at most 255 bytes without control characters.")
        }
        _ if matches!(error.raw_os_error(), Some(ENFILE | EMFILE)) => {
            ("too-many-files", "Raise the limit of open files of the service, or run fewer things at once.")
        }
        _ => ("io", "Look at the message of the operating system and at the log of the service."),
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let (category, fix) = category_and_fix(error);
        let mut failure = Self::new(category, error.code(), error.to_string(), fix);
        if let ErrorKind::Io { source, .. } = error.kind() {
            failure.set_io(source);
        }
        failure.details.parameter = parameter(error.kind());
        failure.details.place = place(error);
        failure
    }
}

impl Failure {
    /// What the operating system told a tool; some of it means that the tool hit one of its own limits.
    fn set_io(&mut self, source: &std::io::Error) {
        let (code, fix) = io_code(source);
        (self.code, self.suggested_fix) = (code.to_owned(), fix.to_owned());
        self.details.error_type = Some(source.kind().to_string());
        let (category, limit) = match code {
            "artifact-too-large" => (Category::ToolError, Some("artifact_size")),
            "out-of-memory" => (Category::ToolError, Some("memory")),
            // The other code of this name is about all files of the machine, which tools of others have open.
            "too-many-files" if source.raw_os_error() == Some(EMFILE) => {
                self.code = "open-files-limit".to_owned();
                self.suggested_fix = "Use an input of fewer files, or raise worker_open_files.".to_owned();
                (Category::ToolError, Some("open_files"))
            }
            "bad-name" | "no-such-file" => (Category::ValidationError, None),
            _ => (self.category, None),
        };
        (self.category, self.details.limit_hit) = (category, limit.map(str::to_owned));
    }
}

fn parameter(kind: &ErrorKind) -> Option<String> {
    match kind {
        ErrorKind::UnknownParam { name, .. }
        | ErrorKind::MissingParam { name, .. }
        | ErrorKind::BadParam { name, .. }
        | ErrorKind::OutOfRange { name, .. } => Some(name.clone()),
        _ => None,
    }
}

fn place(error: &Error) -> Option<Place> {
    let at = error.at();
    let place = Place {
        path: at.path.as_ref().map(|path| path.display().to_string()),
        segment: at.segment,
        event: at.event,
        byte: at.byte,
        line: at.line,
        column: at.column,
    };
    (place != Place::default()).then_some(place)
}

fn category_and_fix(error: &Error) -> (Category, String) {
    use Category::{SystemError, ToolError, ToolNotFound, ValidationError};
    let known = |suggestion: &Option<String>, otherwise: &str| match suggestion {
        Some(name) => format!("Did you mean `{name}`?"),
        None => otherwise.to_owned(),
    };
    let (category, fix): (Category, String) = match error.kind() {
        ErrorKind::NoSuchTool { suggestion, .. } => {
            (ToolNotFound, known(suggestion, "GET /v1/capabilities lists the tools."))
        }
        ErrorKind::UnknownParam { suggestion, .. } => {
            (ValidationError, known(suggestion, "GET /v1/capabilities lists the parameters of each tool."))
        }
        ErrorKind::MissingParam { name, help } => (ValidationError, format!("Give `{name}`: {help}")),
        ErrorKind::BadParam { name, expected, .. } => (ValidationError, format!("Give `{name}` as {expected}.")),
        ErrorKind::OutOfRange { name, range, .. } => (ValidationError, format!("Give `{name}` {range}.")),
        ErrorKind::NoSuchFile => {
            let fix = "Check the path; it is a path on the machine of the service. Upload the file if it is elsewhere.";
            (ValidationError, fix.to_owned())
        }
        // A directory was named, and no route.
        ErrorKind::NoSuchRoute { what, .. } if what == "any route" => (
            ValidationError,
            "Name a log, or a directory that has logs under the names that openpilot gives them.".to_owned(),
        ),
        ErrorKind::NoSuchRoute { .. } | ErrorKind::BadRoute { .. } => {
            (ValidationError, "Check the name of the route and the search directories of the service, or fetch it with POST /v1/downloads.".to_owned())
        }
        ErrorKind::NotInConnect { .. } => (
            ValidationError,
            "Check the name of the drive, that its files are uploaded, and that the service has a token that may see it \
             (comma_jwt)."
                .to_owned(),
        ),
        ErrorKind::NoAccess { .. } => {
            let fix = "Give the service a token from https://jwt.comma.ai (comma_jwt or comma_jwt_file); it may have expired.";
            (SystemError, fix.to_owned())
        }
        ErrorKind::RateLimited { .. } => (SystemError, "Try again in a minute.".to_owned()),
        ErrorKind::Unreachable { .. } | ErrorKind::BadAnswer { .. } => {
            let fix = "Check the connection of the service, its proxy and certificates, and comma_api_url; then try again.";
            (SystemError, fix.to_owned())
        }
        ErrorKind::CutTransfer { .. } => {
            (SystemError, "Send the same request again: with `resume` it goes on where it broke off.".to_owned())
        }
        ErrorKind::InUse => {
            (SystemError, "Wait for the other download of this drive, or choose another destination.".to_owned())
        }
        ErrorKind::FeatureNotBuilt { .. } => {
            (SystemError, "Use a build of the service that has this part.".to_owned())
        }
        ErrorKind::NoData { help, .. } => (ValidationError, sentence(help)),
        ErrorKind::UnknownCodec { help, .. } => (ValidationError, sentence(help)),
        ErrorKind::BadCsv { .. } | ErrorKind::BadDbc { .. } => {
            (ValidationError, "Correct the place in the file that the message names.".to_owned())
        }
        _ => match error.class() {
            Class::Param => (ValidationError, "Correct the parameter.".to_owned()),
            Class::NotFound => (ValidationError, "Check the name; the message says what was looked for.".to_owned()),
            Class::Input => (
                ValidationError,
                "Check that the input is the file you meant and was copied completely; the message says where it \
                 breaks off."
                    .to_owned(),
            ),
            Class::Limit => {
                (ValidationError, "Use a smaller input; the message names the limit that it exceeds.".to_owned())
            }
            Class::Unsupported => (ValidationError, "Convert the input to a supported form.".to_owned()),
            Class::Unavailable => (SystemError, "Try again later.".to_owned()),
            Class::Stopped => (ToolError, "Start the run again.".to_owned()),
            Class::Io => (SystemError, "Look at the message of the operating system.".to_owned()),
        },
    };
    (category, fix)
}

/// A hint of a message as a sentence of its own.
fn sentence(hint: &str) -> String {
    let mut letters = hint.trim_end_matches('.').chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(['.']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_are_told_apart() {
        use std::io::{Error as Io, ErrorKind as Kind};
        let of = |source: Io| {
            let failure = Failure::from(&Error::from(ErrorKind::Io { action: "create", source }));
            (failure.category, failure.code, failure.details.limit_hit)
        };
        let tool = |code: &str, limit: &str| (Category::ToolError, code.to_owned(), Some(limit.to_owned()));
        assert_eq!(of(Io::from_raw_os_error(EMFILE)), tool("open-files-limit", "open_files"));
        assert_eq!(of(Kind::OutOfMemory.into()), tool("out-of-memory", "memory"));
        assert_eq!(of(Kind::FileTooLarge.into()), tool("artifact-too-large", "artifact_size"));
        assert_eq!(
            of(Io::from_raw_os_error(ENFILE)),
            (Category::SystemError, "too-many-files".to_owned(), None)
        );
        assert_eq!(
            of(Kind::InvalidFilename.into()),
            (Category::ValidationError, "bad-name".to_owned(), None)
        );
        assert_eq!(of(Kind::Other.into()), (Category::SystemError, "io".to_owned(), None));
    }

    #[test]
    fn hints_become_sentences() {
        assert_eq!(sentence("give a log as zstd"), "Give a log as zstd.");
        assert_eq!(sentence("Done."), "Done.");
        assert_eq!(sentence(""), ".");
    }

    #[test]
    fn kinds_become_categories() {
        let of = |kind: ErrorKind| Failure::from(&Error::from(kind));
        let missing = of(ErrorKind::NoSuchTool { name: "x".into(), suggestion: Some("y".into()) });
        assert_eq!(
            (missing.category, missing.suggested_fix.as_str()),
            (Category::ToolNotFound, "Did you mean `y`?")
        );
        let full = of(ErrorKind::Io { action: "write", source: std::io::ErrorKind::StorageFull.into() });
        assert_eq!((full.category, full.code.as_str()), (Category::SystemError, "disk-full"));
        assert!(full.is_transient());
        let bad = Error::from(ErrorKind::NotALog { reason: "empty".into() }).path("a.zst");
        let bad = Failure::from(&bad);
        assert_eq!(bad.category, Category::ValidationError);
        assert_eq!(bad.details.place.unwrap().path.unwrap(), "a.zst");
    }
}
