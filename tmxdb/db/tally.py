"""The tally of rows by kind and status, kept small on PostgreSQL."""

from __future__ import annotations

from sqlalchemy import Connection, text

ENOUGH = 1000
"""Rows of the tally that are summed up in no time."""


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
                " RETURNING kind, status, n)"
                " INSERT INTO tally (kind, status, n) SELECT kind, status, sum(n) FROM taken GROUP BY kind, status"
                " HAVING sum(n) <> 0"
            )
        )
