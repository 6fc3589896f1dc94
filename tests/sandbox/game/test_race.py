"""A race from the map to the end dialog, seen by a client."""

from __future__ import annotations

from tests.sandbox.game.conftest import UID, Folders, build_map, build_replay
from tests.sandbox.game.wire_client import CHECKPOINT, FRAME, LAP, STEP, WireClient
from tmxdb_sandbox.game import running_game
from tmxdb_sandbox.game.picture import map_key_of, read_back


def test_a_loaded_script_drives_the_replay_to_its_finish(folders: Folders) -> None:
    with running_game(**folders.settings) as game, WireClient(game.port) as client:
        client.greet().start_race("First.Challenge.Gbx")
        assert client.arm("run.txt").time_ms == -2600
        client.answer(STEP)
        received = []
        while True:
            message = client.receive()
            if message.number != STEP:
                received.append((message.number, *message.values))
            elif client.ask(16):
                break
            client.answer(message.number)
        assert received == [(CHECKPOINT, 1, 3), (CHECKPOINT, 2, 3), (CHECKPOINT, 3, 3), (LAP, 1, 1)]
        assert message.time_ms == 3050
        assert client.ask_bytes(23) == b"0.00 press up\n1.50-1.80 press left\n"


def test_the_picture_of_every_tick_shows_its_tick_and_map(folders: Folders) -> None:
    with running_game(**folders.settings) as game, WireClient(game.port) as client:
        client.greet().start_race("First.Challenge.Gbx")
        client.arm("run.txt")
        last, frames = -2600, []
        while last < 3050:
            client.request_frame(64, 64)
            client.answer(STEP)
            while (message := client.receive()).number != STEP:
                if message.number == FRAME:
                    label = read_back(message.pixels, 64, 64)
                    assert label is not None
                    assert (label.race_time_ms, label.map_key) == (last, map_key_of(UID))
                    frames.append(last)
                client.answer(message.number)
            last = message.time_ms
        assert frames == list(range(-2600, 3050, 10))


def test_lap_messages_come_after_the_checkpoint_that_ends_the_lap(folders: Folders) -> None:
    uid = "SandboxGameTestMapWithTwoLaps"
    challenge = build_map(uid, "Two Laps", laps=2, checkpoint_count=1)
    (folders.challenges / "Laps.Challenge.Gbx").write_bytes(challenge)
    replay = build_replay(challenge, uid, checkpoints_ms=[500, 1500, 2500, 3050])
    (folders.replays / "laps.Replay.Gbx").write_bytes(replay)
    with running_game(**folders.settings) as game, WireClient(game.port) as client:
        client.greet().start_race("Laps.Challenge.Gbx")
        client.arm("run.txt")
        client.answer(STEP)
        received = []
        while (message := client.receive()).number != STEP or not client.ask(16):
            if message.number != STEP:
                received.append((message.number, *message.values))
            client.answer(message.number)
        assert received == [
            (CHECKPOINT, 1, 4),
            (CHECKPOINT, 2, 4),
            (LAP, 1, 2),
            (CHECKPOINT, 3, 4),
            (CHECKPOINT, 4, 4),
            (LAP, 2, 2),
        ]
