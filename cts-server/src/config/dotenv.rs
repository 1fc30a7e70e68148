//! The `.env` file: variables of this service among those of other programs.

use std::path::Path;

use super::problem::{Origin, Problem};

/// One variable of the file.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) origin: Origin,
}

/// The variables that start with `CTS_`. Everything else in the file belongs to others and is not looked at; a line
/// that cannot be read is a warning, as is a file that cannot be read. Later lines win over earlier ones.
pub(super) fn read(path: &Path) -> (Vec<Entry>, Vec<Problem>) {
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return (Vec::new(), Vec::new()),
        Err(e) => {
            return (Vec::new(), vec![Problem::warning(format!("cannot read {}: {e}", path.display()))]);
        }
    };
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    // Line by line, since the library does not tell where a variable stood.
    for (i, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let ours = line.trim_start().trim_start_matches("export ").trim_start().starts_with("CTS_");
        if !ours {
            continue;
        }
        let origin = Origin::File { path: path.to_owned(), line: i + 1 };
        match dotenvy::from_read_iter(line.as_bytes()).next() {
            Some(Ok((name, value))) => {
                entries.retain(|e: &Entry| e.name != name);
                entries.push(Entry { name, value, origin });
            }
            Some(Err(_)) => {
                problems.push(Problem::warning("the line is not `NAME=value`; it is ignored").at(origin))
            }
            None => {}
        }
    }
    (entries, problems)
}
