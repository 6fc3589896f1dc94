"""Errors of the reader, and what it accepts instead of bytes."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import pytest

from tests.gbx.damage.test_damage import a_file, u32
from tests.gbx.made import a_challenge, a_replay
from tmxdb.gbx import GbxError, embedded_challenge, read_challenge, read_replay
from tmxdb.gbx.format.classes import CHALLENGE, REPLAY


def test_an_error_has_code_offset_and_message_and_can_be_pickled() -> None:
    with pytest.raises(GbxError) as refused:
        embedded_challenge(a_file(REPLAY, u32(REPLAY | 2, 100)))
    error = refused.value
    assert (error.code, error.offset, error.in_body) == ("gbx.truncated", 4, True)
    assert str(error) == "body byte 0x4: 100 bytes of the map do not fit in the remaining 0 bytes"
    unpickled = pickle.loads(pickle.dumps(error))
    assert (unpickled.code, unpickled.offset, unpickled.in_body, str(unpickled)) == (error.code, 4, True, str(error))


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
def test_another_kind_of_file_is_named_in_the_error(data: bytes, words: str) -> None:
    with pytest.raises(GbxError, match=words) as refused:
        read_replay(data)
    assert refused.value.code == "gbx.not_gbx"


def test_a_map_or_replay_of_the_wrong_class_is_named_in_the_error() -> None:
    with pytest.raises(GbxError, match="a map, not a replay"):
        read_replay(a_challenge())
    with pytest.raises(GbxError, match="a replay, not a map"):
        read_challenge(a_replay())


def test_a_reference_to_an_object_of_another_class_is_an_error() -> None:
    """The intro of a map that names the index of a block."""
    nothing, end = u32(0xFFFFFFFF), u32(0xFACADE01)
    block = u32(1, 0x03057000, 0x03057002) + 3 * nothing + bytes(8) + end
    body = u32(0x0304300F, 3) + 3 * nothing + bytes(12) + u32(10, 1) + block + bytes(4) + 3 * nothing
    body += u32(0x03043021, 1) + 2 * nothing + end
    with pytest.raises(GbxError, match="a reference to an object of another class") as refused:
        _ = read_challenge(a_file(CHALLENGE, body)).name
    assert refused.value.code == "gbx.corrupt"


def test_a_path_is_accepted_as_well_as_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.Replay.Gbx").write_bytes(a_replay())
    (tmp_path / "a.Challenge.Gbx").write_bytes(a_challenge())
    for path in (tmp_path / "a.Replay.Gbx", str(tmp_path / "a.Replay.Gbx")):
        assert read_replay(path).race_time_ms == 6110
        assert embedded_challenge(path) == a_challenge()
    assert read_challenge(tmp_path / "a.Challenge.Gbx").name == "A road"


def test_a_path_that_cannot_be_read_is_an_os_error(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.Gbx", tmp_path, tmp_path / ("x" * 300)):
        with pytest.raises(OSError):
            read_replay(path)


@pytest.mark.parametrize("source", [None, 10**12, ["a"], io.BytesIO(b"GBX")])
def test_anything_else_than_bytes_or_a_path_is_a_type_error(source: object) -> None:
    for read in (read_replay, read_challenge, embedded_challenge):
        with pytest.raises(TypeError, match="the bytes of a GBX file or its path"):
            read(source)  # type: ignore[operator]


def test_other_buffers_are_accepted() -> None:
    data = a_replay()
    assert read_replay(bytearray(data)).race_time_ms == 6110
    assert read_replay(io.BytesIO(data).getbuffer()).race_time_ms == 6110
