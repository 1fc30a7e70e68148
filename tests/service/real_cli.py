"""All commands of the older client, with each of their options."""

import hashlib
import json
import os
import stat

from real_mon import monitors
from real_old import NOWHERE, Cli, wait_until


def discovery(cts):
    cts("--help", has="mon")
    cts("ping", has="Status: healthy")
    assert cts.json("ping")["status"] == "healthy"
    assert cts("-q", "ping") == "CTS-Lite API is healthy\n"
    for command in ("cap", "capabilities"):
        cts(command, has="rlog-to-csv")
        cts(command, has="hybrid_rx_trace")
        assert {"tools", "monitors", "features"} <= cts.json(command).keys()
    cts("--timeout", "5", "--no-verify", "cap", has="can-bitwatch")
    cts("nonsense", code=2)


def configuration(cts, log):
    """Option, variable, file, in this order; `~` in the file."""
    os.makedirs(f"{cts.folder}/cts")
    with open(f"{cts.folder}/cts/config.toml", "w") as file:
        file.write(f'url = "{cts.base}"\nout_dir = "~/from-file"\napi_key = "{cts.key or "none"}"\n')
    env = cts.env
    cts.env = {name: value for name, value in env.items() if name not in ("CTS_URL", "CTS_API_KEY")}
    cts("run", "rlog-to-csv", "--path", log, "-p", "out=f.csv", "--wait", has="from-file")
    assert os.path.getsize(f"{cts.folder}/from-file/f.csv")
    cts.env |= {"CTS_URL": "http://127.0.0.1:9", "CTS_API_KEY": "wrong"}
    cts("--url", cts.base, "--api-key", cts.key or "some-key", "cap", has="rlog-to-csv")
    cts("-u", cts.base + "/", "-k", cts.key or "some-key", "cap", has="rlog-to-csv")
    cts.env = env
    os.remove(f"{cts.folder}/cts/config.toml")


def runs(cts, log):
    """Starting and waiting, with inputs of both kinds and parameters of all kinds."""
    out = os.path.join(cts.folder, "out")
    cts("run", "rlog-to-csv", "--path", log, "--wait", "--out-dir", out, "-p", "out=x.csv", has="Downloaded 1 artifacts")
    header = open(f"{out}/x.csv", newline="").readline()
    assert header == "window,segment,timestamp,address,bus,data_hex\r\n", header
    cts("run", "rlog-to-csv", "--path", log, "--wait", "--out-dir", out, "-p", "out=x.csv", has="already exists")
    run = cts.json("run", "rlog-to-csv", "--upload", log, "--wait", "-p", "out=1", "-p", "window_start=0",
                   "-p", "window_dur=2.5", "--name", "an upload", "--out-dir", f"{out}/1")
    assert (run["status"], run["name"], run["progress"]) == ("completed", "an upload", 100), run
    assert os.listdir(f"{out}/1") == ["1"]
    # An unused upload is not even read.
    quiet = cts("-q", "run", "rlog-to-csv", "--path", log, "--upload", "absent.zst", "--wait", "--out-dir", f"{out}/3")
    assert [line.split()[0] for line in quiet.splitlines() if line.strip()] == ["Started", "Run", "Downloaded"], quiet
    started = cts.json("run", "can-bitwatch", "--path", f"{out}/x.csv", "-p", "watch=0x1D2:B0b5,0x1D2:B0b4")
    assert started["status"] == "started"
    assert cts.finished(started["run_id"])["status"] == "completed"
    cts("run", "can-bitwatch", "--path", f"{out}/x.csv", "-p", "output_prefix=p", "-p", "watch=0x1D2:B0b5", "--wait",
        has="completed successfully")
    assert os.path.exists(f"{cts.folder}/Downloads/cts/p.counts.csv"), "the default folder"
    return started["run_id"]


def browser(cts, log):
    """`--open` gives each page to the browser."""
    program = f"{cts.folder}/browser"
    with open(program, "w") as file:
        file.write(f'#!/bin/sh\necho "$1" >> {cts.folder}/opened\n')
    os.chmod(program, stat.S_IRWXU)
    cts.env["BROWSER"] = f"{program} %s"
    cts("run", "cruise-control-analyzer", "--path", log, "-p", "speed_min=20", "-p", "speed_max=120.5", "-p",
        "export_csv=TRUE", "-p", "export_json=false", "-p", "marker_type=none", "-p", "engaged_margin=1e0", "--wait",
        "--open", "--out-dir", f"{cts.folder}/out/2", has="completed successfully")
    opened = wait_until(lambda: os.path.exists(f"{cts.folder}/opened") and open(f"{cts.folder}/opened").read())
    assert opened == f"file://{cts.folder}/out/2/analysis_report.html\n", opened
    assert {"speed_timeline.png", "candidates.csv"} <= set(os.listdir(f"{cts.folder}/out/2"))


def refusals(cts, log):
    cts("run", "invalid-tool", "--path", log, code=1, has="404")
    cts("run", "can-bitwatch", code=1, has="400")
    for wrong in ("speed_min=fast", "marker_type=horn", "export_csv=1,2", "no_such=1"):
        cts("run", "cruise-control-analyzer", "--path", log, "-p", wrong, code=1, has="400")
    cts("run", "rlog-to-csv", "-p", "novalue", code=1, has="name=value")
    cts("run", "rlog-to-csv", "-p", "window_start=nan", code=1, has="JSON")
    cts("run", "rlog-to-csv", "--upload", "absent.zst", code=1, has="File not found")
    cts("run", "rlog-to-csv", "--path", "/nonexistent.zst", "--wait", code=3, has="/nonexistent.zst")
    failed = cts.json("run", "rlog-to-csv", "--path", "/nonexistent.zst", "--wait", code=3)
    assert failed["status"] == "failed" and failed["error_category"] == "validation_error", failed
    cts("run", code=2)
    cts("logs", code=2)
    return failed["run_id"]


def canceled(cts, folder):
    """An input that never ends; the old client cannot cancel, so another one does."""
    endless = os.path.join(folder, "endless.rlog")
    os.mkfifo(endless)

    def cancel():
        run = wait_until(lambda: cts.ask("/v1/runs?status=running"))[0]["id"]
        cts("runs", "list", "--status", "running", code=2, has=run)
        cts.ask(f"/v1/runs/{run}", method="DELETE")
        return run

    process = cts.begin("run", "rlog-to-csv", "--path", endless, "--wait")
    run = cancel()
    cts.end(process, code=4, has="Run was canceled")
    cts("logs", run, has="Cancelled by user")
    command = ["run", "rlog-to-csv", "--path", endless, "--follow"]
    cts.follow(*command, until="Cancelled by user", code=4, then=cancel)


def logs(cts, run_id, failed, log):
    # One after the other at once: none may be taken for one that follows.
    for _ in range(3):
        cts("logs", run_id, has="can-bitwatch completed")
    last = json.loads(cts("--json", "logs", run_id).splitlines()[-1])
    assert last["message"] == "can-bitwatch completed", last
    assert cts("-q", "logs", run_id) == ""
    together = [cts.begin("logs", run_id) for _ in range(4)]
    for process in together:
        cts.end(process, has="can-bitwatch completed")
    cts("logs", failed, has="ERROR")
    cts("logs", NOWHERE, code=2, has="404")
    cts.follow("logs", run_id, "--follow", until="can-bitwatch completed")
    lines = cts.follow("--json", "logs", run_id, "--follow", until="can-bitwatch completed")
    assert [json.loads(line)["message"] for line in lines if line.startswith("{")][-1] == "can-bitwatch completed"
    out = os.path.join(cts.folder, "followed")
    command = ["run", "rlog-to-csv", "--path", log, "-p", "out=y.csv", "--follow", "--out-dir", out]
    cts.follow(*command, until="rlog-to-csv completed")
    assert os.path.exists(f"{out}/y.csv")
    lines = cts.follow("--json", *command[:-1], f"{out}2", until='"rlog-to-csv completed"')
    assert '  "status": "completed",' in lines and os.path.exists(f"{out}2/y.csv"), lines
    cts.follow("run", "rlog-to-csv", "--path", "/nonexistent.zst", "--follow", until="ERROR", code=3)


def lists(cts, run_id):
    """A list or run that is shown ends with exit 2 there even on success."""
    cts("runs", "list", code=2, has=run_id)
    cts("runs", "list", "--status", "completed", code=2, has="can-bitwatch")
    listed = cts.json("runs", "list", "--status", "failed", code=2)
    assert listed and {run["status"] for run in listed} == {"failed"}, listed
    assert {"id", "tool_id", "status", "started_at", "duration"} <= listed[0].keys()
    for status in ("queued", "pending", "no-such-status"):
        cts("runs", "list", "--status", status, has="No runs found")
    cts("runs", "get", run_id, code=2, has='"status": "completed"')
    assert cts.json("runs", "get", run_id, code=2)["run_id"] == run_id
    cts("runs", "get", NOWHERE, code=2, has="404")


def artifacts(cts, run_id):
    cts("art", "list", run_id, has="analysis.counts.csv")
    cts("art", "list", NOWHERE, has="No artifacts found")
    assert cts.json("art", "list", NOWHERE) == []
    listed = cts.json("art", "list", run_id)
    counts = next(one for one in listed if one["filename"].endswith("counts.csv"))["id"]
    cts("art", "get", counts, "--stdout", has="address,pre,window,post,delta")
    assert cts.json("art", "get", counts, "--stdout")["content"].startswith("address,pre")
    cts("art", "get", counts, "--download", "some/counts.csv", has="Downloaded")
    size = os.path.getsize(os.path.join(cts.folder, "counts.csv"))
    cts("art", "get", counts, "--download", "counts.csv", code=1, has="already exists")
    given = cts.json("art", "get", counts, "--download", "counts.csv", "--force")
    assert (given["size"], given["artifact_id"]) == (size, counts), given
    cts("art", "get", counts, code=1, has="--download PATH or --stdout")
    cts("art", "get", NOWHERE, "--stdout", code=2, has="404")
    cts("art", "get", NOWHERE, "--download", "none", code=2, has="404")


def pictures(cts):
    """Bytes that are no text arrive as they are."""
    run = next(run for run in cts.ask("/v1/runs?status=completed") if run["tool_id"] == "cruise-control-analyzer")
    picture = next(one for one in cts.json("art", "list", run["id"]) if one["type"] == "image/png")
    target = f"{cts.folder}/new/folder/picture.png"
    cts("-q", "art", "get", picture["id"], "--download", target, has="Downloaded")
    assert hashlib.sha256(open(target, "rb").read()).hexdigest() == picture["sha256"]


def uploads(cts, log):
    cts("upload", log, has="Upload completed")
    done = cts.json("upload", log)
    assert (done["status"], done["size"]) == ("completed", os.path.getsize(log)), done
    for name, content in [("empty.zst", b""), ("großes Bild.bin", os.urandom(9 << 20))]:
        with open(f"{cts.folder}/{name}", "wb") as file:
            file.write(content)
        told = cts.ask(f"/v1/uploads/{cts.json('upload', name)['upload_id']}")
        assert (told["filename"], told["size"], told["status"]) == (name, len(content), "complete"), told
    cts("run", "rlog-to-csv", "--upload", "empty.zst", "--wait", code=3, has="Run failed")
    cts("upload", "absent.zst", code=1, has="File not found")
    cts("upload", cts.folder, code=1, has="Upload failed")


def unreachable(cts):
    cts.env["CTS_URL"] = "http://127.0.0.1:9"
    cts("ping", code=2, has="Health check failed")
    cts("run", "rlog-to-csv", code=1)
    cts.env["CTS_URL"] = cts.base


def cli(program, base, key, log, folder):
    cts = Cli(program, base, key, folder)
    discovery(cts)
    configuration(cts, log)
    run_id = runs(cts, log)
    browser(cts, log)
    failed = refusals(cts, log)
    canceled(cts, folder)
    logs(cts, run_id, failed, log)
    lists(cts, run_id)
    artifacts(cts, run_id)
    pictures(cts)
    uploads(cts, log)
    monitors(cts, log)
    unreachable(cts)
    print(f"  cts: {cts.count} commands, all ended as promised")
