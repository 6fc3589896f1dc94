"""Any bytes at all give a value or a GbxError: cut files, flipped bytes, made-up structures, false counts."""

from __future__ import annotations

import io
import pickle
import struct
import tracemalloc
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tmxdb.gbx import GbxError, embedded_challenge, read_challenge, read_replay
from tmxdb.gbx.format import limits
from tmxdb.gbx.format.classes import CHALLENGE, GHOST, REPLAY
from tmxdb.gbx.ghost import _CHUNKS as GHOST_CHUNKS
from tmxdb.gbx.mapbody.body import _CHUNKS as MAP_CHUNKS
from tmxdb.gbx.mapbody.clips import _BLOCK_CHUNKS
from tmxdb.gbx.replay_body import _CHUNKS as REPLAY_CHUNKS
from tmxdb.gbx.write.out import container, literal_lzo

from .everything import read_everything
from .made import a_challenge, a_replay
from .samples import SAMPLES, needs_samples

MIB = 1024 * 1024
CLASSES = (REPLAY, CHALLENGE, GHOST)


def u32(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def a_file(class_id: int, body: bytes) -> bytes:
    return container(class_id, [], body, node_count=1, compress=False)


def code(data: bytes) -> str | None:
    """Why it is refused; None if it is not."""
    try:
        replay = read_replay(data)
        replay.check_whole()
        _ = replay.header, replay.ghosts, replay.map_bytes
    except GbxError as error:
        return error.code
    return None


# Cut and flipped.


def test_every_truncation_of_a_replay_is_refused() -> None:
    data = a_replay(samples=[], inputs=[])
    for size in range(len(data)):
        assert code(data[:size]), size


def test_every_truncation_of_a_body_is_read_or_refused() -> None:
    for data, class_id in ((a_replay(), REPLAY), (a_challenge(intro_ms=900, checkpoint_count=2), CHALLENGE)):
        thing = read_replay(data) if class_id == REPLAY else read_challenge(data)
        body = thing.container.unpack_body()
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
@pytest.mark.parametrize(
    "file",
    [
        "tmnf/petrp_Randomizer_TMF_test_track.Replay.gbx",
        "other/CGameCtnReplayRecord_TMNESWC_001.Replay.Gbx",
        "other/CGameCtnReplayRecord_TMPU_001.Replay.Gbx",
        "other/CGameCtnReplayRecord_TMU_001.Replay.Gbx",
        "other/RaceA1.Replay.Gbx",
        "other/Bench_TMO.Replay.Gbx",
        "tmnf/Circles_of_hell.Challenge.Gbx",
        "other/RaceD1.Challenge.Gbx",
    ],
)
def test_truncations_of_real_files_and_of_their_bodies_are_read_or_refused(file: str) -> None:
    data = (SAMPLES / file).read_bytes()
    thing = read_challenge(data) if "Challenge" in file else read_replay(data)
    for size in range(0, len(data), 1 + len(data) // 20_000):  # every one of files up to 20 kB
        read_everything(data[:size])
    body = thing.container.unpack_body()
    for size in range(1, len(body), max(1, len(body) // 150)):
        read_everything(a_file(thing.container.class_id, body[:size]))


# Made-up structures.

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
def test_any_structure_of_chunks_gives_a_value_or_an_error(class_id: int, body: bytes) -> None:
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
def test_a_false_count_is_refused_before_anything_is_made_of_it(body: bytes, expected: str) -> None:
    assert code(a_file(REPLAY, body)) == expected


def test_objects_inside_each_other_are_followed_only_so_deep() -> None:
    clips = b"".join(u32(number, 0x0307A000, 0x0307A003, 10, 1) for number in range(2, 60))
    read_everything(a_file(CHALLENGE, u32(CHALLENGE | 0x21, 0xFFFFFFFF) + clips))
    tracks = b"".join(
        u32(number, 0x03079000, 0x03079005, 10, 1, number + 1, 0x03078000, 0x03078001, 0, 10, 1)
        for number in range(2, 120, 2)
    )
    read_everything(a_file(CHALLENGE, u32(CHALLENGE | 0x21) + tracks))
    ghosts = b"".join(
        u32(
            n,
            0x03079000,
            0x03079005,
            10,
            1,
            n + 1,
            0x03078000,
            0x03078001,
            0,
            10,
            1,
            n + 2,
            0x030E5000,
            0x030E5001,
            0,
            0,
        )
        for n in range(2, 200, 3)
    )
    read_everything(a_file(CHALLENGE, u32(CHALLENGE | 0x21) + ghosts))


def test_folders_inside_each_other_are_followed_only_so_deep() -> None:
    begin = b"GBX\x06\x00BUUR" + u32(REPLAY, 0, 1, 1, 0)
    with pytest.raises(GbxError, match="too many folders"):
        read_replay(begin + u32(1, 0) * 5000 + bytes(100))
    with pytest.raises(GbxError):
        read_replay(begin + u32(1000) + bytes(8 * 999))


def test_a_file_or_a_body_that_claims_too_much_is_refused_at_once() -> None:
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
def test_samples_that_are_not_what_they_claim_cost_little_and_nothing_else(data: bytes) -> None:
    replay = read_replay(data)
    assert replay.ghost_count == 1
    with pytest.raises(GbxError):
        _ = replay.samples


_A_MAP_THAT_GROWS = container(
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
_OBJECTS = b"".join(
    u32(n, 0x03079000, 0x03079005, 10, 10_000) if n % 9_999 == 0 else u32(n, 0x03078000, 0xFACADE01)
    for n in range(110_000)
)


@pytest.mark.parametrize(
    "data",
    [
        a_file(REPLAY, bytes(limits.MAX_BODY_BYTES - 1000)),
        a_file(REPLAY, u32(REPLAY | 2, limits.MAX_MAP_BYTES) + bytes(limits.MAX_MAP_BYTES)),
        a_file(REPLAY, u32(REPLAY | 2, 80_000) + _A_MAP_THAT_GROWS + bytes(limits.MAX_BODY_BYTES - 81_000)),
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
        a_ghost_with_samples(u32(0x0A02B000, 1, 0, 100, 9, 7 * MIB) + bytes(7 * MIB) + u32(120_000, 0, 61)),
    ],
    ids=[
        "empty body",
        "map",
        "map that grows",
        "checkpoints",
        "unknown chunks",
        "names",
        "objects",
        "inputs",
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


# The errors themselves.


def test_an_error_says_what_and_where_and_survives_another_process() -> None:
    with pytest.raises(GbxError) as refused:
        embedded_challenge(a_file(REPLAY, u32(REPLAY | 2, 100)))
    error = refused.value
    assert (error.code, error.offset, error.in_body) == ("gbx.truncated", 4, True)
    assert str(error) == "body byte 0x4: 100 bytes of the map do not fit in the 0 bytes left"
    again = pickle.loads(pickle.dumps(error))
    assert (again.code, again.offset, again.in_body, str(again)) == (error.code, 4, True, str(error))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "an empty file"),
        (b"\xef\xbb\xbf <!DOCTYPE html>", "a web page"),
        (b'{"error": 1}', "JSON"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"gbx\x06\x00", "something else"),
    ],
)
def test_what_was_downloaded_instead_is_named(data: bytes, words: str) -> None:
    with pytest.raises(GbxError, match=words) as refused:
        read_replay(data)
    assert refused.value.code == "gbx.not_gbx"


def test_a_map_under_a_replay_name_is_named() -> None:
    with pytest.raises(GbxError, match="a map, not a replay"):
        read_replay(a_challenge())
    with pytest.raises(GbxError, match="a replay, not a map"):
        read_challenge(a_replay())


def test_other_kinds_of_buffers_are_taken_too() -> None:
    data = a_replay()
    assert read_replay(bytearray(data)).race_time_ms == 6110
    assert read_replay(io.BytesIO(data).getbuffer()).race_time_ms == 6110
