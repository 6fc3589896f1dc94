"""What was not understood is named, and nothing else."""

from __future__ import annotations

import pytest

from tests.gbx.made import a_challenge, a_replay
from tmxdb.gbx import read_challenge, read_replay
from tmxdb.gbx.format.classes import CHALLENGE, REPLAY
from tmxdb.gbx.format.container import read_container
from tmxdb.gbx.format.games import MAP_TYPES
from tmxdb_sandbox.gbx_writer.writer import GbxWriter, container


def with_body(data: bytes, body: bytes) -> bytes:
    file = read_container(data)
    header = [(chunk, content, False) for chunk, content in file.header_chunks.items()]
    return container(file.stored_class_id, header, body, node_count=1, compress=False)


@pytest.mark.parametrize("extra", [b"", b"\0", b"abc"])
def test_bytes_after_the_last_node_are_named(extra: bytes) -> None:
    expected = (f"{len(extra)} byte(s) after the end mark",) if extra else ()
    replay, challenge = a_replay(), a_challenge()
    assert read_replay(with_body(replay, read_container(replay).unpack_body() + extra)).unread == expected
    assert read_challenge(with_body(challenge, read_container(challenge).unpack_body() + extra)).unread == expected


def test_after_an_unknown_chunk_without_a_size_only_that_chunk_is_named() -> None:
    body = GbxWriter()
    body.u32(CHALLENGE | 0x0FF, 1, 2, 3)
    assert read_challenge(with_body(a_challenge(), bytes(body.data))).unread == (
        "chunk 030430FF and everything after it",
    )
    body = GbxWriter()
    body.u32(REPLAY | 0x002, len(a_challenge()))
    body.raw(a_challenge())
    body.u32(REPLAY | 0x0FF, 1, 2, 3)
    replay = read_replay(with_body(a_replay(), bytes(body.data)))
    assert replay.unread == ("chunk 030930FF and everything after it",)
    assert replay.has_clip is None


def test_a_missing_end_mark_is_named() -> None:
    data = a_challenge()
    assert read_challenge(with_body(data, read_container(data).unpack_body()[:-4])).unread == (
        "no end mark of the node",
    )


def test_an_unknown_skippable_chunk_is_named_and_the_rest_is_read() -> None:
    body = GbxWriter()
    body.skippable(CHALLENGE | 0x0FF, b"abc")
    body.skippable(CHALLENGE | 0x01C, b"\x05\0\0\0more")
    body.end_node()
    challenge = read_challenge(with_body(a_challenge(), bytes(body.data)))
    assert challenge.unread == ("chunk 030430FF", "4 bytes of chunk 0304301C")
    assert challenge.body.map_type == "stunts"


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "race"), (1, "platform"), (2, "puzzle"), (3, "crazy"), (4, "shortcut"), (5, "stunts"), (6, None)],
)
def test_every_map_type_has_its_number(number: int, name: str | None) -> None:
    body = GbxWriter()
    body.skippable(CHALLENGE | 0x01C, bytes([number, 0, 0, 0]))
    body.end_node()
    assert read_challenge(with_body(a_challenge(), bytes(body.data))).body.map_type == name
    assert MAP_TYPES.get(number) == name
