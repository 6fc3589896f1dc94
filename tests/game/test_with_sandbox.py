"""The suite of `conformance.py` with the sandbox's game: two hands have written the two sides from the same sheet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tmxdb.game.driver import Connected, Driver, Frame, Step
from tmxdb.game.socket_driver import SocketDriver
from tmxdb.sandbox.game import RunningGame, running_game
from tmxdb.sandbox.game.picture import read_back

from ..sandbox.game.conftest import Folders, folders, made_map, made_replay
from .conformance import (
    CheckpointConformance,
    Conformance,
    FrameConformance,
    GameUnderTest,
    ReplacedConformance,
    connected,
    until,
)
from .games import free_port

__all__ = ["folders"]


class SandboxGame:
    """A minute of race with a checkpoint at half a second, driven by its script."""

    knows_menus = True
    checkpoint_ms = 500

    def __init__(self, running: RunningGame) -> None:
        self._running = running

    def driver(self) -> Driver:
        return SocketDriver(self._running.port)

    def absent(self) -> Driver:
        return SocketDriver(free_port())

    def race(self) -> None:
        with connected(self) as driver:
            until(driver, lambda event: isinstance(event, Connected))
            for command in (
                "set skip_map_load_screens true",
                "set disable_forced_camera true",
                "set countdown_speed 1",
                "map First.Challenge.Gbx",
            ):
                driver.execute(command)
            driver.answer()
            until(driver, lambda event: isinstance(event, Step))
            driver.execute("load run.txt")
            driver.request_frame(8, 8)
            driver.answer()
            until(driver, lambda event: isinstance(event, Frame))  # a frame later the script is loaded
            driver.answer()
            until(driver, lambda event: isinstance(event, Step))
            driver.give_up()
            driver.answer()
            until(driver, lambda event: isinstance(event, Step))

    def silence(self) -> None:
        self._running.freeze()

    def kill(self) -> None:
        self._running.kill()

    def shown_ms(self, frame: Frame) -> int | None:
        seen = read_back(frame.pixels, frame.width, frame.height)
        return None if seen is None else seen.race_time_ms


OPTIONS: dict[str, dict[str, object]] = {
    "checkpoint first": {},
    "step first": {"checkpoint_first": False, "restart_reports": True, "last_command_first": False},
}
"""Where the sheet is silent, the game is each way."""


class TestSandbox(Conformance, FrameConformance, CheckpointConformance, ReplacedConformance):
    """The socket driver."""

    @pytest.fixture(params=OPTIONS)
    def game(self, request: pytest.FixtureRequest, folders: Folders) -> Iterator[GameUnderTest]:
        challenge = made_map(checkpoint_count=1)
        (folders.challenges / "First.Challenge.Gbx").write_bytes(challenge)
        (folders.replays / "first.Replay.Gbx").write_bytes(
            made_replay(
                challenge,
                race_time_ms=60_000,
                checkpoints_ms=[500, 60_000],
                inputs=[(10, "Accelerate", 1)],
                samples=[(100.0 + n, 10.0, 50.0) for n in range(601)],
            )
        )
        (folders.scripts / "run.txt").write_text("0.00-60.00 press up\n")
        with ExitStack() as stack:
            yield SandboxGame(stack.enter_context(running_game(**folders.settings, pace=4, **OPTIONS[request.param])))
