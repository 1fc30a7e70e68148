//! What a process may use.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::proto::JobLimits;

/// How much less urgent workers are: who asks the service shall not wait for them.
const NICENESS: i32 = 10;

/// Limits this process; a limit never rises above the one that holds already.
///
/// # Errors
/// When the operating system refuses.
pub fn apply(limits: &JobLimits) -> std::io::Result<()> {
    set(Resource::Core, Some(0))?;
    // Where this is refused the worker is as urgent as the service, which does no harm to its result.
    let _ = rustix::process::nice(NICENESS);
    let given = |value: u64| (value > 0).then_some(value);
    set(Resource::Cpu, given(limits.cpu_seconds))?;
    set(Resource::Nofile, given(limits.open_files))?;
    set(Resource::Fsize, given(limits.file_bytes))?;
    // Last: everything above may still allocate.
    set(Resource::As, given(limits.memory_bytes))
}

fn set(resource: Resource, value: Option<u64>) -> std::io::Result<()> {
    let Some(value) = value else {
        return Ok(());
    };
    let value = getrlimit(resource).maximum.map_or(value, |maximum| value.min(maximum));
    Ok(setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?)
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
