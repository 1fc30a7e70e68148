"""Sends what the OpenAPI document allows, and what it does not, to every endpoint: no answer may be a 5xx fault.

    python3 -m pip install schemathesis
    python3 tests/service/api_fuzz.py target/debug/cts-lite [EXAMPLES]

Takes less than a minute. Says so and ends with 0 when `schemathesis` is not installed. Log streams are left out: they
may be endless, and time out by design.
"""

import os
import shutil
import subprocess
import sys
import tempfile

from kill import start

SECONDS = 55


def main():
    beside = os.path.join(os.path.dirname(sys.executable), "schemathesis")
    tool = beside if os.path.exists(beside) else shutil.which("schemathesis")
    if not tool:
        print("SKIPPED: schemathesis is not installed; the interface was not fuzzed")
        return
    examples = sys.argv[2] if len(sys.argv) > 2 else "15"
    with tempfile.TemporaryDirectory() as directory:
        process, base = start(os.path.abspath(sys.argv[1]), directory)
        command = [tool, "run", f"{base}/openapi.json", "--checks", "not_a_server_error", "--max-examples", examples]
        command += ["--request-timeout", "5", "--exclude-path", "/v1/runs/{run_id}/logs", "--no-color"]
        try:
            command += ["--suppress-health-check", "all"]
            done = subprocess.run(command, cwd=directory, timeout=SECONDS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            code = done.returncode
            if code:
                print(done.stdout.decode(errors="replace"))
        except subprocess.TimeoutExpired as late:
            said = (late.stdout or b"").decode(errors="replace")
            print(said, f"stopped after {SECONDS} s")
            code = int("❌" in said)
        finally:
            alive = process.poll() is None
            process.terminate()
            process.wait(30)
    assert alive, "the service has gone"
    if code == 0:
        print("no answer was a server error")
    sys.exit(code)


if __name__ == "__main__":
    main()
