"""The journey of a user, with the programs themselves: start the service, look around, run each tool, err, stop.

    python3 tests/service/acceptance.py target/debug/cts-lite target/debug/cts demo.rlog.zst
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

from kill import start

ANALYZERS = {"cruise-control-analyzer", "rlog-to-csv", "can-bitwatch"}
MONITORS = {"hybrid_rx_trace", "can_bus_check", "can_hybrid_rx_check", "panda_state"}


class Client:
    """`cts` with a service, in a directory of its own."""

    def __init__(self, program, base, directory):
        self.program, self.directory = program, directory
        self.env = {**os.environ, "CTS_URL": base, "HOME": directory, "XDG_CONFIG_HOME": directory}

    def begin(self, *args):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([self.program, *args], cwd=self.directory, env=self.env, text=True, **pipes)

    def run(self, *args, code=0):
        process = self.begin(*args)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, (args, process.returncode, out, err)
        return out, err


def look_around(cts, _):
    assert "healthy" in cts.run("ping")[0]
    found = json.loads(cts.run("cap", "--json")[0])
    assert {tool["id"] for tool in found["tools"]} >= ANALYZERS
    assert {tool["id"] for tool in found["monitors"]} >= MONITORS


def analyze_cruise_control(cts, log):
    args = ["--path", log, "-p", "speed_min=50", "-p", "speed_max=60", "--wait", "--follow", "--out-dir", "cruise"]
    out, err = cts.run("run", "cruise-control-analyzer", *args)
    assert "run " in err.splitlines()[0], "the id of the run comes first"
    assert "Starting cruise-control-analyzer" in err and "engaged" in out
    files = {path.name: path for path in pathlib.Path(cts.directory, "cruise").iterdir()}
    assert {"analysis_report.html", "speed_timeline.png", "speed_timeline.svg"} <= set(files)
    assert files["analysis_report.html"].read_text().lower().startswith("<!doctype html>")


def table_and_bits(cts, log):
    cts.run("run", "rlog-to-csv", "--path", log, "--wait", "--out-dir", "table")
    (table,) = pathlib.Path(cts.directory, "table").iterdir()
    assert table.read_text().startswith("window,segment,timestamp,address,bus,data_hex")
    cts.run("run", "can-bitwatch", "--path", str(table), "--wait", "--out-dir", "bits")
    assert len(list(pathlib.Path(cts.directory, "bits").iterdir())) == 5


def clear_errors(cts, _):
    def fails(code, says, *args):
        out, err = cts.run(*args, code=code)
        errors = [line for line in err.splitlines() if "error" in line]
        assert len(errors) == 1 and says in errors[0] and not out, (args, out, err)

    fails(1, "invalid-tool", "run", "invalid-tool")
    fails(1, "log_file", "run", "cruise-control-analyzer")
    fails(3, "nonexistent.zst", "run", "cruise-control-analyzer", "--path", "nonexistent.zst", "--wait")


def at_the_same_time(cts, log):
    """Runs side by side work with their own parameters."""
    addresses = ["0x13A", "0x146", "0x241", "0x139"]
    runs = [
        cts.begin("run", "rlog-to-csv", "--path", log, "-p", f"addresses={address}", "--wait", "--out-dir", address)
        for address in addresses
    ]
    for run, address in zip(runs, addresses):
        out, err = run.communicate(timeout=120)
        assert run.returncode == 0, (out, err)
        (table,) = pathlib.Path(cts.directory, address).iterdir()
        rows = table.read_text().splitlines()[1:]
        assert rows and all(row.split(",")[3] == address for row in rows)


def main():
    service, program, log = (os.path.abspath(arg) for arg in sys.argv[1:4])
    with tempfile.TemporaryDirectory() as directory:
        process, base = start(service, directory)
        cts = Client(program, base, directory)
        steps = [look_around, analyze_cruise_control, table_and_bits, clear_errors, at_the_same_time]
        try:
            for step in steps:
                step(cts, log)
                print(f"{step.__name__}: as wanted")
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, "the service ends in order"
        print(f"{len(steps)} passed")


if __name__ == "__main__":
    main()
