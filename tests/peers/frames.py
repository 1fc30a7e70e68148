"""Logs of given CAN frames, written by hand: one `can` event for each frame."""

import struct


def words(*values):
    return struct.pack(f"<{len(values)}Q", *values)


def event(mono_time, frames):
    """A framed message. Source: openpilot cereal/log.capnp `Event`, `CanData`."""
    bodies, pointers, count = [], [], len(frames)
    offset = 0
    for index, (address, bus, data) in enumerate(frames):
        # From behind this pointer, over the elements that follow, to the payload.
        distance = 2 * (count - index - 1) + offset
        pointers.append(words(address | bus << 48, 1 | distance << 2 | 2 << 32 | len(data) << 35))
        bodies.append(data.ljust((len(data) + 7) // 8 * 8, b"\0"))
        offset += len(bodies[-1]) // 8
    total = 1 + 2 + 1 + 1 + 2 * count + offset
    head = words(total << 32, 1 << 48 | 2 << 32, mono_time, 4, 1 | 7 << 32 | (2 * count) << 35)
    return head + words(count << 2 | 1 << 32 | 1 << 48) + b"".join(pointers) + b"".join(bodies)


def log(frames):
    """One event a frame; the n-th frame has the mono time n + 1."""
    return b"".join(event(index + 1, [frame]) for index, frame in enumerate(frames))
