#!/usr/bin/env python3
"""CPU time of decoding all signals of a log: `signals` (benches/src/bin/signals.rs) beside cantools, opendbc's CANParser and
asammdf.

    python3 benches/signal_peers.py LOG DBC-NAME --signals target/release/signals --cts target/release/cts

In an environment with tests/peers/requirements-dbc.txt, and with asammdf for its row. The peers get only frames that the DBC
knows, already parsed (asammdf: as an open MF4 file), and nothing is timed but their decoding; `tables_known` of `signals`
does the same work. CPU time of the process is compared, median of the rounds; programs take turns.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import can
import cantools
import opendbc
from opendbc.can.parser import CANParser

try:
    import asammdf
except ImportError:
    asammdf = None


def text_of(name):
    path = Path(opendbc.DBC_PATH) / f"{name}.dbc"
    return path.read_text(encoding="utf-8") if path.exists() else opendbc.get_generated_dbcs()[name]


def frames_of(cts, log):
    lines = subprocess.run([cts, "frames", "--json", log], capture_output=True, check=True).stdout.splitlines()
    for line in map(json.loads, lines):
        if line["bus"] < 128:
            yield line["mono_time_ns"], line["address"], bytes.fromhex(line["data"])


def by_asammdf(folder, frames, dbc):
    """A function that extracts all signals of the frames, given to it as an MF4 file."""
    path = Path(folder) / "frames.mf4"
    start = frames[0][0]
    with can.MF4Writer(path, compression_level=0) as writer:
        for time_ns, address, data in frames:
            writer.on_message_received(can.Message(timestamp=(time_ns - start) / 1e9, arbitration_id=address, channel=0,
                                                   is_extended_id=address > 0x7FF, data=data))
    mdf = asammdf.MDF(path)

    def extract():
        signals = mdf.extract_bus_logging({"CAN": [(str(dbc), 0)]})
        groups = ((group.channel_group.cycles_nr, len(group.channels) - 1) for group in signals.groups)
        count = sum(rows * columns for rows, columns in groups)
        signals.close()
        return count

    return extract


def timed(work):
    start = time.process_time_ns()
    count = work()
    return (time.process_time_ns() - start) / max(count, 1)


def main():
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("log")
    flags.add_argument("dbc")
    flags.add_argument("--signals", default="target/release/signals")
    flags.add_argument("--cts", default="target/release/cts")
    flags.add_argument("--rounds", type=int, default=3)
    args = flags.parse_args()
    text = text_of(args.dbc)
    messages = {m.frame_id: m for m in cantools.database.load_string(text, "dbc", strict=False).messages}
    parser = CANParser(args.dbc, [], 0)
    for address in parser.dbc.addr_to_msg:
        parser._add_message(address)
        parser.message_states[address].ignore_checksum = parser.message_states[address].ignore_counter = True
    frames = [frame for frame in frames_of(args.cts, args.log) if frame[1] in messages]

    events = [(time_ns, [(address, data, 0) for _, address, data in group])
              for time_ns, group in itertools.groupby(frames, key=lambda frame: frame[0])]

    def by_cantools():
        return sum(len(messages[address].decode(data, decode_choices=False, allow_truncated=True)) for _, address, data in frames)

    def by_opendbc():
        for time_ns, event in events:
            parser.update([(time_ns, event)])
        return sum(len(parser.message_states[address].signals) for _, address, _ in frames)

    ours, jobs = [], {"cantools": by_cantools, "opendbc CANParser": by_opendbc}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{args.dbc}.dbc"
        path.write_text(text, encoding="utf-8")
        if asammdf:
            jobs["asammdf"] = by_asammdf(folder, frames, path)
        theirs = {name: [] for name in jobs}
        for _ in range(args.rounds):
            lines = subprocess.run([args.signals, args.log, path, "9"], capture_output=True, check=True, text=True).stdout
            ours.append(dict((name, int(value)) for name, value in (line.split("=") for line in lines.split())))
            for name, job in jobs.items():
                theirs[name].append(timed(job))
    best = statistics.median(run["tables_known_ns"] / run["values"] for run in ours)
    print(f"{args.log}: {len(frames)} known frames, {ours[0]['values']} values")
    print(f"| program | million values/s | times cts |\n|---|---:|---:|\n| cts | {1e3 / best:.0f} | 1 |")
    for name, runs in theirs.items():
        each = statistics.median(runs)
        print(f"| {name} | {1e3 / each:.2f} | {each / best:.0f} |")


if __name__ == "__main__":
    main()
