"""Names beside the site's numbers, tags as rows, views of drivers and keyboard runs, and the indexes they need.

The names are columns that the engine computes: SQLite when they are read, PostgreSQL when a row is written.

A revision is history: it repeats the models as they were then and imports nothing of tmxdb.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parents[1] / "sql"
ENVIRONMENTS = "1 snow 2 desert 3 rally 4 island 5 coast 6 bay 7 stadium"
TAGS = (
    "0 race 1 stunt 2 maze 3 offroad 4 multilap 5 fullspeed 6 lol 7 tech 8 speedtech 9 rpg 10 pressforward 11 trial"
    " 12 grass 13 story 14 nascar 15 speedfun 16 endurance 17 altered-nadeo 18 transitional"
)
NAMES = {
    "primary_type": "0 race 1 puzzle 2 platform 3 stunts 4 shortcut 5 laps",
    "style": TAGS,
    "routes": "0 single 1 multi 2 symmetric",
    "difficulty": "0 beginner 1 intermediate 2 expert 3 lunatic",
    "mood": "0 sunrise 1 day 2 sunset 3 night",
    "environment": ENVIRONMENTS,
    "car": ENVIRONMENTS,
}
"""Columns of `tracks` with a name for each number."""
MAPS = {
    "environment_name": "CASE environment WHEN 'Alpine' THEN 'snow' WHEN 'Speed' THEN 'desert'"
    " ELSE lower(environment) END",
    "mood_name": "lower(mood)",
    "author_time_ms": "author_ms",
}
"""The names that `tracks` has, for `maps`, whose files use others."""
INDEXES = (
    ("ix_replays_user", "replays", ("user_id", "position"), None),
    ("ix_replays_user_name", "replays", ("user_name", "user_id", "position", "track_id"), None),
    ("ix_replays_replay_at", "replays", ("replay_at",), None),
    ("ix_replays_listed_at", "replays", ("listed_at",), None),
    ("ix_replays_runs", "replays", ("device", "track_id", "race_time_ms", "respawns", "finished"), "finished"),
    ("ix_tracks_name", "tracks", ("name",), None),
    ("ix_captures_frames", "captures", ("status", "frame_count", "frames_missed"), "status = 'done'"),
)


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    for column, names in NAMES.items():
        add_computed("tracks", f"{column}_name", "TEXT", chosen(column, names))
    for column, expression in MAPS.items():
        add_computed("maps", column, "INTEGER" if column == "author_time_ms" else "TEXT", expression)
    for name, table, columns, condition in INDEXES:
        where = sa.text(condition) if condition else None
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
    for view in ("leaderboard", "track_progress"):
        op.execute(f"DROP VIEW {view}")
    for file in ("0008_views.sql", f"0008_{dialect}.sql"):
        for statement in (SQL / file).read_text(encoding="utf-8").split("\n---\n"):
            op.get_bind().exec_driver_sql(statement.replace("{tag_name}", chosen("tag", TAGS)))


def downgrade() -> None:
    raise RuntimeError("revision 0007 cannot be restored from 0008: go back to a backup of the database")


def add_computed(table: str, column: str, kind: str, expression: str) -> None:
    """Add a computed column. On SQLite it ends its line: SQLAlchemy reads the expression up to the end of the line."""
    where = "STORED" if op.get_bind().dialect.name == "postgresql" else "VIRTUAL"
    op.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}\nGENERATED ALWAYS AS ({expression}) {where}")


def chosen(column: str, names: str) -> str:
    """Return the expression for the name of each number: `0 race 1 puzzle` in `names`."""
    words = names.split()
    cases = " ".join(f"WHEN {number} THEN '{name}'" for number, name in zip(words[::2], words[1::2], strict=True))
    return f"CASE {column} {cases} END"
