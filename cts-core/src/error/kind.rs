//! Everything that can go wrong, with its stable word and its class.

/// What a caller can do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// A parameter is wrong: change the call.
    Param,
    /// Something named does not exist: change the name.
    NotFound,
    /// The input is damaged or of another format.
    Input,
    /// The input exceeds a limit that guards against hostile data.
    Limit,
    /// This build or version cannot do it.
    Unsupported,
    /// Something beyond this process refuses or does not answer: try again later, or get access.
    Unavailable,
    /// The caller stopped the work.
    Stopped,
    /// The operating system refused.
    Io,
}

/// Everything that can go wrong; [`std::fmt::Display`] gives the problem without its place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A parameter that the tool does not have.
    #[error("unknown parameter `{name}`{}", hint(suggestion))]
    UnknownParam {
        /// The name as given.
        name: String,
        /// The nearest known name.
        suggestion: Option<String>,
    },
    /// A required parameter or input is absent.
    #[error("missing parameter `{name}`: {help}")]
    MissingParam {
        /// The parameter.
        name: String,
        /// How to give it.
        help: String,
    },
    /// A value that cannot be read as the parameter's type.
    #[error("parameter `{name}` must be {expected}, not `{value}`")]
    BadParam {
        /// The parameter.
        name: String,
        /// The value as given.
        value: String,
        /// What would be accepted.
        expected: String,
    },
    /// A value outside the parameter's range.
    #[error("parameter `{name}` must be {range}, not {value}")]
    OutOfRange {
        /// The parameter.
        name: String,
        /// The value as given.
        value: String,
        /// The accepted range, in words.
        range: String,
    },
    /// No tool of that name.
    #[error("no tool named `{name}`{}", hint(suggestion))]
    NoSuchTool {
        /// The name as given.
        name: String,
        /// The nearest known name.
        suggestion: Option<String>,
    },
    /// No file or directory of that name.
    #[error("no such file or directory")]
    NoSuchFile,
    /// The schema has no service of that name.
    #[error("no service named `{name}` in the schema{}", hint(suggestion))]
    NoSuchService {
        /// The name as given.
        name: String,
        /// The nearest known name.
        suggestion: Option<String>,
    },
    /// A service has no field of that path.
    #[error("`{service}` has no field `{field}`{}", hint(suggestion))]
    NoSuchField {
        /// The service.
        service: String,
        /// The field path as given.
        field: String,
        /// The nearest known path.
        suggestion: Option<String>,
    },
    /// A route or segment that no searched directory holds.
    #[error("no log of {what} found in {searched}")]
    NoSuchRoute {
        /// The route or segment asked for.
        what: String,
        /// The directories that were searched.
        searched: String,
    },
    /// Text that is neither a path that exists nor a route.
    #[error("`{text}` is not a route: {reason}")]
    BadRoute {
        /// The text as given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Bytes that hold no openpilot log at all.
    #[error("not an openpilot log: {reason}")]
    NotALog {
        /// Why not.
        reason: String,
    },
    /// A log without the data that a tool works on.
    #[error("the log has no {what}: {help}")]
    NoData {
        /// What is missing.
        what: String,
        /// What was looked for, and what to do.
        help: String,
    },
    /// A compressed stream that breaks off or does not decode.
    #[error("{codec} stream is damaged at byte {byte} of the file: {reason}")]
    BadCompression {
        /// `zstd` or `bzip2`.
        codec: &'static str,
        /// Offset in the compressed file.
        byte: u64,
        /// What the decoder said.
        reason: String,
    },
    /// Bytes between messages that are no message.
    #[error("no valid message in {len} bytes: {reason}")]
    BadFraming {
        /// Number of bytes.
        len: u64,
        /// What is wrong with the first of them.
        reason: String,
    },
    /// A Cap'n Proto pointer that cannot be followed.
    #[error("bad pointer: {reason}")]
    BadPointer {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A schema file that cannot be used.
    #[error("bad schema: {reason}")]
    BadSchema {
        /// What is wrong with it.
        reason: String,
    },
    /// No database of that name where databases were looked for.
    #[error("no DBC named `{name}` in {searched}{}", hint(suggestion))]
    NoSuchDbc {
        /// The name as given.
        name: String,
        /// The places that were searched.
        searched: String,
        /// The nearest known names.
        suggestion: Option<String>,
    },
    /// A database has no message of that name or address.
    #[error("no message `{name}` in the DBC `{dbc}`{}", hint(suggestion))]
    NoSuchMessage {
        /// The name or address as given.
        name: String,
        /// The database.
        dbc: String,
        /// The nearest known name.
        suggestion: Option<String>,
    },
    /// No message of a database has a signal of that name.
    #[error("no signal `{name}` in the DBC `{dbc}`{}", hint(suggestion))]
    NoSuchSignalIn {
        /// The name as given.
        name: String,
        /// The database.
        dbc: String,
        /// The nearest known name.
        suggestion: Option<String>,
    },
    /// A message has no signal of that name.
    #[error("message `{message}` has no signal `{name}`{}", hint(suggestion))]
    NoSuchSignal {
        /// The name as given.
        name: String,
        /// The message.
        message: String,
        /// The nearest known name.
        suggestion: Option<String>,
    },
    /// A value that a signal cannot carry.
    #[error("signal `{signal}` cannot be {value}: {reason}")]
    BadValue {
        /// The signal.
        signal: String,
        /// The value as given.
        value: String,
        /// Why not.
        reason: String,
    },
    /// Text that is no DBC.
    #[error("not a DBC: {reason}")]
    BadDbc {
        /// What is wrong.
        reason: String,
    },
    /// A text table that does not have the expected form.
    #[error("bad CSV: {reason}")]
    BadCsv {
        /// What is wrong.
        reason: String,
    },
    /// An input that exceeds a limit.
    #[error("{what} exceeds the limit of {limit} ({name})")]
    TooLarge {
        /// What is too large, with its size if known.
        what: String,
        /// The limit.
        limit: u64,
        /// Name of the limit, a field of `Limits`.
        name: &'static str,
    },
    /// A codec that this crate does not read.
    #[error("{codec} is not supported: {help}")]
    UnknownCodec {
        /// The codec.
        codec: String,
        /// What to do.
        help: String,
    },
    /// A part of the crate that was not compiled in.
    #[error("this build lacks {what}: build with the feature `{feature}`")]
    FeatureNotBuilt {
        /// What is missing.
        what: &'static str,
        /// The cargo feature.
        feature: &'static str,
    },
    /// Comma connect has nothing of that name, or does not show it to this user.
    #[error("comma connect has no {what}: {reason}")]
    NotInConnect {
        /// What was asked for.
        what: String,
        /// What is known of it.
        reason: String,
    },
    /// A remote refused for lack of a right.
    #[error("no access to {what}: {reason}")]
    NoAccess {
        /// What was asked for.
        what: String,
        /// The answer.
        reason: String,
    },
    /// A remote that was asked too often.
    #[error("{host} takes no more requests for now")]
    RateLimited {
        /// The remote.
        host: String,
    },
    /// A remote that gives no useful answer.
    #[error("no useful answer from {host}: {reason}")]
    Unreachable {
        /// The remote.
        host: String,
        /// What was seen.
        reason: String,
    },
    /// An answer of a remote that cannot be used.
    #[error("the answer of {host} makes no sense: {reason}")]
    BadAnswer {
        /// The remote.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A transfer that broke off and could not be finished.
    #[error("the transfer broke off after {got} of {} bytes: {reason}", count(*expected))]
    CutTransfer {
        /// Bytes that are here.
        got: u64,
        /// Bytes in all, if known.
        expected: Option<u64>,
        /// What was seen.
        reason: String,
    },
    /// Another process or thread works on the same files.
    #[error("in use by another download")]
    InUse,
    /// The caller canceled.
    #[error("canceled")]
    Canceled,
    /// The operating system refused.
    #[error("{action}: {source}")]
    Io {
        /// What was tried: `read`, `create` …
        action: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
}

fn hint(suggestion: &Option<String>) -> String {
    match suggestion {
        Some(s) => format!(" (did you mean `{s}`?)"),
        None => String::new(),
    }
}

fn count(number: Option<u64>) -> String {
    number.map_or_else(|| "an unknown number of".to_owned(), |number| number.to_string())
}

impl ErrorKind {
    /// A stable word for this kind of failure.
    pub fn code(&self) -> &'static str {
        self.code_and_class().0
    }

    /// What a caller can do about it.
    pub fn class(&self) -> Class {
        self.code_and_class().1
    }

    fn code_and_class(&self) -> (&'static str, Class) {
        match self {
            Self::UnknownParam { .. } => ("unknown-param", Class::Param),
            Self::MissingParam { .. } => ("missing-param", Class::Param),
            Self::BadParam { .. } => ("bad-param", Class::Param),
            Self::OutOfRange { .. } => ("out-of-range", Class::Param),
            Self::NoSuchTool { .. } => ("no-such-tool", Class::NotFound),
            Self::NoSuchFile => ("no-such-file", Class::NotFound),
            Self::NoSuchService { .. } => ("no-such-service", Class::NotFound),
            Self::NoSuchField { .. } => ("no-such-field", Class::NotFound),
            Self::NoSuchMessage { .. } => ("no-such-message", Class::NotFound),
            Self::NoSuchSignalIn { .. } => ("no-such-signal", Class::NotFound),
            Self::NoSuchRoute { .. } => ("no-such-route", Class::NotFound),
            Self::BadRoute { .. } => ("bad-route", Class::Param),
            Self::NotALog { .. } => ("not-a-log", Class::Input),
            Self::NoData { .. } => ("no-data", Class::Input),
            Self::BadCompression { .. } => ("bad-compression", Class::Input),
            Self::BadFraming { .. } => ("bad-framing", Class::Input),
            Self::BadPointer { .. } => ("bad-pointer", Class::Input),
            Self::BadSchema { .. } => ("bad-schema", Class::Input),
            Self::NoSuchDbc { .. } => ("no-such-dbc", Class::NotFound),
            Self::NoSuchSignal { .. } => ("no-such-signal", Class::NotFound),
            Self::BadValue { .. } => ("bad-value", Class::Param),
            Self::BadDbc { .. } => ("dbc-syntax", Class::Input),
            Self::BadCsv { .. } => ("bad-csv", Class::Input),
            Self::TooLarge { .. } => ("too-large", Class::Limit),
            Self::UnknownCodec { .. } => ("unknown-codec", Class::Unsupported),
            Self::FeatureNotBuilt { .. } => ("feature-not-built", Class::Unsupported),
            Self::NotInConnect { .. } => ("not-in-connect", Class::NotFound),
            Self::NoAccess { .. } => ("no-access", Class::Unavailable),
            Self::RateLimited { .. } => ("rate-limited", Class::Unavailable),
            Self::Unreachable { .. } => ("unreachable", Class::Unavailable),
            Self::BadAnswer { .. } => ("bad-answer", Class::Unavailable),
            Self::CutTransfer { .. } => ("cut-transfer", Class::Unavailable),
            Self::InUse => ("in-use", Class::Unavailable),
            Self::Canceled => ("canceled", Class::Stopped),
            Self::Io { .. } => ("io", Class::Io),
        }
    }
}
