"""Where a race stands: its state, its deadline, the present drive, and the result once there is one."""

from __future__ import annotations

from collections.abc import Callable

from tmxdb.capture.frame_plan import COUNTDOWN_MS
from tmxdb.capture.race import assumptions as assumed
from tmxdb.capture.race.driving.drive import Drive
from tmxdb.capture.race.outcome import CompletedRace, FailedRace, RaceState
from tmxdb.capture.race.race_spec import RaceSpec


class RaceProgress:
    """Shared by the state machine, the start of the race, and the remedies for problems."""

    def __init__(
        self,
        spec: RaceSpec,
        state: RaceState,
        *,
        on_state: Callable[[RaceState, str], None],
        new_drive: Callable[[RaceSpec, int], Drive],
        speed: float,
        game_is_starting: bool,
    ) -> None:
        """`new_drive`: returns what handles a drive, for a spec and the lag of pictures in ticks."""
        self.spec = spec
        self.state = state
        self.speed = speed
        self.deadline = 0.0
        self.result: CompletedRace | FailedRace | None = None
        self.game_is_starting = game_is_starting
        """Whether its greeting is still to come after a start, which takes longer than another connection."""
        self.was_connected = False
        """Whether the game accepted a connection or sent an event in this race."""
        self._overall_deadline = 0.0
        self._on_state = on_state
        self._new_drive = new_drive
        self.drive = new_drive(spec, 0)

    def enter(self, state: RaceState, now: float, within_s: float) -> None:
        """Change to a state that must be left within some seconds."""
        self.deadline = now + within_s
        self._change_state(state)

    def enter_countdown(self, now: float) -> None:
        """Begin to drive: the countdown comes first."""
        countdown_s = COUNTDOWN_MS / 1000 / self.speed
        self.enter(RaceState.DRIVING, now, assumed.COUNTDOWN_S + countdown_s)

    def replace_drive(self, lag_ticks: int) -> None:
        """Forget the present drive, and make one that has not begun."""
        self.drive = self._new_drive(self.spec, lag_ticks)

    def end(self, result: CompletedRace | FailedRace) -> None:
        """End the race."""
        self._change_state(RaceState.ENDED)
        self.result = result

    def set_overall_deadline(self, now: float) -> None:
        """Set the time by which the race must be over, whatever happens: twice as long as it takes, and some."""
        race_s = self.spec.race_time_ms / 1000 / self.speed
        self._overall_deadline = now + assumed.RACE_S + 2 * race_s

    def takes_too_long(self, now: float) -> bool:
        """Return whether the race should be over."""
        return now > self._overall_deadline

    def where(self) -> str:
        """Return the state for a message; it completes the sentence "it was …"."""
        if self.state is not RaceState.DRIVING:
            return str(self.state.value)
        last_ms = self.drive.labels.last_ms
        return f"{self.drive.phase.value}" + (f" at {last_ms} ms" if last_ms is not None else "")

    def _change_state(self, state: RaceState) -> None:
        self.state = state
        self._on_state(state, self.spec.map_name)
