"""One race as a state machine: what the game says and what time it is go in, orders come out. No clock, no socket.

    connecting → loading → arming → driving (countdown, racing, finishing: `attempt.py`) → ended
        ▲           └─────────┴────────┴── trouble: reached anew, then started anew, then failed

Every state has a deadline. The order of calls is that of the TMInterface fact sheet, end of (g); what the game is
assumed to do where the sheet is silent stands in `assumptions.py`.
"""

from __future__ import annotations

from collections.abc import Generator

from tmxdb.capture import assumptions as assumed
from tmxdb.capture import orders as do
from tmxdb.capture.attempt import Attempt, Phase, Verdict
from tmxdb.capture.course import Course
from tmxdb.capture.outcome import Driven, Failed, State
from tmxdb.capture.patience import Patience
from tmxdb.capture.plan import COUNTDOWN_MS
from tmxdb.capture.pressed import differences
from tmxdb.game.driver import Checkpoint, Connected, Event, Frame, Step
from tmxdb.game.state import CarState

Orders = Generator[do.Order, do.Reply, None]


class Race:
    """One replay, from wherever the game is now to its end.

    Whoever runs it performs the orders of `begin`; then waits for an event until `deadline` and hands it to `hear`, or
    says that it was `silent` or is `lost`; and after reaching the game as ordered, `reached`. A held event is answered
    when its orders are done, unless the game was left. Until `result` is there.
    """

    def __init__(
        self, course: Course, *, map_is_loaded: bool = False, can_restart: bool = False, just_started: bool = False
    ) -> None:
        self._course, self._settings = course, course.settings
        self._patience = Patience(can_restart)
        self._attempt = Attempt(course)
        self.state = State.RETURNING if map_is_loaded else State.CONNECTING
        self.deadline = 0.0
        self.result: Driven | Failed | None = None
        self._gives_up_at = 0.0
        self._small_frame_came = False
        self._starts = just_started  # the game is starting: it takes its time to greet
        self._was_reached = map_is_loaded

    # What the runner tells

    def begin(self, now: float) -> Orders:
        """The first orders. `now`, here and below: seconds of a steady clock."""
        self._gives_up_at = now + assumed.RACE_S + 2 * self._course.race_s
        if self.state is State.RETURNING:
            self._enter(State.RETURNING, now, assumed.RACING_S)
        else:
            patience_s = assumed.START_UP_S if self._starts else assumed.CONNECT_S
            yield from self._reach(now, do.Reconnect(0.0, patience_s))

    def reached(self, now: float) -> None:
        """The game takes the line; it has yet to speak, and does not while it starts or loads."""
        self._was_reached = True
        self._enter(State.CONNECTING, now, assumed.START_UP_S if self._starts else assumed.GREETING_S)

    def hear(self, event: Event, now: float) -> Orders:
        """Something came."""
        if now > self.deadline or now > self._gives_up_at:
            yield from self.silent(now)
            return
        match event:
            case Step(race_time_ms):
                yield from self._step(race_time_ms, now)
            case Frame() if self.state is State.DRIVING:
                yield from self._attempt.picture(event)
            case Frame():
                self._small_frame_came = self._small_frame_came or self.state is State.ARMING
            case Connected() if self.state is State.CONNECTING:
                yield from self._greeted(now)
            case Checkpoint(current, target) if self.state is State.DRIVING:
                yield from self._judge((yield from self._attempt.crossed(current, target)), 0, now)
            case _:
                pass  # laps say nothing that checkpoints do not

    def told(self, state: CarState) -> None:
        """The car at the step that was just answered."""
        self._attempt.labels.is_at(state)

    def silent(self, now: float) -> Orders:
        """A deadline has passed."""
        if now > self._gives_up_at:
            yield from self._fail("capture.took_too_long", f"it takes too long; it was {self._where()}")
        elif self.state is State.DRIVING and self._attempt.ends_now:
            yield do.Note("the end dialog came before the frame of the finish")
            yield do.Leave()
            self._conclude(None, unseen=self._attempt.finish_ms is None)
        elif self.state is State.LOADING:
            yield from self._map_did_not_start(now)
        else:
            yield from self._again("game.silent", "the game says nothing any more", now)

    def lost(self, code: str, message: str, now: float) -> Orders:
        """The link is broken, or the game could not be reached."""
        if self.state is State.DRIVING and self._attempt.labels.has_finish:
            yield do.Leave()
            self._conclude(None)
        else:
            yield from self._again(code, message.rstrip("."), now)

    # To the start

    def _greeted(self, now: float) -> Orders:
        """Set the link up, and load the map if the game is in its menus; else lead it there."""
        self._starts = False
        yield do.SetTimeout(assumed.RESPONSE_TIMEOUT_MS)
        yield do.Unrequest()
        yield do.SetPeriod(assumed.STEP_MS)
        yield do.SetSpeed(1.0)
        for variable in assumed.VARIABLES:
            yield do.Execute(f"set {variable}")
        if (yield do.AskMenus()) is False:  # None: this game can not tell
            yield from self._to_menus(now)
            return
        self._patience.reached_menus()
        yield do.Execute(f"map {self._course.map_name}")
        self._enter(State.LOADING, now, self._course.loading_s)

    def _to_menus(self, now: float) -> Orders:
        pause_s = self._patience.exit_pause_s()
        if pause_s is None:
            yield from self._restart("game.stuck", "the game does not come back to its menus", now)
            return
        yield do.Execute("exit_map")
        yield from self._reach(now, do.Reconnect(pause_s, assumed.CONNECT_S))

    def _step(self, time_ms: int, now: float) -> Orders:
        match self.state:
            case State.CONNECTING:  # a race that was going on before we came
                yield from self._to_menus(now)
            case State.LOADING | State.RETURNING if time_ms <= 0:  # until then it may be the clock of the race before
                yield from self._arm(now)
            case State.ARMING if self._small_frame_came:
                yield do.SetSpeed(self._settings.running_speed)
                yield do.GiveUp()
                self._attempt = Attempt(self._course)
                self._enter_countdown(now)
            case State.DRIVING:
                yield from self._drive(time_ms, now)
            case _:
                pass

    def _arm(self, now: float) -> Orders:
        """Load the script. It takes effect with the next start, and the load itself in a later frame: wait for one."""
        yield do.ShowHud(False)
        if self._settings.camera:
            yield do.Execute(f"cam {self._settings.camera}")
        if self._course.script_name is not None:
            yield do.Execute(f"load {self._course.script_name}")
        yield do.RequestFrame(*assumed.SMALL_FRAME)
        self._small_frame_came = False
        self._enter(State.ARMING, now, assumed.ARMING_S)

    # From the start to the finish

    def _drive(self, time_ms: int, now: float) -> Orders:
        verdict = yield from self._attempt.step(time_ms)
        if self._attempt.phase is not Phase.COUNTDOWN:  # only steps are progress
            self.deadline = now + (assumed.ENDING_S if self._attempt.ends_now else assumed.RACING_S)
        yield from self._judge(verdict, time_ms, now)

    def _judge(self, verdict: Verdict, time_ms: int, now: float) -> Orders:
        match verdict:
            case Verdict.OVER:
                yield from self._leave_race()
            case Verdict.ELSEWHERE:
                yield from self._wrong_map(now)
            case Verdict.PARKED:
                yield from self._does_not_drive(now)
            case Verdict.WENT_BACK:
                yield from self._went_back(time_ms, now)
            case Verdict.GOES_ON:
                pass

    def _leave_race(self) -> Orders:
        """The end. Giving up here keeps the end dialog away, and the next replay of the map can begin at once."""
        is_same: bool | None = None
        if self._course.script_name is not None:
            said = yield do.AskInputs()
            if isinstance(said, str):
                is_same = yield from self._compare(said)
        yield do.Unrequest()
        if self._course.script_name is not None:
            yield do.Execute("unload")
        yield do.GiveUp()
        self._conclude(is_same)

    def _compare(self, said: str) -> Generator[do.Order, do.Reply, bool]:
        until_ms = min(self._course.race_time_ms, self._attempt.finish_ms or self._course.race_time_ms)
        found = differences(self._course.run.script, said, until_ms, shift_ms=assumed.INPUTS_SHIFT_MS)
        if found:
            yield do.Note(f"the game was driven with other inputs than those of the script: {'; '.join(found)}")
        return not found

    def _conclude(self, inputs_match: bool | None, *, unseen: bool = False) -> None:
        drive, labels = self._attempt, self._attempt.labels
        self.state = State.ENDED
        self.result = Driven(
            finish_ms=drive.finish_ms,
            ended_unseen=unseen,
            frames=labels.kept,
            missed=labels.missed(self._course.race_time_ms if unseen else None),
            late=labels.late,
            dropped=drive.dropped,
            restarts=self._patience.anew,
            inputs_match=inputs_match,
        )

    # What looks wrong

    def _wrong_map(self, now: float) -> Orders:
        message = "the race that began is on another map than the replay's"
        if self._patience.map_again():
            yield from self._forget(message)
            yield from self._to_menus(now)
        else:
            yield from self._restart("capture.wrong_map", message, now)

    def _map_did_not_start(self, now: float) -> Orders:
        if self._patience.map_again():
            yield from self._reach(now, do.Reconnect(0.0, assumed.CONNECT_S))
            return
        why = "it is not in the game's folder, or has an intro that does not end"
        message = f"the map did not begin within {self._course.loading_s:g} s, twice: {why}"
        yield from self._restart("capture.map_did_not_start", message, now)

    def _does_not_drive(self, now: float) -> Orders:
        """Load the script once more; the window may never have had the focus, or the file may be missing."""
        if self._patience.park_again():
            yield from self._forget("the car does not drive")
            yield from self._arm(now)
        else:
            look = "click once into the game's window, and see in its console whether it finds the script"
            yield from self._fail("capture.parked", f"the car does not drive although its script is loaded: {look}")

    def _went_back(self, time_ms: int, now: float) -> Orders:
        """A user restarts or rewinds, or autorewind does: what was captured is of another attempt."""
        if not self._patience.begin_again():
            yield from self._fail("capture.restarted", "somebody restarts or rewinds the race again and again")
            return
        yield from self._forget(f"the race clock jumped back to {time_ms} ms")
        self._enter_countdown(now)
        if time_ms < 0:  # a countdown of its own: the script is armed for it
            yield from self._drive(time_ms, now)
        else:
            yield do.GiveUp()

    # From trouble to trouble

    def _again(self, code: str, message: str, now: float) -> Orders:
        """Reach the game anew, and begin at its menus."""
        message = f"{message}; it was {self._where()}"
        if self._patience.reconnect():
            yield from self._forget(message)
            yield from self._reach(now, do.Reconnect(0.0, assumed.CONNECT_S))
        else:
            yield from self._restart(code, message, now)

    def _restart(self, code: str, message: str, now: float) -> Orders:
        """Start the game anew, once; after that, or where it can not be done, this replay has failed."""
        if self._patience.restart():
            yield from self._forget(f"{message}: the game is started anew")
            self._starts = True
            yield from self._reach(now, do.Restart(assumed.START_UP_S))
        else:
            yield from self._fail(code, message)

    def _forget(self, why: str) -> Orders:
        """This attempt, if one was going on, is worth nothing any more."""
        yield do.Note(why)
        if self._attempt.phase is not Phase.COUNTDOWN:
            self._patience.anew += 1
            yield do.Discard()
        self._attempt = Attempt(self._course)

    def _reach(self, now: float, order: do.Reconnect | do.Restart) -> Orders:
        self._enter(State.CONNECTING, now, order.patience_s)
        yield order

    def _fail(self, code: str, message: str) -> Orders:
        yield do.Leave()
        code = code if self._was_reached else "game.unreachable"
        self.state, self.result = State.ENDED, Failed(code, message)

    def _enter_countdown(self, now: float) -> None:
        countdown_s = COUNTDOWN_MS / 1000 / self._settings.running_speed
        self._enter(State.DRIVING, now, assumed.COUNTDOWN_S + countdown_s)

    def _enter(self, state: State, now: float, within_s: float) -> None:
        self.state, self.deadline = state, now + within_s

    def _where(self) -> str:
        if self.state is not State.DRIVING:
            return str(self.state.value)
        last_ms = self._attempt.labels.last_ms
        return f"{self._attempt.phase.value}" + (f" at {last_ms} ms" if last_ms is not None else "")
