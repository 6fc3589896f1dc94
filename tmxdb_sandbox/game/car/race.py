"""One race on a map, from the countdown to the finish. The car follows the recorded run with the same inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tmxdb_sandbox.game.car.controls import KEYS, TICK_MS, Change, ControlState, Timeline
from tmxdb_sandbox.game.car.motion import DEFAULT_CAR, Car, at_rest
from tmxdb_sandbox.game.car.recorded_runs import RecordedRun

COUNTDOWN_MS = (
    -2600
)  # about, docs/facts/tminterface.md#run-steps; also how far the simulation clock is ahead of the race clock
_ROLL_OUT_MS = 300.0  # a car that left its run loses two thirds of its speed in this time
_STILL_KMH = 1.0
_MAX_SHIFT_MS = 1000
_COMPARED_CHANGES = 12


@dataclass(frozen=True)
class Crossing:
    """A checkpoint was passed, or a lap ended: number `current` of `target`."""

    is_lap: bool
    current: int
    target: int


@dataclass(frozen=True)
class TrackLayout:
    """The facts about a map that a race needs."""

    name: str
    uid: str
    laps: int
    crossings: int  # of all laps, finishes included
    runs: Sequence[RecordedRun]


class SimulatedRace:
    """A race. `race_time_ms` is frozen at the finish, `tick_ms` is not (the plugin's RaceTime and TickTime)."""

    def __init__(
        self,
        course: TrackLayout,
        plan: Timeline,
        *,
        ignored_ms: int = 0,
        late_ms: int | None = None,
        never_finishes: bool = False,
    ) -> None:
        """`plan`: the inputs. Differences before `ignored_ms` do not matter.

        `late_ms`: a desync, by which the finish comes later; with `never_finishes` it does not come.
        """
        self.course = course
        self.race_time_ms = self.tick_ms = COUNTDOWN_MS - TICK_MS
        self.passed: list[int] = []
        self._ignored_ms = ignored_ms
        self._late_ms = late_ms or 0
        self._never_finishes = never_finishes
        self._follow(plan)

    # Time

    def tick(self) -> list[Crossing]:
        """Advance by 10 ms, and return the crossings of this tick."""
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
        self._never_finishes = True
        self._crossings_ms = self._crossing_times()

    # Driving

    def lose_inputs(self, time_ms: int) -> None:
        """Drop the inputs of this moment."""
        if any(change.time_ms == time_ms for change in self.plan.changes):
            self._follow(Timeline(change for change in self.plan.changes if change.time_ms != time_ms))

    def press(self, keys: Sequence[bool]) -> None:
        """Press keys from this tick on, in the order of KEYS."""
        controls = self.plan.at(self.race_time_ms)
        changes = [
            Change(max(0, self.race_time_ms), key, int(down))
            for key, down in zip(KEYS, keys, strict=True)
            if getattr(controls, key) != down
        ]
        if changes:
            self._follow(Timeline([*self.plan.changes, *changes]))

    def _follow(self, plan: Timeline) -> None:
        """Follow the run whose inputs match longest; none if nothing is ever pressed.

        A run whose inputs all come earlier or later by the same time is followed earlier or later by that time.
        """
        self.plan = plan
        self.run: RecordedRun | None = None
        self.leaves_ms: int | None = None
        self.shift_ms = 0
        for run in self.course.runs if plan else ():
            leaves_ms = plan.first_difference(run.driven, self._ignored_ms, run.race_time_ms)
            if self.run is None or (self.leaves_ms is not None and (leaves_ms or math.inf) > self.leaves_ms):
                self.run, self.leaves_ms = run, leaves_ms
            if leaves_ms is None:
                break
        if self.leaves_ms is not None:
            self._follow_shifted(plan)
        self._crossings_ms = self._crossing_times()

    def _follow_shifted(self, plan: Timeline) -> None:
        for run in self.course.runs:
            for shift_ms in _possible_shifts(plan, run.driven):
                end_ms = run.race_time_ms + min(0, shift_ms)
                if plan.first_difference(run.driven.shifted(shift_ms), self._ignored_ms, end_ms) is None:
                    self.run, self.leaves_ms, self.shift_ms = run, None, shift_ms
                    return

    def _crossing_times(self) -> list[int]:
        """Return the times of all crossings."""
        if self.run is None:
            return []
        *before, finish_ms = (at + self.shift_ms for at in self.run.checkpoints_ms)
        crossings_ms = before if self._never_finishes else [*before, finish_ms + self._late_ms]
        if self.leaves_ms is not None:
            crossings_ms = [at for at in crossings_ms if at <= self.leaves_ms]
        return crossings_ms

    # State

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
            return at_rest(self.course.runs[0].motion.at(0)) if self.course.runs else DEFAULT_CAR
        if self.tick_ms < 0:
            return at_rest(self.run.motion.at(0))
        if self.leaves_ms is None or self.tick_ms <= self.leaves_ms:
            return self.run.motion.at(self.tick_ms - self.shift_ms)
        return _rolling_out(self.run.motion.at(self.leaves_ms), self.tick_ms - self.leaves_ms)

    @property
    def pressed(self) -> ControlState:
        """The inputs that drove the car to this tick: those of the script time before it."""
        return self.plan.at(self.race_time_ms - TICK_MS)

    def inputs(self, *, ranges: bool) -> str:
        return self.plan.text(self.race_time_ms - TICK_MS, ranges=ranges)


def _possible_shifts(plan: Timeline, driven: Timeline) -> list[int]:
    """Return by how much `plan` may be later than `driven`, from the first changes of both; the smallest first."""
    shifts = {
        ours.time_ms - theirs.time_ms
        for ours in plan.changes[:_COMPARED_CHANGES]
        for theirs in driven.changes[:_COMPARED_CHANGES]
        if (ours.control, ours.value) == (theirs.control, theirs.value)
    }
    return sorted((shift for shift in shifts if 0 < abs(shift) <= _MAX_SHIFT_MS), key=abs)


def _rolling_out(car: Car, since_ms: int) -> Car:
    """Return a car without inputs after `since_ms`: straight ahead, slower and slower."""
    remaining = math.exp(-since_ms / _ROLL_OUT_MS)
    way_s = (1 - remaining) * _ROLL_OUT_MS / 1000
    x, y, z = car.position
    vx, vy, vz = car.velocity
    rolled = replace(
        car,
        position=(x + vx * way_s, y + vy * way_s, z + vz * way_s),
        velocity=(vx * remaining, vy * remaining, vz * remaining),
        speed_kmh=car.speed_kmh * remaining,
        distance_m=car.distance_m + car.speed_kmh / 3.6 * way_s,
    )
    return rolled if rolled.speed_kmh >= _STILL_KMH else at_rest(rolled)
