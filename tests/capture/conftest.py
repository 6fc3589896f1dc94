"""A course on the pretend game, and playing it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tmxdb.capture.course import Course
from tmxdb.capture.outcome import Driven, Failed
from tmxdb.capture.race import Race
from tmxdb.capture.runner import Runner
from tmxdb.capture.script import Run
from tmxdb.capture.settings import CaptureSettings

from .pretend import RIGHT_MAP, SCRIPT, WORDS, Pictures, PretendGame, tick_of

Result = Driven | Failed


class Player:
    """Plays a race on a game; checks of every picture kept that its label is the tick that it shows."""

    def __init__(self) -> None:
        self.pictures = Pictures()
        self.notes: list[str] = []

    def __call__(
        self,
        game: PretendGame,
        *,
        settings: CaptureSettings | None = None,
        returns: bool = False,
        launcher: bool = False,
        ghost: bool = False,
        intro_ms: int = 0,
        **run: Any,
    ) -> Result:
        facts = {"checkpoints": 2, "start": (0.0, 0.0, 0.0), "moving_ms": 300} | run
        course = Course(
            Run(game.race_ms, WORDS, **facts),
            RIGHT_MAP,
            None if ghost else SCRIPT,
            settings or CaptureSettings(fps=100),
            intro_ms,
        )
        race = Race(course, map_is_loaded=returns, can_restart=launcher)
        runner = Runner(
            race,
            game,
            self.pictures,
            restart=game.restart,
            note=self.notes.append,
            clock=lambda: game.now,
            sleep=lambda seconds: setattr(game, "now", game.now + seconds),
        )
        result = runner.play()
        for kept in self.pictures.kept:
            assert kept.time_ms == tick_of(kept.frame) == kept.state.race_time_ms
        steps = [kept.step for kept in self.pictures.kept]
        assert steps == sorted(set(steps))
        return result


@pytest.fixture
def play() -> Player:
    return Player()


@pytest.fixture
def game() -> PretendGame:
    """In its menus; the race takes 500 ms."""
    return PretendGame()


Play = Callable[..., Result]
