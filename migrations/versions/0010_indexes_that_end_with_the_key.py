"""End indexes that are searched for one value with the key of the row.

SQLite 3.44 to 3.50 do not search an index for a value if ANALYZE found that all of its columns were the same in more
than 100 rows, for example when the replays of one track had been listed. The table may have grown since: statistics
stay until the next ANALYZE. With the key as its last column no index has the same values in two rows.

A revision is history: it repeats the models as they were then and imports nothing of tmxdb.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_replays_track", "replays", ("track_id", "position", "replay_id"), None),
    ("ix_replays_user", "replays", ("user_id", "position", "replay_id"), None),
    ("ix_tracks_uid", "tracks", ("uid", "track_id"), None),
    ("ix_tracks_name", "tracks", ("name", "track_id"), None),
    ("ix_maps_uid", "maps", ("uid", "track_id"), None),
    ("ix_captures_track", "captures", ("track_id", "capture_id"), None),
    ("ix_past_positions_replay", "past_positions", ("replay_id", "past_position_id"), None),
    ("ix_attempts_item", "attempts", ("kind", "item_id", "attempt_id"), None),
    ("ix_tracks_running", "tracks", ("claimed_by", "track_id"), "status = 'running'"),
    ("ix_replays_running", "replays", ("claimed_by", "replay_id"), "status = 'running'"),
    ("ix_maps_running", "maps", ("claimed_by", "track_id"), "status = 'running'"),
    ("ix_captures_running", "captures", ("claimed_by", "capture_id"), "status = 'running'"),
)


def upgrade() -> None:
    for name, table, columns, condition in INDEXES:
        where = sa.text(condition) if condition else None
        op.drop_index(name, table)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name, table, columns, condition in INDEXES:
        where = sa.text(condition) if condition else None
        op.drop_index(name, table)
        op.create_index(name, table, columns[:-1], sqlite_where=where, postgresql_where=where)
