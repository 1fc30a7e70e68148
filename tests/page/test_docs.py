"""The page `/docs` of the service in a browser: it asks nobody but the service, and every kind of request can be tried.

`CTS_LITE` names the service (default `target/debug/cts-lite`), `CTS_BIN` the client, which makes a log.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/service"))
from kill import start  # noqa: E402

PROGRAM = os.environ.get("CTS_LITE", ROOT / "target/debug/cts-lite")
CLIENT = os.environ.get("CTS_BIN", ROOT / "target/debug/cts")


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    subprocess.run([CLIENT, "demo", "--seconds", "5", "--out-dir", folder], check=True, stdout=subprocess.DEVNULL)
    return folder / "demo.rlog.zst"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    process, base = start(str(PROGRAM), str(tmp_path_factory.mktemp("service")))
    yield base
    process.terminate()
    process.wait(30)


@pytest.fixture
def page(browser, service):
    """The page; at the end there must have been no message, no error and no request to anybody else."""
    page, said = browser.new_page(viewport={"width": 1100, "height": 900}), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith((service, "blob:", "data:")) else said.append(request.url))
    page.goto(f"{service}/docs")
    page.locator(".operation").first.wait_for()
    yield page
    page.close()
    assert said == []


class Operation:
    """One operation of the page."""

    def __init__(self, page, name):
        self.node = page.locator(f"#{name}")
        self.node.locator("summary").first.click()

    def send(self, *values):
        for field, value in zip(self.node.locator("table input").all(), values, strict=False):
            field.fill(value)
        button = self.node.locator("button")
        button.click()
        self.node.locator("button", has_text="Send").wait_for()
        return self.node.locator("pre").nth(1).inner_text()

    def json(self, *values):
        status, body = self.send(*values).split("\n", 1)
        return int(status.split()[0]), json.loads(body)


def run(page, log):
    """Starts a run by the form of the page."""
    runs = Operation(page, "post_v1_runs")
    runs.node.locator("select").nth(1).select_option("rlog-to-csv")
    text = runs.node.locator("textarea")
    body = json.loads(text.input_value())
    assert body["tool_id"] == "rlog-to-csv" and "out" not in body["params"]
    body["input"]["value"] = str(log)
    text.fill(json.dumps(body))
    status, started = runs.json()
    assert status == 200
    return started["run_id"]


def test_every_operation_is_shown_and_fits(page, service):
    routes = page.evaluate("fetch('openapi.json').then(a => a.json()).then(d => Object.values(d.paths).flatMap(Object.keys))")
    assert page.locator(".operation").count() == len(routes)
    for width in [1100, 390]:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width


def test_a_run_from_its_start_to_its_files(page, log):
    run_id = run(page, log)
    curl = page.locator("#post_v1_runs pre").first.inner_text()
    assert curl.startswith("curl -i -X POST -H 'Content-Type: application/json' -d '{")
    lines = Operation(page, "get_v1_runs_run_id_logs").send(run_id)
    assert "wrote demo.csv" in lines and lines.rstrip().endswith("[DONE]")
    archive = Operation(page, "get_v1_runs_run_id_artifacts_zip")
    assert "application/zip" in archive.send(run_id)
    with page.expect_download() as download:
        archive.node.locator("a").click()
    assert download.value.suggested_filename.startswith("rlog-to-csv-")
    status, listed = Operation(page, "get_v1_runs").json("completed", "", "", "5")
    assert status == 200 and [one["id"] for one in listed] == [run_id]


def test_uploads_and_monitors(page, log):
    form = Operation(page, "post_v1_uploads")
    form.node.locator("select").first.select_option("multipart/form-data")
    form.node.locator("input[type=file]").set_input_files(log)
    status, upload = form.json()
    assert (status, upload["status"], upload["size"]) == (201, "complete", log.stat().st_size)
    monitors = Operation(page, "post_v1_monitors")
    wish = {"tool_id": "can_bus_check", "input": {"type": "upload", "value": upload["upload_id"]}}
    monitors.node.locator("textarea").fill(json.dumps(wish))
    status, monitor = monitors.json()
    assert status == 200
    events = Operation(page, "get_v1_monitors_monitor_id_stream").send(monitor["monitor_id"])
    assert '"can_counts"' in events and "closed: 1000" in events


def test_what_is_missing_is_asked_for_and_forms_are_shown(page):
    wrong = Operation(page, "get_v1_runs_run_id")
    wrong.node.locator("button").click()
    assert wrong.node.locator("input").evaluate("node => node === document.activeElement"), "an id is needed"
    forms = wrong.node.locator("summary", has_text="Forms")
    forms.click()
    wrong.node.locator("summary", has_text="200 application/json").click()
    assert "error_details" in wrong.node.locator(".shape").first.inner_text()
