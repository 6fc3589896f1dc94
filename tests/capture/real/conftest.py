"""A race from end to end on the sandbox's game, over a real socket; every picture is read back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.sandbox.game.conftest import Folders, folders
from tmxdb.capture import assumptions
from tmxdb.capture.course import Course
from tmxdb.capture.orders import Keep
from tmxdb.capture.outcome import Driven, Failed
from tmxdb.capture.race import Race
from tmxdb.capture.runner import Runner
from tmxdb.capture.script import run_of
from tmxdb.capture.settings import CaptureSettings
from tmxdb.game.socket_driver import SocketDriver
from tmxdb.gbx import read_replay
from tmxdb.sandbox import RunningGame, running_game
from tmxdb.sandbox.game.picture import read_back

__all__ = ["folders"]


@dataclass
class Stage:
    """A game, a driver, and what was captured."""

    game: RunningGame
    folders: Folders
    driver: SocketDriver
    kept: list[Keep] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def keep(self, kept: Keep) -> None:
        self.kept.append(kept)

    def discard(self) -> None:
        self.kept.clear()

    def capture(self, *, returns: bool = False, **settings: Any) -> Driven | Failed:
        """Drive the one replay there is; checks every label against its picture and its state."""
        self.kept.clear()
        replay = read_replay((self.folders.replays / "first.Replay.Gbx").read_bytes())
        run = run_of(replay, "the replay")
        (self.folders.scripts / "ours.txt").write_text(run.script)
        course = Course(run, "First.Challenge.Gbx", "ours.txt", CaptureSettings(**{"fps": 100, **settings}))
        race = Race(course, map_is_loaded=returns)
        result = Runner(race, self.driver, self, note=self.notes.append).play()
        if isinstance(result, Driven):
            for kept in self.kept:
                # The frame of the finish may be some ticks late, the clock frozen: a matter of half a metre. Behind
                # it the ghost's samples end.
                self.check(kept, exact_m=0.1 if kept.time_ms < run.race_time_ms else 2.7)
        return result

    @staticmethod
    def check(kept: Keep, exact_m: float) -> None:
        """The picture shows the tick of its label, the car is where the ghost was: 20 m/s straight ahead."""
        frame = kept.frame
        pixels = memoryview(frame.pixels)
        rgb = bytearray(3 * frame.width * frame.height)
        rgb[0::3], rgb[1::3], rgb[2::3] = pixels[2::4], pixels[1::4], pixels[0::4]
        assert read_back(bytes(rgb), frame.width, frame.height).race_time_ms == kept.time_ms
        assert kept.state.race_time_ms == kept.time_ms
        assert kept.state.position[2] == pytest.approx(50 + 0.02 * min(kept.time_ms, 3_900), abs=exact_m)

    @property
    def times(self) -> list[int]:
        return [kept.time_ms for kept in self.kept]


@contextmanager
def on_stage(folders: Folders, **settings: Any) -> Iterator[Stage]:
    with running_game(**folders.settings, **settings) as game:  # type: ignore[arg-type]
        driver = SocketDriver(game.port)
        try:
            yield Stage(game, folders, driver)
        finally:
            driver.close()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same deadlines, but shorter."""
    for name, seconds in {
        "GREETING_S": 1.5, "CONNECT_S": 3.0, "START_UP_S": 5.0, "LOADING_S": 1.5, "ARMING_S": 2.0,
        "COUNTDOWN_S": 3.0, "RACING_S": 2.0, "ENDING_S": 0.5, "EXIT_PAUSES_S": (0.05, 0.1, 0.2, 0.4),
    }.items():  # fmt: skip
        monkeypatch.setattr(assumptions, name, seconds)


@pytest.fixture
def stage(folders: Folders) -> Iterator[Stage]:
    with on_stage(folders) as stage:
        yield stage
