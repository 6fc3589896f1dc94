"""The `list` kind: ask for the leaderboard of a track and open a row for each of its replays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Connection, select
from sqlalchemy.sql.elements import NamedColumn

from tmxdb.clock import iso
from tmxdb.db.bulk import RowStream
from tmxdb.db.database_clock import DatabaseClock
from tmxdb.db.models import PastPositionRow, ReplayRow, TrackRow, table_of
from tmxdb.errors import ItemGone, RetryLater
from tmxdb.kinds.context import JobContext, selection_top
from tmxdb.kinds.history import ENDED, LeaderboardChange, compare
from tmxdb.kinds.leaderboard import LISTED, LeaderboardListing, all_replays, best_replays
from tmxdb.kinds.packed import PackedRow, merged, sorted_run
from tmxdb.kinds.reopening import ALL_REPLAYS, listed_too_short
from tmxdb.queue.job import Done, Job, Outcome
from tmxdb.queue.rows.settle import reopen
from tmxdb.tmx.endpoints import PAGE
from tmxdb.tmx.records import Page, ReplayRecord

MAX_LISTINGS = 64
_NO_LEADERBOARD = "tmx.no_leaderboard"
_tracks = table_of(TrackRow)
_replays = table_of(ReplayRow)
_past = table_of(PastPositionRow)


class List:
    """Ask for leaderboards."""

    name = "list"
    table = _tracks
    key: Column[Any] = _tracks.c.track_id
    needs: tuple[NamedColumn[Any], ...] = (
        _tracks.c.updated_at,
        _tracks.c.first_listed_at,
        _tracks.c.listed_top,
        _tracks.c.failure_cause,
        selection_top(),
    )

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._now = DatabaseClock()

    def at_most(self, n: int) -> int:
        """Limit the memory: the longest leaderboards take some 20 MB until they are written."""
        return min(n, MAX_LISTINGS)

    def prepare(self, connection: Connection) -> None:
        """Reopen tracks that were listed with a smaller --top and have more replays."""
        reopen(connection, _tracks, listed_too_short(self._context.options))

    def adopt(self, job: Job) -> Outcome | None:
        """Return None: a listing leaves no file."""

    def run(self, job: Job) -> Outcome:
        """List the best replays of the track; skip a track that the site does not have."""
        if job.item_id < 0:  # a local track: no exchange has its leaderboard
            return Done()
        top = self._top(job)
        leaderboard = self._leaderboard(job.item_id, top)
        if leaderboard is None:
            if not self._exists(job.item_id):
                raise ItemGone(f"track {job.item_id}: the site does not have it (404).")
            self._check_absence(job)
            leaderboard = LeaderboardListing(is_complete=True)
        known, now_ms = self._known(job.item_id)
        now = iso(now_ms)
        change = compare(known, leaderboard, updated_at=job.row["updated_at"], now=now)
        return Done(
            {
                "listed_at": now,
                "first_listed_at": job.row["first_listed_at"] or now,
                "listed_top": top,
                "listed_whole": leaderboard.is_complete,
                "listed_count": len(change.listed),
            },
            _rows(job, change, now),
        )

    def _top(self, job: Job) -> int:
        """Return how many replays of this track to list: as many as are wanted, and not fewer than before.

        What is below a shorter listing would keep the positions of an older one. ALL_REPLAYS for all.
        """
        options, before = self._context.options, job.row["listed_top"]
        if options.all_replays or before == ALL_REPLAYS:
            return ALL_REPLAYS
        chosen = options.top if options.top_chosen else job.row["selection_top"]
        return max(chosen or before or options.top, before or 0)

    def _leaderboard(self, track_id: int, top: int) -> LeaderboardListing | None:
        exchange = self._context.exchange

        def fetch(parameters: dict[str, str | int]) -> Page[ReplayRecord] | None:
            if "after" in parameters:
                exchange.rate_limiter.check_stop()  # a long leaderboard must not outlast Ctrl-C
            return exchange.replays(track_id, parameters)

        item = f"track {track_id}"
        return all_replays(fetch, item=item) if top == ALL_REPLAYS else best_replays(fetch, top, item=item)

    def _exists(self, track_id: int) -> bool:
        """Return whether the site has the track: it answers 404 also for a track without replays."""
        page = self._context.exchange.tracks({"id": track_id, "count": 1})
        return any(record.track_id == track_id for record in page.records)

    def _check_absence(self, job: Job) -> None:
        """Raise RetryLater the first time the site has no leaderboard of a track that had replays on it before."""
        if job.row["failure_cause"] == _NO_LEADERBOARD:
            return
        ranked = select(_replays.c.replay_id).where(
            _replays.c.track_id == job.item_id, _replays.c.position.is_not(None)
        )
        with self._context.database.read() as connection:
            had_replays = connection.execute(ranked.limit(1)).first() is not None
        if had_replays:
            message = f"track {job.item_id}: the site has no leaderboard (404), which had replays before."
            raise RetryLater(message, code=_NO_LEADERBOARD)

    def _known(self, track_id: int) -> tuple[Iterator[PackedRow], int]:
        """Return what earlier listings left of the leaderboard, as `compare` wants it, and the time in ms."""
        columns = _replays.c
        query = select(
            columns.replay_id, columns.user_id, columns.site_time_ms, columns.track_at, columns.position,
            columns.position_since, columns.listed_at, columns.first_seen_at,
        ).where(columns.track_id == track_id)  # fmt: skip
        with self._context.database.read() as connection:
            found = connection.execute(query, execution_options={"yield_per": PAGE})
            runs = [sorted_run(map(tuple, rows)) for rows in found.partitions()]
            return merged(runs), self._now.read(connection)


def _rows(job: Job, change: LeaderboardChange, now: str) -> list[RowStream]:
    """Return the rows that a listing writes. They are made while they are written."""
    track = {"track_id": job.item_id}
    left = {**track, "position": None, "left_at": now}
    listed = {**track, "priority": job.priority, "listed_at": now, "left_at": None, "left_because": None}
    names = (*LISTED, "first_seen_at", "position_since")
    facts = (*names[1:], "listed_at", "left_at", "left_because")
    return [
        RowStream(_replays, ("replay_id", "left_because"), change.left, left, ("position", "left_at", "left_because")),
        RowStream(_replays, names, change.listed, listed, facts),
        RowStream(_past, ENDED, change.ended, {**track, "until_at": now}),
    ]
