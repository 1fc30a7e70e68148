"""`cts events` against pycapnp: every field of every event of the sample logs."""

import hashlib
import json

import pytest

from peers import SALVAGED, Comparison, read, run_events, sample, stream

WHOLE = [
    "rav4-40.rlog.zst",
    "rav4-40.rlog.bz2",
    "rav4-40.rlog",
    "rav4-40.qlog.zst",
    "rav4-40.multiframe.rlog.zst",
    "subaru-synth.rlog.zst",
]
RAV4 = WHOLE[0]


@pytest.fixture(scope="module")
def compared():
    """(stream, output) hashes -> counts: the same pair, from another packing of the log, needs no second look."""
    return {}


@pytest.fixture(scope="module")
def truth():
    return json.loads(sample("rav4-40.truth.json").read_text())["files"]


@pytest.mark.parametrize("name", WHOLE)
def test_every_field_of_every_event(module, compared, name):
    path = sample(name)
    data, output = stream(path), run_events(path)
    key = hashlib.sha256(data).digest(), hashlib.sha256(output).digest()
    if key not in compared:
        comparison = Comparison()
        comparison.stream(read(module.Event, data), output.splitlines())
        compared[key] = comparison.events, comparison.leaves
    events, leaves = compared[key]
    assert events and leaves
    print(f"{name}: {events} events, {leaves} leaf values agree")


@pytest.mark.parametrize("name", ["rav4-40.rlog.zst", "rav4-40.qlog.zst"])
def test_events_of_each_service_as_the_data_set_counts_them(truth, name):
    counts = {}
    for line in run_events(sample(name)).splitlines():
        (service,) = json.loads(line).keys() - {"logMonoTime", "valid"}
        counts[service] = counts.get(service, 0) + 1
    assert counts == truth[name]["by_type"]


def test_a_cut_log_gives_every_whole_event(truth):
    known = truth["rav4-40.truncated.rlog.zst"]["whole_events_in_them"]
    output = run_events(sample("rav4-40.truncated.rlog.zst"), exit_code=SALVAGED).splitlines()
    assert len(output) == known
    assert output == run_events(sample(RAV4)).splitlines()[:known]
    print(f"cut log: {known} events")


def test_a_log_with_a_hole_gives_all_other_events(truth):
    hole = truth["rav4-40.corrupt.rlog.zst"]
    output = run_events(sample("rav4-40.corrupt.rlog.zst"), exit_code=SALVAGED).splitlines()
    whole = run_events(sample(RAV4)).splitlines()
    index = hole["event_index"]
    assert output == whole[:index] + whole[index + 1:]
    assert len(output) == hole["events_before"] + hole["events_after"]
    print(f"log with a hole: {len(output)} events")
