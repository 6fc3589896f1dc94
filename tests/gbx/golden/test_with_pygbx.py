"""Both readers agree on every TMF sample and on files written by the sandbox."""

from __future__ import annotations

import builtins
from types import SimpleNamespace
from typing import Any

import pytest

from tests.gbx.golden.test_golden import GOLDEN
from tests.gbx.made import UID, a_challenge, a_replay
from tests.gbx.samples import needs_samples, sample
from tmxdb.errors import UserActionRequired
from tmxdb.gbx import Challenge, GbxError, Ghost, Replay, read_challenge, read_replay, with_pygbx

REPLAY = (
    "map_uid", "map_environment", "map_author", "race_time_ms", "stunt_score", "checkpoints_ms", "respawns", "login",
    "nickname", "nickname_plain", "ghost_uid", "ghost_count", "game_version", "finished", "input_count", "inputs",
    "control_names", "device", "respawn_events", "sample_period_ms", "map_bytes", "game", "validable", "unread",
)  # fmt: skip
CHALLENGE = ("uid", "name", "name_plain", "author", "environment", "mood", "author_ms", "laps", "map_type", "unread")


@pytest.fixture
def pygbx() -> Any:
    return pytest.importorskip("pygbx", reason="pygbx is not installed", exc_type=ImportError)


def _facts(source: Replay | Challenge, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(source, name) for name in names}


def _tmf(kind: str) -> list[str]:
    return [file for file, facts in GOLDEN.items() if facts["kind"] == kind and facts["game"] == "TMF"]


@needs_samples
@pytest.mark.usefixtures("pygbx")
@pytest.mark.parametrize("file", _tmf("replay"))
def test_both_readers_agree_on_a_replay(file: str) -> None:
    data = sample(file)
    own, other = read_replay(data), with_pygbx.read_replay(data)
    assert _facts(other, REPLAY) == _facts(own, REPLAY)
    assert _facts(other.challenge, CHALLENGE) == _facts(own.challenge, CHALLENGE)
    assert own.samples is not None
    assert other.samples is not None
    assert list(other.samples) == list(own.samples)


@needs_samples
@pytest.mark.usefixtures("pygbx")
@pytest.mark.parametrize("file", _tmf("challenge"))
def test_both_readers_agree_on_a_map(file: str) -> None:
    data = sample(file)
    assert _facts(with_pygbx.read_challenge(data), CHALLENGE) == _facts(read_challenge(data), CHALLENGE)


@pytest.mark.usefixtures("pygbx")
@pytest.mark.parametrize(
    "facts", [{}, {"race_time_ms": None, "checkpoints_ms": []}, {"shift": 65535}, {"compress": True}]
)
def test_both_readers_agree_on_written_files(facts: dict[str, Any]) -> None:
    data = a_replay(**facts)
    assert _facts(with_pygbx.read_replay(data), REPLAY) == _facts(read_replay(data), REPLAY)
    data = a_challenge(name="$f00Rot $oöst", laps=3, checkpoint_count=5)
    assert _facts(with_pygbx.read_challenge(data), CHALLENGE) == _facts(read_challenge(data), CHALLENGE)


@pytest.mark.usefixtures("pygbx")
def test_a_damaged_ghost_leaves_the_map_and_the_header_through_pygbx_too() -> None:
    replay = with_pygbx.read_replay(a_replay(login="x" * 300, nickname="short"))
    replay.check_whole()
    assert (replay.map_bytes, replay.map_uid) == (a_challenge(), UID)
    with pytest.raises(GbxError):
        _ = replay.ghosts


def test_without_pygbx_the_error_names_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def no_pygbx(name: str, *args: Any, **settings: Any) -> Any:
        if name == "pygbx":
            raise ImportError(name)
        return real_import(name, *args, **settings)

    monkeypatch.setattr(builtins, "__import__", no_pygbx)
    with pytest.raises(UserActionRequired, match=r"pip install tmxdb\[pygbx\]"):
        with_pygbx.read_replay(a_replay())


def test_numbers_that_pygbx_reads_as_unsigned_are_not_facts() -> None:
    unset = 0xFFFFFFFF
    parsed = SimpleNamespace(
        race_time=unset, stunts_score=unset, cp_times=[2_090, unset, unset], num_respawns=unset, login="racer", uid="",
        game_version="", events_duration=0, control_names=[], control_entries=[],
    )  # fmt: skip
    ghost = with_pygbx._merged(Ghost(), parsed)
    assert (ghost.checkpoints_ms, ghost.checkpoint_count) == ((2_090, None, None), 1)
    assert (ghost.race_time_ms, ghost.stunt_score, ghost.respawns, ghost.uid) == (None, None, None, None)
