"""The duration of a MediaTracker intro is read through every known kind of block."""

from __future__ import annotations

from struct import pack

import pytest

from tmxdb.gbx import read_challenge
from tmxdb.gbx.format.classes import CHALLENGE, CLIP, TRACK
from tmxdb.gbx.map_body.clips import _BLOCK_CHUNKS
from tmxdb_sandbox.gbx_writer.writer import NOT_SET, GbxWriter, container

# Size of a key, and of the bytes after the list of keys: GBX.NET `CGameCtnMediaBlock*.chunkl`.
KEYS = {
    0x03080000: (116, 0), 0x03080001: (116, 0), 0x03080002: (116, 0), 0x03080003: (116, 0), 0x03081001: (16, 0),
    0x03083001: (12, 0), 0x03085000: (12, 0), 0x030A0000: (41, 0), 0x030A1000: (80, 0), 0x030A1001: (80, 0),
    0x030A1002: (80, 0), 0x030A2001: (80, 0), 0x030A2002: (96, 0), 0x030A2005: (96, 0), 0x030A4000: (12, 0),
    0x030A6000: (8, 0), 0x030A6001: (12, 0), 0x030AB000: (8, 16),
}  # fmt: skip
SPANS = {0x03082000: 0, 0x03084000: 4, 0x03084001: 8, 0x030A9000: 0}


def an_intro(block: bytes, class_id: int) -> bytes:
    """Return a map whose intro has one track with one block of these chunks."""
    body = GbxWriter()
    body.u32(CHALLENGE | 0x021, 3, CLIP, CLIP | 0x005, 10, 1)
    body.u32(4, TRACK, TRACK | 0x001)
    body.string("Track")
    body.u32(10, 1, 5, class_id)
    body.raw(block)
    body.end_node()
    body.i32(NOT_SET)
    body.end_node()
    body.string("Intro")
    body.end_node()
    body.i32(NOT_SET, NOT_SET)
    body.end_node()
    return container(CHALLENGE, [], bytes(body.data), node_count=1, compress=False)


def keys(*times_s: float, size: int = 4) -> bytes:
    return pack("<I", len(times_s)) + b"".join(pack("<f", time_s).ljust(size, b"\0") for time_s in times_s)


@pytest.mark.parametrize(
    ("chunk", "sizes"), KEYS.items(), ids=lambda value: f"{value:08X}" if type(value) is int else ""
)
def test_the_last_key_ends_a_block(chunk: int, sizes: tuple[int, int]) -> None:
    block = pack("<I", chunk) + keys(0.5, 2.5, size=sizes[0]) + bytes(sizes[1])
    challenge = read_challenge(an_intro(block, chunk & 0xFFFFF000))
    assert (challenge.has_intro, challenge.intro_ms, challenge.body.unread) == (True, 2_500, ())


@pytest.mark.parametrize(("chunk", "rest"), SPANS.items())
def test_the_end_of_a_span_ends_a_block(chunk: int, rest: int) -> None:
    block = pack("<Iff", chunk, 0.5, 2.5) + bytes(rest)
    challenge = read_challenge(an_intro(block, chunk & 0xFFFFF000))
    assert (challenge.intro_ms, challenge.body.unread) == (2_500, ())


@pytest.mark.parametrize("class_id", [0x0304B000, 0x0304C000])
def test_triangles_are_read_to_their_end(class_id: int) -> None:
    corners, triangles = 3, 2
    block = pack("<I", 0x03029001) + keys(0.0, 2.5)
    block += pack("<II", 2, corners) + bytes(12 * 2 * corners)
    block += pack("<I", corners) + bytes(16 * corners)
    block += pack("<I", triangles) + bytes(12 * triangles) + bytes(28)
    challenge = read_challenge(an_intro(block, class_id))
    assert (challenge.intro_ms, challenge.body.unread) == (2_500, ())


def test_every_chunk_of_keys_or_a_span_has_a_test() -> None:
    others = {
        0x03029001, 0x03029002, 0x03084003, 0x030A5000, 0x030A5001, 0x030A7001, 0x030A7002, 0x030A7003, 0x030A7004,
        0x030A8001, 0x030A8002, 0x030A8003, 0x030E5001,
    }  # fmt: skip
    assert set(_BLOCK_CHUNKS) == {*KEYS, *SPANS, *others}


@pytest.mark.parametrize("end_s", [float("nan"), float("inf"), -5.0, 2e6])
def test_an_impossible_time_does_not_count(end_s: float) -> None:
    block = pack("<Iff", 0x03082000, 0.5, end_s)
    assert read_challenge(an_intro(block, 0x03082000)).intro_ms == 0
