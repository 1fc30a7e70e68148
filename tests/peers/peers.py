"""What the tests here share: where logs and program are, the independent reader, and the comparison of values."""

import bz2
import json
import math
import os
import subprocess
from pathlib import Path

import capnp
import pytest
import zstandard

REPO = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("CTS_TEST_DATA", REPO.parent / "shared" / "data"))
CTS = Path(os.environ.get("CTS_BIN", REPO / "target" / "debug" / "cts"))
NO_LIMIT = 2**63 - 1
SALVAGED = 3  # exit code of a run over damaged input that gave what could be saved


def sample(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no {name} in {DATA} (CTS_TEST_DATA names the folder)")
    return path


def run_events(log, *options, exit_code=0):
    """Standard output of `cts events`."""
    if not CTS.exists():
        pytest.fail(f"no program {CTS}: build it or name it by CTS_BIN")
    run = subprocess.run([CTS, *options, "events", log], capture_output=True, check=False)
    assert run.returncode == exit_code, run.stderr.decode(errors="replace")[-2000:]
    return run.stdout


def stream(path):
    """The decompressed bytes of a whole log, told by content."""
    raw = path.read_bytes()
    if raw.startswith(b"BZh"):
        return bz2.decompress(raw)
    if raw.startswith(b"\x28\xb5\x2f\xfd"):
        return zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True).read()
    return raw


def load_schema(folder, text):
    """Compile .capnp text; `folder` must be new, as pycapnp keeps what it loaded by path."""
    path = Path(folder) / "cereal.capnp"
    path.write_text(text, encoding="utf-8")
    return capnp.SchemaParser().load(str(path))


def read(event_type, data):
    """Every event of a stream, as pycapnp's dictionaries."""
    for event in event_type.read_multiple_bytes(data, traversal_limit_in_words=NO_LIMIT):
        yield event.to_dict(verbose=True)


class Comparison:
    """Compares our JSON with the reader's dictionaries; counts what it saw."""

    def __init__(self):
        self.events = self.leaves = 0

    def stream(self, expected, lines):
        lines = iter(lines)
        for want in expected:
            line = next(lines, None)
            assert line is not None, f"output ends before event {self.events}"
            self.value(want, json.loads(line), f"event {self.events}")
            self.events += 1
        assert next(lines, None) is None, f"output goes on after event {self.events - 1}"

    def value(self, want, got, path):
        if isinstance(want, dict):
            assert isinstance(got, dict), path
            assert want.keys() == got.keys(), (path, want.keys() ^ got.keys())
            for key, item in want.items():
                self.value(item, got[key], f"{path}.{key}")
        elif isinstance(want, list):
            assert isinstance(got, list), path
            assert len(want) == len(got), (path, len(want), len(got))
            for index, item in enumerate(want):
                self.value(item, got[index], f"{path}[{index}]")
        else:
            self.leaves += 1
            assert same_leaf(want, got), f"{path}: {want!r} expected, {got!r} printed"


def same_leaf(want, got):
    """One scalar: Data as upper-case hex, non-finite floats as words, a float with its sign of zero."""
    if isinstance(want, bytes):
        return got == want.hex().upper()
    if not isinstance(want, float):
        return type(want) is type(got) and want == got
    if not math.isfinite(want):
        return got == ("NaN" if math.isnan(want) else "Infinity" if want > 0 else "-Infinity")
    if type(got) not in (int, float) or got != want:
        return False
    return want != 0 or math.copysign(1, got) == math.copysign(1, want)
