"""The frames of a race on the simulated game, as the sink of its runner records them."""

from __future__ import annotations

from dataclasses import replace

from tmxdb.capture.race.commands import StoreFrame, StoreTick
from tmxdb.game.driver import Frame


def tick_of(frame: Frame) -> int:
    """Return the tick that the picture shows."""
    return int.from_bytes(frame.pixels[:4], "little", signed=True)


class RecordedFrames:
    """A sink that records the frames."""

    def __init__(self) -> None:
        self.kept: list[StoreFrame] = []
        self.ticks: list[StoreTick] = []
        self.discarded = 0

    def store(self, stored: StoreFrame) -> None:
        self.kept.append(replace(stored))

    def store_tick(self, tick: StoreTick) -> None:
        self.ticks.append(tick)

    def discard(self) -> None:
        self.discarded += 1
        self.kept.clear()
        self.ticks.clear()

    @property
    def times(self) -> list[int]:
        return [kept.time_ms for kept in self.kept]
