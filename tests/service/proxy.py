"""A real nginx with the configuration of `deployment/` stands before the service: what clients get through it.

    python3 tests/service/proxy.py target/debug/cts-lite target/debug/cts LOG

Needs the programs `nginx` and `openssl` and the package websockets; without the programs it says so and ends with 0.
"""

import asyncio
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

import websockets
from kill import start

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "deployment/nginx/cts-lite.conf"
# The same proxies as in deployment/config/production.toml.
SETTINGS = {
    "CTS_TRUSTED_PROXIES": "127.0.0.1,::1",
    "CTS_ENABLE_RATE_LIMITING": "true",
    "CTS_MAX_REQUESTS_PER_MINUTE": "60",
    "CTS_HEARTBEAT_SECONDS": "1",
}
# Slow enough for a short log to last.
SLOW = {"speed": 0.05}
# All of 127.0.0.0/8 is this machine: clients with addresses of their own, none of them a trusted proxy.
CLIENTS = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
WRAPPER = """
daemon off; pid {0}/nginx.pid; error_log {0}/error.log; {1}
events {{}}
http {{
    access_log off;
    client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi;
    uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;
    include {0}/cts-lite.conf;
}}
"""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Nginx:
    """The example with ports, certificate and upstream of this test; nothing else is changed."""

    def __init__(self, directory, upstream):
        self.plain, self.port = free_port(), free_port()
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        made = ["-keyout", f"{directory}/cts.key", "-out", f"{directory}/cts.crt", "-days", "2"]
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
        subprocess.run([*make, *made, *subject], check=True, capture_output=True)
        text = EXAMPLE.read_text()
        for old, new in {
            "server 127.0.0.1:8080;": f"server {upstream};",
            "/etc/nginx/tls": directory,
            "listen 80;": f"listen 127.0.0.1:{self.plain};",
            "listen 443 ": f"listen 127.0.0.1:{self.port} ",
            "    listen [::]:80;\n": "",
            "    listen [::]:443 ssl http2;\n": "",
        }.items():
            assert old in text, old
            text = text.replace(old, new)
        pathlib.Path(directory, "cts-lite.conf").write_text(text)
        config = pathlib.Path(directory, "nginx.conf")
        config.write_text(WRAPPER.format(directory, "user root;" if os.geteuid() == 0 else ""))
        command = ["nginx", "-p", directory, "-c", config, "-e", f"{directory}/error.log"]
        tested = subprocess.run([*command, "-t"], capture_output=True, text=True)
        assert tested.returncode == 0 and "[warn]" not in tested.stderr, tested.stderr
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.tls = ssl.create_default_context(cafile=f"{directory}/cts.crt")
        deadline = time.monotonic() + 30
        while socket.socket().connect_ex(("127.0.0.1", self.port)):
            assert time.monotonic() < deadline, "nginx does not listen"
            time.sleep(0.05)

    def open(self, path, client=CLIENTS[0], method="GET", body=None, **headers):
        """An answer whose body is not read yet."""
        line = http.client.HTTPSConnection(
            "localhost", self.port, timeout=30, context=self.tls, source_address=(client, 0)
        )
        line.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
        return line.getresponse()

    def ask(self, path, body=None, **more):
        data = None if body is None else json.dumps(body)
        method = "GET" if body is None else "POST"
        answer = self.open(path, method=method, body=data, content_type="application/json", **more)
        text = answer.read()
        assert answer.status < 300, (answer.status, text)
        return json.loads(text)


def redirect(nginx, *_):
    line = http.client.HTTPConnection("127.0.0.1", nginx.plain, timeout=30)
    line.request("GET", "/v1/health?a=b", headers={"host": "cts.example.org"})
    answer = line.getresponse()
    assert (answer.status, answer.headers["location"]) == (308, "https://cts.example.org/v1/health?a=b"), answer.headers


def transfers(nginx, log, cts, directory):
    """Four MiB go up, a table comes down, through TLS, by `cts` and by hand."""
    content = os.urandom(4 << 20)
    digest = hashlib.sha256(content).hexdigest()
    made = nginx.ask("/v1/uploads", {"filename": "big.bin", "size": len(content), "sha256": digest})
    for half, at in ((content[: 3 << 20], 0), (content[3 << 20 :], 3 << 20)):
        spans = {"content_range": f"bytes {at}-{at + len(half) - 1}/{len(content)}"}
        answer = nginx.open(f"/v1/uploads/{made['upload_id']}/content", method="PUT", body=half, **spans)
        assert answer.status < 300, (answer.status, answer.read())
    whole = nginx.ask(f"/v1/uploads/{made['upload_id']}/finalize", {})
    assert whole["size"] == len(content), whole
    env = {**os.environ, "CTS_URL": f"https://localhost:{nginx.port}", "HOME": directory, "XDG_CONFIG_HOME": directory}
    command = [cts, "run", "rlog-to-csv", "--upload", log, "--no-verify", "--wait", "--follow"]
    command += ["--out-dir", f"{directory}/out"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "Starting rlog-to-csv" in done.stderr, done
    (table,) = pathlib.Path(directory, "out").iterdir()
    (run,) = nginx.ask("/v1/runs?limit=1")
    (artifact,) = nginx.ask(f"/v1/runs/{run['id']}/artifacts")
    # The service knows by which name it was called.
    assert artifact["download_url"].startswith(f"https://localhost:{nginx.port}/"), artifact
    part = nginx.open(artifact["download_url"].split(str(nginx.port))[1], range="bytes=10-19")
    assert (part.status, part.read()) == (206, table.read_bytes()[10:20])


def streams(nginx, log, *_):
    """Lines and signs of life of a log pass at once, while the run goes on."""
    run = nginx.ask("/v1/runs", {"tool_id": "can_bus_check", "params": {"log": log, **SLOW}})["run_id"]
    answer = nginx.open(f"/v1/runs/{run}/logs", accept="text/event-stream")
    seen = b""
    while b"Starting can_bus_check" not in seen or seen.count(b"\n:") < 2:
        seen += answer.read1(4096) or b"(end)"
        assert b"(end)" not in seen, seen
    assert nginx.ask(f"/v1/runs/{run}")["status"] == "running"
    assert nginx.open(f"/v1/runs/{run}", method="DELETE").status < 300
    while piece := answer.read1(4096):
        seen += piece
    assert b"[DONE]" in seen, seen


def events(nginx, log, *_):
    """The events of a monitor pass one by one."""

    async def listen(monitor):
        address = f"wss://localhost:{nginx.port}/v1/monitors/{monitor}/stream"
        messages = []
        async with websockets.connect(address, ssl=nginx.tls) as line:
            async for message in line:
                messages.append(json.loads(message)["type"])
                if len(messages) == 2:
                    assert nginx.ask(f"/v1/monitors/{monitor}")["status"] == "running"
                    await line.ping()
                    stop = nginx.open(f"/v1/monitors/{monitor}", method="DELETE")
                    assert stop.status < 300, stop.status
        assert line.close_code == 1000 and messages[-1] == "end", (line.close_code, messages)

    params = {"log": log, "sample": 0.1, **SLOW}
    monitor = nginx.ask("/v1/monitors", {"tool_id": "can_bus_check", "params": params})
    asyncio.run(listen(monitor["monitor_id"]))


def limits(nginx, *_):
    """One client uses up what it has; others do not notice, and it cannot pass for another."""

    def refused(client, **headers):
        """Whether one of some requests is refused; a place that becomes free in between is no way around the limit."""
        for _ in range(90):
            answer = nginx.open("/v1/capabilities", client=client, **headers)
            answer.read()
            if answer.status == 429:
                return int(answer.headers["retry-after"]) > 0
        return False

    spent, other = CLIENTS[1:]
    assert refused(spent), "there is no limit"
    for name in ("x_forwarded_for", "x_real_ip"):
        # As many addresses as requests would each have all its places.
        for number in range(9):
            answer = nginx.open("/v1/capabilities", client=spent, **{name: f"9.9.9.{number}"})
            answer.read()
            if answer.status == 429:
                break
        assert answer.status == 429, name
    assert nginx.open("/v1/capabilities", client=other).status == 200


def main():
    program, cts, log = (os.path.abspath(arg) for arg in sys.argv[1:4])
    missing = [tool for tool in ("nginx", "openssl") if not shutil.which(tool)]
    if missing:
        print(f"SKIPPED: there is no {' and no '.join(missing)}")
        return
    steps = [redirect, transfers, streams, events, limits]
    with tempfile.TemporaryDirectory() as directory:
        process, base = start(program, directory, SETTINGS)
        nginx = Nginx(directory, base.removeprefix("http://"))
        try:
            for step in steps:
                step(nginx, log, cts, directory)
                print(f"{step.__name__}: as wanted")
        finally:
            for ended in (nginx.process, process):
                ended.terminate()
                ended.wait(30)
    print(f"{len(steps)} passed")


if __name__ == "__main__":
    main()
