"""The older clients with a service that requires keys: what each key opens, and what none does."""

import json
import urllib.error
import urllib.request

from kill import ask
from real_mcp import Mcp, with_key
from real_old import Cli


def refused(cts, words, log, run_id, artifact, monitor):
    """Health and version are for everyone; all else needs a key."""
    cts("ping", has="Status: healthy")
    cts("cap", code=2, has=words)
    cts("run", "rlog-to-csv", "--path", log, "--wait", code=1, has=words)
    cts("run", "rlog-to-csv", "--upload", log, "--wait", code=1, has=words)
    cts("logs", run_id, code=2, has=words)
    cts("runs", "list", code=2, has=words)
    cts("runs", "get", run_id, code=2, has=words)
    cts("art", "list", run_id, code=2, has=words)
    cts("art", "get", artifact, "--stdout", code=2, has=words)
    cts("upload", log, code=1, has=words)
    cts("mon", "start", "can_bus_check", "-p", f"log={log}", code=1, has=words)
    cts("mon", "stream", monitor, code=2, has=words)
    cts("mon", "stop", monitor, code=2, has=words)
    cts("mon", "ls", code=2, has=words)


def reader(cts, log, own):
    """May look at what is its own, which is nothing, and start nothing."""
    cts("cap", has="rlog-to-csv")
    cts("runs", "list", has="No runs found")
    cts("mon", "ls", has="No active monitors")
    for command in (["run", "rlog-to-csv", "--path", log], ["upload", log],
                    ["mon", "start", "can_bus_check", "-p", f"log={log}"]):
        cts(*command, code=1, has="403")
    stranger(cts, *own)


def stranger(cts, run_id, artifact, monitor):
    """What belongs to others does not exist."""
    cts("runs", "get", run_id, code=2, has="404")
    cts("logs", run_id, code=2, has="404")
    cts("art", "list", run_id, has="No artifacts found")
    cts("art", "get", artifact, "--download", "x", code=2, has="404")
    cts("mon", "stream", monitor, code=2, has="404")


def links(cts, run_id):
    """Downloads carry no key; their address has a proof for this file alone."""
    (artifact,) = cts.json("art", "list", run_id)
    url = artifact["download_url"]
    with urllib.request.urlopen(url) as answer:
        assert len(answer.read()) == artifact["size"]
    for wrong in (url.split("?")[0], url[:-1] + ("0" if url[-1] != "0" else "1"), url.replace("/download", "/content")):
        try:
            urllib.request.urlopen(wrong)
        except urllib.error.HTTPError as error:
            assert error.code == 401, wrong
        else:
            raise AssertionError(f"{wrong} is given to everyone")


def cli(program, base, keys, log, folder):
    clients = {name: Cli(program, base, key, folder) for name, key in keys.items()}
    own = clients["run"]
    run_id = own.json("run", "rlog-to-csv", "--path", log, "-p", "out=k.csv", "--wait", "--out-dir", "k")["run_id"]
    artifact = own.json("art", "list", run_id)[0]["id"]
    monitor = own.json("mon", "start", "can_bus_check", "-p", f"log={log}", "-p", "speed=0.001")["monitor_id"]
    links(own, run_id)
    for key in (None, "wrong", keys["read"][:-1] + "!"):
        clients[f"refused {key}"] = Cli(program, base, key, folder)
        refused(clients[f"refused {key}"], "401", log, run_id, artifact, monitor)
    reader(clients["read"], log, (run_id, artifact, monitor))
    stranger(clients["run2"], run_id, artifact, monitor)
    admin = clients["admin"]
    admin("runs", "get", run_id, code=2, has='"completed"')
    admin("art", "get", artifact, "--stdout", has="data_hex")
    admin("mon", "stop", monitor, has="Stopped monitor")
    own("mon", "stream", monitor, has="stopped")
    print(f"  cts: {sum(one.count for one in clients.values())} commands with keys of all kinds and none")


def mcp(program, base, keys):
    """Without a key in its address it can do what needs none."""
    for key, words in [(None, "401"), ("wrong", "401"), (keys["read"], "403")]:
        server = Mcp(program, with_key(base, key))
        assert server.tool("check_health")["status"] == "healthy"
        assert server.tool("get_version")["min_client_version"]
        server.tool("run_analysis", fails=words, tool_id="rlog-to-csv", parameters={"rlog": "/x"})
        if words == "401":
            server.tool("list_runs", fails=words)
            server.tool("list_capabilities", fails=words)
        else:
            assert server.tool("list_runs") == []
        server.close()
    seen = json.loads(ask(base, "/v1/runs?limit=100", key=keys["run"]))
    assert "by MCP" in [run["name"] for run in seen], "its runs belong to its key"
