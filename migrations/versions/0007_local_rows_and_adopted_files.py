"""Tracks and replays that no exchange knows have negative ids, maps may come from an adopted file, and the table
`adopted_files` remembers what `tmxdb adopt` made of each file.

SQLite cannot change a CHECK, so three job tables are copied with their own indexes and triggers, as in revision 0004.

A revision is history: it repeats the models as they were then and imports nothing of tmxdb.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

CHECKS = {
    "tracks": ("ck_tracks_track_id", "track_id > 0", "track_id <> 0"),
    "replays": ("ck_replays_replay_id", "replay_id > 0", "replay_id <> 0"),
    "maps": (
        "ck_maps_source",
        "source IS NULL OR source IN ('replay', 'site')",
        "source IS NULL OR source = 'replay' OR source = 'site' OR source = 'adopted'",
    ),
}
"""For each table: the constraint, its condition until now, and the new one."""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, (name, _, condition) in CHECKS.items():
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
            op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition})")
    else:
        views = drop_views()
        for table in CHECKS:
            copy_with_new_check(table)
        for sql in views:
            op.get_bind().exec_driver_sql(sql)
    op.create_table(
        "adopted_files",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("modified_ns", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("noun", sa.Text(), nullable=True),
        sa.Column("item_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome = 'matched' OR outcome = 'unknown' OR outcome = 'damaged' OR outcome = 'duplicate'",
            name=op.f("ck_adopted_files_outcome"),
        ),
        sa.PrimaryKeyConstraint("path", name="pk_adopted_files"),
    )
    op.create_index("ix_adopted_files_sha256", "adopted_files", ["sha256"])


def downgrade() -> None:
    raise RuntimeError("revision 0006 has no rows with negative ids: go back to a backup of the database")


def drop_views() -> list[str]:
    """Drop every view and return their definitions: SQLite refuses to rename a table while one is broken."""
    connection = op.get_bind()
    views = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'view' ORDER BY rowid")
    found = [(str(name), str(sql)) for name, sql in views.fetchall()]
    for name, _ in found:
        connection.exec_driver_sql(f"DROP VIEW {quoted(name)}")
    return [sql for _, sql in found]


def copy_with_new_check(table: str) -> None:
    """Replace `table` by a copy with the new condition; foreign keys are off in this transaction."""
    connection = op.get_bind()
    _, old, new = CHECKS[table]
    (definition,) = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)
    ).one()
    belongings = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type IN ('index', 'trigger') AND sql IS NOT NULL"
        " ORDER BY rowid",
        (table,),
    ).fetchall()
    copy = f"{table}_with_new_check"
    definition = replaced(re.escape(f"CHECK ({old})"), f"CHECK ({new})", definition)
    definition = replaced(rf'^CREATE TABLE "?{table}"?', f"CREATE TABLE {copy}", definition)
    connection.exec_driver_sql(definition)
    names = [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")]
    columns = ", ".join(map(quoted, names))
    connection.exec_driver_sql(f"INSERT INTO {copy} ({columns}) SELECT {columns} FROM {table}")
    connection.exec_driver_sql(f"DROP TABLE {table}")
    connection.exec_driver_sql(f"ALTER TABLE {copy} RENAME TO {table}")
    for (sql,) in belongings:
        connection.exec_driver_sql(sql)


def replaced(pattern: str, new: str, definition: str) -> str:
    """Return `definition` with the only match of `pattern` replaced."""
    result, n = re.subn(pattern, lambda _: new, definition)
    if n != 1:
        raise RuntimeError(f"unexpected table definition: {n} matches of {pattern!r} in {definition[:80]!r}")
    return result


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
