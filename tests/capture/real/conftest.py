"""A complete race on the sandbox's game over a real socket; every picture is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.sandbox.game.conftest import Folders, folders
from tmxdb.capture.race import assumptions
from tmxdb.capture.race.commands import StoreFrame, StoreTick
from tmxdb.capture.race.outcome import CompletedRace, FailedRace
from tmxdb.capture.race.race_spec import RaceSpec
from tmxdb.capture.race.runner import Runner
from tmxdb.capture.race.state_machine import Race
from tmxdb.capture.replay_script import scripted_run
from tmxdb.capture.settings import CaptureSettings
from tmxdb.game.tminterface2.socket_driver import SocketDriver
from tmxdb.gbx import read_replay
from tmxdb_sandbox import RunningGame, running_game
from tmxdb_sandbox.game.picture import read_back

__all__ = ["folders"]


@dataclass
class Stage:
    """A game, a driver, and the captured frames."""

    game: RunningGame
    folders: Folders
    driver: SocketDriver
    kept: list[StoreFrame] = field(default_factory=list)
    ticks: list[StoreTick] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def store(self, stored: StoreFrame) -> None:
        self.kept.append(stored)

    def store_tick(self, tick: StoreTick) -> None:
        assert tick.time_ms == tick.state.race_time_ms
        self.ticks.append(tick)

    def discard(self) -> None:
        self.kept.clear()
        self.ticks.clear()

    def capture(self, *, returns: bool = False, **settings: Any) -> CompletedRace | FailedRace:
        """Drive the replay, and check every label against its picture and state."""
        self.kept.clear()
        self.ticks.clear()
        replay = read_replay((self.folders.replays / "first.Replay.Gbx").read_bytes())
        run = scripted_run(replay, "the replay")
        (self.folders.scripts / "ours.txt").write_text(run.script)
        spec = RaceSpec(
            run, "First.Challenge.Gbx", "ours.txt", CaptureSettings(**{"fps": 100, **settings}), map_uid=replay.map_uid
        )
        race = Race(spec, map_is_loaded=returns)
        result = Runner(race, self.driver, self, note=self.notes.append).run()
        if isinstance(result, CompletedRace):
            for kept in self.kept:
                # The frame of the finish may be some ticks late, the clock frozen: a matter of half a metre. Behind
                # it the ghost's samples end.
                self.check(kept, exact_m=0.1 if kept.time_ms < run.race_time_ms else 2.7)
        return result

    @staticmethod
    def check(kept: StoreFrame, exact_m: float) -> None:
        """Check that the picture shows the tick of its label, with the car where the ghost was: 20 m/s ahead."""
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


@pytest.fixture
def patient() -> None:
    """For tests without trouble: deadlines that no busy machine misses."""


@pytest.fixture(autouse=True)
def _deadlines(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the deadlines of captures, or with `patient` make them long."""
    is_patient = "patient" in request.fixturenames
    for name, seconds in {
        "GREETING_S": 1.5, "CONNECT_S": 3.0, "START_UP_S": 5.0, "LOADING_S": 1.5, "ARMING_S": 2.0,
        "COUNTDOWN_S": 3.0, "RACING_S": 2.0, "ENDING_S": 0.5, "EXIT_PAUSES_S": (0.05, 0.1, 0.2, 0.4),
    }.items():  # fmt: skip
        monkeypatch.setattr(assumptions, name, 60.0 if is_patient and name != "EXIT_PAUSES_S" else seconds)


@pytest.fixture
def stage(folders: Folders) -> Iterator[Stage]:
    with on_stage(folders) as stage:
        yield stage
