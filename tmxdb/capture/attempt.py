"""One drive from the countdown to the finish: which pictures to ask for, which to keep, and when something is wrong.

Pure like the race around it: steps and pictures in, orders and a verdict out.
"""

from __future__ import annotations

from collections.abc import Generator
from enum import Enum

from tmxdb.capture import assumptions as assumed
from tmxdb.capture import orders as do
from tmxdb.capture.course import Course
from tmxdb.capture.labels import Label, Labels
from tmxdb.capture.plan import FramePlan
from tmxdb.game.driver import Frame
from tmxdb.game.state import CarState


class Verdict(Enum):
    """What a step has shown."""

    GOES_ON = "it goes on"
    OVER = "it is over"
    ELSEWHERE = "this is another map"
    PARKED = "nobody drives the car"
    WENT_BACK = "the clock jumped back"


class Phase(Enum):
    """How far a drive has come; the value completes the sentence "it was …"."""

    COUNTDOWN = "waiting for the start"
    RACING = "racing"
    FINISHING = "waiting for the frame of the finish"


class Attempt:
    """Hears every step and picture from a new countdown on.

    `finish_ms`: None before the finish, and if the verdict OVER comes without one.
    """

    def __init__(self, course: Course) -> None:
        self._course, self._settings = course, course.settings
        self.labels = Labels(FramePlan(course.settings), course.race_time_ms)
        self.phase = Phase.COUNTDOWN
        self.finish_ms: int | None = None
        self._seen_countdown = self._all_crossed = False
        self._check_ms: int | None = course.parked_check_ms
        self._candidate: tuple[Label, Frame] | None = None
        self._finish_steps = 0

    @property
    def ends_now(self) -> bool:
        """Whether the next step should be that of the finish: if none comes, the end dialog has."""
        last_ms = self.labels.last_ms
        is_last = last_ms is not None and last_ms + assumed.STEP_MS >= self._course.race_time_ms
        return self.phase is Phase.FINISHING or (self.phase is Phase.RACING and is_last)

    @property
    def dropped(self) -> int:
        """Pictures that came and were not kept."""
        return self.labels.dropped + (self._candidate is not None)

    def crossed(self, current: int, target: int) -> Generator[do.Order, do.Reply, Verdict]:
        """A checkpoint. Whether it comes before or after the step of its tick is not known: at the last one the state
        tells the tick, and the frame of the finish is asked for in it, before the car has gone on."""
        if self.phase is not Phase.RACING or not 0 < target <= current:
            return Verdict.GOES_ON
        self._all_crossed = True
        state = yield do.AskState()
        if not isinstance(state, CarState) or state.race_time_ms < (self.labels.last_ms or 0):
            return Verdict.GOES_ON
        return (yield from self._race(state.race_time_ms))

    def step(self, time_ms: int) -> Generator[do.Order, do.Reply, Verdict]:
        """The race clock says `time_ms`."""
        match self.phase:
            case Phase.COUNTDOWN:
                return (yield from self._count_down(time_ms))
            case Phase.RACING:
                return (yield from self._race(time_ms))
            case Phase.FINISHING:
                return (yield from self._await_finish_frame(time_ms))

    def picture(self, frame: Frame) -> Generator[do.Order, do.Reply, None]:
        """A picture has come."""
        if self.phase is Phase.COUNTDOWN:
            return
        if (frame.width, frame.height) != (self._settings.width, self._settings.height):
            self.labels.drop()
            return
        label = self.labels.take()
        if label is not None and label.if_finish:
            self._candidate = label, frame
        elif label is not None:
            yield do.Keep(label.step, label.time_ms, label.state, frame)

    def _count_down(self, time_ms: int) -> Generator[do.Order, do.Reply, Verdict]:
        if not self._seen_countdown:
            if time_ms > 0:  # still the race before
                return Verdict.GOES_ON
            self._seen_countdown = True
            yield do.ShowHud(False)  # it comes back with a map
        if time_ms < 0:
            self.labels.step(time_ms)
            return Verdict.GOES_ON
        state = yield do.AskState()
        if isinstance(state, CarState) and self._course.is_elsewhere(state):
            return Verdict.ELSEWHERE
        self.phase = Phase.RACING
        return (yield from self._race(time_ms))

    def _race(self, time_ms: int) -> Generator[do.Order, do.Reply, Verdict]:
        before_ms = self.labels.last_ms
        went_on = before_ms is None or time_ms > before_ms
        is_time = time_ms >= self._course.race_time_ms
        if self._course.script_name is None:  # a ghost drives: our own car never comes to the finish
            finished = is_time
        else:
            finished = (not went_on or self._all_crossed or is_time) and bool((yield do.AskFinished()))
        if finished:
            return (yield from self._finish(time_ms))
        if before_ms is not None and time_ms < before_ms:
            return Verdict.WENT_BACK
        if self._course.is_hopeless(time_ms):
            return Verdict.OVER
        self.labels.step(time_ms)
        if self._check_ms is not None and time_ms >= self._check_ms:
            self._check_ms = None
            state = yield do.AskState()
            if isinstance(state, CarState) and self._course.is_parked(state):
                return Verdict.PARKED
        yield from self._want_picture(time_ms)
        return Verdict.GOES_ON

    def _want_picture(self, time_ms: int) -> Generator[do.Order, do.Reply, None]:
        """Ask from the due time on at each step until a picture has come: asking twice brings one, and a lost one is
        asked for anew."""
        if self.labels.is_due(time_ms):
            yield do.RequestFrame(self._settings.width, self._settings.height)
            self.labels.ask()
        if self.labels.awaits:  # it may show this tick or a later one: know the car at each of them
            yield do.TellState()

    def _finish(self, time_ms: int) -> Generator[do.Order, do.Reply, Verdict]:
        """The finish is crossed. Its picture may be there already, or has to be waited for."""
        self.phase, self.finish_ms = Phase.FINISHING, time_ms
        self.labels.finish(time_ms)
        if self._candidate is not None:
            label, frame = self._candidate
            if label.time_ms == time_ms and not self.labels.has_finish:
                self._candidate = None
                self.labels.keep(label)
                yield do.Keep(label.step, label.time_ms, label.state, frame)
        return (yield from self._await_finish_frame(time_ms))

    def _await_finish_frame(self, time_ms: int) -> Generator[do.Order, do.Reply, Verdict]:
        self._finish_steps += 1
        is_late = time_ms != self.finish_ms or self._finish_steps > 1 + assumed.FROZEN_STEPS
        if self.labels.has_finish or is_late:
            return Verdict.OVER
        self.labels.step(time_ms)
        yield from self._want_picture(time_ms)
        return Verdict.GOES_ON
