//! Options of all commands, from flags, environment and the configuration file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::ArgMatches;
use cts_core::dbc::Search;
use cts_core::log::ReadOptions;
use cts_core::tool::Ctx;
use cts_core::{Error, ErrorKind, Result};

use crate::service::Flags;

/// What applies to every command.
pub(crate) struct Global {
    /// Directories to search for routes: flags first, then the environment, then the file.
    pub(crate) data_dirs: Vec<PathBuf>,
    /// Directories to search for DBC files: flags first, then the environment, then the file.
    pub(crate) dbc_dirs: Vec<PathBuf>,
    /// Whether damage is an error.
    pub(crate) strict: bool,
    /// Whether a progress bar may be drawn.
    pub(crate) progress: bool,
    /// Whether only results and errors are wanted.
    pub(crate) quiet: bool,
    /// What the flags say of the service.
    pub(crate) service: Flags,
    /// Raised by Ctrl-C.
    pub(crate) cancel: Arc<AtomicBool>,
}

impl Global {
    pub(crate) fn new(matches: &ArgMatches, cancel: Arc<AtomicBool>) -> Result<Self> {
        let data_dirs = dirs(matches, "data-dir", "CTS_DATA_DIR", "data_dirs")?;
        let dbc_dirs = dirs(matches, "dbc-path", "CTS_DBC_PATH", "dbc_dirs")?;
        let (strict, progress) = (matches.get_flag("strict"), !matches.get_flag("no-progress"));
        let (quiet, service) = (matches.get_flag("quiet"), Flags::new(matches));
        Ok(Self { data_dirs, dbc_dirs, strict, progress: progress && !quiet, quiet, service, cancel })
    }

    /// Says a line that is neither result nor error.
    pub(crate) fn say(&self, line: &str) {
        if !self.quiet {
            crate::render::say(line);
        }
    }

    /// Where databases are looked for.
    pub(crate) fn dbc_search(&self) -> Search {
        Search::with_environment(self.dbc_dirs.iter().cloned())
    }

    /// A context whose artifacts go to `out_dir`.
    pub(crate) fn ctx(&self, out_dir: &Path) -> Ctx {
        Ctx::new(out_dir)
            .with_search_dirs(self.data_dirs.clone())
            .with_options(ReadOptions { strict: self.strict, ..ReadOptions::default() })
            .with_cancel(Arc::clone(&self.cancel))
    }
}

/// The directories of a flag, of an environment variable, and of a key of the file.
fn dirs(matches: &ArgMatches, flag: &str, variable: &str, key: &str) -> Result<Vec<PathBuf>> {
    let flags = matches.get_many::<PathBuf>(flag).unwrap_or_default();
    let mut all: Vec<PathBuf> = flags.cloned().collect();
    if let Some(dirs) = std::env::var_os(variable) {
        all.extend(std::env::split_paths(&dirs).filter(|dir| !dir.as_os_str().is_empty()));
    }
    if let Some(path) = file() {
        all.extend(from_file(&path, key)?);
    }
    Ok(all)
}

/// `$XDG_CONFIG_HOME/cts/config.toml`, by default in `~/.config`.
pub(crate) fn file() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(base.join("cts").join("config.toml"))
}

/// A list of directories of the file; relative ones are taken from the file's directory. No file is no error.
fn from_file(path: &Path, key: &str) -> Result<Vec<PathBuf>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("read", e).path(path)),
    };
    let table: toml::Table =
        text.parse().map_err(|e: toml::de::Error| wrong(path, key, e.message(), "valid TOML"))?;
    let Some(dirs) = table.get(key) else {
        return Ok(Vec::new());
    };
    let dirs =
        dirs.as_array().and_then(|dirs| dirs.iter().map(toml::Value::as_str).collect::<Option<Vec<_>>>());
    let dirs = dirs.ok_or_else(|| wrong(path, key, &table[key].to_string(), "a list of directories"))?;
    let base = path.parent().unwrap_or(Path::new(""));
    Ok(dirs.into_iter().map(|dir| base.join(dir)).collect())
}

#[cold]
fn wrong(path: &Path, key: &str, value: &str, expected: &str) -> Error {
    let (name, value, expected) = (key.to_owned(), value.to_owned(), expected.to_owned());
    Error::from(ErrorKind::BadParam { name, value, expected }).path(path)
}
