"""The tally: how many rows of each kind have which status. Reading one count, and compacting it on PostgreSQL."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, text

from tmxdb.db.dialect import is_postgresql
from tmxdb.db.models import TallyRow

COMPACT_ABOVE = 1000
"""Rows of the tally that are still summed up in well under 1 ms."""


def tallied(connection: Connection, kind: str, status: str) -> int:
    """Return how many rows of `kind` have `status`."""
    query = select(func.coalesce(func.sum(TallyRow.n), 0)).where(TallyRow.kind == kind, TallyRow.status == status)
    return int(connection.execute(query).scalar_one())


def compact_tally(connection: Connection) -> None:
    """Sum up the changes that PostgreSQL's triggers insert one by one. SQLite's triggers update rows in place.

    Several workers may do so at the same time: each puts back the sum of just those rows that it deleted.
    """
    if not is_postgresql(connection):
        return
    limited = f"SELECT count(*) FROM (SELECT 1 FROM tally LIMIT {COMPACT_ABOVE + 1}) AS counted"
    if connection.execute(text(limited)).scalar_one() > COMPACT_ABOVE:
        connection.execute(
            text(
                "WITH taken AS (DELETE FROM tally WHERE tally_id IN (SELECT tally_id FROM tally FOR UPDATE SKIP LOCKED)"
                " RETURNING kind, status, error_code, n, bytes)"
                " INSERT INTO tally (kind, status, error_code, n, bytes)"
                " SELECT kind, status, error_code, sum(n), sum(bytes) FROM taken GROUP BY kind, status, error_code"
                " HAVING sum(n) <> 0 OR sum(bytes) <> 0"
            )
        )
