"""Ask the site which tracks moved, so that their leaderboards are listed again.

The site's activity time alone is not enough: where a new replay does not move it, only the age of the listing finds it
(`due.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from tmxdb.clock import Clock, wall_clock
from tmxdb.db.database import Database
from tmxdb.db.models import TrackRow, table_of
from tmxdb.db.selected import Scope
from tmxdb.sync.due import LOOKED_UP_BY_ID, listed_tracks
from tmxdb.sync.filters import Filters
from tmxdb.sync.selected import look_up
from tmxdb.sync.tracks import SyncListener, TrackSync
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.endpoints import IDS_AT_ONCE

_tracks = table_of(TrackRow)


def look_for_changes(
    database: Database,
    exchange: Exchange,
    listener: SyncListener,
    selection: Scope | None,
    *,
    max_requests: int | None,
    stop: threading.Event,
    note: Callable[[str], None],
    clock: Clock = wall_clock,
) -> tuple[int, int]:
    """Ask the site which tracks moved, and reopen those. Return how many moved, and how many requests were sent.

    `max_requests`: the most to send. Tracks that the database does not have are not added.
    """
    # Those looked up longest ago come first, so that a budget for some of them reaches the others next time.
    longest_ago = (_tracks.c.synced_at.is_not(None), _tracks.c.synced_at, _tracks.c.priority, _tracks.c.track_id)
    query = listed_tracks(selection).order_by(*longest_ago)
    if selection is None:
        query = query.limit(LOOKED_UP_BY_ID + 1)
    with database.read() as connection:
        ids: list[int] = list(connection.execute(query).scalars())
    if len(ids) > LOOKED_UP_BY_ID and selection is None:
        changed = TrackSync(database, exchange, listener, stop=stop, clock=clock).changed(Filters(), max_requests)
        if not changed.complete and not stop.is_set():
            note("The budget ended before all changes were read: the other tracks are listed again once they are due.")
        return changed.reopened, changed.pages
    wanted = ids if max_requests is None else ids[: max_requests * IDS_AT_ONCE]
    applied = look_up(database, exchange, wanted, stop=stop, note=note, clock=clock)
    return applied.reopened, -(-len(wanted) // IDS_AT_ONCE)
