"""All tools and resources of the older MCP server."""

import json
import os
import subprocess

from kill import FINAL
from real_old import NOWHERE, wait_until


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

    def tool(self, tool, /, fails=None, **arguments):
        """What the tool gives, or, if it shall fail, the words that it says then."""
        answer = self.request("tools/call", {"name": tool, "arguments": arguments})["result"]
        assert answer.get("isError", False) == (fails is not None), f"{tool}: {answer}"
        if fails is not None:
            assert fails in answer["content"][0]["text"], f"{tool}: {answer}"
            return None
        given = answer.get("structuredContent") or json.loads(answer["content"][0]["text"])
        return given["result"] if list(given) == ["result"] else given

    def finished(self, run_id):
        return wait_until(lambda: (run := self.tool("get_run_status", run_id=run_id))["status"] in FINAL and run)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


def with_key(base, key):
    """The MCP server knows no keys, but its HTTP library sends what stands in the address."""
    return base.replace("http://", f"http://cts:{key}@", 1) if key else base


def service(server):
    assert len(server.request("tools/list", {})["result"]["tools"]) == 10
    assert server.tool("check_health")["status"] == "healthy"
    assert server.tool("get_version")["deprecated_features"] == []
    told = server.tool("list_capabilities")
    assert told["tools"] and told["monitors"]
    uris = [one["uri"] for one in server.request("resources/list", {})["result"]["resources"]]
    assert uris == ["cts://config", "cts://capabilities"], uris
    config = server.request("resources/read", {"uri": "cts://config"})["result"]["contents"][0]["text"]
    assert "Status: healthy" in config and "API Version: 0.1.0" in config, config
    # It takes the parameters for a list, with every service.
    assert "error" in server.request("resources/read", {"uri": "cts://capabilities"})


def runs(server, log, folder):
    parameters = {"rlog": log, "out": f"{folder}/m.csv", "window_start": 0, "window_dur": 0.01}
    run = server.tool("run_analysis", tool_id="rlog-to-csv", parameters=parameters, name="by MCP")
    run_id, first = run["run_id"], server.finished(run["run_id"])
    assert (first["status"], first["name"], first["progress"]) == ("completed", "by MCP", 100), first
    upload_id = server.tool("upload_file", file_path=log)["upload_id"]
    again = server.tool("run_analysis", tool_id="rlog-to-csv", parameters={"rlog": upload_id})
    assert server.finished(again["run_id"])["status"] == "completed"
    for wanted in ({}, {"status": "completed"}, {"status": "completed", "limit": 5}):
        listed = server.tool("list_runs", **wanted)
        assert len(listed) <= 10 and run_id in [run["id"] for run in listed], listed
        assert all({"id", "tool_id", "status", "started_at"} <= run.keys() for run in listed)
    assert len(server.tool("list_runs", limit=1)) == 1
    assert server.tool("list_runs", status="pending") == []
    lost = server.tool("run_analysis", tool_id="rlog-to-csv", parameters={"rlog": "/nonexistent.zst"})
    failed = server.finished(lost["run_id"])
    assert failed["status"] == "failed" and "/nonexistent.zst" in failed["error"], failed
    assert server.tool("list_artifacts", run_id=lost["run_id"]) == []
    return run_id


def artifacts(server, run_id, folder):
    artifact = server.tool("list_artifacts", run_id=run_id)[0]
    wanted = {"artifact_id": artifact["id"]}
    content = server.tool("get_artifact_content", **wanted, max_size=1 << 30)
    assert content.startswith("window,segment") and len(content) == artifact["size"]
    assert server.tool("get_artifact_content", **wanted) == content
    server.tool("get_artifact_content", fails="too large", **wanted, max_size=10)
    target = f"{folder}/by-mcp.csv"
    assert server.tool("download_artifact", **wanted, output_path=target) == target
    assert os.path.getsize(target) == artifact["size"]
    server.tool("download_artifact", fails="Failed", **wanted, output_path=f"{folder}/no/folder/x")


def refusals(server, log, folder):
    for name, words, arguments in [
        ("run_analysis", "404", {"tool_id": "invalid-tool", "parameters": {}}),
        ("run_analysis", "400", {"tool_id": "can-bitwatch", "parameters": {}}),
        ("run_analysis", "400", {"tool_id": "rlog-to-csv", "parameters": {"rlog": log, "window_start": "soon"}}),
        ("get_run_status", "404", {"run_id": NOWHERE}),
        ("get_artifact_content", "404", {"artifact_id": NOWHERE}),
        ("download_artifact", "404", {"artifact_id": NOWHERE, "output_path": f"{folder}/none"}),
        ("upload_file", "Failed", {"file_path": "/nonexistent"}),
        ("run_analysis", "tool_id", {}),
    ]:
        server.tool(name, fails=words, **arguments)
    assert server.tool("list_artifacts", run_id=NOWHERE) == []
    assert server.tool("list_runs", status="no-such-status") == []


def mcp(program, base, key, log, folder):
    server = Mcp(program, with_key(base, key))
    service(server)
    run_id = runs(server, log, folder)
    artifacts(server, run_id, folder)
    refusals(server, log, folder)
    server.close()
    dead = Mcp(program, "http://127.0.0.1:9")
    dead.tool("check_health", fails="API request failed")
    dead.close()
    print(f"  MCP server: {server.number + dead.number} requests, all answered as promised")
