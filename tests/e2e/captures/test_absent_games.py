"""Captures while no game is running: the command says so once, and no row is charged for it."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.e2e.captures.captures import World
from tests.ports import free_ports
from tests.tool import Tool, lengthen_capture_waits, until


@pytest.fixture
def world(tool: Tool, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    lengthen_capture_waits(monkeypatch)
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    return World(tool)


def words(world: World, port: int, *more: object) -> list[str]:
    """Return the command that captures with a game on `port`."""
    command = ["work", "--kind", "capture", "--base-tmi-port", port, "--trackmania-path", world.user]
    return [*map(str, (*command, "--game-user", "Ann", "--no-progress", *more))]


def charged(world: World) -> list[tuple[str, int]]:
    return [(row["status"], row["attempts"]) for row in world.captures()]


def test_without_waiting_the_command_names_the_port_and_ends(world: World) -> None:
    world.fill(tracks=2, replays=1)
    world.tool("add-captures")
    port = free_ports(1)
    ran = world.tool(*words(world, port), "--no-wait", "--limit", 1, ends=1)
    assert ran.error.startswith(f"Error: no game listens on 127.0.0.1:{port}. Start the game")
    assert "tmxdb game check" in ran.error
    assert ran.err.count("no game listens") == 1
    assert charged(world) == [("pending", 0), ("pending", 0)]
    assert [row["error_code"] for row in world.captures()] == ["game.none_running", None]


def test_with_several_games_all_their_ports_are_named(world: World) -> None:
    world.fill(tracks=2, replays=1)
    world.tool("add-captures")
    port = free_ports(2)
    ran = world.tool(*words(world, port, "--n", 2), "--no-wait", ends=1)
    assert f"no game listens on 127.0.0.1:{port} or 127.0.0.1:{port + 1}." in ran.error


def test_other_work_is_done_while_no_game_is_running(world: World) -> None:
    world.fill(tracks=2, replays=1)
    world.tool("add-captures")
    world.tool.change("update maps set status = 'pending', finished_at = null where track_id = 1")
    ran = world.tool(*words(world, free_ports(1)), "--kind", "extract", "--no-wait", "--site", "http://127.0.0.1:9")
    assert "1 done, 0 skipped, 0 failed." in ran.err
    assert ran.err.count("Captures are left for later.") == 1
    assert {attempts for _, attempts in charged(world)} == {0}


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_command_that_waits_for_a_game_says_so_once_and_ends_with_ctrl_c(world: World) -> None:
    world.fill(tracks=1, replays=2)
    world.tool("add-captures")
    port = free_ports(1)
    with world.tool.started(*words(world, port)) as worker:
        said = ""
        while "Captures wait for it." not in said:
            said += worker.stderr.readline()
        worker.send_signal(signal.SIGINT)
        said += worker.stderr.read()
        assert worker.wait(60) == 130
    assert said.count(f"No game listens on 127.0.0.1:{port}.") == 1
    assert "0 done, 0 skipped, 0 failed." in said
    assert charged(world) == [("pending", 0)] * 2


def test_a_game_that_is_not_running_does_not_delay_the_other(world: World) -> None:
    world.fill(tracks=3, replays=2)
    world.tool("add-captures")
    port = free_ports(2)
    with world.games(port=port) as games:
        ran = world.tool(*words(world, port, "--n", 2))
        assert games[0].is_alive
    assert "6 done, 0 skipped, 0 failed." in ran.err
    assert ran.err.count(f"No game listens on 127.0.0.1:{port + 1}. The other games go on without it.") == 1
    assert charged(world) == [("done", 1)] * 6


def test_a_game_that_exits_in_a_race_is_waited_for(world: World) -> None:
    world.fill(tracks=1, replays=3)
    world.tool("add-captures")
    port = free_ports(1)
    with world.games(port=port) as games, world.tool.started(*words(world, port, "--n", 1)) as worker:
        until(lambda: any(row["event"] == "map" for row in games[0].log()))
        games[0].kill()
        said = ""
        while f"No game listens on 127.0.0.1:{port}. Captures wait for it." not in said:
            said += worker.stderr.readline()
        with world.games(port=port):
            said += worker.stderr.read()
            assert worker.wait(120) == 0
    assert f"The game on 127.0.0.1:{port} is running now." in said
    assert [status for status, _ in charged(world)] == ["done"] * 3
    assert sum(attempts for _, attempts in charged(world)) == 4  # only the race in which it exited was charged
