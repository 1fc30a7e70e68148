#!/usr/bin/env python3
"""Build `cereal.txt`, the embedded snapshot of the openpilot log schema.

Input: the JSON facts of the newest schema and of two older ones (for renames), `renames.txt` and `units.txt`.
`--check` writes nothing and exits 1 when `cereal.txt` is stale. README.md describes the line format.
"""

import argparse
import json
import os
import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FACTS = HERE.parents[2] / "shared" / "facts" / "schema"
NEWEST = "cereal-2026-06.json"
OLDER = ("cereal-2025-02.json", "cereal-2024-05.json")
SUFFIX = "DEPRECATED"

# Type arguments that the JSON does not carry. Source: openpilot `cereal/log.capnp` `InitData`, `Boot`.
MAP_ARGUMENTS = {
    ("InitData", "params"): "Map(Text,Data)",
    ("InitData", "commands"): "Map(Text,Data)",
    ("InitData", "androidProperties"): "Map(Text,Text)",
    ("InitData.ChffrAndroidExtra", "allCameraCharacteristics"): "Map(Text,Text)",
    ("Boot", "pstore"): "Map(Text,Data)",
    ("Boot", "commands"): "Map(Text,Data)",
}

HEADER = """\
# openpilot log schema, newest state known (June 2026, car.capnp of August 2026).
# Written by build.py; do not edit. The format is described in README.md.
# Source: commaai/openpilot cereal/*.capnp and commaai/opendbc car.capnp, MIT licence.
"""


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def type_name(owner, field):
    """The field's type without blanks, with the arguments of `Map` put back."""
    name = field["type"].replace(" ", "")
    if name != "Map":
        return name
    try:
        return MAP_ARGUMENTS[owner, field["name"]]
    except KeyError:
        sys.exit(f"{owner}.{field['name']}: type arguments of Map are not known")


def shortest_float32(value):
    """The shortest decimal that reads back as the same 32-bit float."""
    wire = struct.pack("<f", value)
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if struct.pack("<f", float(text)) == wire:
            return repr(float(text))
    return repr(value)


def default_token(field):
    """` =DEFAULT`, or nothing when the default is the type's zero."""
    value = field.get("default")
    if not value:
        return ""
    if isinstance(value, bool):
        return " =true"
    if field["type"] == "Float32":
        return f" ={shortest_float32(value)}"
    return f" ={value!r}"


def field_line(owner, field):
    disc = f" ?{field['discriminant']}" if "discriminant" in field else ""
    if "group" in field:
        return f" {field['name']} group {field['group']}{disc}"
    place = f"{type_name(owner, field)} {field['offset']}{default_token(field)}{disc}"
    return f" {field['name']} {place} @{field['ordinal']}"


def type_lines(name, entry):
    head = f"{entry['kind']} {name} {int(entry['id'], 16):016x}"
    if entry["kind"] == "enum":
        return [head] + [f" {enumerant}" for enumerant in entry["enumerants"]]
    if entry["kind"] == "struct":
        head += f" {entry['dataWords']} {entry['pointers']}"
    if entry.get("discriminantCount"):
        head += f" union {entry['discriminantCount']} {entry['discriminantOffset']}"
    return [head] + [field_line(name, field) for field in entry["fields"]]


def members(schema, name, prefix=""):
    """Ordinal -> (dotted name, field), for a struct with its groups, in declaration order."""
    found = {}
    for field in schema[name]["fields"]:
        if "group" in field:
            found.update(members(schema, field["group"], f"{prefix}{field['name']}."))
        else:
            found[field["ordinal"]] = (prefix + field["name"], field)
    return found


def paths(schema, name):
    return [path for path, _ in members(schema, name).values()]


def wire_place(field):
    """Type and offset; of a named type only its last name, since types move between scopes when deprecated."""
    last = field["type"].rstrip(")").rpartition(".")[2].rpartition("(")[2].removesuffix(SUFFIX)
    return field["type"].count("List("), last, field["offset"]


def renames_between(new, old):
    """Same struct id and ordinal under another name or in another group: (type, old path, new path).

    A field of another type is no rename: the oldest JSON has additions of a fork whose ordinals upstream used later.
    Types that were renamed as well stand in renames.txt.
    """
    by_id = {entry["id"]: name for name, entry in old.items() if entry["kind"] == "struct"}
    for name, entry in new.items():
        if entry["kind"] != "struct" or entry["id"] not in by_id:
            continue
        was = members(old, by_id[entry["id"]])
        for ordinal, (path, field) in members(new, name).items():
            old_path, old_field = was.get(ordinal, (path, field))
            if old_path != path and wire_place(old_field) == wire_place(field):
                yield name, old_path, path


def original_names(new):
    """Deprecating is a rename, first to `xDEPRECATED`, later to `deprecated.x`: x is the name before both.

    Services of `Event` are left out: which of them had another name is known one by one (renames.txt).
    """
    for name, entry in new.items():
        if entry["kind"] != "struct" or name == "Event":
            continue
        for path in paths(new, name):
            if path.startswith("deprecated."):
                plain = path.removeprefix("deprecated.")
                yield name, plain + SUFFIX, path
                yield name, plain, path
            elif path.endswith(SUFFIX):
                yield name, path.removesuffix(SUFFIX), path


def listed(file_name, columns):
    """Rows of a hand-written list: `columns` blank-separated words, `#` starts a comment line."""
    for number, line in enumerate((HERE / file_name).read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            words = tuple(line.split())
            if len(words) != columns:
                sys.exit(f"{file_name}:{number}: {len(words)} words, {columns} expected")
            yield words


def all_paths(new):
    """Every type's dotted field names, those of groups both under the struct and under the group itself."""
    return {n: set(paths(new, n)) for n, e in new.items() if e["kind"] != "enum"}


def alias_lines(new, olds, known):
    """Alias lines without repetition; the hand-written list first, since its order decides between candidates."""
    rows = list(listed("renames.txt", 3))
    for old in olds:
        rows += renames_between(new, old)
    rows += original_names(new)
    for owner, was, now in dict.fromkeys(rows):
        if now not in known.get(owner, ()):
            sys.exit(f"renames: {owner} has no field {now} (old name {was})")
        # A name that still means something here is an alias only where the hand-written list says so: Event.
        if owner == "Event" or was not in known[owner]:
            yield f"alias {owner} {was} {now}"


def unit_lines(known):
    for owner, path, unit in dict.fromkeys(listed("units.txt", 3)):
        if path not in known.get(owner, ()):
            sys.exit(f"units: {owner} has no field {path}")
        yield f"unit {owner} {path} {unit}"


def build(facts):
    new = load(facts / NEWEST)
    known = all_paths(new)
    lines = []
    for name, entry in new.items():
        lines += type_lines(name, entry)
    lines += alias_lines(new, [load(facts / name) for name in OLDER], known)
    lines += unit_lines(known)
    return HEADER + "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=Path, default=Path(os.environ.get("CTS_SCHEMA_FACTS", FACTS)),
                        help="folder of the schema JSON files (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="exit 1 when cereal.txt is stale")
    args = parser.parse_args()
    if not (args.facts / NEWEST).exists():
        sys.exit(f"no {NEWEST} in {args.facts}; name the folder with --facts")
    text = build(args.facts)
    target = HERE / "cereal.txt"
    if not args.check:
        target.write_text(text, encoding="utf-8", newline="\n")
    elif not target.exists() or target.read_bytes() != text.encode():
        sys.exit("cereal.txt is stale: run cts-core/schema/build.py")


if __name__ == "__main__":
    main()
