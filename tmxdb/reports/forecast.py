"""Estimates for the dry run and the first message of a run: the rows to do and the requests they need."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Table

from tmxdb.db.database import Database
from tmxdb.db.selected import Scope
from tmxdb.formats import Precision
from tmxdb.queue.rows.claim import first_pending
from tmxdb.reports.counts import counts


@dataclass(frozen=True, slots=True)
class Opening:
    """What the run adds to the rows that wait: rows that it opens before its first claim, by kind, and new replays.

    `new_replays`: how many replays its listings find, as exactly as `precision` says. `second_requests`: how many
    listings take two requests.
    """

    rows: dict[str, int]
    new_replays: int = 0
    precision: Precision = "about"
    second_requests: int = 0


@dataclass(frozen=True, slots=True)
class Forecast:
    """The rows to do, by kind, and how many requests to the site they need, as exactly as `precision` says.

    Without failures: each attempt that fails takes one more.
    """

    waiting: dict[str, int]
    requests: int
    precision: Precision = "about"


def forecast(
    database: Database,
    opening: Opening,
    *,
    maps_from_site: bool,
    limit: int | None,
    selection: Scope | None = None,
) -> Forecast:
    """Return the rows to do for the kinds in `opening.rows`, and the requests for them, `limit` at most."""
    with database.read() as connection:
        table = counts(connection, selection)
    kinds = opening.rows.keys()
    waiting = {kind: table[kind]["pending"] + table[kind]["retry"] + opening.rows[kind] for kind in kinds}
    from_site = ("list", "download", "extract") if maps_from_site else ("list", "download")
    requests = sum(waiting[kind] for kind in from_site if kind in waiting)
    precision: Precision = "about"
    if "list" in kinds:
        requests += opening.second_requests
        if "download" in kinds:
            requests, precision = requests + opening.new_replays, opening.precision
    if limit and requests >= limit:
        return Forecast(waiting, limit, "about" if precision == "at least" else precision)
    return Forecast(waiting, requests, precision)


def next_items(database: Database, table: Table, n: int, selection: Scope | None = None) -> list[int]:
    """Return the keys of the `n` rows of a job table that would be claimed next."""
    with database.read() as connection:
        statement, parameters = first_pending(table, selection, n)
        return list(connection.execute(statement, parameters).scalars())
