"""Any bytes give a value or a GbxError: truncated files, flipped bytes, generated structures, false counts."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gbx.golden.everything import read_everything
from tests.gbx.golden.test_golden import GOLDEN
from tests.gbx.made import a_challenge, a_replay
from tests.gbx.samples import needs_samples, sample, smallest_of_each_game
from tmxdb.gbx import GbxError, read_challenge, read_replay
from tmxdb.gbx.format import limits
from tmxdb.gbx.format.classes import CHALLENGE, GHOST, REPLAY
from tmxdb.gbx.format.nodes import NodeReader
from tmxdb.gbx.format.stream import Stream
from tmxdb.gbx.map_body.body import MAP_CHUNKS
from tmxdb.gbx.map_body.clips import _BLOCK_CHUNKS
from tmxdb.gbx.replay_parts.body import _CHUNKS as REPLAY_CHUNKS
from tmxdb.gbx.replay_parts.ghost import _CHUNKS as GHOST_CHUNKS
from tmxdb_sandbox.gbx_writer.writer import container, literal_lzo

MIB = 1024 * 1024
CLASSES = (REPLAY, CHALLENGE, GHOST)


def u32(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def a_file(class_id: int, body: bytes) -> bytes:
    return container(class_id, [], body, node_count=1, compress=False)


def code(data: bytes) -> str | None:
    """Return the code of the error, or None if the replay is read."""
    try:
        replay = read_replay(data)
        replay.check_whole()
        _ = replay.header, replay.ghosts, replay.map_bytes
    except GbxError as error:
        return error.code
    return None


# Truncated files and flipped bytes.


def test_every_truncation_of_a_replay_is_refused() -> None:
    data = a_replay(samples=[], inputs=[])
    for size in range(len(data)):
        assert code(data[:size]), size


def test_every_truncation_of_a_body_is_read_or_refused() -> None:
    for data, class_id in ((a_replay(), REPLAY), (a_challenge(intro_ms=900, checkpoint_count=2), CHALLENGE)):
        source = read_replay(data) if class_id == REPLAY else read_challenge(data)
        body = source.container.unpack_body()
        for size in range(1, len(body), 3):
            read_everything(a_file(class_id, body[:size]))


@pytest.mark.parametrize("bits", [0x01, 0xFF])
def test_every_flipped_byte_of_a_small_replay_gives_a_value_or_an_error(bits: int) -> None:
    data = a_replay(a_challenge(comments="c"), samples=[(1.0, 2.0, 3.0)] * 2, inputs=[(0, "Steer", 5)])
    for at in range(len(data)):
        read_everything(data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :])


def test_every_flipped_byte_of_a_small_map_gives_a_value_or_an_error() -> None:
    data = a_challenge(intro_ms=5000, checkpoint_count=1, thumbnail=b"\xff\xd8")
    for at in range(len(data)):
        read_everything(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])


@needs_samples
@pytest.mark.parametrize("file", smallest_of_each_game(GOLDEN))
def test_truncations_of_real_files_and_of_their_bodies_are_read_or_refused(file: str) -> None:
    data = sample(file)
    source = read_challenge(data) if GOLDEN[file]["kind"] == "challenge" else read_replay(data)
    for size in range(0, len(data), 1 + len(data) // 20_000):  # every one of files up to 20 kB
        read_everything(data[:size])
    body = source.container.unpack_body()
    for size in range(1, len(body), max(1, len(body) // 150)):
        read_everything(a_file(source.container.class_id, body[:size]))


# Generated structures.

numbers = st.sampled_from([0, 1, 2, 3, 5, 10, 0x40000000, 0x40000001, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]).map(u32)
texts = st.binary(max_size=12).map(lambda text: u32(len(text)) + text)
content = st.lists(st.one_of(numbers, texts, st.binary(max_size=40)), max_size=6).map(b"".join)
known_ids = st.sampled_from([*REPLAY_CHUNKS, *GHOST_CHUNKS, *MAP_CHUNKS, *_BLOCK_CHUNKS])
chunk_ids = st.one_of(known_ids, st.integers(0, 0xFFFFFFFF)).map(u32)
end_marks = st.just(u32(0xFACADE01))
nodes = st.sampled_from([(1, GHOST), (2, 0x03079000), (1, 0x03078000), (0xFFFFFFFF, 0)]).map(lambda node: u32(*node))
skippable = st.tuples(chunk_ids, content).map(lambda chunk: chunk[0] + b"PIKS" + u32(len(chunk[1])) + chunk[1])
plain_chunks = st.tuples(chunk_ids, content).map(b"".join)
bodies = st.lists(st.one_of(skippable, plain_chunks, end_marks, nodes), min_size=1, max_size=8).map(b"".join)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(class_id=st.sampled_from(CLASSES), body=bodies)
def test_any_sequence_of_chunks_gives_a_value_or_an_error(class_id: int, body: bytes) -> None:
    read_everything(a_file(class_id, body))


@settings(max_examples=100, deadline=None)
@given(
    class_id=st.sampled_from(CLASSES),
    header=st.lists(st.tuples(chunk_ids, content), max_size=4),
    rest=st.binary(max_size=60),
)
def test_any_header_gives_a_value_or_an_error(class_id: int, header: list[tuple[bytes, bytes]], rest: bytes) -> None:
    chunks = [(int.from_bytes(chunk, "little"), data, False) for chunk, data in header]
    read_everything(container(class_id, chunks, rest or b"x", node_count=1, compress=False))


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_give_a_value_or_an_error(data: bytes) -> None:
    read_everything(data)
    read_everything(b"GBX\x06\x00BUCR" + data)
    read_everything(b"GBX\x06\x00BUUR" + u32(REPLAY) + data)


# False counts and the limits.

MAP = u32(REPLAY | 2, 0)
GHOSTS = u32(REPLAY | 0x14, 10, 1, 1, GHOST)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (u32(REPLAY | 2, 0xFFFFFFFF), "gbx.too_large"),
        (u32(REPLAY | 2, 100), "gbx.truncated"),
        (MAP + u32(REPLAY | 0x14, 10, 0x7FFFFFFF), "gbx.too_large"),
        (MAP + u32(REPLAY | 0x14, 10, 20), "gbx.truncated"),
        (MAP + u32(REPLAY | 0x14, 11, 1), "gbx.unsupported"),
        (MAP + u32(REPLAY | 0x14, 10, 1, 1, CHALLENGE), "gbx.unsupported"),
        (MAP + GHOSTS + u32(GHOST | 0x0B) + b"PIKS" + u32(8, 2, 0, 0), "gbx.truncated"),
        (MAP + GHOSTS + u32(GHOST | 0x0F, 0xFFFFFFF0), "gbx.truncated"),
        (MAP + GHOSTS + u32(GHOST | 0x0F, 1000) + bytes(1000), "gbx.too_large"),
        (MAP + GHOSTS + u32(GHOST | 0x0E, 3, 0x400003E7), "gbx.corrupt"),
        (MAP + GHOSTS + u32(GHOST | 0x0E, 9), "gbx.unsupported"),
        (MAP + GHOSTS + u32(GHOST | 0x19, 1, 0, 0x7FFFFFFF), "gbx.too_large"),
        (MAP + GHOSTS + u32(GHOST | 0x19, 1, 0, 0, 1 << 28, 0), "gbx.too_large"),
        (MAP + GHOSTS + u32(GHOST | 0x19, 1, 0, 0, 50, 0), "gbx.truncated"),
        (MAP + GHOSTS + u32(GHOST | 0x19, 1, 0, 0, 1, 0) + bytes(60), "gbx.corrupt"),
        (MAP + GHOSTS + u32(GHOST | 0x08) + b"PIKS" + u32(9, 0), "gbx.truncated"),
        (b"\x00" * 100, "gbx.corrupt"),
    ],
)
def test_a_false_count_is_refused_before_anything_is_allocated(body: bytes, expected: str) -> None:
    assert code(a_file(REPLAY, body)) == expected


@pytest.mark.parametrize(("depth", "is_read"), [(limits.MAX_NODE_DEPTH, True), (limits.MAX_NODE_DEPTH + 1, False)])
def test_nested_objects_are_read_up_to_the_limit(depth: int, is_read: bool) -> None:
    nested = b"".join(u32(number, 0x03079000) for number in range(depth)) + u32(0xFFFFFFFF)
    readers: dict[int, Callable[[NodeReader], object]] = {0x03079000: lambda nodes: nodes.read(readers)}
    nodes = NodeReader(Stream(nested))
    if is_read:
        nodes.read(readers)
        assert nodes.stream.remaining == 0
    else:
        with pytest.raises(GbxError, match="nested more than 32 deep") as refused:
            nodes.read(readers)
        assert refused.value.code == "gbx.too_large"


def test_an_object_that_refers_to_itself_is_read_once() -> None:
    clip = u32(1, 0x03079000, 0x03079005, 10, 1, 2, 0x03078000, 0x03078001, 0, 10, 1, 1, 0, 0xFACADE01, 0)
    read_everything(a_file(CHALLENGE, u32(CHALLENGE | 0x21) + clip + u32(0xFACADE01)))


def test_nested_folders_are_read_up_to_the_limit() -> None:
    begin = b"GBX\x06\x00BUUR" + u32(REPLAY, 0, 1, 1, 0)
    with pytest.raises(GbxError, match="too many nested folders"):
        read_replay(begin + u32(1, 0) * 5000 + bytes(100))
    with pytest.raises(GbxError):
        read_replay(begin + u32(1000) + bytes(8 * 999))


def test_a_file_or_body_above_the_size_limit_is_refused() -> None:
    with pytest.raises(GbxError) as refused:
        read_replay(bytes(limits.MAX_FILE_BYTES + 1))
    assert refused.value.code == "gbx.too_large"
    packed = literal_lzo(bytes(100))
    for plain_bytes in (0xFFFFFFFF, 0x7FFFFFFF, limits.MAX_BODY_BYTES + 1, 256 * len(packed) + 64 * 1024 + 1):
        data = b"GBX\x06\x00BUCR" + u32(REPLAY, 0, 1, 0, plain_bytes, len(packed)) + packed
        with pytest.raises(GbxError) as refused:
            read_replay(data)
        assert refused.value.code == "gbx.too_large"


def a_ghost_with_samples(plain: bytes, announced: int | None = None) -> bytes:
    packed = zlib.compress(plain)
    size = len(plain) if announced is None else announced
    return a_file(GHOST, u32(0x0303F005, size, len(packed)) + packed + u32(0xFACADE01))


@pytest.mark.parametrize(
    "data",
    [
        a_ghost_with_samples(bytes(32 * MIB), announced=5648),
        a_ghost_with_samples(bytes(100), announced=0xFFFFFFFF),
        a_ghost_with_samples(bytes(100), announced=101),
        a_ghost_with_samples(u32(0x0A02B000, 1, 0, 100, 9, 61) + bytes(61) + u32(0x7FFFFFFF, 0, 61)),
        a_ghost_with_samples(u32(0x0A02B000, 1, 0, 100, 9, 61) + bytes(61) + u32(2, 0, 61)),
        a_ghost_with_samples(u32(0x0A02B000, 1, 0, 100, 9, 61) + bytes(61) + u32(2, 0, 0)),
        a_ghost_with_samples(u32(0x0A02B000, 0, 0, 100, 9, 61) + bytes(61) + u32(1, 0, 0)),
        a_ghost_with_samples(u32(0x0A02B000, 1, 0, 100, 9, 61) + bytes(61) + u32(2, 0, 0xFFFFFFFF, 0x7FFFFFFF)),
        a_ghost_with_samples(b"\x01"),
        a_file(GHOST, u32(0x0303F005, 100, 4) + b"junk" + u32(0xFACADE01)),
    ],
)
def test_inconsistent_samples_are_refused_and_the_ghost_is_still_read(data: bytes) -> None:
    replay = read_replay(data)
    assert replay.ghost_count == 1
    with pytest.raises(GbxError):
        _ = replay.samples


_MAP_OF_HIGH_RATIO = container(
    CHALLENGE, [], u32(CHALLENGE | 0x29) + b"PIKS" + u32(15 * MIB) + bytes(15 * MIB), node_count=1, compress=True
).ljust(80_000, b"\0")


_A_GHOST_WITH_CHECKPOINTS = (
    u32(0xFFFFFF, GHOST, GHOST | 0x0B)
    + b"PIKS"
    + u32(4 + 8 * limits.MAX_CHECKPOINTS, limits.MAX_CHECKPOINTS)
    + b"".join(u32(300 + number, 0) for number in range(limits.MAX_CHECKPOINTS))
    + u32(0xFACADE01)
)
_NAMES = u32(0x40000000, 1) + (b"x" + u32(0x40000000, 1)) * 110_000
_BLOCKS = (
    u32(CHALLENGE | 0x1F, 3, 0x40000000, 1) + b"x" + u32(0, 0, 0, 0, 0, 0) + u32(32, 32, 32, 0, 1, limits.MAX_BLOCKS)
)
_OBJECTS = b"".join(
    u32(n, 0x03079000, 0x03079005, 10, 10_000) if n % 9_999 == 0 else u32(n, 0x03078000, 0xFACADE01)
    for n in range(110_000)
)


@pytest.mark.parametrize(
    "data",
    [
        a_file(REPLAY, bytes(limits.MAX_BODY_BYTES - 1000)),
        a_file(REPLAY, u32(REPLAY | 2, limits.MAX_MAP_BYTES) + bytes(limits.MAX_MAP_BYTES)),
        a_file(REPLAY, u32(REPLAY | 2, 80_000) + _MAP_OF_HIGH_RATIO + bytes(limits.MAX_BODY_BYTES - 81_000)),
        a_file(REPLAY, MAP + u32(REPLAY | 0x14, 10, 32) + _A_GHOST_WITH_CHECKPOINTS * 32),
        a_file(REPLAY, (u32(0x12345) + b"PIKS" + u32(0)) * 100_000),
        a_file(CHALLENGE, u32(CHALLENGE | 0x11, 1, 0x0301B000, 0x0301B000, 200_000, 3) + _NAMES),
        a_file(CHALLENGE, u32(CHALLENGE | 0x21) + _OBJECTS),
        a_file(
            GHOST,
            u32(GHOST | 0x19, 1, 0, 1, 3, 0x40000000, 1)
            + b"x"
            + u32(limits.MAX_INPUTS, 0)
            + bytes(9 * limits.MAX_INPUTS + 100),
        ),
        a_file(CHALLENGE, _BLOCKS + u32(0x40000001, 0x01010101, 70_000) * limits.MAX_BLOCKS),
        a_ghost_with_samples(u32(0x0A02B000, 1, 0, 100, 9, 7 * MIB) + bytes(7 * MIB) + u32(120_000, 0, 61)),
    ],
    ids=[
        "empty body",
        "map",
        "map of high ratio",
        "checkpoints",
        "unknown chunks",
        "names",
        "objects",
        "inputs",
        "blocks",
        "samples",
    ],
)
def test_memory_stays_within_64_mib_and_three_times_the_file(data: bytes) -> None:
    read_everything(b"")
    tracemalloc.start()
    try:
        read_everything(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 * MIB + 3 * len(data)
