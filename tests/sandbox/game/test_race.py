"""A race from the map to the end dialog, as the wire tells it."""

from __future__ import annotations

from tmxdb.sandbox.game import running_game
from tmxdb.sandbox.game.picture import map_key_of, read_back

from .conftest import UID, Folders, made_map, made_replay
from .link import CHECKPOINT, FRAME, LAP, STEP, Link


def test_a_loaded_script_drives_the_replay_to_its_finish(folders: Folders) -> None:
    with running_game(**folders.settings) as game, Link(game.port) as link:
        link.greeted().into_race("First.Challenge.Gbx")
        assert link.armed("run.txt").time_ms == -2600
        link.answer(STEP)
        told = []
        while True:
            said = link.hear()
            if said.number != STEP:
                told.append((said.number, *said.values))
            elif link.ask(16):
                break
            link.answer(said.number)
        assert told == [(CHECKPOINT, 1, 3), (CHECKPOINT, 2, 3), (CHECKPOINT, 3, 3), (LAP, 1, 1)]
        assert said.time_ms == 3050
        assert link.ask_bytes(23) == b"0.00 press up\n1.50-1.80 press left\n"


def test_the_picture_of_every_tick_says_its_tick_and_its_map(folders: Folders) -> None:
    with running_game(**folders.settings) as game, Link(game.port) as link:
        link.greeted().into_race("First.Challenge.Gbx")
        link.armed("run.txt")
        last, frames = -2600, []
        while last < 3050:
            link.ask_frame(64, 64)
            link.answer(STEP)
            while (said := link.hear()).number != STEP:
                if said.number == FRAME:
                    seen = read_back(said.pixels, 64, 64)
                    assert seen is not None
                    assert (seen.race_time_ms, seen.map_key) == (last, map_key_of(UID))
                    frames.append(last)
                link.answer(said.number)
            last = said.time_ms
        assert frames == list(range(-2600, 3050, 10))


def test_laps_are_told_behind_the_checkpoint_that_ends_them(folders: Folders) -> None:
    uid = "SandboxGameTestMapWithTwoLaps"
    challenge = made_map(uid, "Two Laps", laps=2, checkpoint_count=1)
    (folders.challenges / "Laps.Challenge.Gbx").write_bytes(challenge)
    replay = made_replay(challenge, uid, checkpoints_ms=[500, 1500, 2500, 3050])
    (folders.replays / "laps.Replay.Gbx").write_bytes(replay)
    with running_game(**folders.settings) as game, Link(game.port) as link:
        link.greeted().into_race("Laps.Challenge.Gbx")
        link.armed("run.txt")
        link.answer(STEP)
        told = []
        while (said := link.hear()).number != STEP or not link.ask(16):
            if said.number != STEP:
                told.append((said.number, *said.values))
            link.answer(said.number)
        assert told == [
            (CHECKPOINT, 1, 4),
            (CHECKPOINT, 2, 4),
            (LAP, 1, 2),
            (CHECKPOINT, 3, 4),
            (CHECKPOINT, 4, 4),
            (LAP, 2, 2),
        ]
