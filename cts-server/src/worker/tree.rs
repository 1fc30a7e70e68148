//! Everything that a worker started, wherever it hides.
//!
//! A process group is left by whoever calls `setsid`, and the line of parents breaks when one of them ends. So each worker
//! has a mark in its environment, which its descendants inherit, and the service is the one to whom their orphans fall.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// Name of the variable with the mark.
pub(super) const MARK: &str = "CTS_WORKER";
/// How often the tree is looked at before it is given up, and the pause between two looks.
const ROUNDS: u32 = 1000;
const PAUSE: Duration = Duration::from_millis(1);

/// Makes the orphans of workers children of this process; elsewhere than on Linux only groups are killed.
pub(super) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        tracing::warn!(%error, "processes that a worker leaves behind will not be found");
    }
}

/// Kills the worker `root` and all that descends from it, until nothing of it is left. May take a while: whoever has
/// been killed is waited for.
pub(super) fn kill(root: u32, mark: &str) {
    let Ok(root) = i32::try_from(root) else { return };
    let mut killed = HashSet::new();
    for _ in 0..ROUNDS {
        let alive = members(&processes(), root, mark);
        if alive.is_empty() {
            break;
        }
        for pid in alive.iter().filter_map(|pid| Pid::from_raw(*pid)) {
            // Fails only for one that has just ended.
            let _ = kill_process(pid, Signal::KILL);
        }
        killed.extend(alive);
        std::thread::sleep(PAUSE);
    }
    // Orphans end as children of this process, and nobody else waits for them. The worker itself is waited for elsewhere.
    for pid in killed.into_iter().filter(|pid| *pid != root).filter_map(Pid::from_raw) {
        let _ = waitpid(Some(pid), WaitOptions::NOHANG);
    }
}

/// A living process.
struct Process {
    pid: i32,
    parent: i32,
    group: i32,
    session: i32,
}

/// All living processes. Source: proc_pid_stat(5): pid, (name), state, ppid, pgrp, session.
fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may hold anything, brackets too.
        let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
        let state = fields.next()?;
        let mut number = || fields.next()?.parse().ok();
        let process = Process { pid, parent: number()?, group: number()?, session: number()? };
        (!matches!(state, "Z" | "X")).then_some(process)
    })
    .collect()
}

/// Those that belong to the worker `root`: marked ones among its group, its session and our children, and what
/// descends from them.
fn members(all: &[Process], root: i32, mark: &str) -> HashSet<i32> {
    let this = i32::try_from(std::process::id()).unwrap_or_default();
    let near = |one: &&Process| one.group == root || one.session == root || one.parent == this;
    let marked = all.iter().filter(near).filter(|one| carries(one.pid, mark));
    let mut members: HashSet<i32> = marked.map(|one| one.pid).collect();
    loop {
        let known = members.len();
        members.extend(
            all.iter().filter(|one| members.contains(&one.parent)).map(|one| one.pid).collect::<Vec<_>>(),
        );
        if members.len() == known {
            return members;
        }
    }
}

/// Whether a process has that mark in its environment.
fn carries(pid: i32, mark: &str) -> bool {
    let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else {
        return false;
    };
    environment.split(|byte| *byte == 0).any(|variable| {
        variable.strip_prefix(MARK.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
            == Some(mark.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn only_marked_processes_are_killed() {
        if !cfg!(target_os = "linux") {
            return;
        }
        adopt_orphans();
        let sleeper = |mark: &str| {
            let mut sleep = Command::new("sleep");
            sleep.arg("1000").env(MARK, mark).stdin(Stdio::null()).spawn().unwrap()
        };
        let (mut ours, mut theirs) = (sleeper("a"), sleeper("ab"));
        // Between fork and exec a child has our environment.
        while !carries(ours.id().cast_signed(), "a") {
            std::thread::yield_now();
        }
        kill(ours.id(), "a");
        assert!(!ours.wait().unwrap().success());
        assert!(theirs.try_wait().unwrap().is_none());
        theirs.kill().unwrap();
        theirs.wait().unwrap();
    }
}
