"""Real replays, driven again by their scripts: finish and checkpoints to the millisecond, places as their samples."""

from __future__ import annotations

import struct

import pytest

from tests.gbx.samples import SAMPLES, needs_samples
from tmxdb.gbx import Replay, read_replay
from tmxdb.gbx.script import to_script
from tmxdb.sandbox.game import RunningGame, running_game

from .conftest import Folders
from .link import CHECKPOINT, STEP, Link

_SHORT_MS = 28_000  # longer ones would only take longer
_POSITION = 224 + 268 + 180 + 52


@pytest.fixture
def replays(folders: Folders) -> list[tuple[str, Replay]]:
    """(stem of map and script, replay), all of them in the folders of the game."""
    found = []
    for path in sorted((SAMPLES / "tmnf").glob("*.Replay.[Gg]bx")):
        replay = read_replay(path.read_bytes())
        if replay.race_time_ms is not None and replay.race_time_ms < _SHORT_MS:
            stem = str(len(found))
            (folders.replays / path.name).write_bytes(path.read_bytes())
            (folders.challenges / f"{stem}.Challenge.Gbx").write_bytes(replay.map_bytes)
            (folders.scripts / f"{stem}.txt").write_text(to_script(replay.inputs, replay.race_time_ms))
            found.append((stem, replay))
    return found


@needs_samples
@pytest.mark.slow
def test_every_real_replay_is_driven_as_it_was_recorded(folders: Folders, replays: list[tuple[str, Replay]]) -> None:
    assert len(replays) > 15
    with running_game(**folders.settings) as game:
        for stem, replay in replays:
            drive(game, stem, replay)


def drive(game: RunningGame, stem: str, replay: Replay) -> None:
    samples = list(replay.samples or ())
    with Link(game.port) as link:
        link.greeted().into_race(f"{stem}.Challenge.Gbx")
        link.armed(f"{stem}.txt")
        link.answer(STEP)
        passed_ms, last_ms = [], -2600
        while True:
            said = link.hear()
            if said.number == CHECKPOINT:
                passed_ms.append(last_ms + 10)  # it comes before the step of its tick
            elif said.number == STEP:
                last_ms = said.time_ms
                if last_ms >= 0 and last_ms % 1000 == 0:
                    at = struct.unpack_from("<3f", link.ask_bytes(9), _POSITION)
                    sample = next(sample for sample in samples if sample.time_ms == last_ms)
                    assert at == (sample.x, sample.y, sample.z)
                if link.ask(16):
                    break
            link.answer(said.number)
        assert last_ms == replay.race_time_ms
        assert passed_ms == list(replay.checkpoints_ms or ())
        link.command("exit_map")
