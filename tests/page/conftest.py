"""The browser; `CHROMIUM` names it."""

import os
import shutil

import pytest

NAMES = ["chromium", "chromium-browser", "google-chrome"]
BROWSER = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def browser():
    if not BROWSER:
        pytest.skip("SKIPPED: no Chromium found (set CHROMIUM): pages were not opened")
    playwright = pytest.importorskip("playwright.sync_api", reason="SKIPPED: playwright is not installed")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
