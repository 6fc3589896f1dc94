"""`list`: ask for the leaderboard of a track; its replays become rows.

One request for most tracks. The site lists the newest version of the track first and the best time first in
it; without `best=1` there are also beaten runs of the same driver (tmx-api fact sheet, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, or_, select
from sqlalchemy.sql.elements import NamedColumn

from tmxdb.clock import iso, wall_clock
from tmxdb.db.bulk import NewRows
from tmxdb.db.models import Replay, Track, table_of
from tmxdb.kinds.tools import Tools
from tmxdb.queue.job import Done, Job, Outcome, Skip
from tmxdb.queue.settle import reopen
from tmxdb.tmx.endpoints import PAGE
from tmxdb.tmx.records import ReplayRecord

EVERYTHING = -1
"""`listed_top` of a listing with --all-replays."""
LISTED_AT_ONCE = 64
_tracks = table_of(Track)
_replays = table_of(Replay)


@dataclass(frozen=True, slots=True)
class Board:
    """What a listing found. `whole`: the board has no more than this."""

    replays: tuple[ReplayRecord, ...]
    whole: bool


class List:
    """Asks for leaderboards."""

    name = "list"
    table = _tracks
    key: Column[Any] = _tracks.c.track_id
    needs: tuple[NamedColumn[Any], ...] = ()

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def at_most(self, n: int) -> int:
        """A listing is one small request, but a long board takes two megabytes of memory until it is written."""
        return min(n, LISTED_AT_ONCE)

    def prepare(self, connection: Connection) -> None:
        """Tracks that were listed less deeply than wanted now, and have more to give, are asked again."""
        options, columns = self._tools.options, _tracks.c
        if options.all_replays:
            shallower = columns.listed_top != EVERYTHING
        else:
            shallower = (columns.listed_top < options.top) & (columns.listed_top != EVERYTHING)
            shallower &= or_(columns.listed_whole.is_(None), columns.listed_whole.is_(False))
        reopen(connection, _tracks, columns.status == "done", shallower)

    def run(self, job: Job) -> Outcome:
        """The best replays of the track; a track that is gone is skipped."""
        options = self._tools.options
        board = self.all_replays(job.item_id) if options.all_replays else self.best_replays(job.item_id, options.top)
        if board is None:
            if not self._exists(job.item_id):
                return Skip("tmx.gone", f"track {job.item_id}: the site does not have it (any more).")
            board = Board((), whole=True)
        return Done(
            {
                "listed_top": EVERYTHING if options.all_replays else options.top,
                "listed_whole": board.whole,
                "listed_count": len(board.replays),
            },
            self._rows(job, board),
        )

    def best_replays(self, track_id: int, top: int) -> Board | None:
        """The best `top` valid replays of the present version of the track, one per driver; None: 404.

        Some rows of a page do not count (not ranked, invalid), so a little more than `top` is asked for.
        """
        best: dict[int, ReplayRecord] = {}
        drivers: set[int] = set()
        newest: str | None = None
        after: int | None = None
        while True:
            page = self._page(track_id, after, best=1, count=min(PAGE, top + top // 8 + 2))
            if page is None:
                return None if after is None else Board(tuple(best.values()), whole=True)
            known = len(best)
            for record in page.records:
                version = record.columns["track_at"]
                newest = newest or version
                if version is not None and version != newest:
                    return Board(tuple(best.values()), whole=True)  # from here on, older versions of the track
                driver = record.columns["user_id"]
                if not record.is_ranked or record.replay_id in best or driver in drivers:
                    continue
                if len(best) == top:
                    return Board(tuple(best.values()), whole=False)
                best[record.replay_id] = record
                if driver is not None:
                    drivers.add(driver)
            last = page.records[-1].replay_id if page.records else None
            if not page.more or last is None or (last == after and len(best) == known):
                return Board(tuple(best.values()), whole=True)
            if len(best) == top:
                return Board(tuple(best.values()), whole=False)
            after = last

    def all_replays(self, track_id: int) -> Board | None:
        """Every replay of the track: beaten, unranked and of older versions too; None: 404."""
        found: dict[int, ReplayRecord] = {}
        after: int | None = None
        while True:
            page = self._page(track_id, after, count=PAGE)
            if page is None:
                return None if after is None else Board(tuple(found.values()), whole=True)
            known = len(found)
            found.update((record.replay_id, record) for record in page.records)
            if not page.more or len(found) == known:  # nothing new: a cursor that leads in circles
                return Board(tuple(found.values()), whole=True)
            after = page.records[-1].replay_id

    def _page(self, track_id: int, after: int | None, **parameters: int) -> Any:
        if after is not None:
            parameters["after"] = after
        return self._tools.exchange.replays(track_id, parameters)

    def _exists(self, track_id: int) -> bool:
        """The site answers 404 both for a track without replays and for one that it does not have."""
        page = self._tools.exchange.tracks({"id": track_id, "count": 1})
        return any(record.track_id == track_id for record in page.records)

    def _rows(self, job: Job, board: Board) -> list[NewRows]:
        now = iso(wall_clock())
        rows = [
            {
                "replay_id": record.replay_id,
                "track_id": job.item_id,
                "priority": job.priority,
                "listed_at": now,
                **record.columns,
            }
            for record in board.replays
        ]
        facts = tuple(name for name in rows[0] if name not in ("replay_id", "track_id", "priority")) if rows else ()
        return [*self._fallen(job.item_id, board), NewRows(_replays, rows, update=facts)]

    def _fallen(self, track_id: int, board: Board) -> list[NewRows]:
        """Known replays that have lost their place to others, or with the track's file: their position is not true."""
        listed = {record.replay_id for record in board.replays}
        ranked = select(_replays.c.replay_id).where(_replays.c.track_id == track_id, _replays.c.position.is_not(None))
        if not board.whole:  # those behind the last one listed may still have their places
            last = max((record.columns["position"] or 0 for record in board.replays), default=-1)
            ranked = ranked.where(_replays.c.position <= last)
        with self._tools.database.read() as connection:
            known = connection.execute(ranked).scalars().all()
        rows = [{"replay_id": key, "track_id": track_id, "position": None} for key in known if key not in listed]
        return [NewRows(_replays, rows, update=("position",))] if rows else []
