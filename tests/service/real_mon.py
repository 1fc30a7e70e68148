"""`cts mon` of the older client."""

import json
import signal
import time

from real_old import NOWHERE, wait_until


def start(cts, tool, *params):
    options = [part for param in params for part in ("-p", param)]
    return cts("mon", "start", tool, *options, has="Started monitor").split()[-1]


def finite(cts, log):
    """One that ends by itself closes its streams, those that are opened later, too."""
    started = cts.json("mon", "start", "can_bus_check", "-p", f"log={log}", "-p", "sample=1")
    monitor = started["monitor_id"]
    cts("mon", "stream", monitor, has="can_counts: {")
    frames = [line for line in cts("mon", "stream", monitor, "--raw").splitlines() if line.startswith("{")]
    events = [json.loads(frame) for frame in frames]
    assert [event["type"] for event in events] == ["can_counts"] * 5 + ["end"], events
    assert all({"timestamp", "type", "monitor_id", "data"} <= event.keys() for event in events), events
    for options in (["mon", "stream", monitor, "--ndjson"], ["--json", "mon", "stream", monitor],
                    ["--json", "mon", "stream", monitor, "--ndjson"]):
        lines = cts(*options).splitlines()
        assert [json.loads(line) for line in lines if line.startswith("{")] == events, lines
    assert cts("-q", "mon", "stream", monitor) == ""
    cts("mon", "stop", monitor, has="Stopped monitor")


def listening(cts, monitor):
    told = lambda: cts.ask(f"/v1/monitors/{monitor}")
    return wait_until(lambda: told()["subscribers"] and told())


def endless(cts, log):
    """One that is stopped while somebody listens; two streams of it."""
    monitor = start(cts, "can_hybrid_rx_check", f"log={log}", "speed=0.001")
    table = cts("mon", "ls", has=monitor)
    assert "can_hybrid_rx_check" in table and "running" in table, table
    listed = next(one for one in cts.json("mon", "ls") if one["id"] == monitor)
    assert all(isinstance(listed[name], str) for name in ("id", "tool_id", "status", "started_at", "uptime")), listed
    streams = [cts.begin("mon", "stream", monitor), cts.begin("mon", "stream", monitor, "--raw")]
    wait_until(lambda: cts.ask(f"/v1/monitors/{monitor}")["subscribers"] == 2)
    assert cts.json("mon", "stop", monitor) == {"monitor_id": monitor, "status": "stopped"}
    for stream in streams:
        cts.end(stream, has='"status": "stopped"' if stream is streams[0] else '"status":"stopped"')
    interrupted(cts, start(cts, "hybrid_rx_trace", f"log={log}", "speed=0.001"))


def interrupted(cts, monitor):
    """Ctrl-C ends the stream, not the monitor."""
    stream = cts.begin("mon", "stream", monitor)
    listening(cts, monitor)
    time.sleep(0.2)
    stream.send_signal(signal.SIGINT)
    # The library that it uses complains of the abrupt end.
    cts.end(stream, has="Stopped streaming", lacks="Failed")
    wait_until(lambda: cts.ask(f"/v1/monitors/{monitor}")["subscribers"] == 0)
    assert cts.ask(f"/v1/monitors/{monitor}")["status"] == "running"
    cts("mon", "stop", monitor, has="Stopped monitor")


def refused(cts, log):
    cts("mon", "start", "no-such-monitor", code=1, has="404")
    cts("mon", "start", "rlog-to-csv", "-p", f"rlog={log}", code=1, has="404")
    cts("mon", "start", "can_bus_check", code=1, has="400")
    cts("mon", "start", "can_bus_check", "-p", f"log={log}", "-p", "speed=fast", code=1, has="400")
    cts("mon", "start", "can_bus_check", "-p", "novalue", code=1, has="name=value")
    cts("mon", "stop", NOWHERE, code=2, has="404")
    cts("mon", "stream", NOWHERE, code=2, has="404")
    failed = start(cts, "can_bus_check", "log=/nonexistent.zst")
    cts("mon", "stream", failed, has="/nonexistent.zst")


def monitors(cts, log):
    cts("mon", "ls", has="No active monitors")
    finite(cts, log)
    endless(cts, log)
    refused(cts, log)
