//! Where databases lie: a path, a name on the search path, or built in.

use std::path::{Path, PathBuf};

use super::generate::{self, Assembled, Pieces};
use super::{Dbc, Finding, Part, cars, packages};
use crate::error::nearest;
use crate::{Error, ErrorKind, Result};

/// Small databases that need nothing installed; our own statement of positions that opendbc documents.
const SUBARU: &str = include_str!("data/subaru_global.dbc");
const SUBARU_2017: &str = include_str!("data/subaru_global_2017.dbc");
const SUBARU_HYBRID: &str = include_str!("data/subaru_global_2020_hybrid.dbc");

/// Names of the built-in databases. The first one is that of a car without hybrid drive.
pub const BUILTIN: &[&str] =
    &["subaru_global_2017_generated", "subaru_global_2020_hybrid_generated", "subaru_global"];

const GENERATED: &str = "_generated";
/// Where a checkout of opendbc or openpilot, or a Python installation, has the databases.
const INSIDE: &[&str] = &["", "opendbc_repo/opendbc/dbc", "opendbc/dbc", "dbc"];

/// The places where a name is looked for.
#[derive(Clone, Debug, Default)]
pub struct Search {
    places: Vec<PathBuf>,
    python: Option<PathBuf>,
}

/// A database with what is known about its text.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The database.
    pub dbc: Dbc,
    /// What was odd in its text; see also [`super::lint`].
    pub findings: Vec<Finding>,
    /// The text: that of the file, or as it was put together.
    pub text: String,
    /// Where it comes from.
    pub origin: Origin,
    made: Option<Pieces>,
}

/// Where a database comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// A file of a generator directory, with the files that it imports.
    Generated(PathBuf),
    /// A layout that opendbc's scripts repeat, written here.
    Repeated,
    /// opendbc's own generator, run by this Python.
    Python(PathBuf),
    /// Built into this program.
    Builtin,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Generated(path) => write!(f, "{} and its imports", path.display()),
            Self::Repeated => f.write_str("built in (radar tracks)"),
            Self::Python(python) => write!(f, "opendbc's generator, run by {}", python.display()),
            Self::Builtin => f.write_str("built in"),
        }
    }
}

impl Loaded {
    /// Everything that is odd or wrong, in its text and in its meaning, in the order of the lines.
    pub fn lint(&self) -> Vec<Finding> {
        let mut more = super::lint(&self.dbc);
        for finding in &mut more {
            finding.part = self.part(finding.line);
        }
        let mut all = [self.findings.as_slice(), &more].concat();
        all.sort_by_key(|finding| (finding.line, finding.column));
        all
    }

    /// The file and line that a line of the text comes from; `None` for a text of one file.
    pub fn part(&self, line: u32) -> Option<Part> {
        self.made.as_ref()?.part(line)
    }
}

impl Search {
    /// Looks in `dirs` only: directories of DBC files, or checkouts of opendbc or openpilot.
    pub fn new(dirs: impl IntoIterator<Item = PathBuf>) -> Self {
        let inside = |dir: PathBuf| INSIDE.iter().map(move |sub| dir.join(sub)).filter(|dir| has_dbcs(dir));
        let mut places: Vec<PathBuf> = Vec::new();
        for place in dirs.into_iter().flat_map(inside) {
            let place = place.components().collect();
            if !places.contains(&place) {
                places.push(place);
            }
        }
        Self { places, python: None }
    }

    /// Looks in `dirs`, then in those of `CTS_DBC_PATH`, then in the Python installation's `opendbc` package,
    /// then in an openpilot checkout in its usual place.
    pub fn with_environment(dirs: impl IntoIterator<Item = PathBuf>) -> Self {
        let from_variable = std::env::var_os("CTS_DBC_PATH").unwrap_or_default();
        let from_variable: Vec<_> =
            std::env::split_paths(&from_variable).filter(|dir| !dir.as_os_str().is_empty()).collect();
        let found = packages::site_packages().into_iter().chain(packages::checkouts());
        let mut search = Self::new(dirs.into_iter().chain(from_variable).chain(found));
        search.python = packages::python();
        search
    }

    /// The directories that are searched.
    pub fn places(&self) -> &[PathBuf] {
        &self.places
    }

    /// Every name that can be loaded, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = BUILTIN.iter().map(|name| (*name).to_owned()).collect();
        for place in &self.places {
            names.extend(stems(place));
            for make in subdirectories(&place.join("generator")) {
                let mains = stems(&make).into_iter().filter(|stem| !stem.starts_with('_'));
                names.extend(mains.map(|stem| stem + GENERATED));
            }
            if place.join("generator").is_dir() {
                names
                    .extend(generate::RADARS.iter().chain(generate::SCRIPTED).map(|name| (*name).to_owned()));
            }
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Loads a path or a name. A name that opendbc has changed finds the database under its other names too.
    ///
    /// # Errors
    /// `no-such-dbc` with the places searched and the nearest name, `dbc-syntax` for a file that holds no message,
    /// `no-such-file` for a path or an imported file, `io`.
    pub fn load(&self, name: &str) -> Result<Loaded> {
        let path = Path::new(name);
        let is_path =
            path.extension().is_some_and(|e| e.eq_ignore_ascii_case("dbc")) || path.components().count() > 1;
        if is_path || path.is_file() {
            return load_file(path);
        }
        let with_suffix = [name.to_owned(), format!("{name}{GENERATED}")];
        let others = with_suffix.iter().flat_map(|name| cars::other_names(name)).map(str::to_owned);
        let candidates: Vec<String> = with_suffix.iter().cloned().chain(others).collect();
        for candidate in &candidates {
            if let Some(loaded) = self.named(candidate)? {
                return Ok(loaded);
            }
        }
        match candidates.iter().find_map(|name| builtin(name)) {
            Some(loaded) => Ok(loaded),
            None => Err(self.not_found(name)),
        }
    }

    fn named(&self, name: &str) -> Result<Option<Loaded>> {
        for place in &self.places {
            let file = place.join(format!("{name}.dbc"));
            if file.is_file() {
                return load_file(&file).map(Some);
            }
            let Some(stem) = name.strip_suffix(GENERATED) else {
                continue;
            };
            for make in subdirectories(&place.join("generator")) {
                let file = make.join(format!("{stem}.dbc"));
                if file.is_file() && !stem.starts_with('_') {
                    return load_file(&file).map(Some);
                }
            }
        }
        if let Some(text) = generate::radar(name) {
            return Ok(Some(loaded(name, text, Origin::Repeated, None)));
        }
        self.scripted(name)
    }

    /// What only a script of opendbc can write.
    fn scripted(&self, name: &str) -> Result<Option<Loaded>> {
        let place = self.places.iter().find(|place| place.join("generator").is_dir());
        let Some(place) = place.filter(|_| generate::SCRIPTED.contains(&name)) else {
            return Ok(None);
        };
        let python = self.python.as_deref().ok_or_else(|| needs_python(name))?;
        let text = packages::generated(python, place, name)?;
        Ok(Some(loaded(name, text, Origin::Python(python.to_owned()), None)))
    }

    #[cold]
    fn not_found(&self, name: &str) -> Error {
        let names = self.names();
        let stems = names.iter().map(|known| known.strip_suffix(GENERATED).unwrap_or(known));
        let suggestion = nearest(name, names.iter().map(String::as_str).chain(stems)).or_else(|| {
            let parts: Vec<&String> = names.iter().filter(|known| known.contains(name)).take(5).collect();
            (!parts.is_empty()).then(|| parts.iter().map(|s| s.as_str()).collect::<Vec<_>>().join("`, `"))
        });
        let places: Vec<String> = self.places.iter().map(|place| place.display().to_string()).collect();
        let searched = match places.as_slice() {
            [] => "the built-in ones (no directory with DBC files was found)".to_owned(),
            places => format!("{} and the built-in ones", places.join(", ")),
        };
        ErrorKind::NoSuchDbc { name: name.to_owned(), searched, suggestion }.into()
    }
}

#[cold]
fn needs_python(name: &str) -> Error {
    let help = format!("`{name}` is written by a Python script of opendbc, and no Python was found");
    ErrorKind::UnknownCodec { codec: "this database".into(), help }.into()
}

fn builtin(name: &str) -> Option<Loaded> {
    let more = match name {
        "subaru_global_2017_generated" => SUBARU_2017,
        "subaru_global_2020_hybrid_generated" => SUBARU_HYBRID,
        "subaru_global" => "",
        _ => return None,
    };
    Some(loaded(name, SUBARU.to_owned() + more, Origin::Builtin, None))
}

/// Loads a file; one of a generator directory with all that it imports.
fn load_file(path: &Path) -> Result<Loaded> {
    let bytes = std::fs::read(path).map_err(|e| Error::io("read", e).path(path))?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let text = text_of(&bytes);
    let in_generator = path.ancestors().nth(2).is_some_and(|dir| dir.ends_with("generator"));
    let generated = in_generator && !stem.starts_with('_');
    let loaded = if generate::has_imports(&text) || generated {
        let made = with_imports(path, &text)?;
        loaded(&(stem + GENERATED), made.text, Origin::Generated(path.to_owned()), Some(made.pieces))
    } else {
        let (dbc, findings) = Dbc::from_bytes(&stem, &bytes);
        Loaded { dbc, findings, text, origin: Origin::File(path.to_owned()), made: None }
    };
    refuse_other_formats(loaded, path)
}

/// Text that is no DBC at all is read without error by the parser, and gives nothing.
fn refuse_other_formats(loaded: Loaded, path: &Path) -> Result<Loaded> {
    let wrong = loaded
        .findings
        .iter()
        .find(|finding| finding.code.starts_with("unknown-") || finding.code.starts_with("bad-"));
    match wrong.filter(|_| loaded.dbc.messages.is_empty()) {
        None => Ok(loaded),
        Some(finding) => {
            let error = Error::from(ErrorKind::BadDbc { reason: finding.message.clone() });
            Err(error.line(finding.line.into()).column(finding.column.into()).path(path))
        }
    }
}

fn loaded(name: &str, text: String, origin: Origin, made: Option<Pieces>) -> Loaded {
    let (dbc, mut findings) = Dbc::parse(name, &text);
    if let Some(made) = &made {
        findings.iter_mut().for_each(|finding| finding.part = made.part(finding.line));
    }
    Loaded { dbc, findings, text, origin, made }
}

fn with_imports(path: &Path, text: &str) -> Result<Assembled> {
    let dir = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let read = |file: &str| -> Result<String> {
        let path = dir.join(file);
        std::fs::read(&path).map(|bytes| unix(&text_of(&bytes))).map_err(|e| Error::io("read", e).path(path))
    };
    generate::assemble(&name, &unix(text), |file| match generate::renumbering(file) {
        Some((source, ids)) if !dir.join(file).is_file() => {
            Ok(generate::renumber(source, &read(source)?, ids))
        }
        _ => read(file),
    })
}

/// Python's text files have no CR.
fn unix(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn text_of(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => super::parse::latin1(bytes),
    }
}

fn has_dbcs(dir: &Path) -> bool {
    dir.is_dir() && (!stems(dir).is_empty() || dir.join("generator").is_dir())
}

/// Stems of the DBC files of a directory.
fn stems(dir: &Path) -> Vec<String> {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let dbcs = files.filter(|path| path.extension().is_some_and(|extension| extension == "dbc"));
    dbcs.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect()
}

fn subdirectories(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut dirs: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    dirs.sort_unstable();
    dirs
}

#[cfg(test)]
mod tests;
