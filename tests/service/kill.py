"""Kills the service with SIGKILL at random moments under load and checks that nothing is lost or half done.

    python3 tests/service/kill.py target/debug/cts-lite LOG [rounds]

Needs only the standard library. Exit code 0 if every run that was accepted is in a true state at the end.
"""

import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

FINAL = {"completed", "failed", "canceled"}


def start(program, directory, more=None):
    env = {
        "CTS_STORAGE_DIR": f"{directory}/data",
        "CTS_BASE_STORAGE_PATH": f"{directory}/base",
        "CTS_LOG_DIRECTORY": f"{directory}/log",
        "CTS_DOWNLOAD_BASE_PATH": f"{directory}/downloads",
        # Nobody is there: no test asks the real one.
        "CTS_COMMA_API_URL": "http://127.0.0.1:9",
        "CTS_DOWNLOAD_WAIT_SECONDS": "0",
        "CTS_PORT": "0",
        "CTS_LOG_LEVEL": "INFO",
        "CTS_LOG_FORMAT": "json",
        "CTS_MAX_CONCURRENT_RUNS": "3",
        **(more or {}),
    }
    process = subprocess.Popen([program], env=env, stderr=subprocess.PIPE, text=True, cwd=directory)
    for line in process.stderr:
        said = json.loads(line) if line.startswith("{") else {}
        if "address" in said:
            threading.Thread(target=lambda: process.stderr.read(), daemon=True).start()
            return process, f"http://{said['address']}"
    raise SystemExit(f"the service does not start: exit {process.wait()}")


def ask(base, path, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def load(base, log, accepted, stop):
    while not stop.is_set():
        try:
            tool, name = random.choice([("rlog-to-csv", "rlog"), ("can-bitwatch", "csv")])
            run = json.loads(ask(base, "/v1/runs", {"tool_id": tool, "params": {name: log}}))
            accepted.append(run["run_id"])
            ask(base, f"/v1/runs/{run['run_id']}/logs/list")
            time.sleep(random.random() * 0.2)
        except (OSError, urllib.error.URLError, ValueError):
            time.sleep(0.01)


def send(base, sent, stop):
    """Uploads in two pieces; notes what the service said it has."""
    while not stop.is_set():
        content = random.randbytes(random.randrange(2, 100_000))
        digest, half = hashlib.sha256(content).hexdigest(), len(content) // 2
        announced = {"filename": "a.bin", "size": len(content), "sha256": digest}
        try:
            upload = json.loads(ask(base, "/v1/uploads", announced))["upload_id"]
            for start, piece in ((0, content[:half]), (half, content[half:])):
                span = f"bytes {start}-{start + len(piece) - 1}/{len(content)}"
                path, headers = f"/v1/uploads/{upload}/content", {"content-range": span}
                request = urllib.request.Request(base + path, piece, headers, method="PUT")
                urllib.request.urlopen(request, timeout=30).read()
                sent[upload] = (start + len(piece), digest, "open")
            ask(base, f"/v1/uploads/{upload}/finalize", method="POST")
            sent[upload] = (len(content), digest, "complete")
        except (OSError, urllib.error.URLError, ValueError):
            time.sleep(0.01)


def check_uploads(base, directory, sent):
    for upload, (received, digest, status) in sent.items():
        found = json.loads(ask(base, f"/v1/uploads/{upload}"))
        assert found["received"] >= received, (found, received)
        assert status == "open" or found["status"] == "complete", found
        folder = f"{directory}/data/uploads/{upload}"
        if found["status"] == "complete":
            with open(f"{folder}/a.bin", "rb") as file:
                assert hashlib.sha256(file.read()).hexdigest() == digest, found
        assert len(os.listdir(folder)) == 1, os.listdir(folder)


def children(pid):
    """Living children of a process."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                state, parent = file.read().rsplit(") ", 1)[1].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(entry))
    return found


def check_workers(workers):
    """They end when the service does, however it ends."""
    deadline = time.monotonic() + 30
    while left := [pid for pid in workers if os.path.exists(f"/proc/{pid}")]:
        assert time.monotonic() < deadline, f"workers are left: {left}"
        time.sleep(0.01)


def check(base, directory, accepted):
    wanted = dict.fromkeys(accepted)
    deadline = time.monotonic() + 600
    for run_id in wanted:
        while True:
            run = json.loads(ask(base, f"/v1/runs/{run_id}"))
            if run["status"] in FINAL:
                break
            assert time.monotonic() < deadline, f"no end: {run}"
            time.sleep(0.05)
        wanted[run_id] = run["status"]
        if run["status"] == "failed":
            assert run["error_details"]["code"] == "interrupted", run
        listed = json.loads(ask(base, f"/v1/runs/{run_id}/artifacts"))
        if run["status"] == "completed":
            assert len(listed) == (1 if run["tool_id"] == "rlog-to-csv" else 5), run
        for artifact in listed:
            content = ask(base, f"/v1/artifacts/{artifact['id']}/content")
            assert hashlib.sha256(content).hexdigest() == artifact["sha256"], artifact
        folder = f"{directory}/data/runs/{run_id}"
        files = sorted(os.listdir(f"{folder}/artifacts")) if os.path.isdir(f"{folder}/artifacts") else []
        assert files == [artifact["filename"] for artifact in listed], (files, listed)
        assert not os.path.exists(f"{folder}/work"), run
    return wanted


def main():
    program, log = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 50
    accepted, sent = [], {}
    with tempfile.TemporaryDirectory() as directory:
        for number in range(rounds):
            process, base = start(program, directory)
            stop = threading.Event()
            threads = [threading.Thread(target=load, args=(base, log, accepted, stop)) for _ in range(3)]
            threads.append(threading.Thread(target=send, args=(base, sent, stop)))
            for thread in threads:
                thread.start()
            time.sleep(random.random() * 0.7)
            workers = children(process.pid)
            process.kill()
            process.wait()
            check_workers(workers)
            stop.set()
            for thread in threads:
                thread.join()
        process, base = start(program, directory)
        check_uploads(base, directory, sent)
        states = check(base, directory, accepted)
        process.terminate()
        assert process.wait(30) == 0
    counts = {state: list(states.values()).count(state) for state in FINAL}
    whole = sum(status == "complete" for _, _, status in sent.values())
    print(f"{rounds} kills, {len(states)} runs accepted: {counts}; {len(sent)} uploads, {whole} said to be complete")


if __name__ == "__main__":
    main()
