"""Runs the Python project's own `cts` client and MCP server, where they are installed, against the service.

    OLD_CTS=/path/to/cts OLD_CTS_MCP=/path/to/cts-mcp python3 tests/service/real_client.py target/debug/cts-lite LOG

They are not part of this project; a part whose variable is not set is left out, and that is said. Each command runs as
a process of its own, in success and in failure. Needs only the standard library. Exit code 0 if all is as promised.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time

from kill import FINAL, ask, start

NOWHERE = "00000000-0000-4000-8000-000000000000"


class Cli:
    """The client, with its configuration in a folder of its own."""

    def __init__(self, program, base, folder):
        self.program, self.base, self.folder, self.count = program, base, folder, 0
        self.env = os.environ | {"HOME": folder, "XDG_CONFIG_HOME": folder, "COLUMNS": "200", "CTS_URL": base}

    def __call__(self, *args, code=0, has="", lacks="Traceback"):
        done = subprocess.run(
            [self.program, *args], env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=60
        )
        self.count += 1
        said = done.stdout + done.stderr
        assert done.returncode == code, f"{args}: exit {done.returncode} instead of {code}\n{said}"
        assert has in said and lacks not in said, f"{args}: {said}"
        return done.stdout

    def json(self, *args, code=0):
        """The JSON document in what is printed; progress lines may stand around it."""
        said = "\n" + self("--json", *args, code=code)
        opened = min(at for at in (said.find("\n{"), said.find("\n[")) if at >= 0)
        return json.JSONDecoder().raw_decode(said, opened + 1)[0]

    def follow(self, *args, until):
        """A command that follows until Ctrl-C, which comes half a second after the line `until`."""
        command = [self.program, *args]
        env = self.env | {"PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            command, env=env, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.count += 1
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip())
            if until in line:
                time.sleep(0.5)
                process.send_signal(signal.SIGINT)
                lines += process.stdout.read().splitlines()
        return process.wait(30), lines


def finished(base, run_id):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        run = json.loads(ask(base, f"/v1/runs/{run_id}"))
        if run["status"] in FINAL:
            return run
        time.sleep(0.02)
    raise AssertionError(f"run {run_id} does not end")


def discovery(cts):
    cts("ping", has="Status: healthy")
    assert cts.json("ping")["status"] == "healthy"
    assert cts("-q", "ping") == "CTS-Lite API is healthy\n"
    cts("cap", has="rlog-to-csv")
    assert {"tools", "monitors", "features"} <= cts.json("cap").keys()
    cts("--timeout", "5", "--no-verify", "-k", "some-key", "ping", has="healthy")


def runs(cts, log):
    """Starting and waiting, with inputs of both kinds and parameters of all kinds."""
    out = os.path.join(cts.folder, "out")
    cts("run", "rlog-to-csv", "--path", log, "--wait", "--out-dir", out, "-p", "out=x.csv", has="Downloaded 1 artifacts")
    header = open(f"{out}/x.csv", newline="").readline()
    assert header == "window,segment,timestamp,address,bus,data_hex\r\n", header
    cts("run", "rlog-to-csv", "--path", log, "--wait", "--out-dir", out, "-p", "out=x.csv", has="already exists")
    run = cts.json("run", "rlog-to-csv", "--upload", log, "--wait", "-p", "out=1", "-p", "window_start=0",
                   "-p", "window_dur=2.5", "--name", "an upload", "--out-dir", f"{out}/1")
    started = cts.json("run", "can-bitwatch", "--path", f"{out}/x.csv", "-p", "watch=0x1D2:B0b5,0x1D2:B0b4")
    assert started["status"] == "started"
    assert finished(cts.base, started["run_id"])["status"] == "completed"
    cts("run", "can-bitwatch", "--path", f"{out}/x.csv", "-p", "output_prefix=p", "--wait", has="completed successfully")
    assert os.path.exists(f"{cts.folder}/Downloads/cts/p.counts.csv"), "the default folder"
    cts("run", "cruise-control-analyzer", "--path", log, "-p", "speed_min=20", "-p", "speed_max=120.5",
        "-p", "export_csv=TRUE", "--wait", "--out-dir", f"{out}/2", has="completed successfully")
    return started["run_id"]


def refusals(cts, log):
    cts("run", "invalid-tool", "--path", log, code=1, has="404")
    cts("run", "can-bitwatch", code=1, has="400")
    cts("run", "cruise-control-analyzer", "--path", log, "-p", "speed_min=fast", code=1, has="400")
    cts("run", "rlog-to-csv", "-p", "novalue", code=1, has="name=value")
    cts("run", "rlog-to-csv", "--upload", "absent.zst", code=1, has="File not found")
    cts("run", "rlog-to-csv", "--path", "/nonexistent.zst", "--wait", code=3, has="/nonexistent.zst")
    failed = cts.json("run", "rlog-to-csv", "--path", "/nonexistent.zst", "--wait", code=3)
    assert failed["status"] == "failed" and failed["error_category"] == "validation_error", failed
    cts("run", code=2)


def canceled(cts, folder):
    """An input that never ends; the old client cannot cancel, so another one does."""
    endless = os.path.join(folder, "endless.rlog")
    os.mkfifo(endless)
    process = subprocess.Popen(
        [cts.program, "run", "rlog-to-csv", "--path", endless, "--wait"], env=cts.env, stdout=subprocess.DEVNULL
    )
    cts.count += 1
    while not (running := json.loads(ask(cts.base, "/v1/runs?status=running"))):
        time.sleep(0.05)
    cts("runs", "list", "--status", "running", code=2, has=running[0]["id"])
    ask(cts.base, f"/v1/runs/{running[0]['id']}", method="DELETE")
    assert process.wait(30) == 4
    cts("logs", running[0]["id"], has="Cancelled by user")


def logs(cts, run_id, log):
    cts("logs", run_id, has="can-bitwatch completed")
    last = json.loads(cts("--json", "logs", run_id).splitlines()[-1])
    assert last["message"] == "can-bitwatch completed", last
    cts("logs", NOWHERE, code=2, has="404")
    code, lines = cts.follow("logs", run_id, "--follow", until="can-bitwatch completed")
    assert code == 0 and sum("can-bitwatch completed" in line for line in lines) == 1, (code, lines)
    out = os.path.join(cts.folder, "followed")
    command = ["run", "rlog-to-csv", "--path", log, "-p", "out=y.csv", "--follow", "--out-dir", out]
    code, lines = cts.follow(*command, until="rlog-to-csv completed")
    assert code == 0 and os.path.exists(f"{out}/y.csv"), (code, lines)
    assert sum("rlog-to-csv completed" in line for line in lines) == 1, lines


def lists(cts, run_id):
    """A list or run that is shown ends with exit 2 there even on success."""
    cts("runs", "list", code=2, has=run_id)
    cts("runs", "list", "--status", "completed", code=2, has="can-bitwatch")
    cts("runs", "list", "--status", "queued", has="No runs found")
    cts("runs", "get", run_id, code=2, has='"status": "completed"')
    cts("runs", "get", NOWHERE, code=2, has="404")


def artifacts(cts, run_id):
    cts("art", "list", run_id, has="analysis.counts.csv")
    cts("art", "list", NOWHERE, has="No artifacts found")
    listed = cts.json("art", "list", run_id)
    counts = next(one for one in listed if one["filename"].endswith("counts.csv"))["id"]
    cts("art", "get", counts, "--stdout", has="address,pre,window,post,delta")
    assert cts.json("art", "get", counts, "--stdout")["content"].startswith("address,pre")
    cts("art", "get", counts, "--download", "some/counts.csv", has="Downloaded")
    size = os.path.getsize(os.path.join(cts.folder, "counts.csv"))
    cts("art", "get", counts, "--download", "counts.csv", code=1, has="already exists")
    assert cts.json("art", "get", counts, "--download", "counts.csv", "--force")["size"] == size
    cts("art", "get", counts, code=1, has="--download PATH or --stdout")
    cts("art", "get", NOWHERE, "--stdout", code=2, has="404")


def uploads(cts, log):
    cts("upload", log, has="Upload completed")
    assert cts.json("upload", log)["status"] == "completed"
    cts("upload", "absent.zst", code=1, has="File not found")


def monitors(cts):
    """Only if the service has them."""
    if not json.loads(ask(cts.base, "/v1/capabilities"))["monitors"]:
        print("SKIPPED: the service has no monitors")
        return
    cts("mon", "start", "no-such-monitor", code=1)
    cts("mon", "stop", NOWHERE, code=2, has="404")
    cts("mon", "stream", NOWHERE, code=2)
    cts("mon", "ls", has="No active monitors")


def unreachable(cts):
    here, cts.base = cts.base, "http://127.0.0.1:9"
    cts.env["CTS_URL"] = cts.base
    cts("ping", code=2, has="Health check failed")
    cts("run", "rlog-to-csv", code=1)
    cts.base = cts.env["CTS_URL"] = here


class Mcp:
    """The MCP server as a process; one JSON message a line."""

    def __init__(self, program, base):
        env = os.environ | {"CTS_LITE_URL": base}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process, self.number = subprocess.Popen([program], env=env, text=True, **pipes), 0
        hello = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}
        self.request("initialize", hello)
        self.send({"method": "notifications/initialized"})

    def send(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0"} | message) + "\n")
        self.process.stdin.flush()

    def request(self, method, params):
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        for line in self.process.stdout:
            answer = json.loads(line)
            if answer.get("id") == self.number:
                return answer
        raise AssertionError("the MCP server has gone")

    def tool(self, tool, /, fails=False, **arguments):
        answer = self.request("tools/call", {"name": tool, "arguments": arguments})["result"]
        assert answer.get("isError", False) == fails, f"{tool}: {answer}"
        if fails:
            return answer["content"][0]["text"]
        given = answer.get("structuredContent") or json.loads(answer["content"][0]["text"])
        return given["result"] if list(given) == ["result"] else given


def mcp(program, base, log, folder):
    server = Mcp(program, base)
    assert len(server.request("tools/list", {})["result"]["tools"]) == 10
    assert server.tool("check_health")["status"] == "healthy"
    assert server.tool("get_version")["deprecated_features"] == []
    assert server.tool("list_capabilities")["tools"]
    parameters = {"rlog": log, "out": f"{folder}/m.csv", "window_start": 0, "window_dur": 0.01}
    run_id = server.tool("run_analysis", tool_id="rlog-to-csv", parameters=parameters, name="by MCP")["run_id"]
    finished(base, run_id)
    assert server.tool("get_run_status", run_id=run_id)["status"] == "completed"
    assert run_id in [run["id"] for run in server.tool("list_runs", status="completed", limit=5)]
    assert server.tool("list_runs", status="pending") == []
    artifact = server.tool("list_artifacts", run_id=run_id)[0]
    content = server.tool("get_artifact_content", artifact_id=artifact["id"], max_size=1 << 30)
    assert content.startswith("window,segment") and len(content) == artifact["size"]
    assert "too large" in server.tool("get_artifact_content", fails=True, artifact_id=artifact["id"], max_size=10)
    target = f"{folder}/by-mcp.csv"
    assert server.tool("download_artifact", artifact_id=artifact["id"], output_path=target) == target
    assert os.path.getsize(target) == artifact["size"]
    assert server.tool("upload_file", file_path=log)["upload_id"]
    assert "Failed" in server.tool("upload_file", fails=True, file_path="/nonexistent")
    for name, arguments in [
        ("run_analysis", {"tool_id": "invalid-tool", "parameters": {}}),
        ("get_run_status", {"run_id": NOWHERE}),
        ("get_artifact_content", {"artifact_id": NOWHERE}),
        ("download_artifact", {"artifact_id": NOWHERE, "output_path": target}),
    ]:
        assert "404" in server.tool(name, fails=True, **arguments), name
    assert server.tool("list_artifacts", run_id=NOWHERE) == []
    config = server.request("resources/read", {"uri": "cts://config"})["result"]["contents"][0]["text"]
    assert "Status: healthy" in config, config
    server.process.stdin.close()
    server.process.wait(10)
    print(f"MCP server: {server.number} requests, all answered as promised")


def cli(program, base, log, folder):
    cts = Cli(program, base, folder)
    discovery(cts)
    run_id = runs(cts, log)
    refusals(cts, log)
    canceled(cts, folder)
    logs(cts, run_id, log)
    lists(cts, run_id)
    artifacts(cts, run_id)
    uploads(cts, log)
    monitors(cts)
    unreachable(cts)
    print(f"cts: {cts.count} commands, all ended as promised")


def main():
    program, log = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    parts = [("OLD_CTS", cli), ("OLD_CTS_MCP", mcp)]
    with tempfile.TemporaryDirectory() as folder:
        process, base = start(program, folder)
        try:
            for variable, part in parts:
                if os.environ.get(variable):
                    part(os.environ[variable], base, log, folder)
                else:
                    print(f"SKIPPED: {variable} does not name a program")
        finally:
            process.terminate()
            process.wait(30)


if __name__ == "__main__":
    main()
