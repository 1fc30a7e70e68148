//! The machine under the services: disks, rights, processes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Says what is not tested, past the capture of test output.
pub fn skipped(what: &str) {
    std::io::stderr().write_all(format!("SKIPPED: {what}\n").as_bytes()).unwrap();
}

/// The same with only the rights that its user has by permissions, also when that is root. `None`, and said so, where
/// that cannot be done.
pub fn unprivileged(command: &Command) -> Option<Command> {
    let wrapped = |program: &str| {
        let mut wrapped = Command::new(program);
        if program == "setpriv" {
            wrapped.args(["--bounding-set", "-all"]).arg(command.get_program());
        }
        wrapped.args(command.get_args()).stdin(Stdio::null()).stderr(Stdio::piped());
        wrapped.current_dir(command.get_current_dir().unwrap()).env_clear();
        wrapped.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        wrapped
    };
    if !rustix::process::geteuid().is_root() {
        return Some(wrapped(&command.get_program().to_string_lossy()));
    }
    let works = Command::new("setpriv").args(["--bounding-set", "-all", "true"]).output();
    if works.is_ok_and(|done| done.status.success()) {
        return Some(wrapped("setpriv"));
    }
    skipped("permissions, root without setpriv");
    None
}

/// A small disk of its own. Needs the right to mount.
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None`, and said so, without that right.
    pub fn mount(options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "cts-test"]).arg(dir.path()).output();
        if mounted.is_ok_and(|done| done.status.success()) {
            return Some(Self(dir));
        }
        skipped(&format!("a disk of {options}, no right to mount one"));
        None
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all that is free. Removing the file gives it back.
    pub fn fill(&self) -> PathBuf {
        let ballast = self.path().join("ballast");
        let mut file = std::fs::File::create(&ballast).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        ballast
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open there does not keep the rest from going.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// Waits until something is so.
pub fn soon(what: &str, is_so: impl Fn() -> bool) {
    within(Duration::from_secs(60), what, is_so);
}

/// Waits so long at most until something is so.
pub fn within(time: Duration, what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < time, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process lives. One that was killed and not yet collected counts as gone.
pub fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !(stat.is_empty() || stat.contains(") Z "))
}

/// The living children of a process.
pub fn children(pid: u32) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let is_child = |child: &String| {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1));
        parent == Some(&*pid.to_string()) && is_alive(child)
    };
    pids.filter(is_child).collect()
}

/// The process whose working directory that is.
pub fn process_in(dir: &Path) -> String {
    loop {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            // The directory is made a moment after the run is said to be running.
            let is = |cwd: PathBuf| dir.canonicalize().is_ok_and(|dir| cwd == dir);
            if std::fs::read_link(entry.path().join("cwd")).is_ok_and(is) {
                return entry.file_name().into_string().unwrap();
            }
        }
        std::thread::yield_now();
    }
}
