"""Facts of real files that take the place of made-up ones (`--gbx-dir`)."""

from __future__ import annotations

from dataclasses import dataclass

# By the site's number, 1 Snow … 7 Stadium (the order of those between is assumed), as files name them: the game shows
# Desert for Speed and Snow for Alpine.
STORED_ENVIRONMENTS = ("", "Alpine", "Speed", "Rally", "Island", "Coast", "Bay", "Stadium")


@dataclass(frozen=True, slots=True)
class RealRun:
    """One replay file."""

    race_time_ms: int
    respawns: int
    stunt_score: int
    login: str
    nickname: str


@dataclass(frozen=True, slots=True)
class RealMap:
    """One map, and the replays on it."""

    uid: str
    name: str
    environment: int
    medals_ms: tuple[int, int, int, int]  # author, gold, silver, bronze
    runs: tuple[RealRun, ...]
