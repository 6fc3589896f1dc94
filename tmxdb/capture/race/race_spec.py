"""What a race should be, and the checks that tell from a state of the game that it is not."""

from __future__ import annotations

from dataclasses import dataclass
from math import dist

from tmxdb.capture.race import assumptions as assumed
from tmxdb.capture.replay_script import ScriptedRun
from tmxdb.capture.settings import CaptureSettings
from tmxdb.game.state import CarState


@dataclass(frozen=True, slots=True)
class RaceSpec:
    """A run on a map. `map_name` and `script_name` are names for the console; without a script a ghost drives."""

    run: ScriptedRun
    map_name: str
    script_name: str | None
    settings: CaptureSettings
    intro_ms: int = 0
    """Length of the map's MediaTracker intro."""
    map_uid: str | None = None
    """Compared with that of the running map if the game reports it."""

    @property
    def loading_timeout_s(self) -> float:
        """How long the map may take to start."""
        return assumed.LOADING_S + min(self.intro_ms / 1000, assumed.MAX_INTRO_S)

    @property
    def telemetry_period_ms(self) -> int | None:
        """Race time between two ticks of telemetry; None if none is stored.

        That is also so if a ghost drives: the state is of the user's own car.
        """
        hz = self.settings.telemetry_hz
        return 1000 // hz if hz and self.script_name is not None else None

    @property
    def race_time_ms(self) -> int:
        """Race time of the replay."""
        return self.run.race_time_ms

    @property
    def parked_check_ms(self) -> int | None:
        """When the car must have moved; in a short race at its last tick. None if no script drives it."""
        at_ms = max(assumed.PARKED_CHECK_MS, (self.run.moving_ms or 0) + 1000)
        return None if self.script_name is None else min(at_ms, self.race_time_ms - assumed.STEP_MS)

    def exceeds_time_limit(self, time_ms: int) -> bool:
        """Return whether the race is too long, compared with the replay, to finish."""
        return time_ms > self.race_time_ms + max(assumed.GUARD_MS, round(self.race_time_ms * assumed.GUARD_PART))

    def is_wrong_map(self, start: CarState) -> bool:
        """Return whether a race with this first state is on another map: other checkpoints or another start."""
        checkpoints = len(start.cp_times_ms)
        if checkpoints and self.run.checkpoints is not None and checkpoints != self.run.checkpoints:
            return True
        return self.run.start is not None and dist(start.position, self.run.start) > assumed.START_M

    def is_parked(self, state: CarState) -> bool:
        """Return whether the car still stands at its start."""
        if abs(state.speed_kmh) >= assumed.PARKED_KMH or state.current_checkpoint > 0:
            return False
        return self.run.start is None or dist(state.position, self.run.start) < assumed.START_M
