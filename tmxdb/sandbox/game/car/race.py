"""One attempt at a map: from the countdown to the finish, following the recorded run whose inputs are driven."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tmxdb.sandbox.game.car.controls import KEYS, TICK_MS, Change, Pressed, Timeline
from tmxdb.sandbox.game.car.motion import NOWHERE, Car, standing
from tmxdb.sandbox.game.car.runs import Run

COUNTDOWN_MS = -2600  # [DOC]: about; also what the clock of the simulation is ahead of the race
_ROLL_OUT_MS = 300.0  # a car that left its run loses all but a third of its speed in this time
_STILL_KMH = 1.0


@dataclass(frozen=True)
class Crossing:
    """A checkpoint was passed, or a lap ended: how many so far, of how many."""

    is_lap: bool
    current: int
    target: int


@dataclass(frozen=True)
class Course:
    """What a race needs to know of its map."""

    name: str
    uid: str
    laps: int
    crossings: int  # of all laps, finishes included
    runs: Sequence[Run]


class Race:
    """`race_time_ms` stands still at the finish; `tick_ms` goes on (the plugin's RaceTime and TickTime)."""

    def __init__(
        self, course: Course, plan: Timeline, *, ignored_ms: int = 0, late_ms: int | None = None, lost: bool = False
    ) -> None:
        """`plan`: what will be driven. Differences before `ignored_ms` do not matter.

        `late_ms`: a desync, the finish comes so much later; with `lost` it never comes.
        """
        self.course = course
        self.race_time_ms = self.tick_ms = COUNTDOWN_MS - TICK_MS
        self.passed: list[int] = []
        self._ignored_ms = ignored_ms
        self._late_ms = late_ms or 0
        self._lost = lost
        self._choose(plan)

    # Time

    def tick(self) -> list[Crossing]:
        """Goes on by 10 ms."""
        self.tick_ms += TICK_MS
        if self.finished:
            return []
        self.race_time_ms = self.tick_ms
        crossed: list[Crossing] = []
        while len(self.passed) < len(self._crossings_ms) and self._crossings_ms[len(self.passed)] <= self.tick_ms:
            self.passed.append(self._crossings_ms[len(self.passed)])
            crossed.append(Crossing(False, len(self.passed), self.target))
            if len(self.passed) % self.per_lap == 0:
                crossed.append(Crossing(True, len(self.passed) // self.per_lap, self.course.laps))
        if self.finished:
            self.race_time_ms = self.passed[-1]
        return crossed

    def rewind(self, time_ms: int, *, forget_inputs: bool) -> None:
        """Back to `time_ms`; `forget_inputs` loses what was pressed at that very moment."""
        self.tick_ms = self.race_time_ms = time_ms
        self.passed = [at for at in self.passed if at <= time_ms]
        if forget_inputs:
            self.lose_inputs(time_ms)

    def prevent_finish(self) -> None:
        """Takes the finish back, for good; the race goes on."""
        if self.finished:
            self.passed.pop()
        self._lost = True
        self._crossings_ms = self._when()

    # Driving

    def lose_inputs(self, time_ms: int) -> None:
        """What is pressed at this moment never reaches the car."""
        if any(change.time_ms == time_ms for change in self.plan.changes):
            self._choose(Timeline(change for change in self.plan.changes if change.time_ms != time_ms))

    def press(self, keys: Sequence[bool]) -> None:
        """Keys by hand, in the order of KEYS, from this tick on."""
        now = self.plan.at(self.race_time_ms)
        changes = [
            Change(max(0, self.race_time_ms), key, int(down))
            for key, down in zip(KEYS, keys, strict=True)
            if getattr(now, key) != down
        ]
        if changes:
            self._choose(Timeline([*self.plan.changes, *changes]))

    def _choose(self, plan: Timeline) -> None:
        """Follow the run that is driven longest. Nothing is followed if nothing is ever pressed."""
        self.plan = plan
        self.run: Run | None = None
        self.leaves_ms: int | None = None
        for run in self.course.runs if plan else ():
            leaves_ms = plan.first_difference(run.driven, self._ignored_ms, run.race_time_ms)
            if self.run is None or (self.leaves_ms is not None and (leaves_ms or math.inf) > self.leaves_ms):
                self.run, self.leaves_ms = run, leaves_ms
            if leaves_ms is None:
                break
        self._crossings_ms = self._when()

    def _when(self) -> list[int]:
        """When which checkpoint will be passed."""
        if self.run is None:
            return []
        *before, finish_ms = self.run.checkpoints_ms
        crossings_ms = before if self._lost else [*before, finish_ms + self._late_ms]
        if self.leaves_ms is not None:
            crossings_ms = [at for at in crossings_ms if at <= self.leaves_ms]
        return crossings_ms

    # Looking

    @property
    def target(self) -> int:
        return len(self.run.checkpoints_ms) if self.run else self.course.crossings

    @property
    def per_lap(self) -> int:
        return max(1, self.target // max(1, self.course.laps))

    @property
    def finished(self) -> bool:
        return len(self.passed) == self.target

    @property
    def car(self) -> Car:
        if self.run is None:
            return standing(self.course.runs[0].motion.at(0)) if self.course.runs else NOWHERE
        if self.tick_ms < 0:
            return standing(self.run.motion.at(0))
        if self.leaves_ms is None or self.tick_ms <= self.leaves_ms:
            return self.run.motion.at(self.tick_ms)
        return _rolled_out(self.run.motion.at(self.leaves_ms), self.tick_ms - self.leaves_ms)

    @property
    def pressed(self) -> Pressed:
        """What the car was driven with up to this tick: that of the script time before."""
        return self.plan.at(self.race_time_ms - TICK_MS)

    def inputs(self, *, ranges: bool) -> str:
        return self.plan.text(self.race_time_ms - TICK_MS, ranges=ranges)


def _rolled_out(car: Car, since_ms: int) -> Car:
    """A car that nobody drives on: straight ahead, and ever slower."""
    left = math.exp(-since_ms / _ROLL_OUT_MS)
    way_s = (1 - left) * _ROLL_OUT_MS / 1000
    x, y, z = car.position
    vx, vy, vz = car.velocity
    rolled = replace(
        car,
        position=(x + vx * way_s, y + vy * way_s, z + vz * way_s),
        velocity=(vx * left, vy * left, vz * left),
        speed_kmh=car.speed_kmh * left,
        driven_m=car.driven_m + car.speed_kmh / 3.6 * way_s,
    )
    return rolled if rolled.speed_kmh >= _STILL_KMH else standing(rolled)
