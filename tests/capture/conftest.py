"""A race on the simulated game, and a player that runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.capture.output.recorded_frames import RecordedFrames, tick_of
from tests.capture.race.simulated_game import RIGHT_MAP, SCRIPT, SCRIPT_TEXT, SimulatedGame
from tmxdb.capture.race.outcome import CompletedRace, FailedRace
from tmxdb.capture.race.race_spec import RaceSpec
from tmxdb.capture.race.runner import Runner
from tmxdb.capture.race.state_machine import Race
from tmxdb.capture.replay_script import ScriptedRun
from tmxdb.capture.settings import CaptureSettings

Result = CompletedRace | FailedRace


class Player:
    """Runs a race on a game and checks that the label of every stored frame is the tick that it shows."""

    def __init__(self) -> None:
        self.recorded = RecordedFrames()
        self.notes: list[str] = []

    def __call__(
        self,
        game: SimulatedGame,
        *,
        settings: CaptureSettings | None = None,
        returns: bool = False,
        launcher: bool = False,
        ghost: bool = False,
        intro_ms: int = 0,
        lag: int = 0,
        adapt_speed: bool = False,
        press_enter: bool = False,
        **run: Any,
    ) -> Result:
        facts = {"checkpoints": 2, "start": (0.0, 0.0, 0.0), "moving_ms": 300} | run
        spec = RaceSpec(
            ScriptedRun(game.race_ms, SCRIPT_TEXT, **facts),
            RIGHT_MAP,
            None if ghost else SCRIPT,
            settings or CaptureSettings(fps=100),
            intro_ms,
        )
        race = Race(spec, map_is_loaded=returns, can_restart=launcher, adapt_speed=adapt_speed, press_enter=press_enter)
        runner = Runner(
            race,
            game,
            self.recorded,
            restart=game.restart,
            note=self.notes.append,
            window=game,
            picture_lag=lambda speed: lag,
            clock=lambda: game.now,
            sleep=lambda seconds: setattr(game, "now", game.now + seconds),
        )
        result = runner.run()
        for kept in self.recorded.kept:
            assert kept.time_ms == tick_of(kept.frame) == kept.state.race_time_ms
        steps = [kept.step for kept in self.recorded.kept]
        assert steps == sorted(set(steps))
        return result


@pytest.fixture
def play() -> Player:
    return Player()


@pytest.fixture
def game() -> SimulatedGame:
    """In its menus; the race takes 500 ms."""
    return SimulatedGame()


Play = Callable[..., Result]
