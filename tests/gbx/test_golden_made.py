"""Odd and hostile files made from real ones: each is taken, refused, or read in part, as expected of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from tmxdb.gbx import GbxError, Replay, read_challenge, read_replay

from .everything import read_everything
from .samples import SAMPLES, expected, needs_samples
from .test_golden import CHALLENGE, GOLDEN, REPLAY, _known

MADE = expected("golden_made.json")

OF_THE_FIRST_GHOST = {
    "ghost_uid", "ghost_time_ms", "checkpoints_ms", "checkpoint_count", "last_checkpoint_ms", "respawns_counter",
    "stunt_score", "sample_period_ms", "sample_count", "control_entries", "respawn_events", "control_names",
    "events_base_ms", "events_duration_ms",
}  # fmt: skip

# What follows from "changed" for fields that it does not name; `...` for what is looked at in another test.
FOLLOWS: dict[str, dict[str, Any]] = {
    "no_ghost": {"ghosts": [], **dict.fromkeys(OF_THE_FIRST_GHOST, ...)},
    "two_ghosts": {"ghosts": ...},
    "unfinished": {"ghosts": ..., "ghost_time_ms": None, "checkpoints_ms": []},
    "nick_not_utf8": {"nickname": ..., "ghosts": ...},
    "nick_control_chars": {"nickname": ..., "ghosts": ...},
}


def _read(file: str) -> Replay:
    return read_replay((SAMPLES / file).read_bytes())


def _files(expectation: str) -> list[str]:
    return [file for file, made in MADE.items() if made["expect"] == expectation]


def _code(read: Callable[[], object]) -> str | None:
    try:
        read()
    except GbxError as error:
        return error.code
    return None


def _has_the_map_of_the_base(file: str) -> bool:
    return hashlib.sha256(_read(file).map_bytes).hexdigest() == GOLDEN[MADE[file]["base"]]["map_sha256"]


@needs_samples
@pytest.mark.parametrize("file", [file for file in _files("accept") if "Challenge" not in file])
def test_an_odd_replay_reads_like_the_one_it_was_made_from(file: str) -> None:
    made = MADE[file]
    name = file.split("/")[1].split(".")[0]
    known = {**GOLDEN[made["base"]], **made.get("changed", {}), **FOLLOWS.get(name, {})}
    replay = _read(file)
    replay.check_whole()
    for field, read in REPLAY.items():
        if field in known and known[field] is not ...:
            assert read(replay) == _known("replay", field, known[field]), f"{file}: {field}"


@needs_samples
def test_an_odd_map_reads_like_the_one_it_was_made_from() -> None:
    for file in _files("accept"):
        if "Challenge" in file:
            challenge = read_challenge((SAMPLES / file).read_bytes())
            for field, read in CHALLENGE.items():
                assert read(challenge) == _known("challenge", field, GOLDEN[MADE[file]["base"]][field]), field


@needs_samples
@pytest.mark.parametrize("file", _files("map_only"))
def test_a_damaged_ghost_leaves_the_map_and_the_header(file: str) -> None:
    replay = _read(file)
    replay.check_whole()
    assert _has_the_map_of_the_base(file)
    assert replay.race_time_ms == GOLDEN[MADE[file]["base"]]["race_time_ms"]
    for name in ("ghosts", "inputs", "checkpoints_ms", "unread"):
        with pytest.raises(GbxError) as refused:
            getattr(replay, name)
        assert refused.value.in_body
        assert refused.value.offset is not None


@needs_samples
@pytest.mark.parametrize("file", _files("no_map"))
def test_a_replay_without_a_usable_map_still_has_its_ghost(file: str) -> None:
    replay = _read(file)
    replay.check_whole()
    base = GOLDEN[MADE[file]["base"]]
    assert _code(lambda: replay.map_bytes) == "gbx.no_map"
    assert _code(lambda: replay.challenge) == "gbx.no_map"
    assert replay.checkpoints_ms == tuple(base["checkpoints_ms"])
    assert replay.input_count == base["control_entries"]
    assert replay.map_uid == (None if replay.is_ghost_file else base["map_uid"])


@needs_samples
@pytest.mark.parametrize("file", _files("reject"))
def test_nothing_of_a_broken_file_is_believed(file: str) -> None:
    data = (SAMPLES / file).read_bytes()
    if "Challenge" in file:
        assert _code(lambda: read_challenge(data))
    else:
        assert _code(lambda: read_replay(data).check_whole())
        assert _code(lambda: read_replay(data).map_bytes)


@needs_samples
@pytest.mark.parametrize("file", _files("accept_or_map_only"))
def test_damaged_samples_leave_everything_else(file: str) -> None:
    replay = _read(file)
    base = GOLDEN[MADE[file]["base"]]
    assert _has_the_map_of_the_base(file)
    assert replay.checkpoints_ms == tuple(base["checkpoints_ms"])
    assert replay.input_count == base["control_entries"]
    with pytest.raises(GbxError):
        _ = replay.samples


@needs_samples
@pytest.mark.parametrize("file", [*_files("any"), *_files("any_error")])
def test_where_several_outcomes_are_right_one_of_them_comes(file: str) -> None:
    read_everything((SAMPLES / file).read_bytes())


@needs_samples
def test_every_expectation_has_a_test() -> None:
    known = {"accept", "map_only", "no_map", "reject", "accept_or_map_only", "any", "any_error"}
    assert {made["expect"] for made in MADE.values()} == known


@needs_samples
def test_a_second_ghost_is_read_with_the_names_of_the_first() -> None:
    replay = _read("derived/two_ghosts.Replay.Gbx")
    first, second = replay.ghosts
    assert second.race_time_ms == (first.race_time_ms or 0) + 1230
    assert (second.uid, second.nickname) == (first.uid, first.nickname)
    assert replay.record is first


@needs_samples
def test_a_run_without_a_finish_has_no_time() -> None:
    replay = _read("derived/unfinished.Replay.Gbx")
    assert replay.race_time_ms is None
    assert replay.ghosts[0].race_time_ms is None
    assert not replay.finished


@needs_samples
def test_a_nickname_that_is_not_utf8_is_still_text() -> None:
    nickname = _read("derived/nick_not_utf8.Replay.Gbx").nickname
    assert nickname is not None
    assert "\N{REPLACEMENT CHARACTER}" in nickname
    assert nickname.encode()


@needs_samples
def test_a_uid_that_differs_from_that_of_the_map_is_named() -> None:
    replay = _read("derived/uid_like_a_path.Replay.Gbx")
    changed = MADE["derived/uid_like_a_path.Replay.Gbx"]["changed"]["header_map_uid"]
    assert replay.header.map_uid == changed
    assert replay.map_uid == replay.challenge.uid != changed
    assert any("names another map" in note for note in replay.unread)


@needs_samples
def test_bytes_behind_the_body_are_named() -> None:
    assert _read("derived/trailing_bytes.Replay.Gbx").unread == ("64 byte(s) behind the body",)
