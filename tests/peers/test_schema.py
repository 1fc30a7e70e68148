"""The snapshot's layouts against those that Cap'n Proto itself computes from ordinals and types."""

import struct

import pytest

from schema_to_capnp import SNAPSHOT, parse

NO_DISCRIMINANT = 0xFFFF


@pytest.fixture(scope="module")
def types():
    return parse(SNAPSHOT.read_text(encoding="utf-8"))


def find(module, name):
    for part in name.split("."):
        module = getattr(module, part)
    return module


def node_of(module, types, name):
    """The schema node of a struct, or of a group through the struct that contains it."""
    if types[name].kind == "struct":
        return find(module, name).schema.node
    owner, _, member = name.rpartition(".")
    return find(module, owner).schema.fields[member].schema.node


def section_size(types, name):
    """Words of data and pointers; a group's are those of the struct around it."""
    while types[name].kind == "group":
        name = name.rpartition(".")[0]
    return types[name].size


def places(node):
    """Per field of Cap'n Proto's own node: name, discriminant, and offset or the group's id."""
    for item in node.struct.fields:
        disc = None if item.discriminantValue == NO_DISCRIMINANT else item.discriminantValue
        if item.which() == "group":
            yield item.name, disc, "group", item.group.typeId
        else:
            yield item.name, disc, item.ordinal.explicit, item.slot.offset


def expected_places(types, entry):
    for item in entry.fields:
        if item.type == "group":
            yield item.name, item.discriminant, "group", types[item.group].id
        else:
            yield item.name, item.discriminant, item.ordinal, item.offset


def test_every_layout_equals_what_capnp_computes(types, module):
    structs = fields = 0
    for name, entry in types.items():
        if entry.kind == "enum":
            continue
        node = node_of(module, types, name)
        assert node.id == entry.id, name
        assert (node.struct.dataWordCount, node.struct.pointerCount) == section_size(types, name), name
        union = (node.struct.discriminantCount, node.struct.discriminantOffset)
        assert union == (entry.union or (0, union[1])), name
        assert list(places(node)) == list(expected_places(types, entry)), name
        structs, fields = structs + 1, fields + len(entry.fields)
    assert structs > 200
    print(f"{structs} structs and groups, {fields} fields agree")


def test_every_enum_has_its_id_and_numbers(types, module):
    enums = [entry for entry in types.values() if entry.kind == "enum"]
    for entry in enums:
        schema = find(module, entry.name).schema
        assert schema.node.id == entry.id, entry.name
        assert dict(schema.enumerants) == {name: n for n, name in enumerate(entry.enumerants)}, entry.name
    assert enums
    print(f"{len(enums)} enums agree")


def fresh(module, types, name):
    """An empty message of a struct; for a group, that part of an empty message around it."""
    if types[name].kind == "struct":
        return find(module, name).new_message()
    owner, _, member = name.rpartition(".")
    return getattr(fresh(module, types, owner), member)


def float32(text):
    return struct.unpack("<f", struct.pack("<f", float(text)))[0]


def test_a_fresh_struct_shows_the_declared_defaults(types, module):
    readers = {"Bool": {"true": True}.get, "Float32": float32}
    with_default = [(name, f) for name, entry in types.items() for f in entry.fields if f.default]
    for name, item in with_default:
        value = getattr(fresh(module, types, name), item.name)
        assert value == readers.get(item.type, int)(item.default), (name, item.name)
    assert with_default
    print(f"{len(with_default)} defaults agree")


def test_aliases_and_units_name_fields_that_exist(types):
    def has(owner, path):
        head, _, rest = path.partition(".")
        item = next((f for f in types[owner].fields if f.name == head), None)
        return item is not None and (has(item.group, rest) if rest else item.type != "group")

    rows = [line.split() for line in SNAPSHOT.read_text(encoding="utf-8").splitlines()]
    aliases = [row for row in rows if row and row[0] == "alias"]
    units = [row for row in rows if row and row[0] == "unit"]
    assert aliases and units
    for _, owner, old, new in aliases:
        assert has(owner, new), (owner, old, new)
    for _, owner, path, _ in units:
        assert has(owner, path), (owner, path)
