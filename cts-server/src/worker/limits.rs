//! What a process may use.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::proto::JobLimits;

/// How much less urgent workers are: who asks the service shall not wait for them.
const NICENESS: i32 = 10;

/// Seconds of CPU time between the signal that says which limit was hit and the one that cannot be told from others.
const LAST_CPU: u64 = 5;

/// Limits this process; a limit never rises above the one that holds already.
///
/// # Errors
/// When the operating system refuses.
pub fn apply(limits: &JobLimits) -> std::io::Result<()> {
    set(Resource::Core, 0, 0)?;
    // Where this is refused the worker is as urgent as the service, which does no harm to its result.
    let _ = rustix::process::nice(NICENESS);
    let given = |resource: Resource, value: u64, more: u64| match value {
        0 => Ok(()),
        _ => set(resource, value, value.saturating_add(more)),
    };
    given(Resource::Cpu, limits.cpu_seconds, LAST_CPU)?;
    given(Resource::Nofile, limits.open_files, 0)?;
    given(Resource::Fsize, limits.file_bytes, 0)?;
    // Last: everything above may still allocate. What is reserved and never used (stacks, arenas) does not count, as it
    // would in the address space.
    given(Resource::Data, limits.memory_bytes, 0)
}

fn set(resource: Resource, soft: u64, hard: u64) -> std::io::Result<()> {
    let hard = getrlimit(resource).maximum.map_or(hard, |maximum| hard.min(maximum));
    Ok(setrlimit(resource, Rlimit { current: Some(soft.min(hard)), maximum: Some(hard) })?)
}

/// Largest resident memory of a process so far, in bytes; `None` when it is gone.
///
/// Source: proc_pid_status(5), `VmHWM`.
pub fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_uses_memory() {
        if cfg!(target_os = "linux") {
            assert!(super::peak_memory(std::process::id()).unwrap() > 1 << 16);
        }
    }
}
