//! Names of the files of a command that writes one or several.

use cts_core::table::Format;

/// Where the tables of a command go.
pub(crate) struct Names {
    /// The stem of the input.
    pub(crate) stem: String,
    /// The name asked for.
    pub(crate) out: Option<String>,
    /// Whether there is one table only.
    pub(crate) single: bool,
    pub(crate) format: Format,
}

impl Names {
    /// The file of the table `label`: `-` is standard output, where one table goes as text.
    pub(crate) fn of(&self, label: &str) -> String {
        let text = matches!(self.format, Format::Csv | Format::Json);
        match &self.out {
            Some(out) if self.single => out.clone(),
            None if self.single && text => "-".to_owned(),
            _ => format!("{}.{label}.{}", self.stem, self.format.extension()),
        }
    }
}
