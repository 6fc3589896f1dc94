"""The process of the stand-in: starting, requests, and ending."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.processes import is_running
from tests.sandbox.game.conftest import Folders, events, wait_until
from tests.sandbox.game.wire_client import STEP, WireClient
from tmxdb.errors import InvalidInput
from tmxdb_sandbox.game import RunningGame, running_game

MAP = "First.Challenge.Gbx"
ROOT = Path(__file__).parents[3]


def test_it_can_be_started_as_a_program(folders: Folders, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "game.log"
    arguments = ["--user-folder", folders.user, "--replay-folders", folders.replays, "--port", port, "--log-file", log]
    process = subprocess.Popen(
        [sys.executable, "-m", "tmxdb_sandbox.game", *map(str, arguments), "--start-ms", "10", "--faults", "parked:5%"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == f"port {port}"
        with WireClient(port) as client:
            client.greet().start_race(MAP)
            client.command("quit")
            client.answer(STEP)
            assert process.wait(300) == 0
    finally:
        process.kill()
        process.communicate()
    rows = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [row["file"] for row in rows if row["event"] == "map"] == [MAP]


def test_it_ends_with_its_parent(folders: Folders) -> None:
    code = (
        "from tmxdb_sandbox.game import running_game\nimport time\n"
        f"with running_game(user_folder={str(folders.user)!r}) as game:\n"
        " print(game.pid, flush=True)\n time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    wait_until(lambda: not is_running(pid))


def test_a_killed_game_closes_its_connection(folders: Folders) -> None:
    with running_game(**folders.settings) as game, WireClient(game.port) as client:
        client.greet()
        game.kill()
        assert client.is_closed()
        assert not game.is_alive


def test_a_frozen_game_does_nothing_until_it_is_thawed(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    game.freeze()
    client.answer(STEP)
    assert client.is_silent()
    game.thaw()
    client.expect(STEP)


def test_a_port_in_use_is_refused(game: RunningGame, folders: Folders) -> None:
    with (
        pytest.raises(InvalidInput, match=f"port {game.port}: cannot listen"),
        running_game(user_folder=folders.user, port=game.port),
    ):
        pass


def test_the_port_can_be_set_by_the_configstring(folders: Folders) -> None:
    port = free_port()
    with running_game(**folders.settings, configstring=f"set custom_port {port}; toggle_console") as game:
        assert game.port == port


def test_the_log_has_the_messages_of_each_wait_and_its_duration(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    time.sleep(0.05)
    client.send("2i", 16, STEP)
    client.numbers("i")
    client.expect(STEP)
    row = events(game, "step")[0]
    assert (row["race_time_ms"], row["ids"], row["end"]) == (-2600, [16, STEP], "answered")
    assert row["held_ms"] > 45
    stats = game.stats()
    assert stats["counts"]["step"] == 1
    assert stats["longest_ms"]["step"] == row["held_ms"]
    game.clear_log()
    assert game.log() == []


def test_at_a_pace_of_1_a_second_takes_a_second(folders: Folders) -> None:
    with running_game(**folders.settings, pace=1) as game, WireClient(game.port) as client:
        start = time.monotonic()
        client.greet().start_race(MAP)
        client.advance_to(-2000)  # from -2600
        assert time.monotonic() - start > 0.55


def test_without_a_client_a_race_runs_in_real_time(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.arm("run.txt")
    client.send("i", 13)
    assert client.is_closed()
    assert game.screen() == "race"


def test_two_games_share_their_folders(folders: Folders) -> None:
    with running_game(**folders.settings) as one, running_game(**folders.settings) as other:
        assert one.port != other.port
        with WireClient(one.port) as first, WireClient(other.port) as second:
            first.greet().start_race(MAP)
            second.greet().start_race(MAP)
            assert os.getpid() not in (one.pid, other.pid)
