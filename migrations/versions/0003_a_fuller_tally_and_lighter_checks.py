"""The tally counts by error code and adds up file sizes, so that nothing is counted by going through rows;
and SQLite's CHECKs say OR instead of IN.

For an IN with more than two values SQLite fills a temporary table at the start of each statement: half of the 10 us
that settling a job takes. PostgreSQL keeps its CHECKs, which mean the same.

A revision is history: it repeats the models as they were then and imports nothing of tmxdb.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KINDS = {"tracks": "list", "replays": "download", "maps": "extract", "captures": "capture"}
KEYS = {"tracks": "track_id", "replays": "replay_id", "maps": "track_id", "captures": "capture_id"}
WITH_FILES = ("replays", "maps")
SQL = Path(__file__).resolve().parents[1] / "sql"

OLD_AND_NEW = {
    "status IN ('pending', 'running', 'retry', 'done', 'failed', 'skipped')": (
        "status = 'pending' OR status = 'running' OR status = 'retry' OR status = 'done' OR status = 'failed'"
        " OR status = 'skipped'"
    ),
    "(status IN ('done', 'failed', 'skipped'))": "(status = 'done' OR status = 'failed' OR status = 'skipped')",
    "status NOT IN ('failed', 'skipped', 'retry') OR": (
        "status = 'pending' OR status = 'running' OR status = 'done' OR"
    ),
    "outcome IN ('retry', 'failed', 'skipped', 'lost')": (
        "outcome = 'retry' OR outcome = 'failed' OR outcome = 'skipped' OR outcome = 'lost'"
    ),
}


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    for table in KINDS:
        for change in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER tally_{table}_{change}" + (f" ON {table}" if dialect == "postgresql" else ""))
    op.execute("DROP VIEW failures")
    op.drop_index("ix_tally_kind", "tally")
    op.add_column("tally", sa.Column("error_code", sa.Text(), nullable=False, server_default=""))
    op.add_column("tally", sa.Column("bytes", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("ix_tally_kind", "tally", ["kind", "status", "error_code"])
    for table, key in KEYS.items():
        where = sa.text("error_code IS NOT NULL")
        op.drop_index(f"ix_{table}_error", table)
        columns = ["error_code", "status", key]
        op.create_index(f"ix_{table}_error", table, columns, sqlite_where=where, postgresql_where=where)
    op.execute("DELETE FROM tally")
    for table, kind in KINDS.items():
        size = "coalesce(sum(file_bytes), 0)" if table in WITH_FILES else "0"
        op.execute(
            "INSERT INTO tally (kind, status, error_code, n, bytes)"
            f" SELECT '{kind}', status, coalesce(error_code, ''), count(*), {size} FROM {table} GROUP BY 2, 3"
        )
    if dialect == "postgresql":
        run("0003_postgresql.sql")
    else:
        lighten_checks()
        run("0003_sqlite.sql")
    for table, kind in KINDS.items():
        size = "{row}.file_bytes" if table in WITH_FILES else "0"
        old, new = size.format(row="OLD"), size.format(row="NEW")
        names = {"table": table, "kind": kind, "old_bytes": old, "new_bytes": new}
        names["and_bytes"] = ", file_bytes" if table in WITH_FILES else ""
        names["changes"] = "tally_file_changes" if table in WITH_FILES else "tally_changes"
        run(f"0003_{dialect}_tally.sql", **names)
    run("0003_views.sql")


def downgrade() -> None:
    raise RuntimeError("the tally by error code has no older form: go back to a copy of the database")


def lighten_checks() -> None:
    """Rewrite the CHECKs in place, as SQLite's manual describes (ALTER TABLE, section 7): no row is copied.

    Builds of SQLite that forbid it keep the older CHECKs.
    """
    connection = op.get_bind()
    tables = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL")
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    changed = []
    for name, sql in tables.fetchall():
        lighter = sql
        for old, new in OLD_AND_NEW.items():
            lighter = lighter.replace(old, new)
        if lighter != sql:
            changed.append((lighter, name))
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    try:
        with connection.begin_nested():
            connection.exec_driver_sql("UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = ?", changed)
            connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    except sa.exc.DatabaseError:
        pass
    finally:
        connection.exec_driver_sql("PRAGMA writable_schema = RESET")


def run(file: str, **names: str) -> None:
    """Run the statements of an SQL file, with the names filled in."""
    for statement in (SQL / file).read_text(encoding="utf-8").split("\n---\n"):
        for name, value in names.items():
            statement = statement.replace("{" + name + "}", value)
        op.get_bind().exec_driver_sql(statement)
