"""`cts dbc` against opendbc's own parser and generator, and against cantools: every database of the opendbc package."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from peers import CTS

cantools = pytest.importorskip("cantools")
opendbc = pytest.importorskip("opendbc")

from opendbc.can.dbc import DBC, SignalType  # noqa: E402

GENERATED = opendbc.get_generated_dbcs()
NAMES = sorted([path.stem for path in Path(opendbc.DBC_PATH).glob("*.dbc")] + list(GENERATED))
# Written by scripts whose text is not repeated here, only its meaning.
OWN_TEXT = {
    "hyundai_kia_mando_front_radar_generated",
    "rivian_mando_front_radar_generated",
    "tesla_radar_continental_generated",
}
# Its mark is `m` without a number, but the file's own `SG_MUL_VAL_` lines name it as a switch: so it is one.
MARKED_WRONG = ("vw_pq", "Motor_2", "MO2_Mp_Code")
EXTENDED = 1 << 31
INDEPENDENT = "VECTOR__INDEPENDENT_SIG_MSG"
DATA = Path(__file__).parents[2] / "cts-core/src/dbc/data"


def run(*args, exit_codes=(0,)):
    # The package is found through the environment, as a user's would be.
    env = os.environ | {"VIRTUAL_ENV": sys.prefix, "CTS_DBC_PATH": ""}
    done = subprocess.run([CTS, "dbc", *args], env=env, capture_output=True, check=False)
    assert done.returncode in exit_codes, done.stderr.decode()
    return done.stdout.decode("utf-8")


@cache
def ours(name):
    return json.loads(run("show", "--json", name))


def text_of(name):
    return GENERATED.get(name) or (Path(opendbc.DBC_PATH) / f"{name}.dbc").read_text(encoding="utf-8")


def number(message):
    """The identifier as the file writes it."""
    return message["id"]["address"] | (EXTENDED if message["id"]["extended"] else 0)


def test_every_database_is_found_and_loads():
    listed = run("show").split()
    assert set(NAMES) <= set(listed)
    linted = json.loads(run("lint", "--json", "--level", "info", *NAMES, exit_codes=(0, 1)))
    assert [entry["dbc"] for entry in linted] == NAMES
    lost = {"bad-message", "bad-signal", "bad-statement", "unknown-statement", "unresolved-import"}
    counts = {}
    for finding in (finding for entry in linted for finding in entry["findings"]):
        assert finding["code"] not in lost, finding
        assert finding["line"] > 0 and finding["message"]
        counts[finding["code"]] = counts.get(finding["code"], 0) + 1
    messages, signals = (sum(entry[key] for entry in linted) for key in ("messages", "signals"))
    print(f"{len(NAMES)} of {len(NAMES)} databases, {messages} messages, {signals} signals")
    for code, count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"  {count:5} {code}")


def test_generated_texts_are_those_of_opendbc():
    same = [name for name in GENERATED if run("show", "--text", name) == GENERATED[name]]
    assert set(GENERATED) - set(same) == OWN_TEXT
    print(f"{len(same)} of {len(GENERATED)} generated texts are equal byte by byte")


def test_meaning_is_that_of_opendbc():
    messages = signals = names = 0
    for name in NAMES:
        theirs = DBC(name)
        expected = {address: msg for address, msg in theirs.msgs.items() if msg.name != INDEPENDENT}
        mine = {number(message): message for message in ours(name)["messages"]}
        assert set(mine) == set(expected), name
        for address, msg in expected.items():
            message = mine[address]
            assert (message["name"], message["size"]) == (msg.name, msg.size), (name, msg.name)
            found = {signal["name"]: opendbc_view(signal) for signal in message["signals"]}
            wanted = {
                s.name: (s.start_bit, s.size, s.is_little_endian, s.is_signed, s.factor, s.offset) for s in msg.sigs.values()
            }
            assert found == wanted, (name, msg.name)
            messages, signals = messages + 1, signals + len(wanted)
        names += value_names(name, theirs, mine)
    print(f"opendbc: {messages} messages, {signals} signals, {names} signals with names of values agree")


def opendbc_view(signal):
    little, signed = signal["order"] == "little_endian", signal["number"] != "unsigned"
    return signal["start"], signal["size"], little, signed, signal["factor"], signal["offset"]


def value_names(name, theirs, mine):
    """opendbc keeps a flat text: numbers and upper-cased names. The last definition of a signal counts."""
    definitions = {(val.address, val.name): val.def_val.split() for val in theirs.vals}
    compared = 0
    for (address, signal_name), words in definitions.items():
        signals = {signal["name"]: signal for signal in mine.get(address, {"signals": []})["signals"]}
        if signal_name not in signals:
            continue
        flat = []
        for choice in signals[signal_name]["choices"]:
            # opendbc drops empty names.
            flat += [str(choice["value"])] + choice["text"].upper().strip().replace(" ", "_").replace("\t", "_").split()
        assert flat == words or len(words) != len(flat), (name, address, signal_name)
        compared += flat == words
    return compared


def test_the_same_signals_are_verified():
    counters = checksums = 0
    for name in NAMES:
        wanted = {}
        for address, msg in DBC(name).msgs.items():
            typed = {s.type: s.name for s in msg.sigs.values()}
            counter = typed.get(SignalType.COUNTER)
            checksum = next((signal for kind, signal in typed.items() if kind > SignalType.COUNTER), None)
            if counter or checksum:
                wanted[address & ~EXTENDED] = (counter, checksum)
        found = {entry["address"]: (entry["counter"], entry["checksum"]) for entry in ours(name)["checks"]}
        assert found == wanted, name
        counters += sum(counter is not None for counter, _ in found.values())
        checksums += sum(checksum is not None for _, checksum in found.values())
    print(f"{counters} counters and {checksums} checksums are those that opendbc verifies")


def test_meaning_is_that_of_cantools():
    loaded, refused, signals = 0, [], 0
    for name in NAMES:
        try:
            theirs = cantools.database.load_string(text_of(name), database_format="dbc", strict=False)
        except Exception as error:  # noqa: BLE001 - whatever cantools cannot read
            refused.append((name, str(error).splitlines()[0][:80]))
            continue
        loaded += 1
        mine = {number(message): message for message in ours(name)["messages"]}
        for msg in theirs.messages:
            if msg.name == INDEPENDENT:
                continue
            message = mine.pop(msg.frame_id | (EXTENDED if msg.is_extended_frame else 0))
            assert (message["name"], message["size"]) == (msg.name, msg.length), (name, msg.name)
            found = {signal["name"]: signal for signal in message["signals"]}
            assert set(found) == {signal.name for signal in msg.signals}
            for signal in msg.signals:
                same_signal(found[signal.name], signal, msg, (name, msg.name, signal.name))
                signals += 1
        assert not mine
    for name, error in refused:
        print(f"cantools refuses {name}: {error}")
    print(f"cantools (strict=False): {loaded} of {len(NAMES)} databases, {signals} signals agree")
    assert loaded > len(NAMES) / 2


def same_signal(mine, theirs, message, where):
    order, signed = mine["order"], mine["number"] == "signed"
    assert (mine["start"], mine["size"], order) == (theirs.start, theirs.length, theirs.byte_order), where
    assert (signed, mine["number"].startswith("float")) == (theirs.is_signed, theirs.is_float), where
    assert (mine["factor"], mine["offset"]) == (theirs.scale, theirs.offset), where
    if mine["min"] != mine["max"]:
        assert (mine["min"], mine["max"]) == (float(theirs.minimum or 0), float(theirs.maximum or 0)), where
    assert mine["unit"] == (theirs.unit or ""), where
    choices = {choice["value"]: choice["text"] for choice in mine["choices"]}
    assert choices == {value: str(text) for value, text in (theirs.choices or {}).items()}, where
    assert mine["is_switch"] == theirs.is_multiplexer or where == MARKED_WRONG, where
    if theirs.multiplexer_ids:
        presence = mine["presence"]
        values = {value for first, last in presence["ranges"] for value in range(first, last + 1)}
        assert (presence["switch"], values) == (theirs.multiplexer_signal, set(theirs.multiplexer_ids)), where
    else:
        assert mine["presence"] is None, where
    if theirs.comment:
        # cantools keeps the last comment of a signal, we keep all.
        assert mine["comment"].endswith(theirs.comment), where


def test_every_car_has_the_databases_that_opendbc_gives_it():
    from opendbc.car.fingerprints import MIGRATION
    from opendbc.car.values import PLATFORMS

    renamed = [set(line.split()) for line in lines("renamed.txt")]
    same = lambda a, b: a == b or any(a in names and b in names for names in renamed)  # noqa: E731
    cars, databases = {}, []
    for line in lines("cars.txt"):
        if line.startswith(" "):
            cars |= {car: databases for car in line.split()}
        else:
            databases = [entry.split("=")[1] for entry in line.split()]
    compared = 0
    for car, platform in PLATFORMS.items():
        for database in platform.config.dbc_dict.values():
            assert any(same(database, known) for known in cars[car]), (car, database)
            compared += 1
    old = dict(line.split("\t") for line in lines("old_fingerprints.txt"))
    assert old == {name: str(car) for name, car in MIGRATION.items() if name != "mock"}
    print(f"{compared} databases of {len(PLATFORMS)} cars, {len(old)} old fingerprints")


def lines(name):
    text = (DATA / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_diff_tells_a_changed_factor(tmp_path):
    changed = tmp_path / "changed.dbc"
    text = text_of("vw_mqb")
    changed.write_text(text.replace("@1+ (1,0)", "@1+ (2,0)", 1), encoding="utf-8")
    unchanged = tmp_path / "vw_mqb.dbc"
    unchanged.write_text(text, encoding="utf-8")
    assert run("diff", "vw_mqb", str(unchanged)) == ""
    (change,) = json.loads(run("diff", "--json", "vw_mqb", str(changed), exit_codes=(1,)))
    assert (change["field"], change["before"], change["after"]) == ("factor", 1.0, 2.0)
