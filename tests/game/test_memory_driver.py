"""The driver of TMInterface 1.4: its helper process, and what this version can not do."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tmxdb.errors import BadInput, GameGone
from tmxdb.game.memory_driver import MemoryDriver

from ..tool import Tool
from .conformance import connected, next_step
from .games import MemoryGame


@pytest.fixture
def game(tmp_path: Path) -> Iterator[MemoryGame]:
    game = MemoryGame(tmp_path / "TMInterface0")
    yield game
    game.close()


def helpers(of: psutil.Process) -> list[psutil.Process]:
    return [child for child in of.children() if "spawn_main" in " ".join(child.cmdline())]


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_inputs_of_the_race_are_told_as_a_script(game: MemoryGame) -> None:
    game.race()
    with connected(game) as driver:
        next_step(driver)
        assert driver.inputs() == "0 press up\n"


def test_pictures_are_refused_with_what_to_do_instead(game: MemoryGame) -> None:
    game.race()
    with connected(game) as driver:
        next_step(driver)
        with pytest.raises(BadInput, match="--frame-source screen"):
            driver.request_frame(64, 64)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has the shared memory")
def test_without_windows_connecting_says_so() -> None:
    with pytest.raises(BadInput, match="Windows"):
        MemoryDriver(0).connect(1)


def test_a_helper_that_was_killed_is_a_link_that_is_gone(game: MemoryGame) -> None:
    game.race()
    with connected(game) as driver:
        next_step(driver)
        (helper,) = helpers(psutil.Process())
        helper.kill()
        with pytest.raises(GameGone):
            driver.state()
    assert helpers(psutil.Process()) == []


HOLD = """
import sys
from functools import partial
from pathlib import Path
from tests.game.games import open_file
from tmxdb.game.memory_driver import MemoryDriver
if __name__ == "__main__":
    driver = MemoryDriver(0, open_mapping=partial(open_file, Path(sys.argv[1])))
    driver.connect(10)
    driver.wait(10)
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_a_process(game: MemoryGame, folder: Path) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """A process that holds the game, and its helper."""
    script = folder / "hold.py"  # a file: spawned processes import the main module again
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
        (helper,) = helpers(psutil.Process(process.pid))
        yield process, helper
    eventually(lambda: not helper.is_running() or helper.status() == psutil.STATUS_ZOMBIE)


def test_when_we_are_killed_the_helper_lets_the_game_go_and_ends(game: MemoryGame, tmp_path: Path) -> None:
    game.race()
    with held_by_a_process(game, tmp_path) as (process, _):
        process.kill()
    with connected(game) as driver:
        next_step(driver)


def test_a_game_that_dies_while_we_are_killed_leaves_no_helper(game: MemoryGame, tmp_path: Path) -> None:
    with held_by_a_process(game, tmp_path) as (process, _):
        game.kill()
        process.kill()
