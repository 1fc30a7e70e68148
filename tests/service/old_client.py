"""Sends what the Python project's `cts` client and MCP server send, with the library that they use.

    python3 -m pip install httpx websockets==13.1
    python3 tests/service/old_client.py target/debug/cts-lite LOG

The clients themselves are not part of this project; facts about their requests are in the header of each function.
Exit code 0 if every answer is what they can work with.
"""

import asyncio
import hashlib
import json
import os
import sys
import tempfile
import time

import httpx
import websockets

from kill import start

CLI = {"User-Agent": "cts-cli/0.1.0", "Authorization": "JWT some-key"}


def version(cli):
    """The first request of every command; anything in `deprecated_features` becomes a warning line."""
    answer = cli.get("/v1/version").json()
    assert answer["deprecated_features"] == [] and answer["min_client_version"] <= "0.8.1", answer


def discovery(cli):
    """`cts ping`, `cts cap`, MCP check_health and list_capabilities."""
    assert cli.get("/v1/health").json()["status"] == "healthy"
    answer = cli.get("/v1/capabilities").json()
    assert list(answer) == ["tools", "monitors", "api_version", "features"]
    for tool in answer["tools"]:
        for field in ("id", "name", "description", "category", "version", "parameters"):
            assert field in tool, tool
        for parameter in tool["parameters"].values():
            assert list(parameter) == ["type", "default", "description", "choices", "required", "nargs"]


def upload(cli, path):
    """`cts upload`: announce, PUT of the raw bytes without a content type, finalize with an empty body."""
    content = open(path, "rb").read()
    body = {"filename": os.path.basename(path), "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    answer = cli.post("/v1/uploads", json=body)
    assert answer.is_success, answer.text
    made = answer.json()
    assert cli.put(made["upload_url"], content=content).is_success
    assert cli.post(f"/v1/uploads/{made['upload_id']}/finalize").is_success
    return made["upload_id"]


def stream(base, run_id):
    """One log stream: lines starting with `data: `; the payload `[DONE]` ends it. Returns the messages."""
    headers = {"Accept": "text/event-stream", "Authorization": CLI["Authorization"]}
    with httpx.stream("GET", f"{base}/v1/runs/{run_id}/logs", headers=headers, timeout=1.0) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            if not line.startswith("data: "):
                continue
            if line[6:] == "[DONE]":
                return
            entry = json.loads(line[6:])
            assert isinstance(entry, dict), line
            yield entry["message"]


def follow(base, run_id):
    """`--follow` connects again without a pause whenever a stream ends without an error, until somebody stops it."""
    messages, connections, until = [], 0, time.monotonic() + 10
    while time.monotonic() < until:
        connections += 1
        try:
            messages.extend(stream(base, run_id))
        except httpx.ReadTimeout:
            # Quiet for a second, which stands for the user's Ctrl-C.
            break
    assert len(set(messages)) == len(messages), f"repeated lines: {messages}"
    assert connections == 2, f"{connections} connections"
    return messages


def run(cli, base, body, folder):
    """`cts run --wait --follow --out-dir`: start, follow, poll, download what is there by `download_url`."""
    answer = cli.post("/v1/runs", json=body)
    assert answer.status_code == 200, answer.text
    run_id = answer.json()["run_id"]
    messages = follow(base, run_id)
    while (state := cli.get(f"/v1/runs/{run_id}").json())["status"] not in ("completed", "failed", "canceled"):
        time.sleep(0.05)
    for artifact in cli.get(f"/v1/runs/{run_id}/artifacts").json():
        target = os.path.join(folder, artifact["filename"])
        with httpx.stream("GET", artifact["download_url"]) as bytes_, open(target, "xb") as file:
            bytes_.raise_for_status()
            for piece in bytes_.iter_bytes():
                file.write(piece)
        assert os.path.getsize(target) == artifact["size"]
    return state, messages


def failures(cli):
    """What makes the client exit with 1, 2 or 3."""
    refused = cli.post("/v1/runs", json={"tool_id": "invalid-tool", "params": {}})
    assert refused.status_code == 404 and isinstance(refused.json()["detail"], str)
    assert cli.post("/v1/runs", json={"tool_id": "can-bitwatch", "params": {}}).status_code == 400
    body = {"tool_id": "rlog-to-csv", "params": {}, "input": {"type": "path", "value": "/nonexistent.zst"}}
    run_id = cli.post("/v1/runs", json=body).json()["run_id"]
    while (state := cli.get(f"/v1/runs/{run_id}").json())["status"] not in ("completed", "failed"):
        time.sleep(0.05)
    assert state["status"] == "failed" and "/nonexistent.zst" in state["error"], state
    assert state["error_category"] == "validation_error" and state["error_details"]["suggested_fix"]
    assert cli.get("/v1/runs/nope").status_code == 404
    assert cli.get("/v1/artifacts/nope").status_code == 404


def mcp(base, path, folder):
    """The MCP server: no key, the input among the parameters, one form for an upload, `/content` for bytes."""
    client = httpx.Client(base_url=base, timeout=30)
    with open(path, "rb") as file:
        upload_id = client.post("/v1/uploads", files={"file": (os.path.basename(path), file)}).json()["upload_id"]
    body = {"tool_id": "rlog-to-csv", "params": {}, "input": {"type": "upload", "value": upload_id}}
    runs = [client.post("/v1/runs", json=body).json()["run_id"]]
    body = {"tool_id": "rlog-to-csv", "params": {"rlog": path, "out": f"{folder}/x.csv"}, "name": "by MCP"}
    runs.append(client.post("/v1/runs", json=body).json()["run_id"])
    for run_id in runs:
        while client.get(f"/v1/runs/{run_id}").json()["status"] in ("queued", "running"):
            time.sleep(0.05)
    listed = client.get("/v1/runs", params={"limit": 10, "status": "completed"}).json()
    assert runs[0] in [run["id"] for run in listed] and runs[1] in [run["id"] for run in listed]
    artifact = client.get(f"/v1/runs/{runs[1]}/artifacts").json()[0]
    content = client.get(f"/v1/artifacts/{artifact['id']}/content")
    assert int(content.headers["content-length"]) == artifact["size"] == len(content.content)
    assert client.get("/v1/runs", params={"limit": 10, "status": "pending"}).json() == []


async def collect(base, monitor_id):
    """`cts mon stream`: pings every 30 s, keeps all messages, and prints them after a close with 1000 or 1001."""
    address = base.replace("http", "ws", 1) + f"/v1/monitors/{monitor_id}/stream"
    headers = {"Authorization": CLI["Authorization"]}
    messages = []
    async with websockets.connect(address, extra_headers=headers, ping_interval=30, ping_timeout=10) as socket:
        async for message in socket:
            messages.append(json.loads(message))
    assert socket.close_code == 1000, socket.close_code
    return messages


def monitors(cli, base, log):
    """`cts mon start`, `ls`, `stream`, `stop`."""
    ids = []
    for params in ({"log": log, "sample": 1}, {"log": log, "speed": 1}):
        answer = cli.post("/v1/monitors", json={"tool_id": "can_bus_check", "params": params})
        assert answer.is_success, answer.text
        ids.append(answer.json()["monitor_id"])
    for one in cli.get("/v1/monitors").json():
        for field in ("id", "tool_id", "status", "started_at", "uptime"):
            assert isinstance(one[field], str), one
    messages = asyncio.run(collect(base, ids[0]))
    assert [message["type"] for message in messages] == ["can_counts"] * 5 + ["end"], messages
    assert all(list(message) == ["timestamp", "type", "monitor_id", "data"] for message in messages), messages
    assert cli.delete(f"/v1/monitors/{ids[1]}").is_success
    assert asyncio.run(collect(base, ids[1]))[-1]["data"]["status"] == "stopped"
    assert cli.delete("/v1/monitors/nope").status_code == 404
    assert cli.post("/v1/monitors", json={"tool_id": "nope", "params": {}}).status_code == 404
    try:
        asyncio.run(collect(base, "nope"))
    except websockets.exceptions.InvalidStatusCode as refused:
        assert refused.status_code == 404, refused
    else:
        raise AssertionError("the handshake for an unknown monitor is not refused")


def main():
    program, log = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    with tempfile.TemporaryDirectory() as directory:
        process, base = start(program, directory)
        try:
            cli = httpx.Client(base_url=base, headers=CLI, timeout=30)
            version(cli)
            discovery(cli)
            given = {"tool_id": "rlog-to-csv", "params": {"out": 1, "window_start": "0", "window_dur": 5}, "name": None}
            given["input"] = {"type": "upload", "value": upload(cli, log)}
            state, messages = run(cli, base, given, directory)
            assert state["status"] == "completed" and state["progress"] == 100 and messages, state
            given = {"tool_id": "can-bitwatch", "params": {"watch": "0x1D2:B0b5"}, "name": "a table"}
            given["input"] = {"type": "path", "value": f"{directory}/1"}
            state, _ = run(cli, base, given, directory)
            assert len(state["artifacts"]) == 5, state
            failures(cli)
            monitors(cli, base, log)
            mcp(base, log, directory)
        finally:
            process.terminate()
            process.wait(30)
    print("all answers are as the older clients need them")


if __name__ == "__main__":
    main()
