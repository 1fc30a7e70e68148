//! Which files runs may read.

use std::path::{Component, Path, PathBuf};

use crate::failure::Failure;

/// The directories whose files runs may read.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    dirs: Vec<PathBuf>,
}

impl Roots {
    /// Roots with links resolved; directories that do not exist allow nothing, and `/` every file.
    pub fn new(dirs: &[PathBuf]) -> Self {
        let real = |dir: &PathBuf| dir.canonicalize().unwrap_or_else(|_| dir.clone());
        Self { dirs: dirs.iter().map(real).collect() }
    }

    /// Whether every file may be read.
    pub fn all(&self) -> bool {
        self.dirs.iter().any(|dir| dir == Path::new("/"))
    }

    /// The file that `path` means, with links and `..` resolved; as far as it exists.
    ///
    /// # Errors
    /// `path-not-allowed`, the same whether the file exists or not.
    pub fn resolve(&self, path: &Path) -> Result<PathBuf, Failure> {
        let real = real_path(path);
        let allowed = self.dirs.iter().any(|root| real.starts_with(root)) && !of_system(&real);
        allowed.then_some(real).ok_or_else(|| refused(path))
    }
}

/// What the system shows of itself: the environment and memory of this process, among others.
fn of_system(path: &Path) -> bool {
    ["/proc", "/sys"].iter().any(|dir| path.starts_with(dir))
}

#[cold]
fn refused(path: &Path) -> Failure {
    let fix = "Use a file below one of the allowed directories of the service, or upload it.";
    Failure::validation("path-not-allowed", format!("the service may not read this path: {path:?}"), fix)
}

/// Resolves what exists of a path; the rest is added without `..`.
pub fn real_path(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                resolved.pop();
            }
            other => resolved.push(other),
        }
        // Each step at once: what `..` means depends on where a link has led.
        if let Ok(real) = resolved.canonicalize() {
            resolved = real;
        }
    }
    resolved
}

/// The last part of a name that a client gave, if it is a plain file name that can be shown.
///
/// Both kinds of slashes separate, since clients of all systems send names.
pub fn plain_name(name: &str) -> Option<&str> {
    let last = name.rsplit(['/', '\\']).next()?;
    let plain = !matches!(last, "" | "." | "..") && last.len() <= 200 && !last.chars().any(char::is_control);
    plain.then_some(last)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_and_dots_do_not_lead_out() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        let root = dir.join("root");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("in"), "").unwrap();
        fs::write(dir.join("out"), "").unwrap();
        symlink(dir.join("out"), root.join("link")).unwrap();
        symlink(&dir, root.join("up")).unwrap();
        symlink(root.join("in"), dir.join("back")).unwrap();
        let roots = Roots::new(std::slice::from_ref(&root));
        let check = |path: &str| roots.resolve(&dir.join(path)).map_err(|e| e.code);
        assert_eq!(check("root/in"), Ok(root.join("in")));
        assert_eq!(check("root/sub/../in"), Ok(root.join("in")));
        assert_eq!(check("back"), Ok(root.join("in")));
        assert_eq!(check("root/absent"), Ok(root.join("absent")));
        for path in
            ["out", "root/link", "root/up/out", "root/../out", "root/absent/../../out", "rootless", "absent"]
        {
            assert_eq!(check(path), Err("path-not-allowed".to_owned()), "{path}");
        }
        assert!(Roots::new(&["/".into()]).resolve(&dir.join("out")).is_ok());
        assert!(Roots::default().resolve(&dir.join("root/in")).is_err(), "no root, no file");
    }

    #[test]
    fn no_root_opens_what_the_system_shows_of_itself() {
        let all = Roots::new(&["/".into()]);
        assert!(all.resolve(Path::new("/etc/hosts")).is_ok());
        for path in ["/proc/self/environ", "/proc/1/mem", "/sys/kernel", "/etc/../proc/self/status"] {
            assert!(all.resolve(Path::new(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn names_of_clients_become_plain() {
        assert_eq!(plain_name("../../etc/passwd"), Some("passwd"));
        assert_eq!(plain_name("C:\\logs\\a.zst"), Some("a.zst"));
        assert_eq!(plain_name("a b.csv"), Some("a b.csv"));
        for name in ["", "..", "a/..", "a/", "x\ny", "x\0y"] {
            assert_eq!(plain_name(name), None, "{name:?}");
        }
    }
}
