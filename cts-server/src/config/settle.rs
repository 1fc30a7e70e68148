//! Directories: those that follow others, and such that this user can write to, so that the service starts without any
//! configuration.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::fields::{Config, field};
use super::load::Layers;
use super::problem::{Origin, Problem};
use super::source::Sources;
use super::values::{Environment, Raw};

/// A directory of data, its place below a user's data, and whether the service itself writes there.
type Dir = (&'static str, &'static str, fn(&Config) -> bool);

const DATA: [Dir; 4] = [
    ("storage_dir", "cts-lite", |_| true),
    ("base_storage_path", "cts", |_| false),
    ("log_directory", "cts-lite/log", |_| true),
    ("download_base_path", "cts/downloads", |config| config.max_concurrent_downloads > 0),
];

/// Defaults that lie below the default of `base_storage_path`; they move with it.
const BELOW_BASE: [&str; 2] = ["download_base_path", "allowed_roots"];

/// Makes defaults follow a chosen `base_storage_path`.
pub(super) fn follow_base(layers: &mut Layers) {
    let base = "base_storage_path";
    let Some(default) = field(base).map(|field| field.default) else { return };
    if !layers.origin(base).is_chosen() {
        return;
    }
    let chosen = layers.config.base_storage_path.clone();
    for field in BELOW_BASE.into_iter().filter_map(field) {
        let text = super::show::plain(&layers.config.json(field));
        let below = Path::new(&text).strip_prefix(default).ok();
        if let Some(below) = below.filter(|_| !layers.origin(field.name).is_chosen()) {
            let path: PathBuf = chosen.components().chain(below.components()).collect();
            layers.set(field, Raw::Text(&path.to_string_lossy()), Origin::Follows(base));
        }
    }
}

/// A setting of the older service that this one has no use for.
pub(super) fn tell_unused(layers: &mut Layers) {
    let origin = layers.origin("temp_directory");
    if origin.is_chosen() {
        let message =
            "`temp_directory` has no effect: runs write below `storage_dir`, where their files stay";
        layers.problem(Problem::warning(message).at(origin).remedy("remove it"));
    }
}

/// In development, a default directory that cannot be written is replaced by one of the user. Elsewhere, and when
/// someone chose the directory, it is only told: the place of data must never depend on who starts the service.
pub(super) fn directories(layers: &mut Layers, sources: &Sources) {
    let development = layers.config.environment == Environment::Development;
    for (name, below, written) in DATA {
        let Some(field) = field(name) else { continue };
        let path = PathBuf::from(super::show::plain(&layers.config.json(field)));
        if is_writable(&path) {
            continue;
        }
        let origin = layers.origin(name);
        let message = format!("`{name}`: {} cannot be written by this user", path.display());
        match &sources.user_data {
            Some(data) if development && !origin.is_chosen() => {
                let other = data.join(below);
                layers.problem(Problem::warning(format!("{message}; {} is used", other.display())));
                layers.set(field, Raw::Text(&other.to_string_lossy()), Origin::Fallback);
            }
            _ if written(&layers.config) => layers.problem(
                Problem::warning(message)
                    .at(origin)
                    .remedy(format!("create it for the service, or set `{name}`")),
            ),
            _ => {}
        }
    }
}

/// Whether the directory, or the nearest that exists above it, takes files of this user.
fn is_writable(path: &Path) -> bool {
    let nearest = path.ancestors().find(|dir| dir.exists());
    nearest.is_some_and(|dir| dir.is_dir() && access(dir, Access::WRITE_OK | Access::EXEC_OK).is_ok())
}
