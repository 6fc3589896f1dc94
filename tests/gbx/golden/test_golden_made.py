"""Unusual and hostile files made from real ones: each is accepted, refused or partly read, as the index expects."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.gbx.golden.everything import read_everything
from tests.gbx.golden.test_golden import CHALLENGE, GOLDEN, REPLAY, _known
from tests.gbx.samples import expected, needs_samples, sample
from tmxdb.gbx import GbxError, Replay, read_challenge, read_replay

MADE = expected("golden_made.json")

OF_THE_FIRST_GHOST = {
    "ghost_uid", "ghost_time_ms", "checkpoints_ms", "checkpoint_count", "last_checkpoint_ms", "respawns_counter",
    "stunt_score", "sample_period_ms", "sample_count", "control_entries", "respawn_events", "control_names",
    "events_base_ms", "events_duration_ms",
}  # fmt: skip


def _implied(changed: dict[str, Any]) -> dict[str, Any]:
    """Return what a change implies for fields that it does not name; `...` for what another test checks."""
    if changed.get("ghost_count") == 0:
        return {"ghosts": [], **dict.fromkeys(OF_THE_FIRST_GHOST, ...)}
    if "race_time_ms" in changed:
        return {"ghosts": ..., "ghost_time_ms": changed["race_time_ms"], "checkpoints_ms": []}
    if "nickname" in changed:
        return {"nickname": ..., "ghosts": ...}
    return {"ghosts": ...} if "ghost_count" in changed else {}


def _changed(field: str, *values: Any) -> list[str]:
    """Return the files in which a field was changed (to one of `values`)."""
    return [
        file
        for file, made in MADE.items()
        if field in made.get("changed", {}) and (not values or made["changed"][field] in values)
    ]


def _read(file: str) -> Replay:
    return read_replay(sample(file))


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
def test_an_unusual_replay_reads_like_its_base(file: str) -> None:
    made = MADE[file]
    changed = made.get("changed", {})
    known = {**GOLDEN[made["base"]], **changed, **_implied(changed)}
    replay = _read(file)
    replay.check_whole()
    for field, read in REPLAY.items():
        if field in known and known[field] is not ...:
            assert read(replay) == _known("replay", field, known[field]), f"{file}: {field}"


@needs_samples
def test_an_unusual_map_reads_like_its_base() -> None:
    for file in _files("accept"):
        if "Challenge" in file:
            challenge = read_challenge(sample(file))
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
def test_a_broken_file_is_refused(file: str) -> None:
    data = sample(file)
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
def test_a_file_with_several_valid_outcomes_raises_nothing_else(file: str) -> None:
    read_everything(sample(file))


@needs_samples
def test_every_expectation_has_a_test() -> None:
    known = {"accept", "map_only", "no_map", "reject", "accept_or_map_only", "any", "any_error"}
    assert {made["expect"] for made in MADE.values()} == known


@needs_samples
@pytest.mark.parametrize("file", _changed("ghost_count", 2))
def test_a_second_ghost_is_read_with_the_id_table_of_the_first(file: str) -> None:
    replay = _read(file)
    first, second = replay.ghosts
    assert second.race_time_ms == (first.race_time_ms or 0) + 1230
    assert (second.uid, second.nickname) == (first.uid, first.nickname)
    assert replay.record is first


@needs_samples
@pytest.mark.parametrize("file", _changed("race_time_ms", None))
def test_a_run_without_a_finish_has_no_time(file: str) -> None:
    replay = _read(file)
    assert replay.race_time_ms is None
    assert replay.ghosts[0].race_time_ms is None
    assert not replay.finished


@needs_samples
@pytest.mark.parametrize("file", _changed("nickname", "(not UTF-8)"))
def test_a_nickname_that_is_not_utf8_is_still_text(file: str) -> None:
    nickname = _read(file).nickname
    assert nickname is not None
    assert "\N{REPLACEMENT CHARACTER}" in nickname
    assert nickname.encode()


@needs_samples
@pytest.mark.parametrize("file", _changed("header_map_uid"))
def test_a_header_that_names_another_map_is_reported(file: str) -> None:
    replay = _read(file)
    changed = MADE[file]["changed"]["header_map_uid"]
    assert replay.header.map_uid == changed
    assert replay.map_uid == replay.challenge.uid != changed
    assert any("names another map" in note for note in replay.unread)


@needs_samples
def test_bytes_after_the_body_are_reported() -> None:
    replays = [_read(file) for file in _files("accept") if "Challenge" not in file]
    trailing = [replay for replay in replays if replay.container.trailing_bytes]
    assert trailing
    for replay in trailing:
        assert replay.unread == (f"{replay.container.trailing_bytes} byte(s) after the body",)
