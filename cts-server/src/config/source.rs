//! What the layers above the defaults are read from.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything outside the program that [`super::load`] looks at, so that tests can make it up.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The TOML file given by flag; else the variable `CTS_CONFIG` names it.
    pub file: Option<PathBuf>,
    /// The `.env` file; it need not exist.
    pub dot_env: Option<PathBuf>,
    /// The environment of the process.
    pub variables: BTreeMap<String, String>,
    /// Flags: name of the field, text.
    pub flags: Vec<(&'static str, String)>,
    /// Where a user's data lies, for a service that may not write to the default directories.
    pub user_data: Option<PathBuf>,
}

impl Sources {
    /// The environment of this process and `.env` in its working directory.
    pub fn of_process() -> Self {
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let variables: BTreeMap<_, _> =
            std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect();
        let set = |name: &str| variables.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let user_data = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")));
        Self { file: None, dot_env: Some(PathBuf::from(".env")), variables, flags: Vec::new(), user_data }
    }
}
