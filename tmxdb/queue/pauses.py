"""Kinds that nobody begins anything of for a while: written by a person, looked at by every worker once a second.

The end of a pause is a time of day, kept by the wall clock of each worker: a machine whose clock is five minutes
ahead goes on five minutes before the others, and one that slept through the end goes on when it wakes up. Nobody
deletes a pause that is over, for by somebody else's clock it may not be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from tmxdb.clock import iso
from tmxdb.db.bulk import NewRows, upsert
from tmxdb.db.models import Pause, table_of

ALL = "all"
"""The pause of every kind there is, those too that come to be later."""
_pauses = table_of(Pause)


@dataclass(frozen=True, slots=True)
class Paused:
    """A pause that holds: of `kind` (or `all`), since and until when (ISO; None: until it is lifted), and why."""

    kind: str
    since: str
    until: str | None
    reason: str | None

    def __str__(self) -> str:
        until = f" until {self.until[:19].replace('T', ' ')} UTC" if self.until else ""
        return f"{'every kind' if self.kind == ALL else self.kind} is paused{until}" + (
            f" ({self.reason})" if self.reason else ""
        )


def pause(connection: Connection, kind: str, *, until_ms: int | None, reason: str | None, now_ms: int) -> None:
    """From now on nobody begins anything of `kind`; takes the place of an earlier pause of it."""
    row = {
        "kind": kind,
        "since": iso(now_ms),
        "until": None if until_ms is None else iso(until_ms),
        "reason": reason,
    }
    upsert(connection, NewRows(_pauses, [row], update=("since", "until", "reason")))


def resume(connection: Connection, kind: str) -> None:
    """Lift the pause of `kind`; `all`: every pause."""
    connection.execute(delete(_pauses) if kind == ALL else delete(_pauses).where(_pauses.c.kind == kind))


def pauses(connection: Connection, now_ms: int) -> list[Paused]:
    """Those that hold now, by kind."""
    now = iso(now_ms)
    rows = [Paused(*row) for row in connection.execute(select(_pauses).order_by(_pauses.c.kind))]
    return [row for row in rows if row.until is None or row.until > now]


def pausing(holding: Iterable[Paused], kind: str) -> Paused | None:
    """What keeps `kind` from being worked on: of two pauses the one that ends last."""
    mine = [row for row in holding if row.kind in (kind, ALL)]
    return max(mine, key=lambda row: (row.until is None, row.until), default=None)
