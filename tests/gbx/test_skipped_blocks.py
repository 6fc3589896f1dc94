"""Blocks that are skipped to reach what follows them: as far as reading them would get, and with the same errors."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmxdb.errors import GbxError
from tmxdb.gbx.format.nodes import NodeReader
from tmxdb.gbx.format.stream import Stream
from tmxdb.gbx.map_body.blocks import read_blocks, skip_blocks

NEW_NAME, LOCAL, GLOBAL = 0x40000000, 0x40000000, 0x80000000
EMPTY, COLLECTION = 0xFFFFFFFF, 26
SKIN = 0x8000

ids = st.one_of(
    st.integers(1, 6).map(lambda index: LOCAL | index),
    st.integers(1, 300).map(lambda index: GLOBAL | index),
    st.sampled_from([NEW_NAME, NEW_NAME, NEW_NAME, EMPTY, COLLECTION, 0xC0000001, 0x40010001]),
)
rows = st.lists(st.tuples(ids, st.integers(0, 3), st.sampled_from([0, 0x1000, 0x2000, 0x7FFF, 0x21000, SKIN])))


def block_list(rows: list[tuple[int, int, int]], flag_bytes: int, *, announced: int | None = None) -> bytes:
    """Return a list of blocks; those with a skin have the one of no author, and no object."""
    data = pack("<I", len(rows) if announced is None else announced)
    for place, (stored_id, direction, flags) in enumerate(rows):
        version = pack("<I", 3) if place == 0 else b""
        name = pack("<I", 4) + b"Road" if stored_id == NEW_NAME else b""
        layout = "<4BI" if flag_bytes == 4 else "<4BH"
        row = pack(layout, direction, 1, 2, 3, flags if flag_bytes == 4 else flags & 0xFFFF)
        data += version + pack("<I", stored_id) + name + row
        if flags & SKIN:
            data += pack("<Ii", EMPTY, -1)
    return data


def end_of(data: bytes, flag_bytes: int, *, skip: bool) -> tuple[int | str, list[str] | None]:
    """Return the position after the blocks, or the error; and the table of names."""
    nodes = NodeReader(Stream(data, in_body=True))
    try:
        if skip:
            skip_blocks(nodes, flag_bytes)
        else:
            read_blocks(nodes, flag_bytes, [])
    except GbxError as error:
        return str(error), nodes.stream.names
    return nodes.stream.pos, nodes.stream.names


@given(rows, st.sampled_from([2, 4]), st.integers(0, 40), st.integers(0, 3))
def test_skipping_blocks_ends_where_reading_them_does(
    rows: list[tuple[int, int, int]], flag_bytes: int, missing: int, more: int
) -> None:
    data = block_list(rows, flag_bytes, announced=len(rows) + more)
    for cut in (data + bytes(8), data[: len(data) - missing]):
        assert end_of(cut, flag_bytes, skip=True) == end_of(cut, flag_bytes, skip=False)


@pytest.mark.parametrize("flag_bytes", [2, 4])
@pytest.mark.parametrize("names", [1, 255, 256, 300])
def test_blocks_refer_to_any_number_of_names(names: int, flag_bytes: int) -> None:
    rows = [(NEW_NAME, 0, 0)] * names + [(LOCAL | index, 0, 0) for index in range(1, names + 1)] * 2
    data = block_list(rows, flag_bytes)
    assert end_of(data, flag_bytes, skip=True) == (len(data), ["Road"] * names)


@pytest.mark.parametrize("unknown", [3, 255, 256])
def test_a_name_that_is_not_in_the_table_is_named_at_its_block(unknown: int) -> None:
    rows = [(NEW_NAME, 0, 0)] * 2 + [(LOCAL | 2, 0, 0)] * 5 + [(LOCAL | unknown, 0, 0)] + [(LOCAL | 1, 0, 0)] * 5
    message, _ = end_of(block_list(rows, 4), 4, skip=True)
    assert f"name {unknown} of a table of 2" in str(message)
    assert message == end_of(block_list(rows, 4), 4, skip=False)[0]
