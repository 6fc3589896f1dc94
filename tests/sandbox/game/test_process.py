"""The process: started in three ways, looked into, ended for sure."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tmxdb.errors import BadInput
from tmxdb.sandbox.game import RunningGame, running_game

from .conftest import Folders, events, wait_until
from .link import STEP, Link

MAP = "First.Challenge.Gbx"
ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_launcher_can_start_it_as_a_program(folders: Folders, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "game.log"
    arguments = ["--user-folder", folders.user, "--replay-folders", folders.replays, "--port", port, "--log-file", log]
    process = subprocess.Popen(
        [sys.executable, "-m", "tmxdb.sandbox.game", *map(str, arguments), "--start-ms", "10", "--faults", "parked:5%"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == f"port {port}"
        with Link(port) as link:
            link.greeted().into_race(MAP)
            link.command("quit")
            link.answer(STEP)
            assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()
    rows = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [row["file"] for row in rows if row["event"] == "map"] == [MAP]


def test_it_dies_with_its_parent(folders: Folders) -> None:
    code = (
        "from tmxdb.sandbox.game import running_game\nimport time\n"
        f"with running_game(user_folder={str(folders.user)!r}) as game:\n"
        " print(game.pid, flush=True)\n time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_killed_it_is_gone_at_once(folders: Folders) -> None:
    with running_game(**folders.settings) as game, Link(game.port) as link:
        link.greeted()
        game.kill()
        assert link.hung_up()
        assert not game.is_alive


def test_frozen_it_does_not_obey_until_it_is_thawed(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    game.freeze()
    link.answer(STEP)
    assert link.is_silent()
    game.thaw()
    link.expect(STEP)


def test_a_port_that_is_taken_is_refused_with_a_sentence(game: RunningGame, folders: Folders) -> None:
    with (
        pytest.raises(BadInput, match=f"can not listen on port {game.port}"),
        running_game(user_folder=folders.user, port=game.port),
    ):
        pass


def test_the_port_can_come_with_the_configstring_as_tmloader_gives_it(folders: Folders) -> None:
    port = free_port()
    with running_game(**folders.settings, configstring=f"set custom_port {port}; toggle_console") as game:
        assert game.port == port


def test_the_log_tells_who_held_the_game_for_how_long(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    time.sleep(0.05)
    link.send("2i", 16, STEP)
    link.numbers("i")
    link.expect(STEP)
    row = events(game, "step")[0]
    assert (row["race_time_ms"], row["ids"], row["end"]) == (-2600, [16, STEP], "answered")
    assert row["held_ms"] > 45
    stats = game.stats()
    assert stats["counts"]["step"] == 1
    assert stats["longest_ms"]["step"] == row["held_ms"]
    game.forget()
    assert game.log() == []


def test_at_a_pace_of_1_a_second_takes_a_second(folders: Folders) -> None:
    with running_game(**folders.settings, pace=1) as game, Link(game.port) as link:
        link.greeted().into_race(MAP)
        link.to(-2500)
        began = time.monotonic()
        link.to(-2000)
        assert time.monotonic() - began > 0.45


def test_without_a_client_a_race_runs_in_real_time(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.armed("run.txt")
    link.send("i", 13)
    assert link.hung_up()
    assert game.screen() == "race"


def test_two_games_share_their_folders(folders: Folders) -> None:
    with running_game(**folders.settings) as one, running_game(**folders.settings) as other:
        assert one.port != other.port
        with Link(one.port) as first, Link(other.port) as second:
            first.greeted().into_race(MAP)
            second.greeted().into_race(MAP)
            assert os.getpid() not in (one.pid, other.pid)
