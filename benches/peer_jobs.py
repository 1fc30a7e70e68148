"""The jobs of peers.py as a user of the Python packages would write them.

`python peer_jobs.py SOURCE JOB LOG OUT`, in the environment of the package that SOURCE reads with. Packages are imported
where they are used: no environment has all of them.
"""

import bz2
import csv
import json
import sys
from pathlib import Path


def logreader(log):
    from openpilot_logging.logreader import LogReader

    return LogReader(log, only_union_types=True)


def opendbc(log):
    from opendbc.car.logreader import LogReader

    return LogReader(log, only_union_types=True)


def bare_events(log):
    """pycapnp without LogReader around it, with the schema of openpilot-logging."""
    import zstandard
    from openpilot_logging.cereal import log as schema

    data = Path(log).read_bytes()
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        data = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    elif data.startswith(b"BZh"):
        data = bz2.decompress(data)
    return schema.Event.read_multiple_bytes(data)


def frames_of(events):
    return [(event.logMonoTime, frame.src, frame.address, frame.dat)
            for event in events if event.which() == "can" for frame in event.can]


def times_of(events):
    return [(event.which(), event.logMonoTime) for event in events]


def write_csv(events, out):
    """The old tool's way: all rows in memory, then the csv module."""
    rows, start = [], None
    for event in events:
        if event.which() == "can":
            start = event.logMonoTime if start is None else start
            seconds = f"{(event.logMonoTime - start) / 1e9:.6f}"
            for frame in event.can:
                data = bytes(frame.dat).hex().upper()
                rows.append(("1", "pre", seconds, f"0x{frame.address:03X}", frame.src, data))
    with open(out, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["window", "segment", "timestamp", "address", "bus", "data_hex"])
        writer.writerows(rows)
    return rows


def write_json(events, out):
    count = 0
    with open(out, "w") as file:
        for event in events:
            values = event.to_dict(verbose=True)
            file.write(json.dumps(values, default=lambda data: data.hex().upper()) + "\n")
            count += 1
    return range(count)


def main(source, job, log, out):
    """Read with `source`, do `job`, print how many events or frames that were."""
    events = {"logreader": logreader, "opendbc": opendbc, "pycapnp": bare_events}[source](log)
    if job in ("events", "frames"):
        print(len(times_of(events) if job == "events" else frames_of(events)))
    else:
        print(len((write_csv if job == "csv" else write_json)(events, out)))


if __name__ == "__main__":
    main(*sys.argv[1:])
