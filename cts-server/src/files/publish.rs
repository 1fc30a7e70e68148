//! From the working directory of a run to its finished files.

use std::fs::{self, File};

use super::{Layout, hash_file};
use crate::failure::{Category, Failure, TOO_LARGE};

/// A file that is whole and in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its plain name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 in lower-case hex.
    pub sha256: String,
}

/// Moves the file `name` of a run's working directory to its finished files. What cannot stand in a name that people
/// and other systems see is replaced: tools call files after their input, which may be called anything.
///
/// # Errors
/// `bad-artifact` for a name or file that no tool writes; `artifact-too-large` above `max_bytes` (0: no limit);
/// those of the file system.
pub fn publish(layout: &Layout, run: &str, name: &str, max_bytes: u64) -> Result<Published, Failure> {
    let bad = |reason: &str| {
        let fix = "Report this with the log of the run.";
        Failure::new(Category::ToolError, "bad-artifact", format!("artifact {name:?}: {reason}"), fix)
    };
    if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
        return Err(bad("not a plain file name"));
    }
    let plain = name.replace(|c: char| c.is_control() || c == '\\', "_");
    let from = layout.work(run).join(name);
    let meta = fs::symlink_metadata(&from).map_err(|e| bad(&e.to_string()))?;
    if !meta.is_file() {
        return Err(bad("not a file"));
    }
    if max_bytes > 0 && meta.len() > max_bytes {
        let message = format!("artifact {name:?} has {} bytes, the limit is {max_bytes}", meta.len());
        let mut failure = Failure::new(Category::ToolError, "artifact-too-large", message, TOO_LARGE);
        failure.details.limit_hit = Some("artifact_size".to_owned());
        failure.details.limit_value = Some(max_bytes);
        return Err(failure);
    }
    let (bytes, sha256) = hash_file(&from).map_err(|e| Failure::io("read", &from, &e))?;
    let (dir, to) = (layout.artifacts(run), layout.artifact(run, &plain));
    fs::create_dir_all(&dir).map_err(|e| Failure::io("create", &dir, &e))?;
    // On the disk before it has its name, so that after a power loss no half file has it.
    let synced = File::open(&from).and_then(|file| file.sync_data());
    synced.and_then(|()| fs::rename(&from, &to)).map_err(|e| Failure::io("publish", &to, &e))?;
    Ok(Published { name: plain, bytes, sha256 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_files_get_their_name_and_others_none() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(dir.path()).unwrap();
        let work = layout.begin_work("r").unwrap();
        fs::write(work.join("a.csv"), "abc").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", work.join("link")).unwrap();
        let one = publish(&layout, "r", "a.csv", 3).unwrap();
        assert_eq!(one.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(fs::read(layout.artifact("r", "a.csv")).unwrap(), b"abc");
        fs::write(work.join("a\n\\b"), "").unwrap();
        assert_eq!(publish(&layout, "r", "a\n\\b", 0).unwrap().name, "a__b");
        for name in ["link", "../a", "absent", "", "..", "a\0"] {
            assert_eq!(publish(&layout, "r", name, 0).unwrap_err().code, "bad-artifact", "{name}");
        }
        fs::write(work.join("b.csv"), "abcd").unwrap();
        assert_eq!(publish(&layout, "r", "b.csv", 3).unwrap_err().code, "artifact-too-large");
        layout.end_work("r").unwrap();
        assert!(layout.artifact("r", "a.csv").exists() && !work.exists());
    }
}
