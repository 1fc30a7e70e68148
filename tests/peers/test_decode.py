"""`cts decode` against cantools and opendbc's CANParser: every message of every DBC of opendbc, random payloads.

Needs the packages of requirements-dbc.txt. Values are compared as doubles, bit by bit. Where the two disagree with each
other the DBC decides:

* multiplexed signals: opendbc gives all of them from every frame; by the DBC (and cantools) only those whose switch has
  their value are there. A switch value without any signal is an error in cantools, by the DBC a frame with the other signals.
* short frames: opendbc reads missing bytes as zero; cantools and cts leave out what is not there whole. cantools takes the
  place of a little-endian signal as if byte order did not matter, with the same result.
* a switch written with a bare `m` (vw_pq, Motor_2): SG_MUL_VAL_ names it as the switch of four signals, of which cantools
  never gives any; by the DBC one of them is there.
* signals beyond the message's declared size: cantools refuses the message; opendbc reads zero; cts has no value unless the
  frame is as long.
"""

import csv
import random
import re
import struct
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

import pytest

cantools = pytest.importorskip("cantools")
opendbc = pytest.importorskip("opendbc")

from opendbc.can.parser import CANParser  # noqa: E402

from frames import log  # noqa: E402
from peers import CTS  # noqa: E402

PAYLOADS, MUXED_PAYLOADS = 8, 40
NO_FRAME = "VECTOR__INDEPENDENT_SIG_MSG"
TOTAL = Counter()


def databases():
    texts = {path.stem: path.read_bytes().decode() for path in Path(opendbc.DBC_PATH).glob("*.dbc")}
    return dict(sorted((texts | opendbc.get_generated_dbcs()).items()))


DATABASES = databases()


@pytest.fixture(scope="module", autouse=True)
def summary():
    yield
    print("\ndecode: " + ", ".join(f"{count} {what}" for what, count in sorted(TOTAL.items())))


def muxed(text):
    """Multiplexed signals by message name."""
    found, message = defaultdict(set), None
    for line in text.splitlines():
        if start := re.match(r"\s*BO_ \d+\s+(\w+)\s*:", line):
            message = start[1]
        elif signal := re.match(r"\s*SG_\s+(\w+)\s+m\d+M?\s*:", line):
            found[message].add(signal[1])
    return found


def payloads(rng, size, has_mux):
    yield bytes(size)
    yield b"\xff" * size
    for _ in range(MUXED_PAYLOADS if has_mux else PAYLOADS):
        data = bytearray(rng.randbytes(size))
        if has_mux and size and rng.random() < 0.8:
            data[0] &= 0x0F  # switches mostly stand in the first byte and count from zero
        yield bytes(data)
    for length in {rng.randrange(size) for _ in range(2)} if size else ():
        yield rng.randbytes(length)
    if size < 64:
        yield rng.randbytes(min(64, size + rng.randrange(1, 9)))


def decode(tmp_path, name, frames):
    """What `cts decode` has for each frame: signal -> value."""
    if not CTS.exists():
        pytest.fail(f"no program {CTS}: build it or name it by CTS_BIN")
    (tmp_path / f"{name}.dbc").write_bytes(DATABASES[name].encode())
    (tmp_path / "rlog").write_bytes(log(frames))
    command = [CTS, "decode", "rlog", "--dbc", f"{name}.dbc", "--long", "--out", "signals.csv"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode(errors="replace")[-2000:]
    values = defaultdict(dict)
    with open(tmp_path / "signals.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            values[int(row["mono_time"]) - 1][row["signal"]] = float(row["value"])
    return values


def same(a, b):
    return struct.pack("<d", a + 0.0) == struct.pack("<d", b + 0.0)


def load_cantools(text):
    """cantools' messages by (identifier, name); none where it cannot read the file."""
    try:
        found = cantools.database.load_string(text, "dbc", strict=False)
    except Exception:
        return None
    return {(m.frame_id, m.name): m for m in found.messages}


def by_cantools(message, data):
    try:
        found = message.decode(data, decode_choices=False, allow_truncated=True)
    except (cantools.database.DecodeError, ValueError) as error:
        return None, "switch value unknown to cantools" if "multiplexer" in str(error) else "frame refused by cantools"
    return {name: float(value) for name, value in found.items()}, ""


@pytest.mark.parametrize("name", DATABASES)
def test_every_message_decodes_as_by_cantools_and_opendbc(tmp_path, name):
    rng = random.Random(name)
    parser = CANParser(name, [], 0)
    switched, frames, cases = muxed(DATABASES[name]), [], []
    bare = set(re.findall(r"BO_ \d+ (\w+) *:[^\n]*\n(?:\s*SG_[^\n]*\n)*?\s*SG_ \w+ m :", DATABASES[name]))
    for address, message in parser.dbc.addr_to_msg.items():
        if message.name == NO_FRAME:
            continue
        parser._add_message(address)
        state = parser.message_states[address]
        state.ignore_checksum = state.ignore_counter = True
        for data in payloads(rng, message.size, message.name in switched):
            frames.append((address & 0x7FFFFFFF, 0, data))
            cases.append((address, message, data))
    ours = decode(tmp_path, name, frames)
    theirs = load_cantools(DATABASES[name])
    TOTAL["databases"] += 1
    TOTAL["databases that cantools reads"] += theirs is not None
    for index, (address, message, data) in enumerate(cases):
        got = ours[index]
        where = f"{name} {message.name} {data.hex()}"
        parser.update([(index + 1, [(address, data, 0)])])
        for signal, value in parser.vl[address].items():
            if signal in got:
                assert same(got[signal], value), (where, signal, got[signal], value)
                TOTAL["values as by opendbc"] += 1
            elif signal in switched[message.name]:
                TOTAL["values of opendbc only: multiplexed, switch elsewhere"] += 1
            else:
                last = max(message.sigs[signal].lsb, message.sigs[signal].msb) // 8
                assert last >= len(data), (where, signal)
                TOTAL["values of opendbc only: not in the frame"] += 1
        assert got.keys() <= parser.vl[address].keys(), where
        peer = theirs and theirs.get((address & 0x7FFFFFFF, message.name))
        if not peer:
            continue
        want, why = by_cantools(peer, data)
        if want is None:
            TOTAL[f"frames: {why}"] += 1
            continue
        if len(data) > message.size or message.name in bare:
            got = {signal: value for signal, value in got.items() if signal in want}
        assert got.keys() == want.keys(), (where, got.keys() ^ want.keys())
        for signal, value in want.items():
            assert same(got[signal], value), (where, signal, got[signal], value)
            TOTAL["values as by cantools"] += 1


# Encoded with opendbc's packer, decoded alike by cantools and by CANParser, checksum accepted.
EXAMPLES = [
    ("honda_civic_touring_2016_can_generated", 0x17C, "2a00073a4000002e",
     {"PEDAL_GAS": 42, "ENGINE_RPM": 1850, "GAS_PRESSED": 0, "ACC_STATUS": 1, "BRAKE_PRESSED": 0, "COUNTER": 2, "CHECKSUM": 14}),
    ("hyundai_canfd_generated", 0xA0, "2b26c80000000001100911090f0910090000000000000000",
     {"CHECKSUM": 9771, "COUNTER": 200, "MOVING_FORWARD": 1, "WHL_SpdFLVal": 72.5}),
    ("vw_mqb", 0x120, "f847060300006e00",
     {"CHECKSUM": 248, "COUNTER": 7, "TSK_Radbremsmom": 800, "TSK_Status": 3, "TSK_ax_Getriebe_02": 0.624}),
    ("tesla_model3_party", 0x370, "0000087f5eb24b55",
     {"EPAS3S_sysStatusChecksum": 85, "EPAS3S_eacStatus": 2, "EPAS3S_internalSAS": -33.4, "EPAS3S_torsionBarTorque": 1.25,
      "EPAS3S_steeringRackForce": -25575}),
]


@pytest.mark.parametrize(("name", "address", "payload", "want"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_worked_examples(tmp_path, name, address, payload, want):
    got = decode(tmp_path, name, [(address, 0, bytes.fromhex(payload))])[0]
    assert {signal: got.get(signal) for signal in want} == pytest.approx(want, abs=1e-9)
