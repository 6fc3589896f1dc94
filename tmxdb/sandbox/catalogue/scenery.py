"""Facts of real files that take the place of made-up ones (`--gbx-dir`)."""

from __future__ import annotations

from dataclasses import dataclass


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
