"""States and results of a race, shared by the state machine, its runner, and the job that records the result."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class RaceState(Enum):
    """State of a race. The value completes the sentence "it was …"."""

    CONNECTING = "connecting to the game's menus"
    LOADING = "waiting for the map to start"
    RETURNING = "waiting for a map that is already loaded to start again"
    ARMING = "loading the script"
    DRIVING = "driving"
    ENDED = "over"


@dataclass(frozen=True, slots=True)
class CompletedRace:
    """Result of a race that was driven to its end.

    `finish_ms` is None if no finish was seen: the end dialog came first (`finish_unreported`), or the race took too
    long. `inputs_match` is None if the game does not report its inputs. `restarts` counts discarded drives.
    """

    finish_ms: int | None
    finish_unreported: bool
    frames: int
    missed: int
    late: int
    dropped: int
    restarts: int
    inputs_match: bool | None
    speed: float = 1.0
    """Speed of the game, which is that of the settings unless it was adapted."""
    lag_ticks: int = 0
    """How many ticks the pictures were taken to be older than the last step before them."""


@dataclass(frozen=True, slots=True)
class FailedRace:
    """Why a race did not reach its end. The code is stable."""

    code: str
    message: str
