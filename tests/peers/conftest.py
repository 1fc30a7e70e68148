"""The schema of the snapshot, compiled once for all tests."""

import pytest

from peers import load_schema
from schema_to_capnp import to_capnp


@pytest.fixture(scope="session")
def module(tmp_path_factory):
    return load_schema(tmp_path_factory.mktemp("schema"), to_capnp())
