#!/usr/bin/env python3
"""CPU time of decoding all signals of a log: `signals` (benches/src/bin/signals.rs) beside cantools and opendbc's CANParser.

    python3 benches/signal_peers.py LOG DBC-NAME --signals target/release/signals --cts target/release/cts

In an environment with tests/peers/requirements-dbc.txt. The peers get only frames that the DBC knows, already parsed, and
nothing is timed but their decoding; `tables_known` of `signals` does the same work. CPU time of the process is compared,
median of the rounds; programs take turns.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import cantools
import opendbc
from opendbc.can.parser import CANParser


def text_of(name):
    path = Path(opendbc.DBC_PATH) / f"{name}.dbc"
    return path.read_text(encoding="utf-8") if path.exists() else opendbc.get_generated_dbcs()[name]


def frames_of(cts, log):
    lines = subprocess.run([cts, "frames", "--json", log], capture_output=True, check=True).stdout.splitlines()
    for line in map(json.loads, lines):
        if line["bus"] < 128:
            yield line["mono_time_ns"], line["address"], bytes.fromhex(line["data"])


def timed(work):
    start = time.process_time_ns()
    count = work()
    return (time.process_time_ns() - start) / max(count, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log")
    parser.add_argument("dbc")
    parser.add_argument("--signals", default="target/release/signals")
    parser.add_argument("--cts", default="target/release/cts")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    text = text_of(args.dbc)
    messages = {m.frame_id: m for m in cantools.database.load_string(text, "dbc", strict=False).messages}
    can = CANParser(args.dbc, [], 0)
    for address in can.dbc.addr_to_msg:
        can._add_message(address)
        can.message_states[address].ignore_checksum = can.message_states[address].ignore_counter = True
    frames = [frame for frame in frames_of(args.cts, args.log) if frame[1] in messages]

    events = [(time_ns, [(address, data, 0) for _, address, data in group])
              for time_ns, group in itertools.groupby(frames, key=lambda frame: frame[0])]

    def by_cantools():
        return sum(len(messages[address].decode(data, decode_choices=False, allow_truncated=True)) for _, address, data in frames)

    def by_opendbc():
        for time_ns, event in events:
            can.update([(time_ns, event)])
        return sum(len(can.message_states[address].signals) for _, address, _ in frames)

    ours, theirs = [], {"cantools": [], "opendbc CANParser": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{args.dbc}.dbc"
        path.write_text(text, encoding="utf-8")
        for _ in range(args.rounds):
            lines = subprocess.run([args.signals, args.log, path, "9"], capture_output=True, check=True, text=True).stdout
            ours.append(dict((name, int(value)) for name, value in (line.split("=") for line in lines.split())))
            theirs["cantools"].append(timed(by_cantools))
            theirs["opendbc CANParser"].append(timed(by_opendbc))
    best = statistics.median(run["tables_known_ns"] / run["values"] for run in ours)
    print(f"{args.log}: {len(frames)} known frames, {ours[0]['values']} values")
    print(f"| program | million values/s | times cts |\n|---|---:|---:|\n| cts | {1e3 / best:.0f} | 1 |")
    for name, runs in theirs.items():
        each = statistics.median(runs)
        print(f"| {name} | {1e3 / each:.2f} | {each / best:.0f} |")
    parquet = statistics.median(run["parquet_ns"] / run["zstd_ns"] for run in ours)
    print(f"log to decoded Parquet: {parquet:.2f} times decompression")


if __name__ == "__main__":
    main()
