#!/usr/bin/env python3
"""One run of `cts` beside the Python packages that people use for the same jobs; prints a Markdown table.

    python3 benches/peers.py rlog.zst --cts target/release/cts --runs 5

Whole processes are measured, start-up included, in turns (every program once a round); medians are printed: wall
and CPU seconds, peak resident memory. The peers are installed, pinned, into virtual environments under --work
(default: a temporary folder). Needs Python 3.11 or 3.12, as opendbc and openpilot-logging do.
"""

import argparse
import hashlib
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

# Two environments: opendbc 0.3.1 asks for exactly pycapnp 2.1.0.
PEERS = {
    "openpilot-logging": ["openpilot-logging==0.1.5", "pycapnp==2.2.4", "zstandard==0.25.0"],
    "opendbc": ["opendbc==0.3.1", "pycapnp==2.1.0", "zstandard==0.25.0"],
}
# Our command for each job; {log} and {out} are filled in. --ours JOB=COMMAND replaces one.
OURS = {
    "events": "info {log}",
    "frames": "frames {log}",
    "csv": "run rlog-to-csv --path {log} --out {out}",
    "json": "events {log}",
}
TITLES = {
    "floor": "decompress to /dev/null",
    "events": "service and mono time of every event",
    "frames": "list of all CAN frames",
    "csv": "all CAN frames to CSV, as the old rlog_to_csv",
    "json": "every field of every event as JSON",
}
WORKERS = [  # job, environment, what reads there
    ("events", "openpilot-logging", "logreader"),
    ("events", "openpilot-logging", "pycapnp"),
    ("frames", "openpilot-logging", "logreader"),
    ("frames", "opendbc", "opendbc"),
    ("csv", "openpilot-logging", "logreader"),
    ("json", "openpilot-logging", "pycapnp"),
]
JOBS = Path(__file__).resolve().with_name("peer_jobs.py")
RECORDED = "Recorded, not run: Python can_bitwatch (not on PyPI): rav4-40 7.6 s, subaru-synth 14.1 s, on 2 cores."
FLOORS = {b"\x28\xb5\x2f\xfd": "zstd -dc", b"BZh": "bzip2 -dc"}


@dataclass
class Entry:
    """One line of the table: `runs` holds (wall s, CPU s, peak RSS MiB), `note` says what came out."""

    job: str
    name: str
    command: list
    out: Path | None = None
    stdout: Path | None = None
    runs: list = field(default_factory=list)
    note: str = ""

    def median(self, column):
        return statistics.median(run[column] for run in self.runs)


# Starts and waits in a tiny process of its own: a child's peak memory counts from that of its parent.
LAUNCHER = """
import posix, sys, time
actions = [(posix.POSIX_SPAWN_OPEN, n, p, posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC, 0o644)
           for n, p in ((1, sys.argv[1]), (2, "/dev/null"))]
started = time.perf_counter()
pid = posix.posix_spawn(sys.argv[2], sys.argv[2:], posix.environ, file_actions=actions)
_, status, usage = posix.wait4(pid, 0)
wall = time.perf_counter() - started
print(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, posix.waitstatus_to_exitcode(status))
"""


def measure(command, stdout=os.devnull):
    """One process: (wall s, CPU s, peak RSS MiB, exit code)."""
    words = [shutil.which(command[0]), *command[1:]]
    launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, stdout]
    report = subprocess.run([*launcher, *words], capture_output=True, check=True).stdout
    return tuple(map(float, report.split()))


def run(entry):
    *numbers, code = measure(entry.command, entry.stdout or os.devnull)
    if code != 0:
        entry.note = f"failed: exit {code:.0f}"
    else:
        entry.runs.append(numbers)


def environment(work, name):
    """The Python of a peer's virtual environment; made and filled when absent."""
    folder = work / name
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        subprocess.run([*pip, *PEERS[name]], check=True)
        (folder / "ready").touch()
    return python


def entries(args, work):
    with open(args.log, "rb") as file:
        head = file.read(4)
    floor = next((cmd for magic, cmd in FLOORS.items() if head.startswith(magic)), "cat").split()
    if shutil.which(floor[0]):
        yield Entry("floor", floor[0], [*floor, str(args.log)])
    for job, peer, source in WORKERS:
        out = work / f"{source}-{job}.out"
        command = [str(environment(work, peer)), str(JOBS), source, job]
        name = "pycapnp" if source == "pycapnp" else peer
        yield Entry(job, name, [*command, str(args.log), str(out)], out, out.with_suffix(".count"))
    for job, template in (OURS | dict(text.split("=", 1) for text in args.ours)).items():
        out = work / f"cts-{job}.out"
        words = [word.format(log=args.log, out=out) for word in shlex.split(template)]
        stdout = None if str(out) in words else out
        yield Entry(job, f"`cts {words[0]}`", [str(args.cts), *words], out, stdout)


def judge(entry, reference):
    """What a program gave, so that nobody is fast by doing less."""
    if entry.note or entry.job == "floor":
        return
    if entry.stdout and entry.stdout != entry.out:
        entry.note = f"{int(entry.stdout.read_text())} counted"
    elif entry.job == "csv" and reference:
        same = digest(entry.out) == digest(reference.out)
        entry.note = "same bytes as the peer's" if same else "OTHER BYTES than the peer's"
    elif entry.job == "json":
        with open(entry.out, "rb") as file:
            entry.note = f"{sum(1 for _ in file)} lines"


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def machine():
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
             ] if info.exists() else []
    cpu = names[0] if names else platform.machine()
    return f"{cpu}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def table(found):
    yield "| job | program | wall s | CPU s | peak MiB | wall / ours | CPU / ours | gave |"
    yield "|---|---|---|---|---|---|---|---|"
    for job, title in TITLES.items():
        rows = [entry for entry in found if entry.job == job]
        ours = next((entry for entry in rows if entry.name.startswith("`cts") and entry.runs), None)
        for entry in rows:
            cells = ["–"] * 5
            if entry.runs:
                ratios = [f"{entry.median(n) / ours.median(n):.1f}" if ours else "–" for n in (0, 1)]
                cells = [f"{entry.median(0):.3f}", f"{entry.median(1):.3f}", f"{entry.median(2):.0f}", *ratios]
            yield "| " + " | ".join([title, entry.name, *cells, entry.note or "–"]) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path)
    parser.add_argument("--cts", type=Path, default=Path("target/release/cts"))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--work", type=Path, help="folder for environments and outputs, kept (default: temporary)")
    parser.add_argument("--ours", action="append", default=[], metavar="JOB=COMMAND",
                        help="another command of ours, e.g. 'csv=run rlog-to-csv {log} --out {out}'")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = (args.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        if not shutil.which(args.cts):
            sys.exit(f"no program {args.cts}: name it with --cts")
        found = list(entries(args, work))
        for _ in range(args.runs):
            for entry in found:
                if not entry.note:
                    run(entry)
        for entry in found:
            judge(entry, next((e for e in found if e.job == entry.job and e.runs), None))
        least = measure(["true"])
    print(f"{args.log.name}, {args.runs} runs, medians. {machine()}. {', '.join(sum(PEERS.values(), []))}.\n")
    print("\n".join(table(found)))
    print(f"\nAn empty process measures {least[0] * 1000:.1f} ms and {least[2]:.0f} MiB: the least that can be seen.\n{RECORDED}")


if __name__ == "__main__":
    main()
