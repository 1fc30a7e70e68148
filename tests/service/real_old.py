"""The older client as a program that is started for each command, and what both of its tests need."""

import json
import os
import signal
import subprocess
import time

from kill import FINAL, ask

NOWHERE = "00000000-0000-4000-8000-000000000000"


def wait_until(what, seconds=60):
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.02)
    return found


class Cli:
    """The client, with its configuration in a folder of its own."""

    def __init__(self, program, base, key, folder):
        self.program, self.base, self.key, self.folder, self.count = program, base, key, folder, 0
        self.env = os.environ | {"HOME": folder, "XDG_CONFIG_HOME": folder, "COLUMNS": "2000", "CTS_URL": base}
        self.env |= {"PYTHONUNBUFFERED": "1"} | ({"CTS_API_KEY": key} if key else {})

    def ask(self, path, **more):
        """The truth, past the client."""
        return json.loads(ask(self.base, path, key=self.key, **more))

    def finished(self, run_id):
        run = lambda: self.ask(f"/v1/runs/{run_id}")
        return wait_until(lambda: (found := run())["status"] in FINAL and found)

    def begin(self, *args):
        self.count += 1
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen([self.program, *args], env=self.env, cwd=self.folder, text=True, **pipes)

    def end(self, process, *args, code=0, has="", lacks="Traceback"):
        said, _ = process.communicate(timeout=60)
        assert process.returncode == code, f"{args}: exit {process.returncode} instead of {code}\n{said}"
        assert has in said and lacks not in said, f"{args}: {said}"
        return said

    def __call__(self, *args, **promised):
        return self.end(self.begin(*args), *args, **promised)

    def json(self, *args, code=0):
        """The JSON document in what is printed; progress lines may stand around it."""
        said = "\n" + self("--json", *args, code=code)
        opened = min(at for at in (said.find("\n{"), said.find("\n[")) if at >= 0)
        return json.JSONDecoder().raw_decode(said, opened + 1)[0]

    def follow(self, *args, until, code=0, then=lambda: None):
        """A command that follows until Ctrl-C, half a second after the line `until`, which comes once."""
        process, lines = self.begin(*args), []
        for line in process.stdout:
            lines.append(line.rstrip())
            if "execution" in line:
                then()
            if until in line:
                time.sleep(0.5)
                process.send_signal(signal.SIGINT)
                lines += process.stdout.read().splitlines()
        ended = process.wait(30)
        assert ended == code and sum(until in line for line in lines) == 1, (args, ended, lines)
        return lines
