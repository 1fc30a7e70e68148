#!/usr/bin/env python3
"""Turn the snapshot `cts-core/schema/cereal.txt` back into a .capnp file, for programs that know Cap'n Proto.

Layouts are not written, they follow from ordinals and types; test_schema.py holds that they come out the same.
"""

import argparse
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

SNAPSHOT = Path(__file__).resolve().parents[2] / "cts-core" / "schema" / "cereal.txt"
FILE_ID = "f3b1f17e25a4285b"  # Source: openpilot cereal/log.capnp, file id
GENERIC = {"Map": "(Key, Value)"}
# Inside Map, the names that the snapshot erased. Source: openpilot cereal/log.capnp `Map`.
GENERIC_TYPES = {("Map", "entries"): "List(Entry)", ("Map.Entry", "key"): "Key", ("Map.Entry", "value"): "Value"}
BUILTIN = set("Bool Text Data Void AnyPointer List Float32 Float64".split())
BUILTIN |= {f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}


@dataclass
class Field:
    """A line of a struct or group; `type` is `group` and `group` set for a group, else offset and ordinal are."""

    name: str
    type: str
    offset: int = 0
    group: str = ""
    default: str = ""
    discriminant: int | None = None
    ordinal: int | None = None


@dataclass
class Type:
    """A struct, group or enum; `union` is (count, offset of the discriminant) or None."""

    kind: str
    name: str
    id: int
    size: tuple[int, int] = (0, 0)
    union: tuple[int, int] | None = None
    fields: list[Field] = field(default_factory=list)
    enumerants: list[str] = field(default_factory=list)


def parse_type(words):
    kind, name, type_id, *rest = words
    entry = Type(kind, name, int(type_id, 16))
    if kind == "struct":
        entry.size, rest = (int(rest[0]), int(rest[1])), rest[2:]
    if rest:
        assert rest[0] == "union" and len(rest) == 3, words
        entry.union = int(rest[1]), int(rest[2])
    return entry


def parse_field(words):
    name, type_name, third, *rest = words
    if type_name == "group":
        result = Field(name, type_name, group=third)
    else:
        result = Field(name, type_name, int(third))
    for token in rest:
        if token[0] == "=":
            result.default = token[1:]
        elif token[0] == "?":
            result.discriminant = int(token[1:])
        else:
            assert token[0] == "@", words
            result.ordinal = int(token[1:])
    return result


def parse(text):
    """Name -> Type, in the snapshot's order; aliases and units are left out."""
    types, last = {}, None
    for line in text.splitlines():
        words = line.split()
        if line.startswith(" "):
            last.enumerants.append(words[0]) if last.kind == "enum" else last.fields.append(parse_field(words))
        elif words and words[0] in ("struct", "group", "enum"):
            last = types[words[1]] = parse_type(words)
    return types


class Writer:
    """Writes one .capnp file; nested types go into the braces of the type that their name says."""

    def __init__(self, types):
        self.types = types
        self.lines = [f"@0x{FILE_ID};"]
        self.nested = {}
        for name, entry in types.items():
            if entry.kind != "group":
                self.nested.setdefault(name.rpartition(".")[0], []).append(entry)

    def line(self, depth, text):
        self.lines.append("  " * depth + text)

    def write(self):
        for entry in self.nested[""]:
            self.type(entry, 0)
        return "\n".join(self.lines) + "\n"

    def type(self, entry, depth):
        generic = GENERIC.get(entry.name, "")
        self.line(depth, f"{entry.kind} {entry.name.rpartition('.')[2]} @0x{entry.id:016x} {generic} {{")
        for number, enumerant in enumerate(entry.enumerants):
            self.line(depth + 1, f"{enumerant} @{number};")
        self.fields(entry, depth + 1)
        for inner in self.nested.get(entry.name, []):
            self.type(inner, depth + 1)
        self.line(depth, "}")

    def fields(self, entry, depth):
        members = [item for item in entry.fields if item.discriminant is not None]
        for item in entry.fields:
            if item.discriminant is None:
                self.field(entry.name, item, depth)
        if members:
            self.line(depth, "union {")
            for item in sorted(members, key=lambda member: member.discriminant):
                self.field(entry.name, item, depth + 1)
            self.line(depth, "}")

    def field(self, owner, item, depth):
        if item.type == "group":
            self.line(depth, f"{item.name} :group {{")
            self.fields(self.types[item.group], depth + 1)
            self.line(depth, "}")
            return
        default = f" = {item.default}" if item.default else ""
        # The blank after the colon is needed: `:.` would be one token.
        self.line(depth, f"{item.name} @{item.ordinal} : {self.type_text(owner, item)}{default};")

    @staticmethod
    def type_text(owner, item):
        if (owner, item.name) in GENERIC_TYPES:
            return GENERIC_TYPES[owner, item.name]
        # Absolute names: a nested type may hide an outer one.
        return re.sub(r"[A-Za-z][\w.]*", lambda m: m[0] if m[0] in BUILTIN else "." + m[0], item.type)


def to_capnp(snapshot=SNAPSHOT):
    """The text of the .capnp file for a snapshot file."""
    return Writer(parse(Path(snapshot).read_text(encoding="utf-8"))).write()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("snapshot", nargs="?", type=Path, default=SNAPSHOT)
    sys.stdout.write(to_capnp(parser.parse_args().snapshot))


if __name__ == "__main__":
    main()
