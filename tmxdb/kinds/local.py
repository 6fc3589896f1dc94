"""Whether a run needs the exchange at all: local tracks and replays, whose ids are negative, need no request."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from tmxdb.db.models import JOBS, TrackRow, table_of
from tmxdb.kinds.context import JobOptions
from tmxdb.kinds.reopening import count_opening
from tmxdb.queue.job import PENDING, RETRY, RUNNING

_tracks = table_of(TrackRow)


def is_local_only(connection: Connection, kinds: Sequence[str], options: JobOptions) -> bool:
    """Return whether there are local tracks, and every open row of `kinds` belongs to one."""
    if connection.execute(select(_tracks.c.track_id).where(_tracks.c.track_id < 0).limit(1)).first() is None:
        return False
    for kind in kinds:
        table = JOBS[kind]
        if count_opening(connection, kind, options):
            return False
        for status in (PENDING, RETRY, RUNNING):  # each with its partial index
            on_site = select(table.c.track_id).where(table.c.track_id > 0, table.c.status == status).limit(1)
            if connection.execute(on_site).first() is not None:
                return False
    return True
