"""Runs the Python project's own `cts` client and MCP server, where they are installed, against the service.

    OLD_CTS=/path/to/cts OLD_CTS_MCP=/path/to/cts-mcp python3 tests/service/real_client.py target/debug/cts-lite LOG

They are not part of this project; a part whose variable is not set is left out, and that is said. Each command runs as
a process of its own, in success and in failure; all of them twice: with a service for everyone, and with one that
requires keys. Needs only the standard library. Exit code 0 if all is as promised.
"""

import json
import os
import subprocess
import sys
import tempfile

import real_access
import real_cli
import real_mcp
from kill import settings, start


def make_key(program, folder, scope):
    command = [program, "key", "create", "--name", scope, "--scope", scope, "--json"]
    made = subprocess.run(command, env=settings(folder), capture_output=True, text=True, check=True)
    return json.loads(made.stdout)["key"]


def part(variable, run, *args):
    if program := os.environ.get(variable):
        run(program, *args)
    else:
        print(f"SKIPPED: {variable} does not name a program")


def against(program, log, folder, keys):
    """All of it, with a service that requires keys if there are any."""
    key = keys.get("run")
    process, base = start(program, folder, {"CTS_REQUIRE_AUTHENTICATION": "true" if keys else "false"})
    print(f"a service {'that requires keys' if keys else 'for everyone'}:")
    try:
        part("OLD_CTS", real_cli.cli, base, key, log, folder)
        part("OLD_CTS_MCP", real_mcp.mcp, base, key, log, folder)
        if keys:
            part("OLD_CTS", real_access.cli, base, keys, log, folder)
            part("OLD_CTS_MCP", real_access.mcp, base, keys)
    finally:
        gone = process.poll()
        process.terminate()
        process.wait(30)
        assert gone is None, f"the service has ended: {gone}"


def main():
    program, log = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        against(program, log, folder, {})
    with tempfile.TemporaryDirectory() as folder:
        keys = {name: make_key(program, folder, name.rstrip("2")) for name in ("read", "run", "run2", "admin")}
        against(program, log, folder, keys)


if __name__ == "__main__":
    main()
