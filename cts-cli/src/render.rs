//! Words, data and progress on their way out. Nothing here uses colours, so that NO_COLOR has nothing to change.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use cts_core::tool::{Progress, Warning};
use cts_core::{Error, ErrorKind, Result};
use indicatif::{ProgressBar, ProgressStyle};

/// Standard output for data.
pub(crate) struct Out(BufWriter<StdoutLock<'static>>);

impl Out {
    pub(crate) fn new() -> Self {
        Self(BufWriter::with_capacity(64 << 10, io::stdout().lock()))
    }

    /// Writes all of `bytes`.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write_all(bytes).map_err(failed)
    }

    /// Writes a text and ends its last line.
    pub(crate) fn text(&mut self, text: &str) -> Result<()> {
        self.put(text.as_bytes())?;
        if text.ends_with('\n') { Ok(()) } else { self.put(b"\n") }
    }

    /// Writes an indented JSON document.
    pub(crate) fn json(&mut self, value: &impl serde::ser::Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(|e| failed(e.into()))?;
        self.text(&text)
    }

    /// Shows what was written so far.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.0.flush().map_err(failed)
    }

    /// Ends the output.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.0.flush().map_err(failed)
    }
}

#[cold]
fn failed(source: io::Error) -> Error {
    ErrorKind::Io { action: "write to standard output", source }.into()
}

/// Says a line on standard error.
pub(crate) fn say(line: &str) {
    // There is nowhere to complain.
    let _ = writeln!(io::stderr().lock(), "{}", line.trim_end());
}

/// A text from elsewhere without what could command a terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect()
}

/// Says what went wrong and what helps.
pub(crate) fn error(error: &Error) {
    say(&format!("cts: error [{}]: {error}", error.code()));
    if let Some(hint) = hint(error.kind()) {
        say(&format!("hint: {hint}"));
    }
}

/// Shows a file in a browser.
pub(crate) fn open(path: &Path) {
    let program = match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    };
    let silent = Stdio::null;
    let started = Command::new(program).arg(path).stdin(silent()).stdout(silent()).stderr(silent()).spawn();
    if let Err(error) = started {
        say(&format!("cts: warning: cannot open {}: {program}: {error}", path.display()));
    }
}

/// Says a warning.
pub(crate) fn warning(warning: &Warning) {
    say(&format!("cts: warning [{}]: {warning}", warning.code()));
}

/// Names in errors of downloads.
const NO_TOOL_PARAMS: [&str; 4] = ["API_HOST", "COMMA_JWT", "access_token", "dest"];

fn hint(kind: &ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::MissingParam { .. } => "give the log with --path, other parameters with -p name=value",
        // What is expected stands in the message.
        ErrorKind::BadParam { name, .. } if NO_TOOL_PARAMS.contains(&name.as_str()) => return None,
        ErrorKind::UnknownParam { .. } | ErrorKind::BadParam { .. } | ErrorKind::OutOfRange { .. } => {
            "`cts cap TOOL` lists the parameters of a tool"
        }
        ErrorKind::NoSuchTool { .. } => "`cts cap` lists the tools",
        ErrorKind::NoSuchDbc { .. } => {
            "name directories with --dbc-path or CTS_DBC_PATH, or `pip install opendbc`; `cts dbc show` lists all"
        }
        ErrorKind::NoSuchFile => "give a file, a directory, a route, or - for standard input",
        ErrorKind::NoSuchRoute { .. } => {
            "name the directories that hold routes with --data-dir or CTS_DATA_DIR, or fetch it with `cts download`"
        }
        ErrorKind::BadRoute { .. } => {
            "a route looks like a2a0ccea32023010|2023-07-27--13-01-19, its segments like /3:5"
        }
        ErrorKind::NotInConnect { .. } => {
            "check the name, and the token (COMMA_JWT); rlogs and videos are uploaded only when connect.comma.ai is asked to"
        }
        ErrorKind::NoAccess { .. } => {
            "put a token from https://jwt.comma.ai into COMMA_JWT or ~/.comma/auth.json; public drives need none"
        }
        ErrorKind::RateLimited { .. } => "try again in a minute",
        ErrorKind::Unreachable { .. } | ErrorKind::BadAnswer { .. } => {
            "check the connection, HTTPS_PROXY and API_HOST; certificates are those that the operating system trusts \
             (package ca-certificates, SSL_CERT_FILE)"
        }
        ErrorKind::CutTransfer { .. } => "the same command goes on where it broke off",
        ErrorKind::InUse => "wait for the other download of this drive, or choose another --out-dir",
        ErrorKind::NotALog { .. } => "give an rlog or qlog: zstd, bzip2 or uncompressed",
        ErrorKind::BadFraming { .. } | ErrorKind::BadCompression { .. } => {
            "without --strict, damage is read around"
        }
        _ => return None,
    })
}

/// A progress bar on a terminal, nothing elsewhere.
pub(crate) fn progress_bar(wanted: bool) -> ProgressBar {
    if !wanted || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::no_length();
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Shows how far a run is.
pub(crate) fn show(bar: &ProgressBar, progress: Progress) {
    match progress.total {
        Some(total) if bar.length() != Some(total) => {
            bar.set_length(total);
            if let Ok(style) =
                ProgressStyle::with_template("{bar:30} {percent:>3}% {bytes}/{total_bytes} {eta}")
            {
                bar.set_style(style);
            }
        }
        _ => {}
    }
    bar.set_position(progress.done);
}

/// A bar of percents on a terminal, nothing elsewhere.
pub(crate) fn percent_bar(wanted: bool) -> ProgressBar {
    let bar = progress_bar(wanted);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3}% {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar.set_length(1000);
    bar
}
