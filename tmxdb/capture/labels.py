"""Which tick a picture shows, and which frame due it stands for. What is not known is dropped, not guessed.

A picture shows the tick of the last step before it, if a step comes for every tick (TMInterface fact sheet, (a)
"frames"). It stands for the latest frame due by then: those before it that were not taken are missed. So each frame
has a number and a tick of its own, both growing.
"""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.capture.assumptions import STEP_MS
from tmxdb.capture.plan import FramePlan
from tmxdb.game.state import CarState


@dataclass(frozen=True, slots=True)
class Label:
    """`step`: number among the frames due. `state`: of that very tick. `if_finish`: due only if the race ends there."""

    step: int
    time_ms: int
    state: CarState
    if_finish: bool = False


class Labels:
    """The frames of one attempt at a race that should be finished at `expected_ms`."""

    def __init__(self, plan: FramePlan, expected_ms: int) -> None:
        self._plan, self._expected_ms = plan, expected_ms
        self.last_ms: int | None = None
        """Race time of the last step."""
        self.kept = self.late = self.dropped = 0
        self._regular = False  # the last two steps were one tick apart
        self._state: CarState | None = None  # at the last step
        self._next = 0  # the first number that is still free
        self._label_ms = -1  # of the last frame kept
        self._asked = False
        self._finish_ms: int | None = None

    @property
    def awaits(self) -> bool:
        """Whether a picture was asked for and has not come."""
        return self._asked

    @property
    def has_finish(self) -> bool:
        """Whether the frame of the finish is kept."""
        return self._finish_ms is not None and self._label_ms == self._finish_ms

    def step(self, time_ms: int) -> None:
        """The race clock says `time_ms`; the state of the tick before holds no more."""
        frozen = time_ms == self.last_ms
        self._regular = self._regular if frozen else self.last_ms is not None and time_ms - self.last_ms == STEP_MS
        self.last_ms, self._state = time_ms, None

    def finish(self, time_ms: int) -> None:
        """The race was finished at `time_ms`, which the clock says from now on."""
        self.step(time_ms)
        self._finish_ms, self._regular = time_ms, True

    def is_due(self, time_ms: int) -> bool:
        """Whether a frame not yet taken is due at `time_ms`."""
        if self._finish_ms is not None:
            return not self.has_finish and time_ms == self._finish_ms
        return time_ms >= 0 and (time_ms == self._expected_ms or self._plan.number_at(time_ms) >= self._next)

    def ask(self) -> None:
        """A picture is asked for at this step."""
        self._asked = True

    def is_at(self, state: CarState) -> None:
        """The car at this step."""
        self._state = state

    def take(self) -> Label | None:
        """The label of a picture that has come now; None: its tick is not known, or it stands for nothing due."""
        wanted, self._asked = self._asked, False
        time_ms, state = self.last_ms, self._state
        known = wanted and self._regular and time_ms is not None and time_ms >= 0 and state is not None
        if not known or time_ms is None or state is None or time_ms <= self._label_ms:
            self.dropped += 1
            return None
        is_finish = time_ms == self._finish_ms
        number = self._plan.before(time_ms) if is_finish else self._plan.number_at(time_ms)
        if number < self._next:
            if time_ms == self._expected_ms:
                # The game may say only in the next step that this was the finish; by then the car has gone on.
                return Label(self._plan.before(time_ms), time_ms, state, if_finish=True)
            self.dropped += 1
            return None
        label = Label(number, time_ms, state)
        self.keep(label)
        self.late += not is_finish and self._plan.due_ms(number) != time_ms
        return label

    def keep(self, label: Label) -> None:
        """The picture of `label` is kept."""
        self.kept += 1
        self._next, self._label_ms = label.step + 1, label.time_ms

    def drop(self) -> None:
        """A picture is not kept."""
        self.dropped += 1

    def missed(self, unseen_ms: int | None = None) -> int:
        """Frames due that are not kept: by the finish, or by one at `unseen_ms` that no step told of, or without
        either by the last step."""
        finish_ms = unseen_ms if self._finish_ms is None else self._finish_ms
        due = self._plan.before((self.last_ms or 0) + 1) if finish_ms is None else self._plan.frames(finish_ms)
        return max(0, due - self.kept)
