//! The Python installation: where its packages are, and its help with the databases that only its scripts can write.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Error, ErrorKind, Result};

/// The program that writes one generated database.
const WRITE: &str = "import sys; sys.path.insert(0, sys.argv[1]); import opendbc; \
                     sys.stdout.reconfigure(encoding='utf-8', newline=''); \
                     sys.stdout.write(opendbc.get_generated_dbcs()[sys.argv[2]])";

/// Directories that hold Python packages: those of the active environment, of the `python3` of `PATH`, of the user.
/// No Python is run for this.
pub(super) fn site_packages() -> Vec<PathBuf> {
    let mut roots: Vec<PathBuf> = std::env::var_os("VIRTUAL_ENV").map(PathBuf::from).into_iter().collect();
    if let Some(python) = on_path() {
        let real = python.canonicalize().ok();
        roots.extend(
            [Some(python), real]
                .into_iter()
                .flatten()
                .filter_map(|path| Some(path.parent()?.parent()?.to_owned())),
        );
    }
    roots.extend(std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local")));
    roots.iter().flat_map(|root| below(root)).collect()
}

/// Where openpilot lies on a device and, by its instructions, on a computer.
pub(super) fn checkouts() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join("openpilot"));
    home.into_iter().chain([PathBuf::from("/data/openpilot")]).collect()
}

/// `lib/python3.12/site-packages` and what other systems call it.
fn below(root: &Path) -> Vec<PathBuf> {
    let mut libs: Vec<PathBuf> = vec![root.join("lib/python3"), root.join("Lib")];
    let entries =
        std::fs::read_dir(root.join("lib")).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_python =
        |path: &PathBuf| path.file_name().and_then(OsStr::to_str).is_some_and(|n| n.starts_with("python3."));
    libs.extend(entries.filter(is_python));
    libs.sort_unstable();
    let packages = libs.iter().flat_map(|lib| ["site-packages", "dist-packages"].map(|name| lib.join(name)));
    packages.filter(|dir| dir.join("opendbc").is_dir()).collect()
}

/// The Python of the active environment, or else of `PATH`.
pub(super) fn python() -> Option<PathBuf> {
    let environment = std::env::var_os("VIRTUAL_ENV").map(PathBuf::from);
    let inside = environment
        .into_iter()
        .flat_map(|dir| ["bin/python3", "Scripts/python.exe"].map(|exe| dir.join(exe)));
    inside.into_iter().find(|path| path.is_file()).or_else(on_path)
}

fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join("python3")).find(|file| file.is_file())
}

/// The text of a database as the generator of the opendbc at `place` (its `dbc` directory) writes it.
pub(super) fn generated(python: &Path, place: &Path, name: &str) -> Result<String> {
    let failed = |reason: String| Error::from(ErrorKind::BadDbc { reason }).path(place);
    let Some(root) = place.parent().and_then(Path::parent) else {
        return Err(failed("its directory is not that of an opendbc package".into()));
    };
    let output = Command::new(python)
        .args(["-B", "-c", WRITE])
        .arg(root)
        .arg(name)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Error::io("run", e).path(python))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().last().unwrap_or("it said nothing").to_owned();
        return Err(failed(format!("opendbc's generator failed: {last}")));
    }
    String::from_utf8(output.stdout).map_err(|_| failed("opendbc's generator wrote no UTF-8".into()))
}
