mod fields;
mod layers;
mod reload;
mod safety;

use std::path::{Path, PathBuf};

use super::fields::Field;
use super::*;

/// A world made up for one test.
struct World {
    dir: tempfile::TempDir,
    sources: Sources,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sources = Sources { dot_env: Some(dir.path().join(".env")), ..Sources::default() };
        Self { dir, sources }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn toml(mut self, text: &str) -> Self {
        std::fs::write(self.path("c.toml"), text).unwrap();
        self.sources.file = Some(self.path("c.toml"));
        self
    }

    fn dot_env(self, text: &str) -> Self {
        std::fs::write(self.path(".env"), text).unwrap();
        self
    }

    fn var(mut self, name: &str, value: &str) -> Self {
        self.sources.variables.insert(name.into(), value.into());
        self
    }

    fn flag(mut self, name: &'static str, value: &str) -> Self {
        self.sources.flags.push((name, value.into()));
        self
    }

    fn load(&self) -> Loaded {
        load(&self.sources).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// The messages of all problems, with the directory of the test cut away.
    fn errors(&self) -> String {
        let dir = format!("{}/", self.dir.path().display());
        load(&self.sources).map(|l| format!("{:?}", l.config.port)).unwrap_err().to_string().replace(&dir, "")
    }
}

/// Warnings, without those of directories, which depend on who runs the tests.
fn warnings(loaded: &Loaded) -> Vec<String> {
    let texts = loaded.warnings.iter().map(ToString::to_string);
    texts.filter(|text| !text.contains("cannot be written")).collect()
}

fn origin_of(loaded: &Loaded, name: &str) -> String {
    loaded.origin(field(name).unwrap()).to_string()
}
