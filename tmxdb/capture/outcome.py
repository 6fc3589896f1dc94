"""How far a race is, and how it ended: for whoever runs one and for whoever writes its end down."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """Where a race is; the value completes the sentence "it was …"."""

    CONNECTING = "reaching the game's menus"
    LOADING = "waiting for the map to begin"
    RETURNING = "waiting for a map that is loaded to begin again"
    ARMING = "loading the script"
    DRIVING = "driving"
    ENDED = "over"


@dataclass(frozen=True, slots=True)
class Driven:
    """How a race went that came to its end. `finish_ms` None: no finish was seen, either because the end dialog came
    first (`ended_unseen`) or by driving too long. `inputs_match` None: the game does not say. `restarts`: attempts
    thrown away."""

    finish_ms: int | None
    ended_unseen: bool
    frames: int
    missed: int
    late: int
    dropped: int
    restarts: int
    inputs_match: bool | None


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a race did not come to its end; the code is stable."""

    code: str
    message: str
