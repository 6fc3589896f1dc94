"""Liveness belongs to the worker: the four job tables lose `lease_until`. Table `politeness` becomes `rate_limit`,
and `workers.width` becomes `workers.concurrency`.

SQLite cannot drop a column that a CHECK names, so each job table is copied, with its own indexes and triggers and all
views. The copy also gives the lighter CHECKs of revision 0003 to databases whose SQLite refused them then.

A revision is history: it repeats the models as they were then and imports nothing of tmxdb.
"""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JOB_TABLES = ("tracks", "replays", "maps", "captures")
OLD_VIEWS = ("missing", "jobs")
SQL = Path(__file__).resolve().parents[1] / "sql"
CLAIMED = "(status = 'running') = (claimed_by IS NOT NULL)"
CLAIMED_AND_LEASED = f"{CLAIMED} AND (status = 'running') = (lease_until IS NOT NULL)"
LIGHTER = {
    "status IN ('pending', 'running', 'retry', 'done', 'failed', 'skipped')": (
        "status = 'pending' OR status = 'running' OR status = 'retry' OR status = 'done' OR status = 'failed'"
        " OR status = 'skipped'"
    ),
    "(status IN ('done', 'failed', 'skipped'))": "(status = 'done' OR status = 'failed' OR status = 'skipped')",
    "status NOT IN ('failed', 'skipped', 'retry') OR": (
        "status = 'pending' OR status = 'running' OR status = 'done' OR"
    ),
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for view in OLD_VIEWS:
            op.execute(f"DROP VIEW {view}")
        for table in JOB_TABLES:
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_running_is_claimed, DROP COLUMN lease_until")
            op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_running_is_claimed CHECK ({CLAIMED})")
        op.execute("ALTER TABLE politeness RENAME TO rate_limit")
        for prefix, suffix in (("pk", ""), ("ck", "_one_row"), ("ck", "_rate")):
            old, new = f"{prefix}_politeness{suffix}", f"{prefix}_rate_limit{suffix}"
            op.execute(f"ALTER TABLE rate_limit RENAME CONSTRAINT {old} TO {new}")
        op.execute("ALTER TABLE workers RENAME COLUMN width TO concurrency")
    else:
        views = drop_views()
        for table in JOB_TABLES:
            copy_without_lease(table)
        rename_rate_limit()
        op.execute("ALTER TABLE workers RENAME COLUMN width TO concurrency")
        for name, sql in views:
            if name not in OLD_VIEWS:
                op.get_bind().exec_driver_sql(sql)
    for table in JOB_TABLES:
        where = sa.text("status = 'running'")
        op.create_index(f"ix_{table}_running", table, ["claimed_by"], sqlite_where=where, postgresql_where=where)
    for statement in (SQL / "0004_views.sql").read_text(encoding="utf-8").split("\n---\n"):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    raise RuntimeError("revision 0003 cannot be restored from 0004: go back to a backup of the database")


def drop_views() -> list[tuple[str, str]]:
    """Drop every view and return their names and definitions: SQLite refuses to rename a table while one is broken."""
    connection = op.get_bind()
    views = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'view' ORDER BY rowid")
    found = [(str(name), str(sql)) for name, sql in views.fetchall()]
    for name, _ in found:
        connection.exec_driver_sql(f"DROP VIEW {quoted(name)}")
    return found


def copy_without_lease(table: str) -> None:
    """Replace `table` by a copy without `lease_until`; foreign keys are off in this transaction."""
    connection = op.get_bind()
    (definition,) = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)
    ).one()
    belongings = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type IN ('index', 'trigger') AND sql IS NOT NULL"
        " ORDER BY rowid",
        (table,),
    ).fetchall()
    copy = f"{table}_without_lease"
    for old, new in LIGHTER.items():
        definition = definition.replace(old, new)
    definition = replaced(r"\s+lease_until TEXT,", "", definition)
    definition = replaced(re.escape(CLAIMED_AND_LEASED), CLAIMED, definition)
    definition = replaced(rf'^CREATE TABLE "?{table}"?', f"CREATE TABLE {copy}", definition)
    connection.exec_driver_sql(definition)
    names = [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})") if row[1] != "lease_until"]
    columns = ", ".join(map(quoted, names))
    connection.exec_driver_sql(f"INSERT INTO {copy} ({columns}) SELECT {columns} FROM {table}")
    connection.exec_driver_sql(f"DROP TABLE {table}")
    connection.exec_driver_sql(f"ALTER TABLE {copy} RENAME TO {table}")
    for (sql,) in belongings:
        if "lease_until" not in sql:
            connection.exec_driver_sql(sql)


def rename_rate_limit() -> None:
    """Copy the one row: renaming the table in place would leave the old names in its constraints."""
    op.create_table(
        "rate_limit",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("rate", sa.Float(), nullable=True),
        sa.Column("next_slot_ms", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("paused_until_ms", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_rate_limit_one_row")),
        sa.CheckConstraint("rate IS NULL OR rate > 0", name=op.f("ck_rate_limit_rate")),
        sa.PrimaryKeyConstraint("id", name="pk_rate_limit"),
    )
    columns = "id, rate, next_slot_ms, paused_until_ms, reason"
    op.execute(f"INSERT INTO rate_limit ({columns}) SELECT {columns} FROM politeness")
    op.execute("DROP TABLE politeness")


def replaced(pattern: str, new: str, definition: str) -> str:
    """Return `definition` with the only match of `pattern` replaced."""
    result, n = re.subn(pattern, new, definition)
    if n != 1:
        raise RuntimeError(f"unexpected table definition: {n} matches of {pattern!r} in {definition[:80]!r}")
    return result


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
