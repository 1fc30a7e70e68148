"""Schemas given at run time: a fork's own structs, and the unchanged schema."""

import json
import os
import shutil
import subprocess

import pytest

from peers import Comparison, load_schema, read, run_events, sample
from schema_to_capnp import SNAPSHOT, to_capnp

SLOT = " customReserved0 CustomReserved0 "
STRUCT = "struct CustomReserved0 81c2f05a394cf4af 0 0\n"
# Sizes and offsets do not matter here: Cap'n Proto computes them anew.
FORK = """\
struct ForkState 81c2f05a394cf4af 0 0
 speedLimit Float32 0 @0
 distance Float64 0 @1
 mode ForkState.Mode 0 =2 @2
 active Bool 0 =true @3
 note Text 0 @4
 raw Data 0 @5
 points List(ForkState.Point) 0 @6
 modes List(ForkState.Mode) 0 @7
 params Map(Text,Data) 0 @8
 choice group ForkState.choice
 offset Int16 0 =-7 @11
group ForkState.choice 0000000000000000 union 2 0
 none Void 0 ?0 @9
 gain Float32 0 ?1 @10
struct ForkState.Point 9f0b6f1e7d3c5a21 0 0
 x Int64 0 @0
 name Text 0 @1
enum ForkState.Mode 8d2a4c6e1f3b5d79
 off
 low
 high
"""


@pytest.fixture(scope="module")
def fork_text(tmp_path_factory):
    """The .capnp text of the snapshot with the fork's struct in the place of the first reserved one."""
    text = SNAPSHOT.read_text(encoding="utf-8")
    assert SLOT in text and STRUCT in text
    path = tmp_path_factory.mktemp("fork") / "fork.txt"
    path.write_text(text.replace(SLOT, " forkState ForkState ").replace(STRUCT, FORK), encoding="utf-8")
    return to_capnp(path).replace("@2 : .ForkState.Mode = 2", "@2 : .ForkState.Mode = high")


def compiled(folder, text):
    """Path of the CodeGeneratorRequest that the `capnp` program makes of a .capnp text."""
    program = shutil.which("capnp")
    if not program:
        pytest.skip("no `capnp` program (Debian package capnproto)")
    source, target = folder / "log.capnp", folder / "log.schema"
    source.write_text(text, encoding="utf-8")
    with open(target, "wb") as file:
        env = os.environ | {"PWD": str(folder)}  # capnp warns when it differs
        subprocess.run([program, "compile", "-o-", source.name], cwd=folder, env=env, stdout=file, check=True)
    return target


def fork_log(event_type):
    """Three events: the fork's struct with values, the same empty, and one that every schema knows."""
    full = event_type.new_message(logMonoTime=10, valid=False)
    state = full.init("forkState")
    state.speedLimit, state.distance, state.mode, state.active = 27.8, float("-inf"), "low", False
    state.note, state.raw, state.offset = "Gr\u00fc\u00dfe \u2603 \"\\\n", bytes(range(17)), 300
    state.points = [{"x": -(2**63), "name": "a"}, {"x": 2**63 - 1, "name": ""}]
    state.modes = ["high", "off"]
    state.params = {"entries": [{"key": "Dongle", "value": b"\x00\xff"}]}
    state.choice.gain = 0.1
    empty = event_type.new_message(logMonoTime=11)
    empty.init("forkState")
    known = event_type.new_message(logMonoTime=12)
    known.can = [{"address": 0x1D2, "dat": b"\x11\x22", "src": 128}]
    return full.to_bytes() + empty.to_bytes() + known.to_bytes()


@pytest.fixture(scope="module")
def fork(tmp_path_factory, fork_text):
    return load_schema(tmp_path_factory.mktemp("fork-module"), fork_text)


def test_a_forks_struct_is_read_with_the_forks_schema(tmp_path, fork, fork_text):
    log = tmp_path / "rlog"
    log.write_bytes(fork_log(fork.Event))
    output = run_events(log, "--schema", compiled(tmp_path, fork_text))
    comparison = Comparison()
    comparison.stream(read(fork.Event, log.read_bytes()), output.splitlines())
    assert comparison.events == 3
    print(f"fork: {comparison.leaves} leaf values agree")


def test_a_forks_struct_is_empty_under_the_embedded_schema(tmp_path, fork, module):
    log = tmp_path / "rlog"
    log.write_bytes(fork_log(fork.Event))
    output = run_events(log).splitlines()
    assert json.loads(output[0]) == {"logMonoTime": 10, "valid": False, "customReserved0": {}}
    Comparison().stream(read(module.Event, log.read_bytes()), output)


@pytest.mark.parametrize("name", ["rav4-40.rlog.zst", "subaru-synth.rlog.zst"])
def test_the_unchanged_schema_as_a_file_changes_nothing(tmp_path, name):
    log = sample(name)
    schema = compiled(tmp_path, to_capnp())
    assert run_events(log, "--schema", schema) == run_events(log)
