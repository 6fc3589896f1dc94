"""Before the start: what there is to do, and how many requests that will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Table

from tmxdb.db.engine import Database
from tmxdb.queue.claim import next_pending
from tmxdb.reports.counts import counts


@dataclass(frozen=True, slots=True)
class Forecast:
    """Rows to do by kind, and requests to the site for them."""

    waiting: dict[str, int]
    requests: int


def forecast(database: Database, kinds: Sequence[str], top: int) -> Forecast:
    """What `kinds` will take. What a listing will find is guessed by what listings have found so far."""
    with database.read() as connection:
        table = counts(connection)
    waiting = {kind: table[kind]["pending"] + table[kind]["retry"] for kind in kinds}
    requests = sum(waiting[kind] for kind in ("list", "download") if kind in waiting)
    if "list" in waiting and "download" in waiting:
        listed, found = table["list"]["done"], sum(table["download"].values())
        requests += round(waiting["list"] * (found / listed if listed else top))
    return Forecast(waiting, requests)


def next_items(database: Database, table: Table, n: int) -> list[int]:
    """The rows of a job table that would be claimed next."""
    with database.read() as connection:
        return list(connection.execute(next_pending(table), {"n": n}).scalars())
