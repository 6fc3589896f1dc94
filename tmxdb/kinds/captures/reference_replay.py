"""Chooses the replay that is driven to check or calibrate a game: short, whole, and without anything unusual."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from tmxdb.capture.calibration.reference import MAX_MS, MIN_MS
from tmxdb.db.models import MapRow, ReplayRow, table_of
from tmxdb.errors import InvalidInput
from tmxdb.storage import id_name

_replays, _maps = table_of(ReplayRow), table_of(MapRow)


def choose_reference(connection: Connection, replay_id: int | None = None) -> tuple[int, str]:
    """Return the id and the file, relative to the data folder, of `replay_id` or of a replay that suits.

    Raise InvalidInput if there is none.
    """
    query = select(_replays.c.replay_id, _replays.c.file_path).where(_replays.c.status == "done")
    if replay_id is not None:
        row = connection.execute(query.where(_replays.c.replay_id == replay_id)).first()
        if row is None or not row.file_path:
            raise InvalidInput(
                f"replay {id_name(replay_id)} is not downloaded. Name another one.", code="input.no_replay"
            )
        return row.replay_id, row.file_path
    row = connection.execute(
        query.join(_maps, _maps.c.track_id == _replays.c.track_id)
        .where(
            _replays.c.finished.is_(True),
            _replays.c.race_time_ms.between(MIN_MS, MAX_MS),
            func.coalesce(_replays.c.input_count, 0) > 4,
            func.coalesce(_replays.c.respawn_events, 0) == 0,
            _maps.c.map_type == "race",
            func.coalesce(_maps.c.intro_ms, 0) == 0,
            _maps.c.environment == "Stadium",
        )
        .order_by(_replays.c.race_time_ms, _replays.c.replay_id)
        .limit(1)
    ).first()
    if row is None or not row.file_path:
        raise InvalidInput(
            "the database has no downloaded replay of 5 to 120 s on an ordinary map. Name a replay file,"
            " or run `tmxdb run --top 1` first.",
            code="input.no_replay",
        )
    return row.replay_id, row.file_path
