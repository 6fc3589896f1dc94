"""The tally of rows by kind and status: asked for one number, and kept small on PostgreSQL."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, text

from tmxdb.db.models import Tally

ENOUGH = 1000
"""Rows of the tally that are summed up in no time."""


def tallied(connection: Connection, kind: str, status: str) -> int:
    """How many rows of `kind` have `status`."""
    query = select(func.coalesce(func.sum(Tally.n), 0)).where(Tally.kind == kind, Tally.status == status)
    return int(connection.execute(query).scalar_one())


def compact_tally(connection: Connection) -> None:
    """Sum up the changes that PostgreSQL's triggers have written one by one; SQLite's change their rows in place.

    Several may do so at once: each puts back the sum of just those rows that it took away.
    """
    if connection.dialect.name != "postgresql":
        return
    # One more than enough is as far as it counts.
    many = connection.execute(text(f"SELECT count(*) FROM (SELECT 1 FROM tally LIMIT {ENOUGH + 1}) AS enough"))
    if many.scalar_one() > ENOUGH:
        connection.execute(
            text(
                "WITH taken AS (DELETE FROM tally WHERE tally_id IN (SELECT tally_id FROM tally FOR UPDATE SKIP LOCKED)"
                " RETURNING kind, status, error_code, n, bytes)"
                " INSERT INTO tally (kind, status, error_code, n, bytes)"
                " SELECT kind, status, error_code, sum(n), sum(bytes) FROM taken GROUP BY kind, status, error_code"
                " HAVING sum(n) <> 0 OR sum(bytes) <> 0"
            )
        )
