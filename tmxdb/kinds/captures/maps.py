"""The maps that captures are driven on: their names in the game's folder, and how their files are read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from functools import partial

from sqlalchemy import func, select

from tmxdb.db.database import Database
from tmxdb.db.models import CaptureRow, MapRow, table_of
from tmxdb.storage import Storage

_captures, _maps = table_of(CaptureRow), table_of(MapRow)
MAX_WAITING_MAPS = 5000
"""How many maps are copied to the game's folder before it starts: those of the captures with the best priority."""
_IDS_AT_ONCE = 500

MapsByKey = Mapping[str, Callable[[], bytes | None]]
"""Name in the game's folder -> a function that reads the map; it returns None if the file is missing."""


def map_key(track_id: int, uid: str) -> str:
    """Return the name of a track's map in the game's folder. Another version of the map has another name."""
    return f"{track_id}-{hashlib.sha256(uid.encode()).hexdigest()[:8]}"


def waiting_maps(database: Database, storage: Storage) -> MapsByKey:
    """Return the maps of the captures that are still to be made."""
    query = (
        select(_maps.c.track_id, _maps.c.uid, _maps.c.file_path)
        .join(_captures, _captures.c.track_id == _maps.c.track_id)
        .where(_captures.c.status.in_(("pending", "running", "retry")), _maps.c.status == "done")
        .group_by(_maps.c.track_id, _maps.c.uid, _maps.c.file_path)
        .order_by(func.min(_captures.c.priority), _maps.c.track_id)
        .limit(MAX_WAITING_MAPS)
    )
    with database.read() as connection:
        rows = connection.execute(query).fetchall()
    return {map_key(track_id, uid): partial(storage.read, path) for track_id, uid, path in rows if uid and path}


def maps_of_tracks(database: Database, storage: Storage, track_ids: Collection[int]) -> dict[int, tuple[str, bytes]]:
    """Return name in the game's folder and file of each track that has its map."""
    found: dict[int, tuple[str, bytes]] = {}
    ids = sorted(set(track_ids))
    for at in range(0, len(ids), _IDS_AT_ONCE):
        query = select(_maps.c.track_id, _maps.c.uid, _maps.c.file_path).where(
            _maps.c.track_id.in_(ids[at : at + _IDS_AT_ONCE]), _maps.c.status == "done"
        )
        with database.read() as connection:
            rows = connection.execute(query).fetchall()
        for track_id, uid, path in rows:
            data = storage.read(path) if uid and path else None
            if data is not None:
                found[track_id] = map_key(track_id, uid), data
    return found
