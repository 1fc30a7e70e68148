"""A real Prometheus reads the service as `deployment/` says; every expression of alerts and dashboard has data.

    python3 tests/service/metrics.py target/debug/cts-lite LOG

Needs the programs `prometheus` and `promtool` (Debian: prometheus); says so and ends with 0 without them.
"""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from kill import FINAL, start

DEPLOYMENT = pathlib.Path(__file__).resolve().parents[2] / "deployment"
# What Grafana puts in; the service is read every second here.
VARIABLES = {"$instance": ".*", "$__rate_interval": "2m", "$__interval": "1s"}
SETTINGS = {
    "CTS_REQUIRE_AUTHENTICATION": "true",
    "CTS_METRICS_EXPORT_INTERVAL_SECONDS": "1",
    "CTS_ARTIFACT_SCAN_INTERVAL": "1",
}
ALERT = r"- alert: (\w+)\n(?: +#.*\n)? +expr: (?:\|\n)?((?:.*\n)+?) +(?:for|labels):"


def expressions():
    """Place and expression; comparisons are taken apart, since a false one has no data."""
    dashboard = json.loads((DEPLOYMENT / "grafana/cts-lite.json").read_text())
    panels = [(panel["title"], target) for panel in dashboard["panels"] for target in panel.get("targets", [])]
    found = [(title, target["expr"]) for title, target in panels]
    found += [(one["name"], one["expr"]) for one in dashboard["annotations"]["list"]]
    rules = (DEPLOYMENT / "prometheus/alerts.yml").read_text()
    alerts = re.findall(ALERT, rules)
    assert len(alerts) == rules.count("- alert:"), alerts
    found += [(name, " ".join(expr.split())) for name, expr in alerts]
    for place, expr in found:
        for name, value in VARIABLES.items():
            expr = expr.replace(name, value)
        # No server error is to be had at will.
        expr = expr.replace('status=~"5.."', 'status=~"..."')
        parts = [expr] if place == "Success, 1 h" else re.split(r" (?:>=|==|>|<|and) ", expr)
        yield from ((place, re.sub(r"\[\d+[mh]\]", "[2m]", part)) for part in parts)


class Service:
    """The service with keys, and one of its keys."""

    def __init__(self, base, key):
        self.base, self.key = base, key

    def ask(self, path, body=None):
        headers = {"content-type": "application/json", "authorization": f"Bearer {self.key}"}
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.base + path, data, headers), timeout=30) as answer:
            return json.loads(answer.read())

    def run(self, tool, **params):
        run_id = self.ask("/v1/runs", {"tool_id": tool, "params": params})["run_id"]
        deadline = time.monotonic() + 120
        while (run := self.ask(f"/v1/runs/{run_id}"))["status"] not in FINAL:
            assert time.monotonic() < deadline, run
            time.sleep(0.1)
        return run["status"]


class Prometheus:
    """Debian's Prometheus with the files of `deployment/`, which reads every second."""

    def __init__(self, directory, address, key):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.base = f"http://127.0.0.1:{free.getsockname()[1]}"
        # As `key create … > FILE` writes it.
        (directory / "metrics.key").write_text(f"{key}\n")
        shutil.copy(DEPLOYMENT / "prometheus/alerts.yml", directory)
        text = (DEPLOYMENT / "prometheus/prometheus.yml").read_text()
        key_file = str(directory / "metrics.key")
        for old, new in (("cts-lite:8080", address), ("/etc/prometheus/cts-lite.key", key_file), ("15s", "1s")):
            assert old in text, old
            text = text.replace(old, new)
        config = directory / "prometheus.yml"
        config.write_text(text)
        subprocess.run(["promtool", "check", "config", config], check=True, capture_output=True)
        command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory / 'tsdb'}"]
        command.append(f"--web.listen-address={self.base.removeprefix('http://')}")
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(self, path, **query):
        with urllib.request.urlopen(f"{self.base}{path}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
            return json.loads(answer.read())["data"]

    def value(self, expr):
        """The results; numbers that are none do not count."""
        data = self.ask("/api/v1/query", query=expr)
        values = [data["result"]] if data["resultType"] == "scalar" else [one["value"] for one in data["result"]]
        return [float(value) for _, value in values if value not in ("NaN", "+Inf", "-Inf")]

    def until(self, expr, wanted, what):
        deadline = time.monotonic() + 60
        while True:
            try:
                found = self.value(expr)
                if wanted(found):
                    return found
            except (OSError, urllib.error.URLError):
                found = "no answer"
            assert time.monotonic() < deadline, (what, expr, found)
            time.sleep(0.2)


def look(service, prometheus, log):
    prometheus.until('up{job="cts-lite"}', lambda up: up == [1.0], "the service is read")
    # The zeros are there before anything happens, so that the first event is an increase.
    prometheus.until('count(runs_failed{job="cts-lite"})', lambda n: n == [4.0], "categories")
    success = next(expr for place, expr in expressions() if place == "Success, 1 h")
    assert prometheus.value(success) == [], "no runs, no share of them"
    assert service.run("rlog-to-csv", rlog=log) == "completed"
    prometheus.until(success, lambda share: share == [1.0], "all runs so far are good")
    assert service.run("rlog-to-csv", rlog="/no/such/file") == "failed"
    prometheus.until(success, lambda share: share and 0 < share[0] < 1, "one of two")
    for wrong, status in ((service, 404), (Service(service.base, "no key"), 401)):
        try:
            wrong.ask("/v1/runs/nobody")
            raise AssertionError("an unknown run is there")
        except urllib.error.HTTPError as error:
            assert error.code == status, error
    count = 0
    for count, (place, expr) in enumerate(expressions(), 1):
        prometheus.until(expr, bool, place)
    targets = prometheus.ask("/api/v1/targets")["activeTargets"]
    assert [target["lastError"] for target in targets] == [""], targets
    groups = prometheus.ask("/api/v1/rules")["groups"]
    broken = [rule for group in groups for rule in group["rules"] if rule["health"] != "ok"]
    assert groups and not broken, broken
    return count


def main():
    program, log = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    missing = [tool for tool in ("prometheus", "promtool") if not shutil.which(tool)]
    if missing:
        print(f"SKIPPED: there is no {' and no '.join(missing)}")
        return
    with tempfile.TemporaryDirectory() as directory:
        key = ["key", "create", "--name", "test", f"--storage-dir={directory}/data"]
        key = subprocess.run([program, *key], check=True, capture_output=True, text=True, cwd=directory).stdout.strip()
        process, base = start(program, directory, SETTINGS)
        prometheus = Prometheus(pathlib.Path(directory), base.removeprefix("http://"), key)
        try:
            count = look(Service(base, key), prometheus, log)
        finally:
            for ended in (prometheus.process, process):
                ended.terminate()
                ended.wait(30)
    print(f"all {count} expressions of alerts and dashboard have data")


if __name__ == "__main__":
    main()
