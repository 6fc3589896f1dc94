"""Facts read from real files, which replace simulated ones (`--gbx-dir`)."""

from __future__ import annotations

from dataclasses import dataclass

# By the site's number, 1 Snow to 7 Stadium (the order of those between is assumed), with the names that files store:
# the game shows "Desert" for Speed and "Snow" for Alpine.
STORED_ENVIRONMENTS = ("", "Alpine", "Speed", "Rally", "Island", "Coast", "Bay", "Stadium")


@dataclass(frozen=True, slots=True)
class RealRun:
    """Facts of one replay file."""

    race_time_ms: int
    respawns: int
    stunt_score: int
    login: str
    nickname: str


@dataclass(frozen=True, slots=True)
class RealMap:
    """Facts of one map and its replay files."""

    uid: str
    name: str
    environment: int
    medals_ms: tuple[int, int, int, int]  # author, gold, silver, bronze
    runs: tuple[RealRun, ...]
