"""A kind that a user has paused, as a value. Imports no library."""

from __future__ import annotations

from dataclasses import dataclass

ALL = "all"
"""The kind of a pause that applies to all kinds, including ones added later."""
ACTIVE_PAUSES = "SELECT kind, since, until, reason FROM pauses WHERE until IS NULL OR until > :now ORDER BY kind"
"""Selects the pauses that apply at `now` (ISO 8601), for `Reader`."""


@dataclass(frozen=True, slots=True)
class Paused:
    """A pause of `kind` (or `all`). `until`: when it ends (ISO 8601); None until it is ended by `resume`."""

    kind: str
    since: str
    until: str | None
    reason: str | None

    def __str__(self) -> str:
        until = f" until {self.until[:19].replace('T', ' ')} UTC" if self.until else ""
        return f"{'every kind' if self.kind == ALL else self.kind} is paused{until}" + (
            f" ({self.reason})" if self.reason else ""
        )
