"""Estimates for the dry run and the first message of a run: the rows to do and the requests they need."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Table

from tmxdb.db.database import Database
from tmxdb.db.selected import Scope
from tmxdb.queue.rows.claim import first_pending
from tmxdb.reports.counts import counts


@dataclass(frozen=True, slots=True)
class Opening:
    """Rows that the run makes pending before its first claim, by kind.

    `more_replays`: how many replays may be found by listing those tracks again. `new_replays`: how many the first
    listings may find.
    """

    rows: dict[str, int]
    more_replays: int = 0
    new_replays: int = 0


@dataclass(frozen=True, slots=True)
class Forecast:
    """The rows to do, by kind, and how many requests to the site they need.

    `is_upper_bound`: some tracks are listed again, which may find fewer replays than `requests` counts.
    """

    waiting: dict[str, int]
    requests: int
    is_upper_bound: bool = False


def forecast(
    database: Database,
    opening: Opening,
    *,
    maps_from_site: bool,
    limit: int | None,
    selection: Scope | None = None,
) -> Forecast:
    """Return the rows to do for the kinds in `opening.rows`, and the requests for them, `limit` at most.

    The replays of tracks that were never listed are estimated: the average of the listings so far, or as many as are
    wanted.
    """
    with database.read() as connection:
        table = counts(connection, selection)
    kinds = opening.rows.keys()
    waiting = {kind: table[kind]["pending"] + table[kind]["retry"] + opening.rows[kind] for kind in kinds}
    from_site = ("list", "download", "extract") if maps_from_site else ("list", "download")
    requests = sum(waiting[kind] for kind in from_site if kind in waiting)
    if "list" in kinds and "download" in kinds:
        listed_tracks, known_replays = table["list"]["done"], sum(table["download"].values())
        new_replays = opening.new_replays
        if listed_tracks:
            new_tracks = waiting["list"] - opening.rows["list"]
            new_replays = round(new_tracks * known_replays / listed_tracks)
        requests += new_replays + opening.more_replays
    if limit:
        requests = min(requests, limit)
    return Forecast(waiting, requests, is_upper_bound="download" in kinds and opening.more_replays > 0)


def next_items(database: Database, table: Table, n: int, selection: Scope | None = None) -> list[int]:
    """Return the keys of the `n` rows of a job table that would be claimed next."""
    with database.read() as connection:
        statement, parameters = first_pending(table, selection, n)
        return list(connection.execute(statement, parameters).scalars())
