"""The driver of TMInterface 1.4: its child process, and what this version cannot do."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.game.drivers.conformance import connected, next_step
from tests.game.drivers.games import MemoryGame
from tests.processes import is_running
from tests.tool import Tool
from tmxdb.errors import GameExited, InvalidInput
from tmxdb.game.tminterface1.memory_driver import MemoryDriver


@pytest.fixture
def game(tmp_path: Path) -> Iterator[MemoryGame]:
    game = MemoryGame(tmp_path)
    yield game
    game.close()


def children(of: psutil.Process) -> list[psutil.Process]:
    return [child for child in of.children() if "spawn_main" in " ".join(child.cmdline())]


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_inputs_of_the_race_are_returned_as_a_script(game: MemoryGame) -> None:
    game.race()
    with connected(game) as driver:
        next_step(driver)
        assert driver.inputs() == "0 press up\n"


def test_frame_requests_are_refused_with_what_to_do_instead(game: MemoryGame) -> None:
    game.race()
    with connected(game) as driver:
        next_step(driver)
        with pytest.raises(InvalidInput, match="--frame-source screen"):
            driver.request_frame(64, 64)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has the shared memory")
def test_connecting_without_windows_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Windows"):
        MemoryDriver(0).connect(1)


def test_a_killed_child_process_raises_game_exited(game: MemoryGame) -> None:
    game.race()
    with connected(game) as driver:
        next_step(driver)
        (child,) = children(psutil.Process())
        child.kill()
        with pytest.raises(GameExited):
            driver.state()
    assert children(psutil.Process()) == []


HOLD = """
import sys
from pathlib import Path
from tests.game.drivers.games import memory_driver
if __name__ == "__main__":
    driver = memory_driver(Path(sys.argv[1]))
    driver.connect(10)
    driver.wait(10)
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_a_process(game: MemoryGame, folder: Path) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """A process that holds the game, and its child."""
    script = folder / "hold.py"  # a file, because spawned processes import the main module again
    script.write_text(HOLD)
    with subprocess.Popen(
        [sys.executable, str(script), str(game.file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=Tool.environment(),
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        (child,) = children(psutil.Process(process.pid))
        yield process, child
    eventually(lambda: not is_running(child))


def test_when_the_parent_is_killed_the_child_releases_the_game_and_exits(game: MemoryGame, tmp_path: Path) -> None:
    game.race()
    with held_by_a_process(game, tmp_path) as (process, _):
        process.kill()
    with connected(game) as driver:
        next_step(driver)


def test_when_game_and_parent_are_killed_the_child_exits(game: MemoryGame, tmp_path: Path) -> None:
    with held_by_a_process(game, tmp_path) as (process, _):
        game.kill()
        process.kill()
