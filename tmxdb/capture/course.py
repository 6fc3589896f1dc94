"""What is to be driven, and how a state of the game looks that does not fit it."""

from __future__ import annotations

from dataclasses import dataclass
from math import dist

from tmxdb.capture import assumptions as assumed
from tmxdb.capture.script import Run
from tmxdb.capture.settings import CaptureSettings
from tmxdb.game.state import CarState


@dataclass(frozen=True, slots=True)
class Course:
    """A run on a map. `map_name` and `script_name` as the console takes them; no script: a ghost drives."""

    run: Run
    map_name: str
    script_name: str | None
    settings: CaptureSettings
    intro_ms: int = 0
    """Of the map's MediaTracker intro."""

    @property
    def loading_s(self) -> float:
        """How long the map may take to begin."""
        return assumed.LOADING_S + min(self.intro_ms / 1000, assumed.LONGEST_INTRO_S)

    @property
    def race_time_ms(self) -> int:
        """The replay's."""
        return self.run.race_time_ms

    @property
    def race_s(self) -> float:
        """Wall time that the race itself takes."""
        return self.race_time_ms / 1000 / self.settings.running_speed

    @property
    def parked_check_ms(self) -> int | None:
        """When the car must have left its place, in a short race at its last tick; None: nobody drives it."""
        at_ms = max(assumed.PARKED_CHECK_MS, (self.run.moving_ms or 0) + 1000)
        return None if self.script_name is None else min(at_ms, self.race_time_ms - assumed.STEP_MS)

    def is_hopeless(self, time_ms: int) -> bool:
        """Whether the race goes on so much longer than the replay that it will not be finished any more."""
        return time_ms > self.race_time_ms + max(assumed.GUARD_MS, round(self.race_time_ms * assumed.GUARD_PART))

    def is_elsewhere(self, start: CarState) -> bool:
        """Whether a race that begins like this is on another map: other checkpoints, or another start."""
        crossings = len(start.cp_times_ms)
        if crossings and self.run.checkpoints is not None and crossings != self.run.checkpoints:
            return True
        return self.run.start is not None and dist(start.position, self.run.start) > assumed.START_M

    def is_parked(self, state: CarState) -> bool:
        """Whether the car still stands where it began."""
        if abs(state.speed_kmh) >= assumed.PARKED_KMH or state.current_checkpoint > 0:
            return False
        return self.run.start is None or dist(state.position, self.run.start) < assumed.START_M
