"""A copy of a map without its MediaTracker clips differs in nothing else."""

from __future__ import annotations

from struct import pack

import pytest

from tests.gbx.samples import expected, needs_samples, sample
from tests.sandbox.game.conftest import build_map
from tmxdb.errors import GbxError
from tmxdb.gbx import read_challenge, read_replay
from tmxdb.gbx.map_body.without_clips import without_clips

CLIPS = (pack("<I", 0x03043021), pack("<I", 0x24003021))
NONE = pack("<3i", -1, -1, -1)


def body(data: bytes) -> bytes:
    return read_challenge(data).container.unpack_body()


def assert_only_clips_differ(before: bytes, after: bytes) -> None:
    old, new = body(before), body(after)
    at = next(new.index(chunk + NONE) + len(chunk) for chunk in CLIPS if chunk + NONE in new)
    assert old[:at] == new[:at]
    rest = new[at + len(NONE) :]
    assert old.endswith(rest)
    assert read_challenge(after).has_intro is False
    for name in ("uid", "name", "author", "environment", "mood", "map_type", "laps", "checkpoint_count", "bronze_ms",
                 "author_ms", "thumbnail", "comments", "password_protected", "xml", "cost"):  # fmt: skip
        assert getattr(read_challenge(before), name) == getattr(read_challenge(after), name)
    assert read_challenge(before).blocks == read_challenge(after).blocks
    container = read_challenge(before).container
    head = len(before) - container.stored_body_bytes - (8 if container.is_packed else 0)
    assert before[:head] == after[:head]


@pytest.mark.parametrize("compress", [False, True])
def test_an_intro_is_cut_out_and_nothing_else(compress: bool) -> None:
    data = build_map(intro_ms=90_000, comments="Hello", compress=compress)
    assert read_challenge(data).intro_ms == 90_000
    cut = without_clips(data)
    assert_only_clips_differ(data, cut)
    assert without_clips(cut) == cut


def test_a_map_without_clips_is_returned_as_it_is() -> None:
    data = build_map()
    assert without_clips(data) == data


def test_unknown_clips_are_not_cut_out() -> None:
    data = build_map(intro_ms=90_000)
    block = pack("<I", 0x030AB000)  # the fade of the intro
    assert block in data
    with pytest.raises(GbxError, match="unknown"):
        without_clips(data.replace(block, pack("<I", 0x030AC000)))


def test_a_file_that_is_no_map_is_refused() -> None:
    with pytest.raises(GbxError):
        without_clips(b"GBX")


@needs_samples
def test_every_real_map_with_clips_can_be_driven_without_them() -> None:
    cut = 0
    for file, facts in expected("golden.json").items():
        if facts["kind"] == "challenge":
            data: bytes | None = sample(file)
        elif facts["kind"] == "replay":
            try:
                data = read_replay(sample(file)).map_bytes
            except GbxError:
                continue
        else:
            continue
        if data and (after := without_clips(data)) != data:
            assert_only_clips_differ(data, after)
            cut += 1
    assert cut >= 10
