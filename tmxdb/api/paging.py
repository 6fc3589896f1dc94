"""Reading rows page by page: each page is a short transaction, so a long loop holds nothing up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, exc, select, text

from tmxdb.db.engine import Database
from tmxdb.db.explained import explained
from tmxdb.errors import InvalidInput

PAGE = 500
Facts = Mapping[str, Any]


def pages(
    database: Database, table: Table, conditions: Sequence[ColumnElement[bool]], where: str | None, values: Facts
) -> Iterator[Facts]:
    """Yield the rows of `table` in the order of its key, as mappings of column names.

    `where`: a condition in SQL; `:name` in it stands for a value of `values`. Raise InvalidInput if it cannot be run.
    """
    (key,) = table.primary_key
    query = select(table).where(*conditions).order_by(key).limit(PAGE)
    if where is not None:
        query = query.where(text(f"({where}\n)"))
    last: Any = None
    while True:
        with database.read() as connection:
            page = query if last is None else query.where(key > last)
            try:
                rows = connection.execute(page, dict(values)).mappings().all()
            except exc.StatementError as error:
                if where is None or explained(database.location, error.orig) is not None:  # a locked file, a full disk
                    raise
                reason = str(error.orig or error).strip().splitlines()[0]
                raise InvalidInput(f"The condition {where!r} cannot be run: {reason}.", code="input.sql") from error
        for row in rows:
            yield dict(row)
        if len(rows) < PAGE:
            return
        last = rows[-1][key.name]
