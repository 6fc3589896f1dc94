"""One drive from the countdown to the finish: which frames to request and store, and how to tell that something is
wrong.

Pure like the race around it: steps and frames in, commands and a status out.
"""

from __future__ import annotations

from collections.abc import Generator
from enum import Enum

from tmxdb.capture.frame_plan import FramePlan
from tmxdb.capture.race import assumptions as assumed
from tmxdb.capture.race import commands as cmd
from tmxdb.capture.race.driving.labels import FrameLabeler, TickLabel
from tmxdb.capture.race.race_spec import RaceSpec
from tmxdb.game.driver import Frame
from tmxdb.game.state import Camera, CarState


class DriveStatus(Enum):
    """What a step has shown about the drive."""

    CONTINUES = "continues"
    ENDED = "ended"
    WRONG_MAP = "wrong map"
    PARKED = "parked"
    CLOCK_JUMPED_BACK = "clock jumped back"


class Phase(Enum):
    """Progress of a drive. The value completes the sentence "it was …"."""

    COUNTDOWN = "waiting for the start"
    RACING = "racing"
    FINISHING = "waiting for the frame of the finish"


StatusGenerator = Generator[cmd.Command, cmd.Reply, DriveStatus]
"""Yields commands, receives their replies, returns the status."""


class Drive:
    """Handles every step and frame from a new countdown on.

    `finish_ms` is None before the finish, and if the status becomes ENDED without one.
    """

    def __init__(self, spec: RaceSpec, lag_ticks: int = 0) -> None:
        """`lag_ticks`: how many ticks a picture is older than the last step."""
        self._spec, self._settings = spec, spec.settings
        self.labels = FrameLabeler(FramePlan(spec.settings), spec.race_time_ms, lag_ticks)
        self.phase = Phase.COUNTDOWN
        self.finish_ms: int | None = None
        self._seen_countdown = self._all_checkpoints_passed = False
        self._parked_check_ms: int | None = spec.parked_check_ms
        self._finish_candidate: tuple[TickLabel, Frame] | None = None
        self._finish_steps = 0
        self._tick_ms = spec.telemetry_period_ms
        self._stored_tick_ms = -1

    @property
    def finish_is_next(self) -> bool:
        """Whether the next step should be the finish. If no step comes, the end dialog has come instead."""
        last_ms = self.labels.last_ms
        is_last_step = last_ms is not None and last_ms + assumed.STEP_MS >= self._spec.race_time_ms
        return self.phase is Phase.FINISHING or (self.phase is Phase.RACING and is_last_step)

    @property
    def dropped(self) -> int:
        """Frames that arrived and were not stored."""
        return self.labels.dropped + (self._finish_candidate is not None)

    def checkpoint(self, current: int, target: int) -> StatusGenerator:
        """Handle a checkpoint.

        It may come before or after the step of its tick (docs/facts/tminterface.md#not-established). At the last one
        the state tells the tick, and the frame of the finish is requested in that tick, before the car moves on.
        """
        if self.phase is not Phase.RACING or not 0 < target <= current:
            return DriveStatus.CONTINUES
        self._all_checkpoints_passed = True
        state = yield cmd.QueryState()
        if not isinstance(state, CarState) or state.race_time_ms < (self.labels.last_ms or 0):
            return DriveStatus.CONTINUES
        yield from self._note_camera_before(state.race_time_ms)
        return (yield from self._race(state.race_time_ms, at_checkpoint=True))

    def set_state(self, state: CarState) -> cmd.StoreTick | None:
        """Set the state of the car at the last step. Return what to store as telemetry, if this tick is due."""
        self.labels.set_state(state)
        time_ms = self.labels.last_ms
        if time_ms is None or self.phase is Phase.COUNTDOWN or not self._is_tick_due(time_ms):
            return None
        self._stored_tick_ms = time_ms
        return cmd.StoreTick(time_ms, state)

    def _is_tick_due(self, time_ms: int) -> bool:
        """Return whether telemetry needs this tick: one of its rate, or the finish, and not stored yet.

        The finish may be noticed one step later, when the car has moved on. Then the state of its own step stays.
        """
        if self._tick_ms is None or time_ms <= self._stored_tick_ms:
            return False
        return time_ms % self._tick_ms == 0 or time_ms in (self._spec.race_time_ms, self.finish_ms)

    def step(self, time_ms: int) -> StatusGenerator:
        """Handle a step at race time `time_ms`."""
        yield from self._note_camera_before(time_ms)
        match self.phase:
            case Phase.COUNTDOWN:
                return (yield from self._count_down(time_ms))
            case Phase.RACING:
                return (yield from self._race(time_ms))
            case Phase.FINISHING:
                return (yield from self._await_finish_frame(time_ms))

    def frame(self, frame: Frame) -> Generator[cmd.Command, cmd.Reply, None]:
        """Handle a frame."""
        if self.phase is Phase.COUNTDOWN:
            return
        if (frame.width, frame.height) != (self._settings.width, self._settings.height):
            self.labels.count_dropped()
            return
        yield from self._note_camera()
        label = self.labels.label_frame()
        if label is None:
            return
        if label.only_if_finish:
            self._finish_candidate = label, frame
        else:
            yield cmd.StoreFrame(label.step, label.time_ms, label.state, frame, label.camera)

    def _note_camera_before(self, time_ms: int) -> Generator[cmd.Command, cmd.Reply, None]:
        """Ask for the camera of the tick before `time_ms`, if a later frame may show it."""
        if self.labels.lag_ticks and self.phase is not Phase.COUNTDOWN and self.labels.begins_tick(time_ms):
            yield from self._note_camera()

    def _note_camera(self) -> Generator[cmd.Command, cmd.Reply, None]:
        """Ask for the camera of the last rendered frame, which is that of the last step."""
        if self.labels.needs_camera:
            reply = yield cmd.QueryCamera()
            self.labels.set_camera(reply if isinstance(reply, Camera) else None)

    def _count_down(self, time_ms: int) -> StatusGenerator:
        if not self._seen_countdown:
            if time_ms > 0:  # the clock of the previous race
                return DriveStatus.CONTINUES
            self._seen_countdown = True
            yield cmd.ShowHud(False)  # loading a map shows it again
        if time_ms < 0:
            self.labels.step(time_ms)
            return DriveStatus.CONTINUES
        state = yield cmd.QueryState()
        if isinstance(state, CarState) and self._spec.is_wrong_map(state):
            return DriveStatus.WRONG_MAP
        self.phase = Phase.RACING
        return (yield from self._race(time_ms))

    def _race(self, time_ms: int, *, at_checkpoint: bool = False) -> StatusGenerator:
        before_ms = self.labels.last_ms
        clock_advanced = before_ms is None or time_ms > before_ms
        is_time = time_ms >= self._spec.race_time_ms
        if self._spec.script_name is None:  # a ghost drives: the user's own car never reaches the finish
            finished = is_time
        else:
            may_be_finished = not clock_advanced or self._all_checkpoints_passed or is_time
            finished = may_be_finished and bool((yield cmd.QueryFinished()))
        if finished:
            return (yield from self._finish(time_ms, at_checkpoint=at_checkpoint))
        if before_ms is not None and time_ms < before_ms:
            return DriveStatus.CLOCK_JUMPED_BACK
        if self._spec.exceeds_time_limit(time_ms):
            return DriveStatus.ENDED
        self.labels.step(time_ms)
        if self._parked_check_ms is not None and time_ms >= self._parked_check_ms:
            self._parked_check_ms = None
            state = yield cmd.QueryState()
            if isinstance(state, CarState) and self._spec.is_parked(state):
                return DriveStatus.PARKED
        yield from self._request_due_frame()
        return DriveStatus.CONTINUES

    def _request_due_frame(self) -> Generator[cmd.Command, cmd.Reply, None]:
        """Request a frame at each step from the due time until one arrives.

        Two requests give one frame, so this also covers a frame that was lost.
        """
        if self.labels.is_due:
            yield cmd.RequestFrame(self._settings.width, self._settings.height)
            self.labels.frame_requested()
        # A frame may show this tick or a later one: the state of each is needed. Telemetry needs it without a frame.
        if self.labels.needs_state or self._is_tick_due(self.labels.last_ms or 0):
            yield cmd.AnswerWithState()

    def _finish(self, time_ms: int, *, at_checkpoint: bool) -> StatusGenerator:
        """Handle the finish. Its frame may have arrived already."""
        self.phase, self.finish_ms = Phase.FINISHING, time_ms
        self.labels.finish(time_ms, at_checkpoint=at_checkpoint)
        if self._finish_candidate is not None:
            label, frame = self._finish_candidate
            if label.time_ms == time_ms and not self.labels.has_finish_frame:
                self._finish_candidate = None
                self.labels.count_stored(label)
                yield cmd.StoreFrame(label.step, label.time_ms, label.state, frame, label.camera)
        return (yield from self._request_finish_frame(time_ms))

    def _await_finish_frame(self, time_ms: int) -> StatusGenerator:
        self.labels.step(time_ms)
        return (yield from self._request_finish_frame(time_ms))

    def _request_finish_frame(self, time_ms: int) -> StatusGenerator:
        self._finish_steps += 1
        lag_ticks = self.labels.lag_ticks
        since_ms = time_ms - (self.finish_ms or 0)  # 0 while the clock is frozen; it goes on if a ghost drives
        is_late = not 0 <= since_ms <= lag_ticks * assumed.STEP_MS
        is_late = is_late or self._finish_steps > 1 + lag_ticks + assumed.FROZEN_STEPS
        if self.labels.has_finish_frame or is_late:
            return DriveStatus.ENDED
        yield from self._request_due_frame()
        return DriveStatus.CONTINUES
