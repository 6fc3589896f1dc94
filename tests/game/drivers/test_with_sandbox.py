"""Run the conformance suite with the stand-in game, which was written independently of the drivers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.game.drivers.conformance import (
    CheckpointConformance,
    Conformance,
    FrameConformance,
    GameUnderTest,
    ReplacedConformance,
    connected,
    until,
)
from tests.game.drivers.games import REPLY_S
from tests.game.drivers.link_conformance import LinkConformance, LinkedGame, LinkUseConformance
from tests.ports import free_port
from tests.sandbox.game.conftest import Folders, build_map, build_replay, folders
from tmxdb.game.driver import ConnectedEvent, Driver, Frame, StepEvent
from tmxdb.game.tminterface2.socket_driver import SocketDriver
from tmxdb_sandbox.game import RunningGame, running_game
from tmxdb_sandbox.game.picture import read_back
from tmxdb_sandbox.game.settings import CAPABILITIES

__all__ = ["folders"]


class SandboxGame:
    """A race of one minute with a checkpoint at 0.5 s, driven by a script."""

    knows_menus = True
    checkpoint_ms = 500

    def __init__(self, running: RunningGame) -> None:
        self._running = running
        self.has_link = running.settings.plugin == "tmxdb_link"
        self.capabilities = frozenset(running.settings.capabilities if self.has_link else ())

    def driver(self) -> Driver:
        return SocketDriver(self._running.port, reply_s=REPLY_S)

    def absent(self) -> Driver:
        return SocketDriver(free_port())

    def race(self) -> None:
        with connected(self) as driver:
            until(driver, lambda event: isinstance(event, ConnectedEvent))
            for command in (
                "set skip_map_load_screens true",
                "set disable_forced_camera true",
                "set countdown_speed 1",
                "map First.Challenge.Gbx",
            ):
                driver.execute(command)
            driver.answer()
            until(driver, lambda event: isinstance(event, StepEvent))
            driver.execute("load run.txt")
            driver.request_frame(8, 8)
            driver.answer()
            until(driver, lambda event: isinstance(event, Frame))  # one frame later the script is loaded
            driver.answer()
            until(driver, lambda event: isinstance(event, StepEvent))
            driver.give_up()
            driver.answer()
            until(driver, lambda event: isinstance(event, StepEvent))

    def to_menus(self) -> None:
        """`exit_map` does it."""

    def silence(self) -> None:
        self._running.freeze()

    def kill(self) -> None:
        self._running.kill()

    def shown_ms(self, frame: Frame) -> int | None:
        label = read_back(frame.pixels, frame.width, frame.height)
        return None if label is None else label.race_time_ms


OPTIONS: dict[str, dict[str, object]] = {
    "python link": {},
    "old python link": {"plugin": "old_python_link"},
    "step first": {"checkpoint_first": False, "restart_reports": True, "last_command_first": False},
    "tmxdb link, step first": {"plugin": "tmxdb_link", "checkpoint_first": False, "last_command_first": False},
    "tmxdb link without optional capabilities": {"plugin": "tmxdb_link", "capabilities": []},
}
"""Every plugin, with both variants of what is not established (docs/facts/tminterface.md#not-established)."""
LINKS: dict[str, dict[str, object]] = {
    "python link": {},
    "old python link": {"plugin": "old_python_link"},
    "all": {"plugin": "tmxdb_link"},
    "none": {"plugin": "tmxdb_link", "capabilities": []},
    **{
        f"without {name}": {"plugin": "tmxdb_link", "capabilities": [other for other in CAPABILITIES if other != name]}
        for name in CAPABILITIES
    },
}


@pytest.fixture
def start(folders: Folders) -> Iterator[Callable[..., SandboxGame]]:
    """Start stand-ins with these settings."""
    challenge = build_map(checkpoint_count=1)
    (folders.challenges / "First.Challenge.Gbx").write_bytes(challenge)
    (folders.replays / "first.Replay.Gbx").write_bytes(
        build_replay(
            challenge,
            race_time_ms=60_000,
            checkpoints_ms=[500, 60_000],
            inputs=[(10, "Accelerate", 1)],
            samples=[(100.0 + n, 10.0, 50.0) for n in range(601)],
        )
    )
    (folders.scripts / "run.txt").write_text("0.00-60.00 press up\n")
    with ExitStack() as stack:
        yield lambda **settings: SandboxGame(
            stack.enter_context(running_game(**folders.settings, pace=4, **settings))  # type: ignore[arg-type]
        )


class TestSandbox(Conformance, FrameConformance, CheckpointConformance, ReplacedConformance):
    """The socket driver."""

    @pytest.fixture(
        params=[next(iter(OPTIONS)), *(pytest.param(name, marks=pytest.mark.slow) for name in [*OPTIONS][1:])]
    )
    def game(self, request: pytest.FixtureRequest, start: Callable[..., SandboxGame]) -> GameUnderTest:
        return start(**OPTIONS[request.param])


class TestSandboxLink(LinkConformance):
    """The questions of each plugin, and of TmxdbLink without each capability."""

    @pytest.fixture(params=LINKS)
    def game(self, request: pytest.FixtureRequest, start: Callable[..., SandboxGame]) -> LinkedGame:
        return start(**LINKS[request.param])


class TestSandboxLinkUse(LinkUseConformance):
    """The questions of TmxdbLink."""

    @pytest.fixture
    def game(self, start: Callable[..., SandboxGame]) -> LinkedGame:
        return start(plugin="tmxdb_link", script_frames=3)
