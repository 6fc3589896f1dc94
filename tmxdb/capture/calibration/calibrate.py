"""Measure on a running game which tick its pictures show.

The beginning of a replay is driven twice. The first time, pictures are taken in flow, as captures take them. The second
time, the race stands still at some ticks until the game has certainly rendered them. A picture in flow is compared with
those of its own and of neighbouring ticks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from tmxdb.capture.calibration.drives import FlowDrive, HoldingDrive
from tmxdb.capture.calibration.matching import LagMeasurement, choose_blocks, measure_lag
from tmxdb.capture.calibration.pictures import difference, thumbnail
from tmxdb.capture.games.instance import GameInstance
from tmxdb.capture.games.task import CaptureTask
from tmxdb.capture.race.commands import HeldFrame, StoreFrame, StoreTick
from tmxdb.capture.race.outcome import CompletedRace, FailedRace
from tmxdb.errors import GameError, InvalidInput
from tmxdb.game.capabilities import RENDER
from tmxdb.game.state import CarState

DRIVEN_MS = 6000
"""How much of the replay is driven."""
BLOCKS = 5
HELD, RENDERED = "held", "rendered"
"""How the ticks of pictures are certain: the race stood still, or the game rendered them on request."""


@dataclass
class FlowPictures:
    """Small pictures and states of a drive, by the race time of the last step before them. It is a FrameSink."""

    pictures: dict[int, Any] = field(default_factory=dict)
    states: dict[int, CarState] = field(default_factory=dict)

    def store(self, frame: StoreFrame) -> None:
        """Store a frame."""
        self.pictures[frame.time_ms] = thumbnail(frame.frame)
        self.states[frame.time_ms] = frame.state
        frame.frame.release()

    def store_tick(self, tick: StoreTick) -> None:
        """Do nothing: the states beside the pictures are enough."""

    def discard(self) -> None:
        """Discard all frames."""
        self.pictures.clear()
        self.states.clear()

    def motion(self) -> dict[int, float]:
        """Return by race time how much the picture differs from the one before."""
        return {
            time_ms: difference(self.pictures[before_ms], self.pictures[time_ms])
            for before_ms, time_ms in pairwise(sorted(self.pictures))
        }


@dataclass
class _HeldPictures:
    pictures: dict[int, Any] = field(default_factory=dict)
    states: dict[int, CarState] = field(default_factory=dict)

    def add(self, held: HeldFrame) -> None:
        time_ms = held.state.race_time_ms
        self.pictures[time_ms] = thumbnail(held.frame)
        self.states[time_ms] = held.state
        held.frame.release()

    def store(self, frame: StoreFrame) -> None:
        frame.frame.release()

    def store_tick(self, tick: StoreTick) -> None:
        pass

    def discard(self) -> None:
        self.pictures.clear()
        self.states.clear()


def require_method(game: GameInstance, method: str) -> None:
    """Raise InvalidInput if the plugin of the running game cannot take pictures by this method."""
    if method == RENDERED and not game.has_capability(RENDER):
        raise InvalidInput(
            "the plugin of the game does not render pictures on request. Calibrate with `--method held`, or run"
            " `tmxdb game install-plugin` and restart the game.",
            code="input.frame_source",
        )


def take_flow_pictures(game: GameInstance, task: CaptureTask) -> FlowPictures:
    """Drive the beginning of a replay with a picture in each tick. Raise GameError if it cannot be driven."""
    flow = FlowPictures()
    until_ms = driven_ms(task)
    settings = replace(task.settings, fps=100)
    result = game.drive(replace(task, settings=settings), flow, new_drive=lambda spec: FlowDrive(spec, until_ms))
    completed(result)
    if not flow.pictures:
        raise GameError("the game sent no picture whose tick is known.", code="game.no_frames")
    return flow


def measure(game: GameInstance, task: CaptureTask, flow: FlowPictures, method: str = HELD) -> LagMeasurement:
    """Drive the same again with pictures of certain ticks, and return how far the pictures in flow lag behind.

    Raise GameError if it cannot be driven, or if nothing moves in the pictures.
    """
    ticks = choose_blocks(flow.motion(), driven_ms(task), BLOCKS)
    if not ticks:
        raise GameError(
            "the pictures do not change while the car drives. Keep the game's window visible and not minimised.",
            code="game.bad_pictures",
        )
    held = _HeldPictures()
    result = game.drive(
        task, held, new_drive=lambda spec: HoldingDrive(spec, ticks, held.add, is_rendered=method == RENDERED)
    )
    completed(result)
    return measure_lag(flow.pictures, held.pictures, difference)


def same_states(one: Mapping[int, CarState], other: Mapping[int, CarState]) -> tuple[int, int]:
    """Return how many states of the same race time are equal digit for digit, and how many there are."""
    times = one.keys() & other.keys()
    return sum(one[time_ms] == other[time_ms] for time_ms in times), len(times)


def driven_ms(task: CaptureTask) -> int:
    """Return how much of a replay is driven: not the finish, where the race clock stops."""
    return min(DRIVEN_MS, task.run.race_time_ms - 50)


def completed(result: CompletedRace | FailedRace) -> CompletedRace:
    """Return a race that ended. Raise GameError for one that failed."""
    if isinstance(result, FailedRace):
        raise GameError(f"{result.message.rstrip('.')}.", code=result.code)
    return result
