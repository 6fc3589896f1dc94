"""Which tick a frame shows, and which due frame it stands for. A frame whose tick is unknown is dropped, not guessed.

A frame shows the tick of the last step before it, if there is a step for every tick: docs/facts/tminterface.md#frames.
If the pictures of this game lag, it shows a tick that many steps earlier (`tmxdb game calibrate`). It stands for the
latest frame due by that tick; earlier due frames without a picture are missed. So each stored frame has its own number
and its own tick, and both increase.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from tmxdb.capture.frame_plan import FramePlan
from tmxdb.capture.race.assumptions import STEP_MS
from tmxdb.game.state import Camera, CarState


@dataclass(frozen=True, slots=True)
class TickLabel:
    """The number of a frame among the due frames, its tick, and the car at that tick.

    `only_if_finish`: the frame is due only if the race ends at this tick.
    """

    step: int
    time_ms: int
    state: CarState
    camera: Camera | None = None
    only_if_finish: bool = False


@dataclass(slots=True)
class _Tick:
    """One step. `follows`: it came one tick after the step before it. `state`: the car, if it was asked for.

    `camera`: of the frame that was rendered after the step, likewise.
    """

    time_ms: int
    follows: bool
    state: CarState | None = None
    camera: Camera | None = None


class FrameLabeler:
    """Labels the frames of one drive of a race that should finish at `expected_ms`.

    `lag_ticks`: how many ticks a frame is older than the last step before it.
    """

    def __init__(self, plan: FramePlan, expected_ms: int, lag_ticks: int = 0) -> None:
        self._plan, self._expected_ms, self.lag_ticks = plan, expected_ms, lag_ticks
        self.stored = self.late = self.dropped = 0
        self._ticks: deque[_Tick] = deque(maxlen=lag_ticks + 1)  # the last one is that of the last step
        self._next_number = 0  # the lowest number that is still free
        self._label_ms = -1  # of the last stored frame
        self._requested = False
        self._finish_ms: int | None = None
        self._repeats_finish = False  # the next step is of the tick in which the finish was noted

    @property
    def last_ms(self) -> int | None:
        """Race time of the last step."""
        return self._ticks[-1].time_ms if self._ticks else None

    @property
    def needs_state(self) -> bool:
        """Whether the car's state at this step may be needed: a frame that shows this tick may arrive."""
        return self._requested or (self.lag_ticks > 0 and self._is_due(self._ticks[-1].time_ms))

    @property
    def has_finish_frame(self) -> bool:
        """Whether the frame of the finish is stored."""
        return self._finish_ms is not None and self._label_ms == self._finish_ms

    @property
    def skipped(self) -> int:
        """How many due frames can no longer come."""
        return self._next_number - self.stored

    def step(self, time_ms: int) -> None:
        """Note a step at race time `time_ms`."""
        if not self.begins_tick(time_ms):
            self._repeats_finish = False
            return
        self._repeats_finish = False
        is_frozen = time_ms == self._finish_ms
        self._ticks.append(_Tick(time_ms, is_frozen or time_ms - STEP_MS == self.last_ms))

    def begins_tick(self, time_ms: int) -> bool:
        """Return whether a step at this time is of a new tick: a checkpoint message may have reported it already."""
        return time_ms != self.last_ms or (self._finish_ms is not None and not self._repeats_finish)

    def finish(self, time_ms: int, *, at_checkpoint: bool = False) -> None:
        """Note that the race finished at `time_ms`; the race clock stays there.

        `at_checkpoint`: a checkpoint message said so, not a step. The step of its tick may come before or after it.
        """
        is_new = time_ms != self.last_ms
        if is_new:
            self.step(time_ms)
        self._ticks[-1].follows = True
        self._finish_ms, self._repeats_finish = time_ms, at_checkpoint and is_new

    @property
    def is_due(self) -> bool:
        """Return whether a frame that shows what the next one should show is due and not stored yet."""
        return len(self._ticks) > self.lag_ticks and self._is_due(self._ticks[0].time_ms)

    def frame_requested(self) -> None:
        """Note that a frame is requested at this step."""
        self._requested = True

    def set_state(self, state: CarState) -> None:
        """Set the state of the car at this step."""
        if self._ticks:
            self._ticks[-1].state = state

    @property
    def needs_camera(self) -> bool:
        """Whether the camera of the frame that was rendered after the last step may be needed, and is not known."""
        return bool(self._ticks) and self._ticks[-1].camera is None and self._ticks[-1].state is not None

    def set_camera(self, camera: Camera | None) -> None:
        """Set the camera of the frame that was rendered after the last step."""
        if self._ticks:
            self._ticks[-1].camera = camera

    def label_frame(self) -> TickLabel | None:
        """Return the label of a frame that arrives now; None if its tick is unknown or it stands for no due frame."""
        requested, self._requested = self._requested, False
        shown = self._shown_tick() if requested else None
        is_over = shown is not None and self._finish_ms is not None and shown.time_ms > self._finish_ms
        if shown is None or shown.state is None or is_over or not 0 <= shown.time_ms > self._label_ms:
            self.dropped += 1
            return None
        time_ms, state, camera = shown.time_ms, shown.state, shown.camera
        is_finish = time_ms == self._finish_ms
        number = self._plan.count_before(time_ms) if is_finish else self._plan.number_at(time_ms)
        if number < self._next_number:
            if time_ms == self._expected_ms:
                # The game may report only in the next step that this was the finish. By then the car has moved on.
                return TickLabel(self._plan.count_before(time_ms), time_ms, state, camera, only_if_finish=True)
            self.dropped += 1
            return None
        label = TickLabel(number, time_ms, state, camera)
        self.count_stored(label)
        self.late += not is_finish and self._plan.due_ms(number) != time_ms
        return label

    def count_stored(self, label: TickLabel) -> None:
        """Count the frame of `label` as stored."""
        self.stored += 1
        self._next_number, self._label_ms = label.step + 1, label.time_ms

    def count_dropped(self) -> None:
        """Count a frame as dropped."""
        self.dropped += 1

    def missed(self, unreported_finish_ms: int | None = None) -> int:
        """Return how many due frames are not stored.

        Due until the finish; else until `unreported_finish_ms`, a finish that no step reported; else until the last
        step.
        """
        finish_ms = unreported_finish_ms if self._finish_ms is None else self._finish_ms
        if finish_ms is None:
            due = self._plan.count_before((self.last_ms or 0) + 1)
        else:
            due = self._plan.frame_count(finish_ms)
        return max(0, due - self.stored)

    def _shown_tick(self) -> _Tick | None:
        """Return the tick that a frame shows which arrives now; None if it is not certain."""
        if len(self._ticks) <= self.lag_ticks or not all(tick.follows for tick in self._ticks):
            return None
        return self._ticks[0]

    def _is_due(self, time_ms: int) -> bool:
        if self._finish_ms is not None and time_ms >= self._finish_ms:
            return not self.has_finish_frame and time_ms == self._finish_ms
        return time_ms >= 0 and (time_ms == self._expected_ms or self._plan.number_at(time_ms) >= self._next_number)
