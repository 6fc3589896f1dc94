"""Real replays driven by their scripts have the recorded finish, checkpoints and positions."""

from __future__ import annotations

import struct

import pytest

from tests.gbx.samples import SAMPLES, needs_samples
from tests.sandbox.game.conftest import Folders
from tests.sandbox.game.wire_client import CHECKPOINT, STEP, WireClient
from tmxdb.gbx import Replay, read_replay
from tmxdb.gbx.script import to_script
from tmxdb_sandbox.game import RunningGame, running_game

_SHORT_MS = 28_000  # longer ones only take more time
_POSITION = 224 + 268 + 180 + 52


@pytest.fixture
def replays(folders: Folders) -> list[tuple[str, Replay]]:
    """Return (stem of map and script, replay) for replays in the game's folders."""
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
def test_every_real_replay_is_driven_as_recorded(folders: Folders, replays: list[tuple[str, Replay]]) -> None:
    assert len(replays) > 15
    with running_game(**folders.settings) as game:
        for stem, replay in replays:
            drive(game, stem, replay)


def drive(game: RunningGame, stem: str, replay: Replay) -> None:
    samples = list(replay.samples or ())
    with WireClient(game.port) as client:
        client.greet().start_race(f"{stem}.Challenge.Gbx")
        client.arm(f"{stem}.txt")
        client.answer(STEP)
        passed_ms, last_ms = [], -2600
        while True:
            message = client.receive()
            if message.number == CHECKPOINT:
                passed_ms.append(last_ms + 10)  # it comes before the step of its tick
            elif message.number == STEP:
                last_ms = message.time_ms
                if last_ms >= 0 and last_ms % 1000 == 0:
                    at = struct.unpack_from("<3f", client.ask_bytes(9), _POSITION)
                    sample = next(sample for sample in samples if sample.time_ms == last_ms)
                    assert at == (sample.x, sample.y, sample.z)
                if client.ask(16):
                    break
            client.answer(message.number)
        assert last_ms == replay.race_time_ms
        assert passed_ms == list(replay.checkpoints_ms or ())
        client.command("exit_map")
