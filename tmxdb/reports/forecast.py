"""Before the start: what there is to do, and how many requests that will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tmxdb.db.engine import Database
from tmxdb.queue.claim import next_pending
from tmxdb.queue.job import Kind
from tmxdb.reports.counts import counts


@dataclass(frozen=True, slots=True)
class Forecast:
    """Rows to do by kind; requests to the site for them; the rate in requests a second (None: none)."""

    waiting: dict[str, int]
    requests: int
    rate: float | None


def forecast(database: Database, kinds: Sequence[Kind], top: int, rate: float | None) -> Forecast:
    """Requests that `kinds` will take. What a listing will find is guessed by what listings have found so far."""
    with database.read() as connection:
        table = counts(connection)
    waiting = {kind.name: table[kind.name]["pending"] + table[kind.name]["retry"] for kind in kinds}
    requests = sum(waiting[name] for name in ("list", "download") if name in waiting)
    if "list" in waiting and "download" in waiting:
        listed, found = table["list"]["done"], sum(table["download"].values())
        requests += round(waiting["list"] * (found / listed if listed else top))
    return Forecast(waiting, requests, rate)


def next_items(database: Database, kind: Kind, n: int) -> list[int]:
    """The rows that would be claimed next."""
    with database.read() as connection:
        return list(connection.execute(next_pending(kind.table), {"n": n}).scalars())
