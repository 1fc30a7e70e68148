"""Sends what the OpenAPI document allows, and what it does not, to every endpoint: no answer may be a server fault, and
each must have the status, the media type and the form that the document promises. Once without keys, once with them.

    python3 -m pip install schemathesis openapi-spec-validator
    python3 tests/service/api_fuzz.py target/debug/cts-lite LOG [EXAMPLES [SECONDS]]

SECONDS (default 25) are for each of both. Says so and ends with 0 when `schemathesis` is not installed. Log streams are
left out: they may be endless, and time out by design.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

from kill import start

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "missing_required_header",
]


def ask(base, path, key, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data, {"x-api-key": key, **headers})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def things(base, key, log):
    """A run, an artifact, an upload and a monitor, so that there is something to ask for."""
    run = ask(base, "/v1/runs", key, {"tool_id": "rlog-to-csv", "params": {"rlog": log}})["run_id"]
    while ask(base, f"/v1/runs/{run}", key)["status"] in ("queued", "running"):
        time.sleep(0.05)
    artifact = ask(base, f"/v1/runs/{run}/artifacts", key)[0]["id"]
    upload = ask(base, "/v1/uploads", key, {"filename": "a.zst"})["upload_id"]
    monitor = ask(base, "/v1/monitors", key, {"tool_id": "can_bus_check", "params": {"log": log}})["monitor_id"]
    return {"run_id": run, "artifact_id": artifact, "upload_id": upload, "monitor_id": monitor}


def validate(base):
    try:
        from openapi_spec_validator import validate
    except ImportError:
        print("SKIPPED: openapi-spec-validator is not installed; the document was not validated")
        return
    document = ask(base, "/openapi.json", "")
    validate(document)
    print(f"the document is valid OpenAPI {document['openapi']}")


def make_key(program, directory):
    command = [program, "key", "create", "--name", "fuzz", "--scope", "admin", "--json"]
    command += ["--storage-dir", f"{directory}/data", "--log-directory", f"{directory}/log"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=directory).stdout)["key"]


def fuzz(tool, program, log, examples, seconds, with_keys):
    with tempfile.TemporaryDirectory() as directory:
        key = make_key(program, directory) if with_keys else ""
        process, base = start(program, directory, {"CTS_REQUIRE_AUTHENTICATION": str(with_keys).lower()})
        try:
            validate(base)
            known = things(base, key, log)
            with open(f"{directory}/schemathesis.toml", "w", encoding="utf-8") as config:
                config.write("[parameters]\n" + "".join(f'"path.{name}" = "{value}"\n' for name, value in known.items()))
            command = [tool, "run", f"{base}/openapi.json", "--checks", ",".join(CHECKS), "--max-examples", examples]
            command += ["--max-time", seconds, "--request-timeout", "5", "--exclude-path", "/v1/runs/{run_id}/logs"]
            command += ["--no-color", "--suppress-health-check", "all", "--warnings", "off"]
            command += ["--header", f"X-API-Key: {key}"] if with_keys else []
            done = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            said = done.stdout.decode(errors="replace")
            alive = process.poll() is None
        finally:
            process.terminate()
            process.wait(30)
    assert alive, "the service has gone"
    if done.returncode:
        print(said)
    # Requests are no tests, and shall not be counted as such.
    cases = [line.strip().replace(" passed", " as promised") for line in said.splitlines() if " generated" in line]
    print(f"{'with keys' if with_keys else 'without keys'}: {' '.join(cases)}, exit {done.returncode}")
    return done.returncode


def main():
    beside = os.path.join(os.path.dirname(sys.executable), "schemathesis")
    tool = beside if os.path.exists(beside) else shutil.which("schemathesis")
    if not tool:
        print("SKIPPED: schemathesis is not installed; the interface was not fuzzed")
        return
    program, log = map(os.path.abspath, sys.argv[1:3])
    examples, seconds = [*sys.argv[3:], *["15", "25"][len(sys.argv) - 3 :]]
    sys.exit(max(fuzz(tool, program, log, examples, seconds, with_keys) for with_keys in (False, True)))


if __name__ == "__main__":
    main()
