"""One race as a state machine: events and the time go in, commands come out. No clock, no socket.

    connecting → loading → arming → driving (countdown, racing, finishing: `driving/drive.py`) → ended
        ▲           └─────────┴────────┴── on trouble: reconnect, then restart the game, then fail (`remedies.py`)

`starting/start.py` handles all that comes before the drive. Every state has a deadline. Behaviour of the game that no
source establishes is assumed in `assumptions.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from tmxdb.capture.race import assumptions as assumed
from tmxdb.capture.race import commands as cmd
from tmxdb.capture.race.commands import Commands
from tmxdb.capture.race.driving.drive import Drive, DriveStatus, Phase
from tmxdb.capture.race.driving.pace import slower_speed
from tmxdb.capture.race.outcome import CompletedRace, FailedRace, RaceState
from tmxdb.capture.race.progress import RaceProgress
from tmxdb.capture.race.race_spec import RaceSpec
from tmxdb.capture.race.remedies import Remedies
from tmxdb.capture.race.starting.start import RaceStart
from tmxdb.game.capabilities import GameState
from tmxdb.game.driver import CheckpointEvent, ConnectedEvent, Event, Frame, GameStateEvent, StepEvent
from tmxdb.game.state import CarState


class Race:
    """One capture, from whatever state the game is in to the end of the race.

    The runner performs the commands of `begin`. Then it waits for an event until `deadline` and passes it to `handle`,
    or calls `timed_out` or `connection_lost`; after connecting as commanded it calls `connected`. It answers a held
    event after performing its commands, unless it has disconnected. It stops when `result` is set.
    """

    def __init__(
        self,
        spec: RaceSpec,
        *,
        map_is_loaded: bool = False,
        can_restart: bool = False,
        just_started: bool = False,
        on_state: Callable[[RaceState, str], None] = lambda state, detail: None,
        new_drive: Callable[[RaceSpec, int], Drive] = Drive,
        speed: float | None = None,
        adapt_speed: bool = False,
        press_enter: bool = False,
    ) -> None:
        """`new_drive`: returns what handles a drive, for a spec and the lag of pictures in ticks.

        `speed`: of the game, in place of that in the settings. `adapt_speed`: drive again, slower, if frames are
        missed.
        """
        self._spec = spec
        self._adapts_speed, self._slowed = adapt_speed, 0
        self._progress = RaceProgress(
            spec,
            RaceState.RETURNING if map_is_loaded else RaceState.CONNECTING,
            on_state=on_state,
            new_drive=new_drive,
            speed=speed or spec.settings.running_speed,
            game_is_starting=just_started,
        )
        self._remedies = Remedies(self._progress, can_restart=can_restart)
        self._start = RaceStart(self._progress, self._remedies, press_enter=press_enter)

    # Called by the runner

    @property
    def deadline(self) -> float:
        """By when an event must come."""
        return self._progress.deadline

    @property
    def result(self) -> CompletedRace | FailedRace | None:
        """The result; None until the race is over."""
        return self._progress.result

    def begin(self, now: float) -> Commands:
        """Yield the first commands. `now`, here and below: seconds of a monotonic clock."""
        self._progress.set_overall_deadline(now)
        if self._state is RaceState.RETURNING:
            self._progress.enter(RaceState.RETURNING, now, assumed.RACING_S)
        else:
            timeout_s = assumed.START_UP_S if self._progress.game_is_starting else assumed.CONNECT_S
            yield from self._remedies.connect(now, cmd.Reconnect(0.0, timeout_s))

    def connected(self, now: float) -> None:
        """Note that the game accepted the connection. Its first event is still to come."""
        self._start.connected(now)

    def handle(self, event: Event, now: float) -> Commands:
        """Handle an event of the game."""
        self._progress.was_connected = True
        is_late = now > self.deadline and not self._start.is_waiting_for_key(now)
        if is_late or self._progress.takes_too_long(now):
            yield from self.timed_out(now)
            return
        match event:
            case StepEvent(race_time_ms):
                yield from self._step(race_time_ms, now)
            case Frame() if self._state is RaceState.DRIVING:
                yield from self._drive.frame(event)
            case Frame():
                self._start.frame_received()
            case ConnectedEvent() if self._state is RaceState.CONNECTING:
                yield from self._start.greeted(now)
            case CheckpointEvent(current, target) if self._state is RaceState.DRIVING:
                yield from self._handle_status((yield from self._drive.checkpoint(current, target)), 0, now)
            case GameStateEvent(state):
                yield from self._state_changed(state, now)
            case _:
                pass  # laps add nothing to checkpoints

    def set_state(self, state: CarState) -> cmd.StoreTick | None:
        """Set the state of the car at the step that was just answered. Return what to store as telemetry, if any."""
        return self._drive.set_state(state)

    def timed_out(self, now: float) -> Commands:
        """Handle a deadline that has passed."""
        if self._progress.takes_too_long(now):
            message = f"it takes too long; it was {self._progress.where()}"
            yield from self._remedies.fail("capture.took_too_long", message)
        elif self._start.awaits_menus:
            yield from self._start.menus_did_not_come(now)
        elif self._state is RaceState.DRIVING and self._drive.finish_is_next:
            yield from self._end_dialog_came()
        elif self._state is RaceState.LOADING:
            yield from self._start.map_is_late(now)
        else:
            if self._state is RaceState.ARMING:
                self._start.script.use_file()
            yield from self._remedies.reconnect("game.silent", "the game has stopped sending", now)

    def connection_lost(self, code: str, message: str, now: float) -> Commands:
        """Handle a broken connection, or a game that could not be reached."""
        if self._state is RaceState.DRIVING and self._drive.labels.has_finish_frame:
            yield cmd.Disconnect()
            self._conclude(None)
        else:
            yield from self._remedies.reconnect(code, message.rstrip("."), now)

    @property
    def _state(self) -> RaceState:
        return self._progress.state

    @property
    def _drive(self) -> Drive:
        return self._progress.drive

    def _state_changed(self, state: int, now: float) -> Commands:
        """Handle a change of the game's state, where it means more than the events do."""
        if state == GameState.MENUS:
            yield from self._start.menus_reached(now)
        elif state == GameState.END_DIALOG and self._state is RaceState.DRIVING and self._drive.finish_is_next:
            yield from self._end_dialog_came()

    def _end_dialog_came(self) -> Commands:
        yield cmd.Note("the end dialog came before the frame of the finish")
        yield cmd.Disconnect()
        self._conclude(None, unreported=self._drive.finish_ms is None)

    def _step(self, time_ms: int, now: float) -> Commands:
        if self._state is RaceState.DRIVING:
            yield from self._drive_step(time_ms, now)
        elif (yield from self._start.step(time_ms, now)):
            yield from self._start_drive(now)

    # From the start to the finish

    def _start_drive(self, now: float) -> Commands:
        lag_ticks = yield cmd.QueryPictureLag(self._progress.speed)
        yield cmd.SetSpeed(self._progress.speed)
        yield cmd.GiveUp()
        self._progress.replace_drive(lag_ticks if isinstance(lag_ticks, int) else 0)
        self._progress.enter_countdown(now)

    def _drive_step(self, time_ms: int, now: float) -> Commands:
        status = yield from self._drive.step(time_ms)
        if self._drive.phase is not Phase.COUNTDOWN:  # only steps are progress
            self._progress.deadline = now + (assumed.ENDING_S if self._drive.finish_is_next else assumed.RACING_S)
        yield from self._handle_status(status, time_ms, now)

    def _handle_status(self, status: DriveStatus, time_ms: int, now: float) -> Commands:
        match status:
            case DriveStatus.ENDED | DriveStatus.CONTINUES if self._misses_frames(status):
                yield from self._slow_down(now, is_over=status is DriveStatus.ENDED)
            case DriveStatus.ENDED:
                yield from self._leave_race()
            case DriveStatus.WRONG_MAP:
                yield from self._start.leave_wrong_map(now)
            case DriveStatus.PARKED:
                yield from self._parked(now)
            case DriveStatus.CLOCK_JUMPED_BACK:
                yield from self._clock_jumped_back(time_ms, now)
            case DriveStatus.CONTINUES:
                pass

    def _misses_frames(self, status: DriveStatus) -> bool:
        """Return whether frames were missed and the speed may be adapted. Some misses are enough to stop early."""
        if not self._adapts_speed:
            return False
        labels = self._drive.labels
        is_over = status is DriveStatus.ENDED
        return labels.missed() > 0 if is_over else labels.skipped >= assumed.MISSES_TO_STOP

    def _slow_down(self, now: float, *, is_over: bool) -> Commands:
        """Drive again at a lower speed; at the lowest one, keep what there is."""
        labels = self._drive.labels
        missed = labels.missed() if is_over else labels.skipped
        slower = slower_speed(self._progress.speed, labels.stored, missed)
        if slower is None:
            self._adapts_speed = False
            if is_over:
                yield from self._leave_race()
            return
        yield cmd.Note(
            f"{missed:,} of {labels.stored + missed:,} due frames were missed at speed {self._progress.speed:g};"
            f" driving again at speed {slower:g}"
        )
        yield cmd.DiscardFrames()
        self._slowed += 1
        self._progress.speed = slower
        self._progress.set_overall_deadline(now)
        yield from self._start_drive(now)

    def _leave_race(self) -> Commands:
        """End the race. Giving up now avoids the end dialog, and the next replay of the map can start immediately."""
        ended_ms = self._drive.finish_ms or self._drive.labels.last_ms or 0
        inputs_match = yield from self._start.script.compare(ended_ms)
        yield cmd.CancelFrame()
        if self._spec.script_name is not None:
            yield cmd.Execute("unload")
        yield cmd.GiveUp()
        self._conclude(inputs_match)

    def _conclude(self, inputs_match: bool | None, *, unreported: bool = False) -> None:
        drive, labels = self._drive, self._drive.labels
        result = CompletedRace(
            finish_ms=drive.finish_ms,
            finish_unreported=unreported,
            frames=labels.stored,
            missed=labels.missed(self._spec.race_time_ms if unreported else None),
            late=labels.late,
            dropped=drive.dropped,
            restarts=self._remedies.budget.discarded + self._slowed,
            speed=self._progress.speed,
            inputs_match=inputs_match,
            lag_ticks=labels.lag_ticks,
        )
        self._progress.end(result)

    # Problems

    def _parked(self, now: float) -> Commands:
        """Load the script again. The window may never have had the focus, or the file may be missing."""
        self._start.script.use_file()
        if self._remedies.budget.may_arm_again():
            yield from self._remedies.discard_drive("the car does not move")
            yield from self._start.arm(now)
        else:
            advice = "click into the game's window once, and check in its console that it finds the script"
            message = f"the car does not move although its script is loaded: {advice}"
            yield from self._remedies.fail("capture.parked", message)

    def _clock_jumped_back(self, time_ms: int, now: float) -> Commands:
        """Start over: a user or autorewind restarted or rewound the race, so the frames belong to another attempt."""
        if not self._remedies.budget.may_start_over():
            message = "the race is restarted or rewound again and again from outside"
            yield from self._remedies.fail("capture.restarted", message)
            return
        yield from self._remedies.discard_drive(f"the race clock jumped back to {time_ms} ms")
        self._progress.enter_countdown(now)
        if time_ms < 0:  # a countdown of its own, for which the script is armed
            yield from self._drive_step(time_ms, now)
        else:
            yield cmd.GiveUp()
