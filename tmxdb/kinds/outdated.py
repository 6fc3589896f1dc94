"""Which finished maps and captures are to be done again, because of what other jobs have stored since."""

from __future__ import annotations

from sqlalchemy import and_, exists, or_

from tmxdb.db.models import CaptureRow, MapRow, ReplayRow, table_of

_captures, _maps, _replays = table_of(CaptureRow), table_of(MapRow), table_of(ReplayRow)

OLD_MAP = and_(
    _maps.c.status == "done",
    _maps.c.uid_matches.is_(False),
    exists().where(
        _replays.c.track_id == _maps.c.track_id, _replays.c.status == "done", _replays.c.map_uid_matches.is_(True)
    ),
)
"""Maps of an older version of their track, of which a downloaded replay has the current one."""

NEEDS_A_REPLAY = or_(OLD_MAP, _maps.c.error_code.in_(("tmx.gone", "local.no_map")))
"""Maps that a replay which was just downloaded may replace, and those that were found nowhere."""

ON_THIS_MAP = and_(
    _captures.c.error_code == "capture.other_map",
    exists().where(
        _replays.c.replay_id == _captures.c.replay_id,
        _maps.c.track_id == _captures.c.track_id,
        _maps.c.uid == _replays.c.map_uid,
    ),
)
"""Captures that failed because the map was not the version that was driven, but now is."""
