"""Whose file the site sent.

A file that belongs to another row is a mistake of the site and does not count against this row. The same bytes twice do
not prove that they are the right ones: a site that serves a wrong file may serve it again. It is a mistake of the site
if the file is that of another listed replay or track, or if other rows got the same bytes.
"""

from __future__ import annotations

from collections import OrderedDict

from sqlalchemy import Connection, and_, or_, select

from tmxdb.db.models import ReplayRow, TrackRow, table_of

ROUNDING_MS = 10
"""How far the time of a listing may be from the time in the file: one tick."""
_replays, _tracks = table_of(ReplayRow), table_of(TrackRow)


def owner_of_replay(
    connection: Connection, *, not_id: int, map_uid: str, race_time_ms: int, listed_ms: int, sha256: str
) -> int | None:
    """Return the listed replay other than `not_id` to which a file with this map, time and digest belongs, or None.

    `listed_ms` is the listed time of the replay that was requested.
    """
    is_downloaded = _replays.c.sha256 == sha256
    same_time = _replays.c.site_time_ms == race_time_ms
    matches = or_(is_downloaded, same_time) if abs(race_time_ms - listed_ms) > ROUNDING_MS else is_downloaded
    query = (
        select(_replays.c.replay_id)
        .join(_tracks, _tracks.c.track_id == _replays.c.track_id)
        .where(and_(_tracks.c.uid == map_uid, _replays.c.replay_id > 0, _replays.c.replay_id != not_id, matches))
        .limit(1)
    )
    return connection.execute(query).scalar()


def owner_of_map(connection: Connection, *, not_id: int, map_uid: str) -> int | None:
    """Return a track of the site other than `not_id` whose map has this uid, or None."""
    of_site = (_tracks.c.track_id > 0, _tracks.c.track_id != not_id)
    query = select(_tracks.c.track_id).where(_tracks.c.uid == map_uid, *of_site).limit(1)
    return connection.execute(query).scalar()


class UnreadableFiles:
    """The digests of the last 1,000 unreadable files, and which item got each. Not thread-safe."""

    MOST = 1000

    def __init__(self) -> None:
        self._items: OrderedDict[str, int | None] = OrderedDict()  # None: several

    def came_for_another(self, digest: str, item_id: int) -> bool:
        """Remember that `item_id` got a file with `digest`; return whether another item got it, too."""
        if self._items.setdefault(digest, item_id) != item_id:
            self._items[digest] = None
        if len(self._items) > self.MOST:
            self._items.popitem(last=False)
        return self._items.get(digest, item_id) != item_id
